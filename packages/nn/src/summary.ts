/** What a model is made of and what one forward pass costs: layers, shapes, parameters, operations, activations. Seen by running it once, with hooks. */
import { countFlops, type DType, noGrad, type Shape, scope, Tensor } from '@course/tensor';
import { Module } from './module.js';

/** One module of a {@link ModelSummary}. */
export interface SummaryRow {
  /** The path from the model; empty for the model itself. */
  readonly path: string;
  /** The name of its class. */
  readonly type: string;
  /** How deep it lies; the model itself is 0. */
  readonly depth: number;
  /** The shape of the (first) tensor that its `forward` returns; null if it did not run. */
  readonly outputShape: Shape | null;
  /** Learned numbers, those of its children included. */
  readonly parameters: number;
  readonly trainableParameters: number;
  /**
   * Floating-point operations of its own work, a multiply-add counted as two; those of its children not included. Layers say what theirs
   * is ({@link Module.flops}); of other modules the products and attentions of their `forward` are counted.
   */
  readonly flops: number;
  /** Bytes of the tensors that it returned; memory that several modules returned counts for the innermost. */
  readonly activationBytes: number;
}

/** What {@link summary} found: rows, and the sums over them. `String(summary)` is a table. */
export interface ModelSummary {
  readonly rows: readonly SummaryRow[];
  readonly parameters: number;
  readonly trainableParameters: number;
  /** Bytes of parameters and buffers. */
  readonly parameterBytes: number;
  readonly flops: number;
  readonly activationBytes: number;
  /** The table. */
  toString(): string;
}

const BYTES: Readonly<Record<DType, number>> = { float16: 2, float32: 4, float64: 8, int32: 4, uint8: 4, bool: 4 };
const bytesOf = (tensor: Tensor): number => tensor.numel() * BYTES[tensor.dtype];

interface Seen {
  shape: Shape | null;
  flops: number;
  bytes: number;
}

/**
 * Runs `model.forward(...inputs)` once, in evaluation and without gradients, and tells what every module is and did, as `torchinfo.summary`.
 * Modules that are used several times count each time.
 *
 * @param inputs The arguments of `forward`; one tensor need not be in a list.
 * @example
 * console.log(String(summary(model, randn([1, 64]))));
 */
export function summary(model: Module, inputs: Tensor | readonly unknown[]): ModelSummary {
  const modules = [...model.namedModules()];
  const seen = new Map<Module, Seen>();
  const own = [...model.parameters(), ...model.buffers()];
  /** Memory that is counted already, or is not made by a module. */
  const known = new Set<unknown>([...own, ...tensorsIn(inputs)].map(({ storage }) => storage));
  /** Products counted when a `forward` that is running began, and those of the modules that it called since. */
  const running: { readonly before: number; inner: number }[] = [];
  let counted = (): number => 0;
  const enter = (): undefined => void running.push({ before: counted(), inner: 0 });
  const leave = (module: Module, args: readonly unknown[], output: unknown): undefined => {
    const entry = seen.get(module) ?? { shape: null, flops: 0, bytes: 0 };
    seen.set(module, entry);
    const { before, inner } = running.pop() ?? { before: 0, inner: 0 };
    const products = counted() - before;
    const caller = running.at(-1);
    if (caller) caller.inner += products;
    const tellsItself = module.flops !== Module.prototype.flops;
    entry.flops += module.flops(args, output) + (tellsItself ? 0 : products - inner);
    const tensors = tensorsIn(output);
    entry.shape ??= tensors[0]?.shape ?? null;
    for (const each of tensors) {
      if (known.has(each.storage)) continue;
      known.add(each.storage);
      entry.bytes += bytesOf(each);
    }
  };
  const removals = modules.flatMap(([, module]) => [
    module.registerForwardPreHook(enter),
    module.registerForwardHook(leave),
  ]);
  const modes = modules.map(([, module]) => module.training);
  try {
    model.eval();
    const forward = (model as Module & { forward(...args: readonly unknown[]): unknown }).forward.bind(model);
    countFlops((count) => {
      counted = count;
      noGrad(() => scope(() => void forward(...(inputs instanceof Tensor ? [inputs] : inputs))));
    });
  } finally {
    for (const remove of removals) remove();
    for (const [i, [, module]] of modules.entries()) module.training = modes[i] ?? true;
  }
  const rows = modules.map(([path, module]): SummaryRow => {
    const { shape = null, flops = 0, bytes = 0 } = seen.get(module) ?? {};
    return {
      path,
      type: module.constructor.name,
      depth: path === '' ? 0 : path.split('.').length,
      outputShape: shape,
      parameters: module.numParameters(),
      trainableParameters: module.numParameters({ onlyTrainable: true }),
      flops,
      activationBytes: bytes,
    };
  });
  const total = (column: 'flops' | 'activationBytes'): number => rows.reduce((sum, row) => sum + row[column], 0);
  const result = {
    rows,
    parameters: model.numParameters(),
    trainableParameters: model.numParameters({ onlyTrainable: true }),
    parameterBytes: own.reduce((sum, each) => sum + bytesOf(each), 0),
    flops: total('flops'),
    activationBytes: total('activationBytes'),
  };
  return { ...result, toString: () => table(result) };
}

/** The tensors of an output: itself, or those in a list or in the fields of an object. */
function tensorsIn(output: unknown): Tensor[] {
  if (output instanceof Tensor) return [output];
  if (typeof output !== 'object' || output === null) return [];
  return Object.values(output).flatMap(tensorsIn);
}

function table(summary: Omit<ModelSummary, 'toString'>): string {
  const lines = [
    ['Layer', 'Output shape', 'Parameters', 'FLOPs', 'Activations'],
    ...summary.rows.map((row) => [
      `${'  '.repeat(row.depth)}${row.path === '' ? row.type : `${row.path.split('.').at(-1)}: ${row.type}`}`,
      row.outputShape ? `[${row.outputShape.join(', ')}]` : '-',
      row.parameters.toLocaleString('en'),
      row.flops.toLocaleString('en'),
      formatBytes(row.activationBytes),
    ]),
  ];
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  const text = lines.map((line) =>
    line
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  const rule = '-'.repeat(Math.max(...text.map((line) => line.length)));
  const frozen = summary.parameters - summary.trainableParameters;
  return [
    text[0],
    rule,
    ...text.slice(1),
    rule,
    `Parameters: ${summary.parameters.toLocaleString('en')} (${frozen.toLocaleString('en')} frozen), ${formatBytes(summary.parameterBytes)}`,
    `Forward: ${summary.flops.toLocaleString('en')} FLOPs, ${formatBytes(summary.activationBytes)} of activations`,
  ].join('\n');
}

/** Bytes by powers of 1024, three digits. */
function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}
