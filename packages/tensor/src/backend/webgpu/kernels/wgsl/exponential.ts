/**
 * Helpers of the prelude for what models depend on: exponentials, logarithms, powers, sine and cosine, and the activations made of them.
 * WGSL's own are only as exact as it asks (three digits of tanh, sin and log near 1), so these are polynomials after a reduction of
 * the argument, to a few units in the last place, with IEEE's answers for NaN and infinity.
 */
import { atLeast, between, type Helper, horner, literal, powerOfTwo, type Types } from './helper.js';

const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));

/** erf(x) = x above(x²) / below(x²). */
const ERF_ABOVE = [
  -1.60960333262415e-2, -2.95459980854025e-3, -7.34990630326855e-4, -5.69250639462346e-5, -2.10102402082508e-6,
  2.77068142495902e-8, -2.72614225801306e-10,
];
const ERF_BELOW = [
  -1.42647390514189e-2, -7.37332916720468e-3, -1.68282697438203e-3, -2.13374055278905e-4, -1.45660718464996e-5,
];

/** exp(r) for |r| <= log(2) / 2 by Cephes' polynomial. */
const nearZero = (r: string, F: string): string =>
  `fma(${r} * ${r}, ${horner([5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.98756915e-4], r, F)}, ${r}) + ${F}(1.0)`;

/**
 * The end of a function of x that gives 2 ** n * exp(r) for a whole n and a small r. 2 ** n is made in two halves: n reaches 128, and
 * below -126 the result fades through the denormals.
 */
export const raised = (types: Types): string => {
  const { F, name } = types;
  return `
        let value = ${nearZero('r', F)};
        let half = floor(n * ${F}(0.5));
        let whole = value * ${powerOfTwo('half', types)} * ${powerOfTwo('(n - half)', types)};
        return select(whole, x, ${name('isNan')}(x));`;
};

/** Results of `expBelow` are multiplied by 2 ** this, which keeps those that would be denormal exact. */
const BELOW_POWER = 24;
/** What results of `expBelow` must be multiplied by where their size matters. */
export const BELOW_SCALE = literal(2 ** -BELOW_POWER);

