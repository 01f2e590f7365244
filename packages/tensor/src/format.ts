/**
 * Tensors as text, character by character as PyTorch prints them (torch/_tensor_str.py of 1.13): one width for all
 * elements, whole floats as `1.`, scientific notation where magnitudes differ by more than 1000, `...` above a threshold,
 * lines of 80 characters. It works on host arrays, so that it can print what was read back from any device.
 */
import type { DType } from './dtype.js';
import { ArgumentError, ShapeError } from './errors.js';
import { formatShape, numel } from './shape.js';

/** What is printed of a tensor. */
export interface TensorText {
  /** The elements in row-major order; for `bool` any number but 0 is true. */
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly requiresGrad?: boolean;
  /** Name of the operation that made the tensor, printed in place of `requiresGrad`. */
  readonly gradFn?: string;
  /** Printed when given: leave it out for the default device. */
  readonly device?: string;
}

/** How tensors are printed, as the arguments of `torch.set_printoptions`. */
export interface PrintOptions {
  /** Digits after the decimal point, 0 to 50 (default 4). */
  precision?: number;
  /** Number of elements above which only the edges are printed (default 1000). */
  threshold?: number;
  /** Elements at the beginning and at the end of a dimension of a summary (default 3). */
  edgeItems?: number;
  /** Characters in a line (default 80). */
  lineWidth?: number;
  /** Scientific notation always or never; when left out, the values decide. */
  sciMode?: boolean;
}

type Settings = Required<Omit<PrintOptions, 'sciMode'>> & { sciMode: boolean | undefined };

const PROFILES = {
  default: { precision: 4, threshold: 1000, edgeItems: 3, lineWidth: 80 },
  short: { precision: 2, threshold: 1000, edgeItems: 2, lineWidth: 80 },
  full: { precision: 4, threshold: Number.POSITIVE_INFINITY, edgeItems: 3, lineWidth: 80 },
} as const;

let current: Settings = { ...PROFILES.default, sciMode: undefined };

/** `base` with the given options put over it, checked. */
function merge(base: Settings, options: PrintOptions): Settings {
  const merged = {
    precision: options.precision ?? base.precision,
    threshold: options.threshold ?? base.threshold,
    edgeItems: options.edgeItems ?? base.edgeItems,
    lineWidth: options.lineWidth ?? base.lineWidth,
    sciMode: options.sciMode ?? base.sciMode,
  };
  const whole = (name: 'precision' | 'edgeItems' | 'lineWidth', low: number, high: number) => {
    const value = merged[name];
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new ArgumentError(`print options: ${name} must be a whole number from ${low} to ${high}, got ${value}`);
    }
  };
  whole('precision', 0, 50);
  whole('edgeItems', 1, Number.MAX_SAFE_INTEGER);
  whole('lineWidth', 1, Number.MAX_SAFE_INTEGER);
  if (!(merged.threshold >= 0)) {
    throw new ArgumentError(
      `print options: threshold must be a number of elements or Infinity, got ${merged.threshold}`,
    );
  }
  return merged;
}

/**
 * Sets how tensors are printed from now on, as
 * [torch.set_printoptions](https://pytorch.org/docs/stable/generated/torch.set_printoptions.html). A profile (`'default'`,
 * `'short'`, `'full'`) comes first and the other options over it; each call sets `sciMode` anew, so leaving it out lets
 * the values decide again.
 *
 * @throws ArgumentError for an option outside its domain; nothing is changed then.
 * @example
 * setPrintOptions({ precision: 2 });
 * setPrintOptions({ profile: 'default' });
 */
export function setPrintOptions(options: PrintOptions & { profile?: keyof typeof PROFILES }): void {
  const { profile, ...rest } = options;
  if (profile !== undefined && !Object.hasOwn(PROFILES, profile)) {
    throw new ArgumentError(`print options: profile may be ${Object.keys(PROFILES).join(', ')}, got '${profile}'`);
  }
  const base = profile === undefined ? current : PROFILES[profile];
  current = merge({ ...base, sciMode: undefined }, rest);
}

