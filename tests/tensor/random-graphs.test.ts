// Whole programs at random: that work waits, fuses, shares launches and is replayed must change no bit of what they give. A failure is shrunk
// to few instructions and listed. COURSE_GRAPHS sets how many programs each test runs, COURSE_GRAPHS_SEED which:
// `COURSE_GRAPHS=5000 COURSE_GRAPHS_SEED=7 npm test -- tests/tensor/random-graphs`.
import { capture, manualSeed, memory, type Tensor } from '@course/tensor';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { currentBackend } from '../../packages/tensor/src/device.js';
import { collectGarbage } from '../../packages/tensor/src/platform/node.js';
import { onEachDevice } from '../support/devices.js';
import {
  asFunction,
  describeProgram,
  leafTensors,
  type Mode,
  type Program,
  programs,
  type Reading,
  readingsOf,
} from './support/random-graphs.js';

const { COURSE_GRAPHS, COURSE_GRAPHS_SEED } = process.env;
/** Most of the time on WebGPU goes into compiling kernels, which few programs share. */
const RUNS = { cpu: 200, webgpu: 8 };
const seed = Number(COURSE_GRAPHS_SEED || 1);
/** Milliseconds, for those who ask for more programs. */
const timeout = COURSE_GRAPHS ? 3_600_000 : 60_000;

async function run(program: Program, mode: Mode): Promise<Reading[]> {
  manualSeed(program.seed);
  return await readingsOf(program, mode);
}

const names = (readings: readonly Reading[]): string[] => readings.map(({ name }) => name);

/** As one object, so that the message of a failure shows which element of which value. */
const valuesOf = (readings: readonly Reading[]): Record<string, number[]> =>
  Object.fromEntries(readings.map(({ name, dtype, values }) => [`${name} ${dtype}`, Array.from(values)]));

const largest = (values: readonly number[]): number => values.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
const farthest = (a: readonly number[], b: readonly number[]): number =>
  largest(a.map((each, i) => each - (b[i] ?? 0)));

onEachDevice('random programs', (kind) => {
  const numRuns = Number(COURSE_GRAPHS) || RUNS[kind];
  const check = async (maxLength: number, property: (program: Program) => Promise<void>): Promise<void> => {
    const each = fc.asyncProperty(programs(maxLength), async (program) => {
      try {
        await property(program);
      } catch (cause) {
        throw new Error(
          `${cause instanceof Error ? cause.message : cause}\nof the program\n${describeProgram(program)}`,
          { cause },
        );
      }
    });
    await fc.assert(each, { numRuns, seed, includeErrorInReport: true, interruptAfterTimeLimit: 0.75 * timeout });
  };

  it('give the same bits whether or not work waits', { timeout }, async () => {
    const hasHalves = currentBackend().supports('float16');
    await check(40, async (program) => {
      const dtype = hasHalves && program.seed % 2 === 1 ? 'float16' : 'float32';
      const lazy = await run(program, { dtype });
      const strict = await run(program, { dtype, isStrict: true });
      expect(names(lazy)).toEqual(names(strict));
      expect(valuesOf(lazy)).toEqual(valuesOf(strict));
    });
  });

  it('leave no memory behind', { timeout }, async () => {
    const held = () => [memory().tensors, memory().bytes, memory().device?.buffers ?? 0];
    await collectGarbage();
    await check(40, async (program) => {
      const before = held();
      // What is kept is the collector's, and its graph with it: what other tests kept it may still take meanwhile.
      await run(program, { dtype: 'float32', keepsNothing: true });
      const grown = held().map((count, i) => Math.max(0, count - (before[i] ?? 0)));
      expect(grown).toEqual([0, 0, 0]);
    });
  });

  it('give the same bits when they are captured and replayed', { timeout }, async () => {
    let [ran, replays] = [0, 0];
    await check(16, async (program) => {
      const eager = asFunction(program);
      const captured = capture(eager);
      for (let call = 0; call < 5; call++) {
        const inputs = leafTensors({ ...program, seed: program.seed + call }, 'float32');
        const of = async (fn: (...leaves: Tensor[]) => Tensor[]): Promise<number[][]> => {
          manualSeed(call);
          const values = await Promise.all(fn(...inputs).map((each) => each.data()));
          return values.map((each) => Array.from(each));
        };
        expect(await of(captured), `call ${call}`).toEqual(await of(eager));
      }
      ran++;
      replays += captured.statistics.replays;
      captured.reset();
    });
    // Those that keep values are refused; of the others the third call is a replay.
    expect(replays).toBeGreaterThan(ran);
  });

  // What rounding comes to depends on the program: the float64 run is repeated with errors of 4 units of float32 put on all it computes.
  // float32 may err by 16 times what that changes, for sums within an op, and by what one op errs on numbers of this size.
  it.runIf(kind === 'cpu')('are as close to float64 as rounding lets them be', { timeout }, async () => {
    let [ran, compared] = [0, 0];
    await check(24, async (program) => {
      const exact = await run(program, { dtype: 'float64', isStrict: true });
      const lazy = await run(program, { dtype: 'float64' });
      const rounded = await run(program, { dtype: 'float32' });
      expect(valuesOf(lazy)).toEqual(valuesOf(exact));
      // Attention in float64 saves other values than the fused kernel does, so that other writes in place are refused.
      if (names(rounded).join() !== names(exact).join()) return;
      const disturbed: Reading[][] = [];
      for (const seed of [1, 2, 3])
        disturbed.push(await run(program, { dtype: 'float64', noise: { size: 2 ** -22, seed } }));
      for (const [i, { name, values }] of exact.entries()) {
        const truth = Array.from(values);
        const others = disturbed.map((each) => (each[i]?.name === name ? Array.from(each[i].values) : null));
        if (!truth.every(Number.isFinite) || others.includes(null)) continue;
        const spread = Math.max(...others.map((each) => farthest(each ?? [], truth)));
        const error = farthest(Array.from(rounded[i]?.values ?? []), truth);
        expect(error, `error of ${name}`).toBeLessThanOrEqual(16 * spread + 2 ** -18 * largest(truth) + 2 ** -23);
        compared++;
      }
      ran++;
    });
    expect(compared).toBeGreaterThan(5 * ran);
  });
});
