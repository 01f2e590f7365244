// What a failed run says. Whatever the input or the machine is to blame for is an error of the project's own classes, whose
// message is one sentence; anything else is a defect of the program and says so. Only COURSE_DEBUG=1 shows a stack.
import { CourseError } from '@course/tensor';
import { Interruption, resumeCommand } from './interruption.js';
import type { Output } from './job.js';
import { count } from './numbers.js';

/** Exit codes of a run that did not end well; an interrupted one has that of its signal. */
export const exitCodes = { badInput: 1, defect: 2 } as const;

/**
 * Says on standard error why a run failed.
 *
 * @returns The exit code.
 */
export function explain(error: unknown, err: Output): number {
  if (error instanceof Interruption) {
    const { saved } = error;
    err.write(
      saved === undefined
        ? 'Interrupted: nothing was saved.\n'
        : `Interrupted after step ${count(saved.step)} of ${count(saved.totalSteps)}. To go on from there: ${resumeCommand(saved.out)}\n`,
    );
    return error.exitCode;
  }
  const debug = process.env.COURSE_DEBUG === '1';
  const known = error instanceof CourseError;
  err.write(
    known
      ? `error: ${oneLine(error.message)}\n`
      : `error: a defect of this program, not of your input: ${oneLine(String(error))}${debug ? '' : ' (COURSE_DEBUG=1 shows where)'}\n`,
  );
  if (debug && error instanceof Error) err.write(`${withCauses(error)}\n`);
  return known ? exitCodes.badInput : exitCodes.defect;
}

function oneLine(message: string): string {
  return message.replace(/\s*\n\s*/g, ' ');
}

function withCauses(error: Error): string {
  const stack = error.stack ?? String(error);
  return error.cause instanceof Error ? `${stack}\ncaused by ${withCauses(error.cause)}` : stack;
}
