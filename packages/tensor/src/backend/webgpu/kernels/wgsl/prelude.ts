/**
 * WGSL functions that kernels call. Each is written once for a width-independent type and printed for single elements (`erf`) or for
 * four at a time (`erf4`); a kernel carries only those it uses.
 *
 * WGSL compilers may assume that NaN and infinity do not occur: `x != x` can fold to false and an infinite literal does not
 * compile. Whatever must follow IEEE therefore looks at the bits, as integers, where nothing is assumed. The built-in
 * functions are only as exact as WGSL asks (tanh, sin and log near 1: three digits); those that models depend on are
 * computed here from polynomials instead.
 */
import { elementaryHelpers } from './elementary.js';
import { exponentialHelpers } from './exponential.js';
import { type Helper, literal, typesOf, type Width } from './helper.js';
import { dedent } from './source.js';

export { helperName, literal, type Width } from './helper.js';

/** Where helpers that make values out of an element's place find it. */
export const PLACE = '// The linear index of the first element.\nvar<private> place: u32;';

const helpers: Readonly<Record<string, Helper>> = {
  ...elementaryHelpers,
  ...exponentialHelpers,
  infinity: {
    about: 'Infinity: read from a variable, since a constant expression may not yield it.',
    text: ({ F, U, name }) => `
      fn ${name('infinity')}() -> ${F} {
        var bits = ${U}(0x7f800000u);
        return bitcast<${F}>(bits);
      }`,
  },
  nan: {
    text: ({ F, U, name }) => `
      fn ${name('nan')}() -> ${F} {
        var bits = ${U}(0x7fc00000u);
        return bitcast<${F}>(bits);
      }`,
  },
  isNan: {
    text: ({ F, U, B, name }) => `
      fn ${name('isNan')}(x: ${F}) -> ${B} {
        return (bitcast<${U}>(x) & ${U}(0x7fffffffu)) > ${U}(0x7f800000u);
      }`,
  },
  truncated: {
    about: 'Towards 0 and cut to the range of int32, where WGSL stops at the largest float below it; NaN gives 0.',
    needs: ['isNan'],
    text: ({ F, I, name }) => `
      fn ${name('truncated')}(x: ${F}) -> ${I} {
        let cut = select(${I}(clamp(x, ${F}(-2147483648.0), ${F}(2147483520.0))), ${I}(2147483647), x >= ${F}(2147483648.0));
        return select(cut, ${I}(0), ${name('isNan')}(x));
      }`,
  },
  isFinite: {
    text: ({ F, U, B, name }) => `
      fn ${name('isFinite')}(x: ${F}) -> ${B} {
        return (bitcast<${U}>(x) & ${U}(0x7fffffffu)) < ${U}(0x7f800000u);
      }`,
  },
  truth: {
    about: 'Not zero; NaN is true, as in C.',
    text: ({ F, U, B, name }) => `
      fn ${name('truth')}(x: ${F}) -> ${B} {
        return (bitcast<${U}>(x) & ${U}(0x7fffffffu)) != ${U}(0u);
      }`,
  },
  bits: {
    text: ({ U, B, name }) => `
      fn ${name('bits')}(x: ${B}) -> ${U} {
        return ${U}(x);
      }`,
  },
  order: {
    about: 'An integer that grows with the float: IEEE order without NaN, the two zeros equal.',
    text: ({ F, I, name }) => `
      fn ${name('order')}(x: ${F}) -> ${I} {
        let bits = bitcast<${I}>(x);
        return select(bits, ${I}(-2147483647 - 1) - bits, bits < ${I}(0));
      }`,
  },
  ...comparison('equal', '=='),
  ...comparison('less', '<'),
  ...comparison('lessEqual', '<='),
  ...comparison('greater', '>'),
  ...comparison('greaterEqual', '>='),
  notEqual: {
    needs: ['order', 'isNan'],
    text: ({ F, B, name }) => `
      fn ${name('notEqual')}(a: ${F}, b: ${F}) -> ${B} {
        return (${name('order')}(a) != ${name('order')}(b)) | ${name('isNan')}(a) | ${name('isNan')}(b);
      }`,
  },
  maximum: {
    needs: ['order', 'isNan'],
    text: ({ F, name }) => `
      fn ${name('maximum')}(a: ${F}, b: ${F}) -> ${F} {
        let larger = select(b, a, ${name('order')}(a) >= ${name('order')}(b));
        return select(select(larger, a, ${name('isNan')}(a)), b, ${name('isNan')}(b));
      }`,
  },
  minimum: {
    needs: ['order', 'isNan'],
    text: ({ F, name }) => `
      fn ${name('minimum')}(a: ${F}, b: ${F}) -> ${F} {
        let smaller = select(b, a, ${name('order')}(a) <= ${name('order')}(b));
        return select(select(smaller, a, ${name('isNan')}(a)), b, ${name('isNan')}(b));
      }`,
  },
  maxInt: {
    text: ({ I, name }) => `
      fn ${name('maxInt')}(a: ${I}, b: ${I}) -> ${I} {
        return max(a, b);
      }`,
  },
  minInt: {
    text: ({ I, name }) => `
      fn ${name('minInt')}(a: ${I}, b: ${I}) -> ${I} {
        return min(a, b);
      }`,
  },
  roundHalf: {
    about:
      'To the nearest float16, halves to even, as a float32. In integers: compilers take a conversion there and back for nothing. Below 2^-14 halves are multiples of 2^-24.',
    text: ({ F, U, name }) => `
      fn ${name('roundHalf')}(x: ${F}) -> ${F} {
        let bits = bitcast<${U}>(x);
        let sign = bits & ${U}(0x80000000u);
        let size = bits & ${U}(0x7fffffffu);
        let rounded = (size + ${U}(0xfffu) + ((size >> ${U}(13u)) & ${U}(1u))) & ${U}(0xffffe000u);
        let finite = select(rounded, ${U}(0x7f800000u), rounded >= ${U}(0x47800000u));
        let small = bitcast<${U}>(round(bitcast<${F}>(size) * ${F}(16777216.0)) * ${F}(${literal(2 ** -24)}));
        let magnitude = select(finite, small, size < ${U}(0x38800000u));
        return bitcast<${F}>(sign | select(magnitude, size, size > ${U}(0x7f800000u)));
      }`,
  },
  remainderInt: {
    about: 'The remainder with the sign of the divisor.',
    text: ({ I, name }) => `
      fn ${name('remainderInt')}(a: ${I}, b: ${I}) -> ${I} {
        let r = a % b;
        return select(r, r + b, (r != ${I}(0)) & ((r < ${I}(0)) != (b < ${I}(0))));
      }`,
  },
  remainder: {
    needs: ['truth'],
    text: ({ F, I, name }) => `
      fn ${name('remainder')}(a: ${F}, b: ${F}) -> ${F} {
        let r = a % b;
        let signs = (bitcast<${I}>(r) ^ bitcast<${I}>(b)) < ${I}(0);
        return select(r, r + b, ${name('truth')}(r) & signs);
      }`,
  },
  divide: {
    text: ({ F, name }) => `
      fn ${name('divide')}(a: ${F}, b: ${F}) -> ${F} {
        return a / b;
      }`,
  },
  relu: {
    text: ({ F, U, name }) => `
      // Bits 0x80000000 to 0xff800000 are the negative numbers, -0 and -infinity among them; NaN stays.
      fn ${name('relu')}(x: ${F}) -> ${F} {
        return select(x, ${F}(0.0), (bitcast<${U}>(x) - ${U}(0x80000000u)) <= ${U}(0x7f800000u));
      }`,
  },
  linearIndex: {
    about: 'The row-major index of the element, or of four in a row; the pointwise kernel keeps the first in `place`.',
    text: ({ I, name }) => `
      fn ${name('linearIndex')}() -> ${I} {
        return ${I === 'i32' ? 'i32(place)' : 'vec4<i32>(i32(place)) + vec4<i32>(0, 1, 2, 3)'};
      }`,
  },
  multiplyWide: {
    about: 'The high and low halves of a 64-bit product, from four products of 16-bit halves.',
    text: ({ name }) => `
      fn ${name('multiplyWide')}(a: u32, b: u32) -> vec2<u32> {
        let a0 = a & 0xffffu;
        let a1 = a >> 16u;
        let b0 = b & 0xffffu;
        let b1 = b >> 16u;
        let low = a0 * b0;
        let middle = a1 * b0 + (low >> 16u);
        let carry = a0 * b1 + (middle & 0xffffu);
        return vec2<u32>(a1 * b1 + (middle >> 16u) + (carry >> 16u), a * b);
      }`,
  },
  philox: {
    about: 'Philox4x32-10 (Salmon et al. 2011): four random words from a counter and a key.',
    needs: ['multiplyWide'],
    text: ({ name }) => `
      fn ${name('philox')}(block: u32, offset: u32, seedLow: u32, seedHigh: u32) -> vec4<u32> {
        var c = vec4<u32>(block, offset, 0u, 0u);
        var key = vec2<u32>(seedLow, seedHigh);
        for (var round = 0; round < 10; round++) {
          let first = ${name('multiplyWide')}(c.x, 0xd2511f53u);
          let second = ${name('multiplyWide')}(c.z, 0xcd9e8d57u);
          c = vec4<u32>(second.x ^ c.y ^ key.x, second.y, first.x ^ c.w ^ key.y, first.y);
          key += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
        }
        return c;
      }`,
  },
  philoxUniform: {
    about:
      'Uniform in [0, 1): the top 24 bits of word `place % 4` of block `place / 4`; four elements in a row are one block.',
    needs: ['philox'],
    text: ({ F, I, name }) =>
      I === 'i32'
        ? `
      fn ${name('philoxUniform')}(seedLow: i32, seedHigh: i32, offset: i32) -> ${F} {
        let words = ${name('philox')}(place / 4u, u32(offset), u32(seedLow), u32(seedHigh));
        return f32(words[place % 4u] >> 8u) * ${literal(2 ** -24)};
      }`
        : `
      fn ${name('philoxUniform')}(seedLow: ${I}, seedHigh: ${I}, offset: ${I}) -> ${F} {
        let words = ${name('philox')}(place / 4u, u32(offset.x), u32(seedLow.x), u32(seedHigh.x));
        return ${F}(words >> vec4<u32>(8u)) * ${literal(2 ** -24)};
      }`,
  },
};