/** Python's `format(value, f'.{digits}f')`: the exact decimal value of the double, halves rounded to even. */
function fixed(value: number, digits: number): string {
  if (Math.abs(value) >= 1e21) {
    const whole = BigInt(value).toString();
    return digits === 0 ? whole : `${whole}.${'0'.repeat(digits)}`;
  }
  if (Object.is(value, -0)) return `-${fixed(0, digits)}`;
  // JavaScript rounds halves away from zero. A half is an odd multiple of 2^-(digits + 1): no other double times
  // 10^digits ends in .5 exactly.
  const scaled = Math.abs(value) * 2 ** (digits + 1);
  if (scaled % 2 === 1) {
    const cut = value
      .toFixed(digits + 1)
      .slice(0, -1)
      .replace(/\.$/, '');
    if (/[02468]$/.test(cut)) return cut;
  }
  return value.toFixed(digits);
}

/** Python's `format(value, f'.{digits}e')`: as `fixed`, with an exponent of two digits or more. */
function scientific(value: number, digits: number): string {
  if (Object.is(value, -0)) return `-${scientific(0, digits)}`;
  let text = value.toExponential(digits);
  // A hundred digits are enough to tell an exact half from its neighbours.
  const [long = '', longExponent = ''] = value.toExponential(100).split('e');
  const end = long.length - (100 - digits);
  const cut = long.slice(0, end).replace(/\.$/, '');
  if (/^50*$/.test(long.slice(end)) && /[02468]$/.test(cut)) text = `${cut}e${longExponent}`;
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}

function nonFinite(value: number): string {
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
}

/** Decides from the values that will be seen how a float is written. */
function floatWriter(
  values: readonly number[],
  settings: Settings,
): { write: (value: number) => string; width: number } {
  const { precision } = settings;
  const seen = values.filter((value) => Number.isFinite(value) && value !== 0);
  let [low, high, whole] = [Number.POSITIVE_INFINITY, 0, true];
  for (const value of seen) {
    low = Math.min(low, Math.abs(value));
    high = Math.max(high, Math.abs(value));
    whole &&= Number.isInteger(value);
  }
  const spread = seen.length > 0 && (high / low > 1000 || high > 1e8 || (!whole && low < 1e-4));
  const writers = {
    scientific: (value: number) => scientific(value, precision),
    whole: (value: number) => `${fixed(value, 0)}.`,
    fixed: (value: number) => fixed(value, precision),
  };
  // The width follows from the values even where sciMode asks for another notation: PyTorch decides in this order.
  const measure = writers[spread ? 'scientific' : whole ? 'whole' : 'fixed'];
  const width = seen.reduce((most, value) => Math.max(most, measure(value).length), 1);
  const asScientific = seen.length > 0 ? (settings.sciMode ?? spread) : false;
  const writer = writers[asScientific ? 'scientific' : whole ? 'whole' : 'fixed'];
  return { write: (value) => (Number.isFinite(value) ? writer(value) : nonFinite(value)), width };
}

function plainWriter(values: readonly number[], write: (value: number) => string) {
  return { write, width: values.reduce((most, value) => Math.max(most, write(value).length), 1) };
}

/** The positions of a dimension that are printed; `null` stands for the dots. */
function visible(size: number, summarize: boolean, edgeItems: number): (number | null)[] {
  const all = Array.from({ length: summarize ? Math.min(size, 2 * edgeItems) : size }, (_, i) => i);
  if (all.length === size) return all;
  return [...all.slice(0, edgeItems), null, ...all.slice(edgeItems).map((i) => size - 2 * edgeItems + i)];
}

