// Runs an example from its arguments to its exit code, as a function that tests call: options, device, the example itself, its page.
import { ArgumentError, CourseError, type DeviceChoice, init } from '@course/tensor';
import { makeFolder, writeText } from '@course/tensor/files';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { Report } from '../report/report.js';
import type { Io } from '../sentiment/job.js';
import type { Entry } from './catalogue.js';
import { GapError } from './gap.js';
import { Lesson, type LessonOptions } from './lesson.js';

interface Arguments extends LessonOptions {
  readonly device: DeviceChoice;
  readonly out?: string;
  readonly picture?: string;
  readonly exercise: boolean;
  readonly json: boolean;
}

/**
 * Runs an example of the catalogue.
 *
 * @returns The exit code: 0, or 1 with a sentence on standard error. Defects of the program are thrown.
 */
export async function runExample(name: string, entry: Entry, args: readonly string[], io: Io): Promise<number> {
  try {
    const options = parse(name, entry, args, io);
    if (options === undefined) return 0;
    const { device, out = `output/${name}`, picture, exercise, json, ...rest } = options;
    await init({ device });
    const { example } = await entry.load();
    if (exercise && example.exercise === undefined)
      throw new ArgumentError(`${name} has no exercise: its notebook leaves nothing open`);
    const report = new Report(example.title, `${example.about} (${entry.answers})`);
    const words = json ? io.err : io.out;
    const lesson = new Lesson(rest, report, words, out);
    lesson.say(`${example.title} · ${entry.answers}\n`);
    await makeFolder(out);
    await example.run(lesson, exercise && example.exercise ? example.exercise : example.solution);
    await report.write(`${out}/index.html`);
    lesson.say(`The figures are in ${out}/index.html`);
    if (picture !== undefined) {
      // A library that only whoever writes the docs needs.
      const { pictureOf } = await import('../report/svg.js');
      await writeText(picture, pictureOf(report, example.pictures));
    }
    if (json) io.out.write(`${JSON.stringify(lesson.values)}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof CourseError)) throw error;
    const where = error instanceof GapError ? ` Fill it in in examples/src/${name}/exercise.ts.` : '';
    io.err.write(`error: ${error.message.replace(/\s*\n\s*/g, ' ')}.${where}\n`.replace('..', '.'));
    return 1;
  }
}

/** The options; undefined after --help. */
function parse(name: string, entry: Entry, args: readonly string[], io: Io): Arguments | undefined {
  const command = new Command(`npm run example ${name} --`)
    .usage('[options]')
    .description(`${entry.line} (${entry.answers})`)
    .exitOverride()
    .configureOutput({ writeOut: (text) => void io.out.write(text), writeErr: () => undefined })
    .option('--data <path>', 'data of your own: a file, a folder or a hub id')
    .option('--model <path>', 'a model of your own: a folder or a hub id')
    .option('--epochs <number>', 'passes over the data', whole(1))
    .option('--seed <number>', 'seed of everything random', whole(0))
    .addOption(new Option('--device <device>', 'where to compute').choices(['auto', 'cpu', 'webgpu']).default('auto'))
    .option('--out <folder>', `folder for the page with the figures (default: output/${name})`)
    .option('--picture <file>', 'also draw the figures that the docs show, as an SVG file')
    .option('--exercise', 'run exercise.ts, in which gaps are to be filled in, in place of solution.ts', false)
    .option('--quick', 'the smallest setting that still does everything', false)
    .option('--json', 'print nothing but what was shown on standard output, as one line of JSON', false);
  try {
    command.parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed') return undefined;
    throw new ArgumentError(error.message.replace(/^error: /, ''), { cause: error });
  }
  return command.opts<Arguments>();
}

function whole(least: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (/^\d+$/.test(value) && Number.isSafeInteger(number) && number >= least) return number;
    throw new InvalidArgumentError(`it must be a whole number of at least ${least}`);
  };
}
