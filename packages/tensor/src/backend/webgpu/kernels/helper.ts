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