/** The brackets and what stands in them. */
function body({ data, shape, dtype }: TensorText, indent: number, settings: Settings): string {
  const count = numel(shape);
  if (count === 0) return '[]';
  const summarize = count > settings.threshold;
  const positions = shape.map((size) => visible(size, summarize, settings.edgeItems));

  const values: number[] = [];
  const collect = (dim: number, offset: number) => {
    if (dim === shape.length) values.push(data[offset] ?? 0);
    else for (const i of positions[dim] ?? []) if (i !== null) collect(dim + 1, offset * (shape[dim] ?? 1) + i);
  };
  collect(0, 0);

  const { write, width } =
    dtype === 'bool'
      ? plainWriter(values, (value) => (value === 0 ? 'False' : 'True'))
      : dtype === 'int32' || dtype === 'uint8'
        ? plainWriter(values, (value) => `${value}`)
        : floatWriter(values, settings);
  const element = (offset: number) => write(data[offset] ?? 0).padStart(width);

  const render = (dim: number, offset: number, margin: number): string => {
    if (dim === shape.length) return element(offset);
    const at = (i: number) => offset * (shape[dim] ?? 1) + i;
    const places = positions[dim] ?? [];
    const pad = ' '.repeat(margin + 1);
    if (dim < shape.length - 1) {
      // A blank line between matrices, two between stacks of matrices, and so on.
      const separator = `,${'\n'.repeat(shape.length - dim - 1)}${pad}`;
      return `[${places.map((i) => (i === null ? '...' : render(dim + 1, at(i), margin + 1))).join(separator)}]`;
    }
    const items = places.map((i) => (i === null ? ' ...' : element(at(i))));
    const perLine = Math.max(1, Math.floor((settings.lineWidth - margin) / (width + 2)));
    const lines: string[] = [];
    for (let i = 0; i < items.length; i += perLine) lines.push(items.slice(i, i + perLine).join(', '));
    return `[${lines.join(`,\n${pad}`)}]`;
  };
  return render(0, 0, indent);
}

/** What follows the elements. */
function suffixes({ shape, dtype, requiresGrad, gradFn, device }: TensorText): string[] {
  const empty = numel(shape) === 0;
  const result: string[] = [];
  if (device !== undefined) result.push(`device='${device}'`);
  if (empty && shape.length !== 1) result.push(`size=(${shape.join(', ')})`);
  // True and False speak for themselves, unless there are none.
  if (dtype !== 'float32' && (dtype !== 'bool' || empty)) result.push(`dtype=${dtype}`);
  if (gradFn !== undefined) result.push(`gradFn=<${gradFn}>`);
  else if (requiresGrad === true) result.push('requiresGrad=true');
  return result;
}

/**
 * Writes a tensor as PyTorch prints it, with our names in the suffixes: `dtype=int32`, `requiresGrad=true`,
 * `gradFn=<MulBackward>`. Options given here hold for this call and go over those of `setPrintOptions`.
 *
 * @throws ShapeError when the number of elements is not that of the shape.
 * @throws ArgumentError for an option outside its domain.
 * @example
 * formatTensor({ data: [1, 2.5, -3], shape: [3], dtype: 'float32' }); // 'tensor([ 1.0000,  2.5000, -3.0000])'
 */
export function formatTensor(tensor: TensorText, options: PrintOptions = {}): string {
  const settings = merge(current, options);
  if (tensor.data.length !== numel(tensor.shape)) {
    throw new ShapeError(
      `formatTensor: shape ${formatShape(tensor.shape)} holds ${numel(tensor.shape)} elements, got ${tensor.data.length}`,
    );
  }
  const prefix = 'tensor(';
  let text = prefix + body(tensor, prefix.length, settings);
  // PyTorch counts two characters too many here, and so breaks a line that would just have fitted.
  let lineLength = text.length - text.lastIndexOf('\n') + 1;
  for (const suffix of suffixes(tensor)) {
    if (lineLength + suffix.length + 2 > settings.lineWidth) {
      text += `,\n${' '.repeat(prefix.length)}${suffix}`;
      lineLength = prefix.length + suffix.length;
    } else {
      text += `, ${suffix}`;
      lineLength += suffix.length + 2;
    }
  }
  return `${text})`;
}
