/** What a helper of the prelude is, and the small words that helpers are written in. */

export type Width = 1 | 4;

/** The types at one width, and how a helper is called there. */
export interface Types {
  readonly F: string;
  readonly I: string;
  readonly U: string;
  readonly B: string;
  /** The name of a helper at this width. */
  name(helper: string): string;
}

export interface Helper {
  /** What it gives, for whoever reads the WGSL. */
  readonly about?: string;
  readonly needs?: readonly string[];
  readonly text: (types: Types) => string;
}

export function typesOf(width: Width): Types {
  const type = (scalar: string) => (width === 1 ? scalar : `vec4<${scalar}>`);
  return {
    F: type('f32'),
    I: type('i32'),
    U: type('u32'),
    B: type('bool'),
    name: (helper) => helperName(helper, width),
  };
}

/** `erf` for single elements, `erf4` for four. */
export function helperName(helper: string, width: Width): string {
  return width === 1 ? helper : `${helper}4`;
}

const word = new DataView(new ArrayBuffer(4));

/** The bits of a float32, as WGSL reads them. */
function bitsOf(value: number): string {
  word.setFloat32(0, value);
  return `0x${word.getUint32(0).toString(16)}`;
}

/** max(x, limit) for a negative limit: as unsigned integers, negative floats grow with their size and lie above all others. */
export function atLeast(x: string, limit: number, { F, U }: Types): string {
  return `bitcast<${F}>(min(bitcast<${U}>(${x}), ${U}(${bitsOf(limit)}u)))`;
}

/**
 * x between a negative and a positive limit. First min(x, high), as an integer minimum: the bits of floats above zero are ordered like signed
 * integers, and those of negative ones lie below. SwiftShader calls a function for the minimum of floats (20 multiplies' time), and has an
 * instruction for this one. Then the same as {@link atLeast}. Of NaN it may make a limit.
 */
export function between(x: string, low: number, high: number, types: Types): string {
  const { F, I, U } = types;
  const below = `min(bitcast<${I}>(${x}), ${I}(${bitsOf(high)}))`;
  return `bitcast<${F}>(min(bitcast<${U}>(${below}), ${U}(${bitsOf(low)}u)))`;
}

/**
 * 2 ** n for a whole n from -127 (for which it is 0) to 128, without a conversion and a shift, which cost a call or an instruction an element on
 * some adapters: n comes to stand in the last bits of 1.5 * 2 ** 23 + n. `times`: a power of two in front, 2 ** times.
 */
export function powerOfTwo(n: string, { F, I }: Types, times = 0): string {
  return `bitcast<${F}>(bitcast<${I}>(${n} + ${F}(${literal(1.5 * 2 ** 23 + 127 + times)})) * ${I}(8388608))`;
}

/** c[0] + x * (c[1] + x * (…)). */
export function horner(coefficients: readonly number[], x: string, type: string): string {
  return coefficients.reduceRight(
    (tail, c) => (tail === '' ? `${type}(${literal(c)})` : `fma(${x}, ${tail}, ${type}(${literal(c)}))`),
    '',
  );
}

/** A number as WGSL reads it. */
export function literal(value: number): string {
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