/** An ordered comparison: false if either side is NaN. */
function comparison(name: string, operator: string): Record<string, Helper> {
  return {
    [name]: {
      needs: ['order', 'isNan'],
      text: (types) => `
      fn ${types.name(name)}(a: ${types.F}, b: ${types.F}) -> ${types.B} {
        return (${types.name('order')}(a) ${operator} ${types.name('order')}(b)) & !(${types.name('isNan')}(a) | ${types.name('isNan')}(b));
      }`,
    },
  };
}

/** A text as comments of lines that are not too long. */
function comment(text = ''): string[] {
  return (text.match(/\S.{0,110}(?=\s|$)/g) ?? []).map((line) => `// ${line}`);
}

/** Numbers of single elements need no type around them: `0.5` in place of `f32(0.5)`. */
function plainNumbers(text: string): string {
  return text.replace(/\b[fiu]32\((-?(?:0x[0-9a-f]+|\d[\d.]*(?:e[+-]?\d+)?)u?)\)/g, '$1');
}

/** The text of the helpers named and of those they need, each once and before its use. */
export function prelude(names: Iterable<string>, width: Width): string {
  return preludes([names, width]);
}

/** The helpers of a kernel that computes at both widths. */
export function preludes(...parts: readonly (readonly [names: Iterable<string>, width: Width])[]): string {
  const texts = new Map<string, string>();
  for (const [names, width] of parts) {
    const types = typesOf(width);
    const add = (name: string): void => {
      const helper = helpers[name];
      const key = types.name(name);
      if (helper === undefined || texts.has(key)) return;
      for (const needed of helper.needs ?? []) add(needed);
      const text = dedent(helper.text(types));
      texts.set(key, [...comment(helper.about), types.F === 'f32' ? plainNumbers(text) : text].join('\n'));
    };
    for (const name of names) add(name);
  }
  return [...texts.values()].join('\n\n');
}

/** The helpers that a text calls, at either width, and those they need. */
export function helpersIn(text: string): string {
  const called = [...text.matchAll(/\b([a-zA-Z]\w*)\(/g)].map(([, name = '']) => name);
  const wide = called.filter((name) => name.endsWith('4')).map((name) => name.slice(0, -1));
  return preludes([called, 1], [wide, 4]);
}
