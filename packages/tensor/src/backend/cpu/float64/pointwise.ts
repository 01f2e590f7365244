/**
 * Fused expressions with float64 in them, interpreted: block by block, one step over the whole block at a time. A program may mix
 * dtypes (casts fuse), so values of every dtype are held as doubles, which hold all of them exactly.
 */

import { philoxUniform } from '../../../ops/pointwise/sources.js';
import { numel } from '../../../shape.js';
import type { PointwiseRequest, Strided } from '../../requests.js';
import type { Launcher } from '../launch.js';
import { wholeBuffer } from './elements.js';
import { castTo, elementFunction } from './steps.js';

/** Elements of a block: a few values of it stay in the first cache. */
const BLOCK = 512;

export function pointwise(launcher: Launcher, { program, shape, inputs, scalars, outputs }: PointwiseRequest): void {
  const total = numel(shape);
  const sources = inputs.map((input) => wholeBuffer(launcher, input));
  const targets = outputs.map((output) => wholeBuffer(launcher, output));
  const functions = program.steps.map(elementFunction);
  const values = [...program.inputs, ...program.scalars, ...program.steps].map(() => new Float64Array(BLOCK));
  for (const [s, dtype] of program.scalars.entries()) values[inputs.length + s]?.fill(castTo(dtype)(scalars[s] ?? 0));
  const leaves = inputs.length + scalars.length;
  const places = new Float64Array(BLOCK);

  for (let start = 0; start < total; start += BLOCK) {
    const count = Math.min(BLOCK, total - start);
    for (const [i, input] of inputs.entries()) {
      walk(shape, input, start, count, places);
      const [source, value] = [sources[i] as Float64Array, values[i] as Float64Array];
      for (let e = 0; e < count; e++) value[e] = source[places[e] as number] as number;
    }
    for (const [k, { op, args }] of program.steps.entries()) {
      const value = values[leaves + k] as Float64Array;
      const [a = value, b = value, c = value] = args.map((arg) => values[arg] as Float64Array);
      if (op === 'index') for (let e = 0; e < count; e++) value[e] = start + e;
      else if (op === 'uniform')
        for (let e = 0; e < count; e++)
          value[e] = philoxUniform(start + e, a[e] as number, b[e] as number, c[e] as number);
      else {
        const fn = functions[k] as (typeof functions)[number];
        for (let e = 0; e < count; e++) value[e] = fn(a[e] as number, b[e] as number, c[e] as number);
      }
    }
    for (const [o, output] of outputs.entries()) {
      walk(shape, output, start, count, places);
      const [target, value] = [targets[o] as Float64Array, values[program.outputs[o] ?? 0] as Float64Array];
      for (let e = 0; e < count; e++) target[places[e] as number] = value[e] as number;
    }
  }
}

/** Where the elements `start … start + count - 1` of a shape lie, in row-major order. */
function walk(
  shape: readonly number[],
  { strides, offset }: Strided,
  start: number,
  count: number,
  into: Float64Array,
): void {
  const index = new Array<number>(shape.length).fill(0);
  let place = offset;
  let rest = start;
  for (let d = shape.length - 1; d >= 0; d--) {
    const size = shape[d] ?? 1;
    index[d] = rest % size;
    place += (index[d] ?? 0) * (strides[d] ?? 0);
    rest = Math.floor(rest / size);
  }
  for (let e = 0; e < count; e++) {
    into[e] = place;
    for (let d = shape.length - 1; d >= 0; d--) {
      const stride = strides[d] ?? 0;
      const next = (index[d] ?? 0) + 1;
      if (next < (shape[d] ?? 1)) {
        index[d] = next;
        place += stride;
        break;
      }
      index[d] = 0;
      place -= (next - 1) * stride;
    }
  }
}
