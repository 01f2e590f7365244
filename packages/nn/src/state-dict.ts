/** Taking over a state dict: everything is checked before anything is changed, so that a dict of another model leaves a module as it was. */
import { ArgumentError, noGrad, type Shape, ShapeError, Tensor } from '@course/tensor';

/** What `loadStateDict` found. */
export interface StateReport {
  /** Keys of the module that the state dict lacks. */
  readonly missingKeys: readonly string[];
  /** Keys of the state dict that the module lacks. */
  readonly unexpectedKeys: readonly string[];
}

/** Tensors by key. */
export type StateDict = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

const same = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((size, i) => size === b[i]);

/** Copies the tensors of `state` into those of `own`, a module's state dict; `name` is the module's in errors. */
export function loadState(
  name: string,
  own: ReadonlyMap<string, Tensor>,
  state: StateDict,
  strict: boolean,
): StateReport {
  if (typeof state !== 'object' || state === null)
    throw new ArgumentError(`loadStateDict: Expected state_dict to be dict-like, got ${String(state)}`);
  const given =
    state instanceof Map
      ? (state as ReadonlyMap<string, Tensor>)
      : new Map(Object.entries(state as Readonly<Record<string, Tensor>>));
  const missingKeys = [...own.keys()].filter((key) => !given.has(key));
  const unexpectedKeys = [...given.keys()].filter((key) => !own.has(key));
  const problems: string[] = [];
  if (strict && missingKeys.length > 0) problems.push(`Missing key(s) in state dict: ${missingKeys.join(', ')}`);
  if (strict && unexpectedKeys.length > 0)
    problems.push(`Unexpected key(s) in state dict: ${unexpectedKeys.join(', ')}`);
  for (const [key, target] of own) {
    const source = given.get(key);
    if (source !== undefined && !(source instanceof Tensor))
      throw new ArgumentError(`loadStateDict: expected a tensor for ${key} of ${name}, got ${String(source)}`);
    if (source && !same(source.shape, target.shape))
      problems.push(
        `size mismatch for ${key}: copying a tensor of shape [${source.shape.join(', ')}], the shape in the module is [${target.shape.join(', ')}]`,
      );
  }
  if (problems.length > 0)
    throw new ShapeError(`loadStateDict: Error(s) in loading state dict for ${name}:\n  ${problems.join('\n  ')}`);
  noGrad(() => {
    for (const [key, target] of own) {
      const source = given.get(key);
      if (source) target.copy_(source);
    }
  });
  return { missingKeys, unexpectedKeys };
}
