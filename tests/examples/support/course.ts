// Runs examples of the courses as `npm run example` does, in this process and on the sources, and hands over what they showed.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArgumentError, device } from '@course/tensor';
import { catalogue } from '../../../examples/src/course/catalogue.js';
import { type Example, Lesson, type Plain } from '../../../examples/src/course/lesson.js';
import { runExample } from '../../../examples/src/course/run.js';
import { Report } from '../../../examples/src/report/report.js';

/** What a run printed and showed. */
export interface CourseRun {
  readonly code: number;
  /** What people read. */
  readonly text: string;
  readonly errors: string;
  /** What was shown and recorded, by name. */
  readonly values: Readonly<Record<string, Plain>>;
  /** The page with the figures. */
  readonly page: string;
  /** The picture that the docs show of such a run, where it was asked for. */
  readonly picture?: string;
}

/** Runs an example on the device in use, with its quick setting. */
export function runCourse(name: string, ...args: readonly string[]): Promise<CourseRun> {
  return runWhole(name, '--quick', ...args);
}

/** The same, with the picture of the docs. */
export async function drawCourse(name: string): Promise<CourseRun> {
  const folder = await mkdtemp(join(tmpdir(), 'course-picture-'));
  try {
    const file = join(folder, 'picture.svg');
    const run = await runCourse(name, '--picture', file);
    return run.code === 0 ? { ...run, picture: await readFile(file, 'utf8') } : run;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Runs an example on the device in use as people do, with its ordinary setting. */
export async function runWhole(name: string, ...args: readonly string[]): Promise<CourseRun> {
  const entry = catalogue[name];
  if (!entry) throw new ArgumentError(`no example '${name}'`);
  const out = await mkdtemp(join(tmpdir(), 'course-'));
  const [printed, said]: [string[], string[]] = [[], []];
  const io = {
    out: { write: (text: string) => printed.push(text) },
    err: { write: (text: string) => said.push(text) },
  };
  try {
    const code = await runExample(name, entry, ['--json', '--device', device.kind, '--out', out, ...args], io);
    const [stdout, stderr] = [printed.join(''), said.join('')];
    const page = code === 0 ? await readFile(join(out, 'index.html'), 'utf8') : '';
    const values = code === 0 ? (JSON.parse(stdout) as Record<string, Plain>) : {};
    return { code, text: stderr, errors: code === 0 ? '' : stderr, values, page };
  } finally {
    await rm(out, { recursive: true });
  }
}

/** Runs an example with parts of one's own: an exercise that is filled in to some degree. */
export async function runWith(example: Example, parts: object): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'course-'));
  try {
    const lesson = new Lesson({ quick: true }, new Report('', ''), { write: () => undefined }, folder);
    await example.run(lesson, parts);
  } finally {
    await rm(folder, { recursive: true });
  }
}