export const exponentialHelpers: Readonly<Record<string, Helper>> = {
  apart: {
    about:
      'The same number. Compilers may reassociate sums, and would merge the two or three parts of a constant that a reduction of the argument subtracts one by one; they do not look through a minimum of the bits.',
    text: (types) => `
      fn ${types.name('apart')}(x: ${types.F}) -> ${types.F} {
        return ${atLeast('x', -1e38, types)};
      }`,
  },
  expIeee: {
    about:
      "exp to 2 ulp, 0 below and infinity above: 2 ** n * exp(r) with Cody-Waite's reduction. The built-in loses a bit more with every power of two, since it rounds x * log2(e).",
    needs: ['apart', 'isNan'],
    text: (types) => {
      const { F, name } = types;
      return `
      fn ${name('expIeee')}(x: ${F}) -> ${F} {
        let c = ${between('x', -104, 89, types)};
        let n = floor(fma(c, ${F}(${literal(Math.LOG2E)}), ${F}(0.5)));
        let r = fma(n, ${F}(2.12194440e-4), ${name('apart')}(fma(n, ${F}(-0.693359375), c)));${raised(types)}
      }`;
    },
  },
  expBelow: {
    about:
      '2 ** 24 * exp(x), where the factor cancels, as in softmax: for x up to 40, to 2 ulp, exactly 0 from below the denormals on. At two thirds of the cost of `expIeee`. Of NaN it makes anything.',
    text: (types) => {
      const { F } = types;
      return `
      fn ${types.name('expBelow')}(x: ${F}) -> ${F} {
        let n = ${atLeast(`floor(fma(x, ${F}(${literal(Math.LOG2E)}), ${F}(0.5)))`, -127 - BELOW_POWER, types)};
        // Far below, where n stands still, r would grow; elsewhere this only keeps the two parts of log(2) apart.
        let rest = ${atLeast(`fma(n, ${F}(-0.693359375), x)`, -1, types)};
        let r = fma(n, ${F}(2.12194440e-4), rest);
        return (${nearZero('r', F)}) * ${powerOfTwo('n', types, BELOW_POWER)};
      }`;
    },
  },
  expBelowIeee: {
    about: 'The same, and NaN for NaN.',
    needs: ['expBelow', 'isNan'],
    text: ({ F, name }) => `
      fn ${name('expBelowIeee')}(x: ${F}) -> ${F} {
        return select(${name('expBelow')}(x), x, ${name('isNan')}(x));
      }`,
  },
  expm1: {
    about: 'exp(x) - 1: a series where the difference would cancel.',
    needs: ['expIeee'],
    text: ({ F, name }) => `
      fn ${name('expm1')}(x: ${F}) -> ${F} {
        let near = x * ${horner(
          Array.from({ length: 9 }, (_, i) => 1 / factorial(i + 1)),
          'x',
          F,
        )};
        return select(${name('expIeee')}(x) - ${F}(1.0), near, abs(x) < ${F}(0.5));
      }`,
  },
  twiceAtanh: {
    about: '2 atanh(s) by its series, for |s| <= 0.2.',
    text: ({ F, name }) => `
      fn ${name('twiceAtanh')}(s: ${F}) -> ${F} {
        let q = s * s;
        return s * ${horner(
          [0, 1, 2, 3, 4, 5].map((i) => 2 / (2 * i + 1)),
          'q',
          F,
        )};
      }`,
  },
  logParts: {
    about:
      'x as 2 ** exponent * m with m between the roots of 1/2 and 2, and log(m) by its series; for positive numbers.',
    needs: ['twiceAtanh'],
    text: ({ F, I, U, name }) => `
      struct ${name('LogParts')} {
        exponent: ${F},
        mantissa: ${F},
      }

      fn ${name('logParts')}(x: ${F}) -> ${name('LogParts')} {
        let isDenormal = x < ${F}(1.17549435e-38);
        let bits = bitcast<${I}>(select(x, x * ${F}(8388608.0), isDenormal));
        // 0x3f3504f3 is the root of 1/2.
        let e = (bits - ${I}(0x3f3504f3)) >> ${U}(23u);
        let m = bitcast<${F}>(bits - (e << ${U}(23u)));
        return ${name('LogParts')}(
          ${F}(e) - select(${F}(0.0), ${F}(23.0), isDenormal),
          ${name('twiceAtanh')}((m - ${F}(1.0)) / (m + ${F}(1.0))),
        );
      }`,
  },
  logLimits: {
    about: 'A logarithm with its limits: -infinity at 0, NaN below, infinity and NaN for themselves.',
    needs: ['infinity', 'nan', 'less', 'isFinite', 'truth'],
    text: ({ F, name }) => `
      fn ${name('logLimits')}(x: ${F}, value: ${F}) -> ${F} {
        let positive = select(x, value, ${name('isFinite')}(x));
        let signed = select(positive, ${name('nan')}(), ${name('less')}(x, ${F}(0.0)));
        return select(-${name('infinity')}(), signed, ${name('truth')}(x));
      }`,
  },
  logIeee: {
    about: 'log to 3 ulp: WGSL promises three digits only near 1.',
    needs: ['logParts', 'logLimits'],
    text: ({ F, name }) => `
      fn ${name('logIeee')}(x: ${F}) -> ${F} {
        let parts = ${name('logParts')}(x);
        return ${name('logLimits')}(x, fma(parts.exponent, ${F}(${literal(Math.LN2)}), parts.mantissa));
      }`,
  },
  log2Ieee: {
    about: 'log2 to 4 ulp, exact for powers of two.',
    needs: ['logParts', 'logLimits'],
    text: ({ F, name }) => `
      fn ${name('log2Ieee')}(x: ${F}) -> ${F} {
        let parts = ${name('logParts')}(x);
        return ${name('logLimits')}(x, fma(parts.mantissa, ${F}(${literal(Math.LOG2E)}), parts.exponent));
      }`,
  },
  log1p: {
    about: 'log(1 + x): a series where 1 + x would round x away.',
    needs: ['twiceAtanh', 'logIeee'],
    text: ({ F, name }) => `
      fn ${name('log1p')}(x: ${F}) -> ${F} {
        let near = ${name('twiceAtanh')}(x / (x + ${F}(2.0)));
        return select(${name('logIeee')}(x + ${F}(1.0)), near, (x > ${F}(-0.3)) & (x < ${F}(0.4)));
      }`,
  },
  power: {
    about:
      "a ** b. Whole exponents up to 32 by squaring, exact where the products are; others by pow, with the sign and the special values of C's pow for whole exponents.",
    needs: ['nan', 'infinity', 'isNan', 'isFinite', 'less'],
    text: ({ F, I, B, name }) => `
      fn ${name('power')}(a: ${F}, b: ${F}) -> ${F} {
        let whole = floor(b) == b;
        let small = whole & (abs(b) <= ${F}(32.0));
        // The exponent as an integer, 0 where it is none; then a ** |n|, bit by bit.
        let n = ${I}(select(${F}(0.0), b, small));
        var rest = abs(n);
        var square = a;
        var product = ${F}(1.0);
        for (var bit = 0; bit < 6; bit++) {
          product = select(product, product * square, (rest & ${I}(1)) == ${I}(1));
          square *= square;
          rest >>= ${I === 'i32' ? '1u' : 'vec4<u32>(1u)'};
        }
        let byProducts = select(product, ${F}(1.0) / product, n < ${I}(0));
        if (all(small)) {
          return byProducts;
        }
        let magnitude = abs(a);
        let general = pow(max(magnitude, ${F}(1.2e-38)), b);
        let atZero = select(${F}(0.0), ${name('infinity')}(), ${name('less')}(b, ${F}(0.0)));
        let unsigned = select(general, atZero, magnitude == ${F}(0.0));
        let odd = whole & (abs(b) < ${F}(16777216.0)) & ((${I}(clamp(b, ${F}(-16777216.0), ${F}(16777216.0))) & ${I}(1)) == ${I}(1));
        let negative = select(select(${name('nan')}(), unsigned, whole), -unsigned, odd);
        let signed = select(unsigned, negative, ${name('less')}(a, ${F}(0.0)));
        let strange: ${B} = ${name('isNan')}(a) | ${name('isNan')}(b);
        return select(select(signed, ${name('nan')}(), strange), byProducts, small);
      }`,
  },
  sine: {
    about:
      "Cody-Waite reduction by pi/2 in three parts, then the polynomials of Cephes' sinf and cosf: good to 2 ulp up to |x| of about 8000.",
    needs: ['apart', 'nan', 'isFinite'],
    text: ({ F, I, name }) => `
      fn ${name('quadrant')}(x: ${F}, turn: ${I}) -> ${F} {
        let k = round(x * ${F}(0.6366197723675814));
        let first = ${name('apart')}(fma(k, ${F}(-1.5703125), x));
        let second = ${name('apart')}(fma(k, ${F}(-4.8375129699707031e-4), first));
        let r = fma(k, ${F}(-7.54978995489188216e-8), second);
        let q = r * r;
        let s = fma(r * q, ${horner([-1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4], 'q', F)}, r);
        let c = fma(q * q, ${horner([4.166664568298827e-2, -1.388731625493765e-3, 2.443315711809948e-5], 'q', F)}, fma(q, ${F}(-0.5), ${F}(1.0)));
        let n = ${I}(clamp(k, ${F}(-1e9), ${F}(1e9))) + turn;
        let value = select(s, c, (n & ${I}(1)) == ${I}(1));
        let signed = select(value, -value, (n & ${I}(2)) == ${I}(2));
        return select(${name('nan')}(), signed, ${name('isFinite')}(x));
      }

      fn ${name('sine')}(x: ${F}) -> ${F} {
        return ${name('quadrant')}(x, ${I}(0));
      }`,
  },
  cosine: {
    needs: ['sine'],
    text: ({ F, I, name }) => `
      fn ${name('cosine')}(x: ${F}) -> ${F} {
        return ${name('quadrant')}(x, ${I}(1));
      }`,
  },
  tanhSafe: {
    about: "A rational approximation (Eigen's ptanh): 5 ulp, and 1 to the last place from 7.9 on.",
    needs: ['isNan'],
    text: (types) => {
      const { F, name } = types;
      return `
      fn ${name('tanhSafe')}(x: ${F}) -> ${F} {
        let c = ${between('x', -7.905311107635498, 7.905311107635498, types)};
        let q = c * c;
        let above = ${horner([4.89352455891786e-3, 6.37261928875436e-4, 1.48572235717979e-5, 5.12229709037114e-8, -8.60467152213735e-11, 2.00018790482477e-13, -2.76076847742355e-16], 'q', F)};
        let below = ${horner([4.89352518554385e-3, 2.268434632439e-3, 1.18534705686654e-4, 1.19825839466702e-6], 'q', F)};
        let value = select(c * above / below, c, abs(c) < ${F}(0.0004));
        return select(value, x, ${name('isNan')}(x));
      }`;
    },
  },
  sigmoid: {
    needs: ['expIeee'],
    text: ({ F, name }) => `
      fn ${name('sigmoid')}(x: ${F}) -> ${F} {
        return ${F}(1.0) / (${F}(1.0) + ${name('expIeee')}(-x));
      }`,
  },
  silu: {
    needs: ['expIeee'],
    text: ({ F, name }) => `
      fn ${name('silu')}(x: ${F}) -> ${F} {
        return x / (${F}(1.0) + ${name('expIeee')}(-x));
      }`,
  },
  erf: {
    about: "A rational approximation (Eigen's perf): 7 ulp, and 1 to the last place from 4 on.",
    needs: ['isNan'],
    text: (types) => {
      const { F, name } = types;
      return `
      fn ${name('erf')}(x: ${F}) -> ${F} {
        let c = ${between('x', -4, 4, types)};
        let q = c * c;
        let above = ${horner(ERF_ABOVE, 'q', F)};
        let below = ${horner(ERF_BELOW, 'q', F)};
        return select(c * above / below, x, ${name('isNan')}(x));
      }`;
    },
  },
  gelu: {
    about:
      'x (1/2 + erf(x / sqrt(2)) / 2), where half of erf is exactly 1/2 from 4 on. NaN comes through by the product.',
    text: (types) => {
      const { F, name } = types;
      const half = ERF_ABOVE.map((a) => a / 2);
      return `
      fn ${name('gelu')}(x: ${F}) -> ${F} {
        let c = ${between(`x * ${F}(${literal(Math.SQRT1_2)})`, -4, 4, types)};
        let q = c * c;
        let above = ${horner(half, 'q', F)};
        let below = ${horner(ERF_BELOW, 'q', F)};
        return x * (${F}(0.5) + c * above / below);
      }`;
    },
  },
  geluSlope: {
    needs: ['erf', 'expIeee'],
    text: ({ F, name }) => `
      fn ${name('geluSlope')}(x: ${F}) -> ${F} {
        let below = ${F}(0.5) * (${F}(1.0) + ${name('erf')}(x * ${F}(${literal(Math.SQRT1_2)})));
        let density = ${name('expIeee')}(${F}(-0.5) * x * x) * ${F}(${literal(1 / Math.sqrt(2 * Math.PI))});
        return fma(x, density, below);
      }`,
  },
  geluTanh: {
    needs: ['tanhSafe'],
    text: ({ F, name }) => `
      fn ${name('geluTanh')}(x: ${F}) -> ${F} {
        let inner = ${F}(${literal(Math.sqrt(2 / Math.PI))}) * x * fma(x * x, ${F}(0.044715), ${F}(1.0));
        return ${F}(0.5) * x * (${F}(1.0) + ${name('tanhSafe')}(inner));
      }`,
  },
};
