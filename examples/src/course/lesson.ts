// What an example of the courses is, and what it is given when it runs. An example prints what its notebook prints, in PyTorch's format;
// what it shows is also kept by name, for --json and for the tests that hold it to the notebook's numbers.
import { defaultGenerator, Tensor } from '@course/tensor';
import type { Report } from '../report/report.js';
import type { Chosen } from '../report/svg.js';
import type { Output } from '../sentiment/job.js';
import { type Bar, barOn } from './bar.js';

/** The options that every example has. */
export interface LessonOptions {
  /** A data set of one's own: a file, a folder or a hub id, as the example says. */
  readonly data?: string;
  /** A model of one's own: a folder or a hub id. */
  readonly model?: string;
  /** Passes over the data. */
  readonly epochs?: number;
  readonly seed?: number;
  /** The smallest setting that still does everything: what the tests run. */
  readonly quick: boolean;
}

/** What can be kept by name. */
export type Shown = Tensor | number | string | boolean | readonly Shown[] | { readonly [name: string]: Shown };

/** A plain value, as --json prints it. */
export type Plain = number | string | boolean | null | readonly Plain[] | { readonly [name: string]: Plain };

/** What an example is given. */
export class Lesson {
  /** What was shown and recorded, by name. */
  readonly values: Record<string, Plain> = {};

  constructor(
    readonly options: LessonOptions,
    /** The page that is written at the end. */
    readonly report: Report,
    readonly out: Output,
    /** The folder of that page, for files beside it; none where nothing is to be written. */
    readonly folder?: string,
  ) {}

  /** Prints a line. */
  say(line = ''): void {
    this.out.write(`${line}\n`);
  }

  /** Prints a value below its name, a tensor as PyTorch prints it, and keeps it. */
  async show(name: string, value: Shown): Promise<void> {
    this.say(`${name}:`);
    this.say(
      value instanceof Tensor
        ? await value.format()
        : typeof value === 'string'
          ? value
          : JSON.stringify(await plain(value), (_, each: unknown) =>
              typeof each === 'number' ? Number(each.toPrecision(6)) : each,
            ),
    );
    this.say();
    await this.keep(name, value);
  }

  /** Keeps a value without printing it. */
  async keep(name: string, value: Shown): Promise<void> {
    this.values[name] = await plain(value);
  }

  /** A progress bar over so many steps: in a terminal one that moves, else a plain line now and then. */
  bar(what: string, total: number): Bar {
    return barOn(this.out, what, total);
  }

  /** The seed of the run: the one asked for, or the example's own. */
  seed(own: number): number {
    const seed = this.options.seed ?? own;
    defaultGenerator().manualSeed(seed);
    return seed;
  }
}

async function plain(value: Shown): Promise<Plain> {
  if (value instanceof Tensor) return (await value.toArray()) as Plain;
  if (Array.isArray(value)) return Promise.all(value.map((each: Shown) => plain(each)));
  if (typeof value !== 'object') return value;
  const entries = Object.entries(value as Readonly<Record<string, Shown>>);
  return Object.fromEntries(await Promise.all(entries.map(async ([name, each]) => [name, await plain(each)] as const)));
}

/** An example. `Parts` is what an exercise leaves open: functions and classes by name. */
export interface Example<Parts extends object = object> {
  /** The heading of its page. */
  readonly title: string;
  /** A sentence below it: what is to be seen. */
  readonly about: string;
  /** The figures of its page that stand for it in the docs: titles, or what they begin with. */
  readonly pictures: readonly (string | Chosen)[];
  /** The parts filled in. */
  readonly solution: Parts;
  /** The same with gaps; absent where the notebook has no exercise. */
  readonly exercise?: Parts;
  /** Does everything the notebook does, with either. */
  run(lesson: Lesson, parts: Parts): Promise<void>;
}

/** An example, checked by TypeScript; parts are whatever `solution` holds. */
export function defineExample<Parts extends object>(example: Example<Parts>): Example<Parts> {
  return example;
}
