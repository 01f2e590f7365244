/**
 * What a module holds, found in the fields that hold it: its children, parameters and buffers, by the paths that a PyTorch twin has for them.
 * Order is that of assignment.
 */
import type { Module } from './module.js';
import { Buffer, Parameter } from './parameter.js';

/** Keys that were asked for: a training step asks for all of a model, and there are few. */
const keys = new Map<string, string>();

/** `toOut` as `to_out`: state-dict keys are those that a PyTorch twin has. A field that starts upper-case keeps its name. */
export function keyOf(field: string): string {
  let key = keys.get(field);
  if (key === undefined) {
    key = /^[A-Z]/.test(field) ? field : field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    keys.set(field, key);
  }
  return key;
}

/** A parameter or buffer by its path. */
type Found = [path: string, value: Parameter | Buffer];

/** A module and all below it by path, shared ones at each of their places; the module itself has the path `prefix`. */
export function* walk(module: Module, prefix = ''): Generator<[path: string, module: Module]> {
  yield [prefix, module];
  for (const [name, child] of module.namedChildren()) yield* walk(child, join(prefix, name));
}

/** Parameters and buffers of a module and all below it by path, shared ones at each of their places. */
export function walkTensors(module: Module): Found[] {
  const found: Found[] = [];
  listTensors(module, '', found);
  return found;
}

/** Into one list, not from generator to generator up the tree: a training step asks for all parameters of a model. */
function listTensors(module: Module, prefix: string, found: Found[]): void {
  for (const [name, value] of module.namedOwnTensors()) found.push([join(prefix, name), value]);
  for (const [name, child] of module.namedChildren()) listTensors(child, join(prefix, name), found);
}

/** The parameters and buffers among the fields of an object. */
export function* tensorFields(holder: object): Generator<[name: string, value: Parameter | Buffer]> {
  for (const name of Object.keys(holder)) {
    const value: unknown = holder[name as keyof typeof holder];
    if (value instanceof Parameter || value instanceof Buffer) yield [keyOf(name), value];
  }
}

/** Each value once, at its first path. */
export function* once<T extends object>(all: Iterable<readonly [path: string, value: T]>): Generator<[string, T]> {
  const seen = new Set<T>();
  for (const [path, value] of all) {
    if (seen.has(value)) continue;
    seen.add(value);
    yield [path, value];
  }
}

function join(prefix: string, name: string): string {
  return prefix ? `${prefix}.${name}` : name;
}
