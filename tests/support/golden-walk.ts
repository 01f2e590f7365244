// Walks a golden file of op cases on each device: the table says how an op and its options are called here; a case whose op it
// lacks fails, and so does an op of the table without a case.
import type { DeviceKind, Tensor } from '@course/tensor';
import { describe, expect, it } from 'vitest';
import { onEachDevice } from './devices.js';
import type { GoldenOptions, Goldens, OpsGolden } from './golden-files.js';
import {
  checkOp,
  given,
  type OpAccuracy,
  type OpCase,
  type AsyncOpRunner as Runner,
  walkInFloat64,
} from './golden-op.js';
import { golden } from './goldens.js';

/** The golden files of op cases. */
type OpsFile = { [Name in keyof Goldens]: Goldens[Name] extends OpsGolden ? Name : never }[keyof Goldens];

/** An op of one tensor. */
export const ofOne =
  (op: (x: Tensor, args: GoldenOptions) => ReturnType<Runner>): Runner =>
  (inputs, args) =>
    op(given(inputs[0]), args);

/** An op of two tensors. */
export const ofTwo =
  (op: (a: Tensor, b: Tensor, args: GoldenOptions) => ReturnType<Runner>): Runner =>
  (inputs, args) =>
    op(given(inputs[0]), given(inputs[1]), args);

/** An op of three tensors. */
export const ofThree =
  (op: (a: Tensor, b: Tensor, c: Tensor, args: GoldenOptions) => ReturnType<Runner>): Runner =>
  (inputs, args) =>
    op(given(inputs[0]), given(inputs[1]), given(inputs[2]), args);

/** Checks every case of tests/goldens/<name>.json on each device. */
export function walkGoldens(
  name: OpsFile,
  table: Readonly<Record<string, Runner>>,
  accuracyOf: (each: OpCase, device: DeviceKind) => OpAccuracy,
  kinks?: ReadonlySet<string>,
): void {
  const byOp = new Map<string, OpCase[]>();
  for (const each of golden(name).cases) byOp.set(each.op, [...(byOp.get(each.op) ?? []), each]);
  it('has every op of the table in the goldens', () => {
    expect([...byOp.keys()].sort()).toEqual(Object.keys(table).sort());
  });
  onEachDevice(`PyTorch: ${name}`, (device) => {
    for (const [op, cases] of byOp) {
      const run = table[op];
      if (!run) continue;
      describe(op, () => {
        for (const each of cases) it(each.name, () => checkOp(each, run, accuracyOf(each, device)));
      });
    }
  });
  walkInFloat64(`PyTorch: ${name}`, byOp, (op) => table[op], kinks);
}
