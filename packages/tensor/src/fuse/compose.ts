/**
 * From pending storages to one program. The recipes below a root are walked once, in the order of their dependence; each becomes
 * a step, each computed storage an input. A pending value in the middle is written out as well if another pending value
 * outside this kernel waits or is going to ask for it, or if an earlier kernel already computed it on its way: so nothing is computed more than twice.
 */
import type { DType } from '../dtype.js';
import type { RecipeArgument, Storage } from '../storage.js';
import { sameView, type View } from '../view.js';
import { Program, type Step } from './program.js';
import { pendingBelow } from './walk.js';

/** Elements of a computed storage that the program reads. */
export interface Input {
  readonly storage: Storage;
  readonly view: View;
}

export interface Composition {
  readonly program: Program;
  readonly inputs: readonly Input[];
  readonly scalars: readonly number[];
  /** The storages whose values the program writes, the root first: one an output. */
  readonly written: readonly Storage[];
  /** The storages it computes on the way without writing them. */
  readonly inlined: readonly Storage[];
}

type ScalarArgument = Exclude<RecipeArgument, { readonly storage: Storage }>;

interface Scalar {
  readonly value: number;
  readonly dtype: DType;
  /** The argument that it is, of a mask's key. */
  readonly key?: ScalarArgument;
}

/** The program that computes a pending storage. */
export function compose(root: Storage): Composition {
  const order = pendingBelow(root.recipe?.args ?? []);
  order.push(root);
  const inputs: Input[] = [];
  const scalars: Scalar[] = [];
  for (const storage of order) {
    for (const arg of storage.recipe?.args ?? []) {
      if (!('storage' in arg)) {
        if (storage.recipe?.op === 'uniform') scalars.push({ value: arg.scalar, dtype: arg.dtype, key: arg });
        else if (findScalar(scalars, arg) < 0) scalars.push({ value: arg.scalar, dtype: arg.dtype });
      } else if (!arg.storage.recipe && findInput(inputs, arg) < 0) inputs.push(arg);
    }
  }

  for (let i = 0; i < order.length; i++) (order[i] as Storage).place = i;
  // Of each storage of the order.
  const values: number[] = [];
  const steps: Step[] = [];
  const number = (arg: RecipeArgument): number => {
    if (!('storage' in arg)) return inputs.length + findScalar(scalars, arg);
    return arg.storage.recipe ? (values[arg.storage.place] ?? 0) : findInput(inputs, arg);
  };
  for (const storage of order) {
    const own = storage.recipe;
    if (!own) continue;
    const args = own.args.map(number);
    if (own.op === 'copy') values.push(args[0] ?? 0);
    else {
      values.push(inputs.length + scalars.length + steps.length);
      steps.push({ op: own.op, type: own.type, dtype: storage.dtype, args });
    }
  }

  const written = [root];
  const inlined: Storage[] = [];
  // Outputs need room beside the inputs; a value that finds none is computed again by its next kernel.
  const most = root.backend.maxPointwiseInputs + 1 - inputs.length;
  for (const storage of order) {
    if (storage === root) continue;
    if (written.length < most && mustKeep(storage, order)) written.push(storage);
    else inlined.push(storage);
  }
  const program = new Program({
    inputs: inputs.map(({ storage }) => storage.dtype),
    scalars: scalars.map(({ dtype }) => dtype),
    steps,
    outputs: written.map((storage) => values[storage.place] ?? 0),
  });
  return { program, inputs, scalars: scalars.map(({ value }) => value), written, inlined };
}

function mustKeep(storage: Storage, together: readonly Storage[]): boolean {
  if (storage.wasInlined || storage.isNeeded) return true;
  for (const reader of storage.readers) if (together[reader.place] !== reader) return true;
  return false;
}

function findInput(inputs: readonly Input[], arg: Input): number {
  return inputs.findIndex(({ storage, view }) => storage === arg.storage && sameView(view, arg.view));
}

/** The place of a scalar. Equal ones share theirs, but for the keys of masks: where these happen to be equal must be no part of the program. */
function findScalar(scalars: readonly Scalar[], arg: ScalarArgument): number {
  return scalars.findIndex(
    ({ value, dtype, key }) => key === arg || (!key && Object.is(value, arg.scalar) && dtype === arg.dtype),
  );
}
