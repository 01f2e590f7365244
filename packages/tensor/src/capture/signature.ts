/**
 * What calls of a captured function are told apart by: the structure of the arguments, shapes and dtypes of tensors, everything else by
 * value, and the modes (gradients, mixed precision) that it is called in. A result has a structure too, which a replay fills with new tensors.
 */
import { isAutocastEnabled } from '../autocast.js';
import { isGradEnabled } from '../autograd/mode.js';
import { ArgumentError } from '../errors.js';
import { formatShape } from '../shape.js';
import { Tensor } from '../tensor.js';

/** Where a tensor stands in a structure. */
const PLACE = Symbol('tensor');

/** A value with its tensors taken out, in order. */
export interface Parts {
  /** The value with marks in place of tensors. */
  readonly frame: unknown;
  readonly tensors: readonly Tensor[];
  /** The structure and all that is no tensor, as text. */
  readonly text: string;
}

/** Takes the tensors out of a value made of tensors, arrays, plain objects and plain values. */
export function takeApart(value: unknown, what: string): Parts {
  const tensors: Tensor[] = [];
  const refuse = (kind: string): never => {
    throw new ArgumentError(
      `capture: ${what} may be tensors, arrays, plain objects, numbers, strings and truth values, got ${kind}`,
    );
  };
  const walk = (each: unknown): readonly [frame: unknown, text: string] => {
    if (each instanceof Tensor) {
      tensors.push(each);
      return [PLACE, 'tensor'];
    }
    if (Array.isArray(each)) {
      const items = each.map(walk);
      return [items.map(([frame]) => frame), `[${items.map(([, text]) => text).join()}]`];
    }
    if (typeof each === 'object' && each !== null) {
      const prototype: unknown = Object.getPrototypeOf(each);
      if (prototype !== Object.prototype && prototype !== null) refuse(`an object of ${each.constructor.name}`);
      const fields = Object.entries(each).map(([name, field]) => [name, ...walk(field)] as const);
      return [
        Object.fromEntries(fields.map(([name, frame]) => [name, frame])),
        `{${fields.map(([name, , text]) => `${JSON.stringify(name)}:${text}`).join()}}`,
      ];
    }
    if (typeof each === 'function' || typeof each === 'symbol') refuse(`a ${typeof each}`);
    if (typeof each === 'string') return [each, JSON.stringify(each)];
    return [each, Object.is(each, -0) ? '-0' : `${String(each)}${typeof each === 'bigint' ? 'n' : ''}`];
  };
  const [frame, text] = walk(value);
  return { frame, tensors, text };
}

/** The value of a frame, with tensors in their places. */
export function putTogether(frame: unknown, tensors: readonly Tensor[]): unknown {
  let next = 0;
  const walk = (each: unknown): unknown => {
    if (each === PLACE) return tensors[next++];
    if (Array.isArray(each)) return each.map(walk);
    if (typeof each === 'object' && each !== null)
      return Object.fromEntries(Object.entries(each).map(([name, field]) => [name, walk(field)]));
    return each;
  };
  return walk(frame);
}

/** Equal for calls that one recording can serve. */
export function signatureOf({ tensors, text }: Parts, place: string): string {
  const shapes = tensors.map((tensor) => `${tensor.dtype}${formatShape(tensor.shape)}`);
  const modes = `${isGradEnabled() ? 'grad' : 'noGrad'}${isAutocastEnabled() ? ' autocast' : ''}`;
  return `${place} ${modes} (${text}) ${shapes.join(' ')}`;
}
