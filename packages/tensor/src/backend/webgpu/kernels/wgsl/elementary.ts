/**
 * Helpers of the prelude for the rarer elementary functions. WGSL's own are left alone: most of them promise an absolute error of
 * 2^-11 or inherit one. Polynomials are Cephes' (S. Moshier) for the inverse trigonometric functions; the hyperbolic ones are
 * made of exp, expm1 and log1p; erfc is interpolated as on the CPU.
 */
import { raised } from './exponential.js';
import { between, type Helper, horner, literal } from './helper.js';

const HALF_PI = literal(Math.PI / 2);

export const elementaryHelpers: Readonly<Record<string, Helper>> = {
  exp2Ieee: {
    about: '2 ** x with the whole part of x as the exponent, in two halves; 0 below and infinity above.',
    needs: ['isNan'],
    text: (types) => {
      const { F, name } = types;
      return `
      fn ${name('exp2Ieee')}(x: ${F}) -> ${F} {
        let c = ${between('x', -151, 129, types)};
        let n = floor(c + ${F}(0.5));
        let r = (c - n) * ${F}(${literal(Math.LN2)});${raised(types)}
      }`;
    },
  },
  log10Ieee: {
    needs: ['logIeee'],
    text: ({ F, name }) => `
      fn ${name('log10Ieee')}(x: ${F}) -> ${F} {
        return ${name('logIeee')}(x) * ${F}(${literal(Math.LOG10E)});
      }`,
  },
  tangent: {
    needs: ['sine', 'cosine'],
    text: ({ F, name }) => `
      fn ${name('tangent')}(x: ${F}) -> ${F} {
        return ${name('sine')}(x) / ${name('cosine')}(x);
      }`,
  },
  arctangent: {
    needs: ['isNan'],
    text: ({ F, U, name }) => `
      fn ${name('arctangent')}(x: ${F}) -> ${F} {
        let a = abs(x);
        let far = a > ${F}(2.414213562373095);
        let middle = a > ${F}(0.41421356237309503);
        let t = select(select(a, (a - ${F}(1.0)) / (a + ${F}(1.0)), middle), ${F}(-1.0) / max(a, ${F}(1.0)), far);
        let start = select(select(${F}(0.0), ${F}(${literal(Math.PI / 4)}), middle), ${F}(${HALF_PI}), far);
        let q = t * t;
        let value = start + fma(t * q, ${horner([-3.33329491539e-1, 1.99777106478e-1, -1.38776856032e-1, 8.05374449538e-2], 'q', F)}, t);
        let signed = bitcast<${F}>(bitcast<${U}>(value) | (bitcast<${U}>(x) & ${U}(0x80000000u)));
        return select(signed, x, ${name('isNan')}(x));
      }`,
  },
  arcsineHalf: {
    about: 'arcsin of 0 <= a <= 1; sees a from its square root above 1/2.',
    text: ({ F, name }) => `
      fn ${name('arcsineHalf')}(a: ${F}) -> ${F} {
        let q = a * a;
        return fma(a * q, ${horner([1.6666752422e-1, 7.4953002686e-2, 4.5470025998e-2, 2.4181311049e-2, 4.2163199048e-2], 'q', F)}, a);
      }`,
  },
  arcsine: {
    needs: ['arcsineHalf', 'isNan', 'nan'],
    text: ({ F, U, name }) => `
      fn ${name('arcsine')}(x: ${F}) -> ${F} {
        let a = abs(x);
        let root = ${name('arcsineHalf')}(sqrt(max(${F}(0.5) * (${F}(1.0) - a), ${F}(0.0))));
        let value = select(${name('arcsineHalf')}(a), fma(${F}(-2.0), root, ${F}(${HALF_PI})), a > ${F}(0.5));
        let signed = bitcast<${F}>(bitcast<${U}>(value) | (bitcast<${U}>(x) & ${U}(0x80000000u)));
        return select(signed, ${name('nan')}(), (a > ${F}(1.0)) | ${name('isNan')}(x));
      }`,
  },
  arccosine: {
    needs: ['arcsineHalf', 'isNan', 'nan'],
    text: ({ F, name }) => `
      fn ${name('arccosine')}(x: ${F}) -> ${F} {
        let a = abs(x);
        let root = ${F}(2.0) * ${name('arcsineHalf')}(sqrt(max(${F}(0.5) * (${F}(1.0) - a), ${F}(0.0))));
        let near = ${name('arcsineHalf')}(a);
        let outer = select(root, ${F}(${literal(Math.PI)}) - root, x < ${F}(0.0));
        let inner = ${F}(${HALF_PI}) - select(near, -near, x < ${F}(0.0));
        return select(select(inner, outer, a > ${F}(0.5)), ${name('nan')}(), (a > ${F}(1.0)) | ${name('isNan')}(x));
      }`,
  },
  angle: {
    about: "The angle of (x, y), with the quadrants and the signed zeros of C's atan2.",
    needs: ['arctangent', 'isNan', 'isFinite', 'nan'],
    text: ({ F, U, name }) => `
      fn ${name('angle')}(y: ${F}, x: ${F}) -> ${F} {
        let ax = abs(x);
        let ay = abs(y);
        let swapped = ay > ax;
        let quotient = select(ay, ax, swapped) / select(ax, ay, swapped);
        // Two infinities are at an angle of pi/4, two zeros at none; the quotient of a number and infinity is 0.
        let bothFar = !(${name('isFinite')}(x) | ${name('isFinite')}(y));
        let oneFar = !(${name('isFinite')}(x) & ${name('isFinite')}(y));
        let none = (max(ax, ay) == ${F}(0.0)) | oneFar;
        let ratio = select(select(quotient, ${F}(0.0), none), ${F}(1.0), bothFar);
        let first = ${name('arctangent')}(ratio);
        let within = select(first, ${F}(${HALF_PI}) - first, swapped);
        let negative = (bitcast<${U}>(x) & ${U}(0x80000000u)) != ${U}(0u);
        let half = select(within, ${F}(${literal(Math.PI)}) - within, negative);
        let signed = bitcast<${F}>(bitcast<${U}>(half) | (bitcast<${U}>(y) & ${U}(0x80000000u)));
        return select(signed, ${name('nan')}(), ${name('isNan')}(x) | ${name('isNan')}(y));
      }`,
  },
  hyperbolicSine: {
    about: 'Above 30 the square of exp(a/2): exp(a) overflows before its half does.',
    needs: ['expm1', 'expIeee', 'isNan'],
    text: ({ F, U, name }) => `
      fn ${name('hyperbolicSine')}(x: ${F}) -> ${F} {
        let a = abs(x);
        let e = ${name('expm1')}(min(a, ${F}(30.0)));
        let root = ${name('expIeee')}(${F}(0.5) * a);
        let value = select(${F}(0.5) * (e + e / (e + ${F}(1.0))), ${F}(0.5) * root * root, a > ${F}(30.0));
        let signed = bitcast<${F}>(bitcast<${U}>(value) | (bitcast<${U}>(x) & ${U}(0x80000000u)));
        return select(signed, x, ${name('isNan')}(x));
      }`,
  },
  hyperbolicCosine: {
    needs: ['expIeee', 'isNan'],
    text: ({ F, name }) => `
      fn ${name('hyperbolicCosine')}(x: ${F}) -> ${F} {
        let a = abs(x);
        let e = ${name('expIeee')}(min(a, ${F}(30.0)));
        let root = ${name('expIeee')}(${F}(0.5) * a);
        let value = select(${F}(0.5) * (e + ${F}(1.0) / e), ${F}(0.5) * root * root, a > ${F}(30.0));
        return select(value, x, ${name('isNan')}(x));
      }`,
  },
  areaSine: {
    about: 'From 2^12 on log(2 a): the root of a² + 1 is a.',
    needs: ['log1p', 'logIeee', 'isFinite'],
    text: ({ F, U, name }) => `
      fn ${name('areaSine')}(x: ${F}) -> ${F} {
        let a = abs(x);
        let c = min(a, ${F}(4096.0));
        let near = ${name('log1p')}(c + c * c / (${F}(1.0) + sqrt(fma(c, c, ${F}(1.0)))));
        let far = ${name('logIeee')}(a) + ${F}(${literal(Math.LN2)});
        let value = select(near, far, a > ${F}(4096.0));
        let signed = bitcast<${F}>(bitcast<${U}>(value) | (bitcast<${U}>(x) & ${U}(0x80000000u)));
        return select(x, signed, ${name('isFinite')}(x));
      }`,
  },
  areaCosine: {
    needs: ['log1p', 'logIeee', 'isFinite', 'nan', 'less', 'isNan'],
    text: ({ F, name }) => `
      fn ${name('areaCosine')}(x: ${F}) -> ${F} {
        let t = clamp(x, ${F}(1.0), ${F}(4096.0)) - ${F}(1.0);
        let near = ${name('log1p')}(t + sqrt(t * (t + ${F}(2.0))));
        let far = ${name('logIeee')}(x) + ${F}(${literal(Math.LN2)});
        let value = select(near, far, x > ${F}(4096.0));
        let inside = select(x, value, ${name('isFinite')}(x));
        return select(inside, ${name('nan')}(), ${name('less')}(x, ${F}(1.0)) | ${name('isNan')}(x));
      }`,
  },
  areaTangent: {
    needs: ['log1p', 'infinity', 'nan', 'isNan'],
    text: ({ F, U, name }) => `
      fn ${name('areaTangent')}(x: ${F}) -> ${F} {
        let a = abs(x);
        let c = min(a, ${F}(0.99999994));
        let inside = ${F}(0.5) * ${name('log1p')}(${F}(2.0) * c / (${F}(1.0) - c));
        let value = select(inside, ${name('infinity')}(), a == ${F}(1.0));
        let signed = bitcast<${F}>(bitcast<${U}>(value) | (bitcast<${U}>(x) & ${U}(0x80000000u)));
        return select(signed, ${name('nan')}(), (a > ${F}(1.0)) | ${name('isNan')}(x));
      }`,
  },
  erfc: {
    about:
      'exp(-a²) times a polynomial in (a - 3) / (a + 3) over 1 + 2a; the square in two parts, since exp multiplies its error by a².',
    needs: ['expIeee', 'isNan'],
    text: ({ F, U, name }) => `
      fn ${name('erfc')}(x: ${F}) -> ${F} {
        let a = min(abs(x), ${F}(10.5));
        let s = (a - ${F}(3.0)) / (a + ${F}(3.0));
        let p = ${horner([1.253008058922642, -0.1356211117538494, -0.04756238130263852, 0.1296453811948254, -0.11927168912534414, 0.06830624499602818, -0.023787163420671185, 0.002528937345079487, 0.0019483711025346168, -0.0007412723779947324, -0.00018069845912157124, 3.631907784413354e-5], 's', F)};
        let high = bitcast<${F}>(bitcast<${U}>(a) & ${U}(0xfffff000u));
        let tail = ${name('expIeee')}(-high * high) * ${name('expIeee')}(-(a - high) * (a + high)) * p / fma(${F}(2.0), a, ${F}(1.0));
        return select(select(tail, ${F}(2.0) - tail, x < ${F}(0.0)), x, ${name('isNan')}(x));
      }`,
  },
  softplus: {
    about: 'log(1 + exp(x)) without overflow.',
    needs: ['expIeee', 'log1p', 'isNan'],
    text: ({ F, name }) => `
      fn ${name('softplus')}(x: ${F}) -> ${F} {
        let value = max(x, ${F}(0.0)) + ${name('log1p')}(${name('expIeee')}(-abs(x)));
        return select(value, x, ${name('isNan')}(x));
      }`,
  },
  mish: {
    about: 'x tanh(softplus(x)) = x q / (q + 2) with q = e (e + 2), e = exp(x); q / (q + 2) is 1 from 20 on.',
    needs: ['expIeee', 'isNan'],
    text: ({ F, name }) => `
      fn ${name('mish')}(x: ${F}) -> ${F} {
        let e = ${name('expIeee')}(min(x, ${F}(20.0)));
        let q = e * (e + ${F}(2.0));
        return select(x * (q / (q + ${F}(2.0))), x, ${name('isNan')}(x));
      }`,
  },
  floorDivide: {
    about: 'The floor of the quotient, mended where the rounded quotient and the exact remainder disagree.',
    needs: ['isFinite'],
    text: ({ F, name }) => `
      fn ${name('floorDivide')}(a: ${F}, b: ${F}) -> ${F} {
        let quotient = a / b;
        let q = floor(quotient);
        let rest = fma(-q, b, a) * sign(b);
        let low = select(q, q - ${F}(1.0), rest < ${F}(0.0));
        let mended = select(low, q + ${F}(1.0), rest >= abs(b));
        return select(quotient, mended, ${name('isFinite')}(quotient));
      }`,
  },
  floorDivideInt: {
    about: 'Like the float one for integers: WGSL truncates.',
    text: ({ I, name }) => `
      fn ${name('floorDivideInt')}(a: ${I}, b: ${I}) -> ${I} {
        let q = a / b;
        let inexact = (q * b != a) & ((a ^ b) < ${I}(0));
        return select(select(q, q - ${I}(1), inexact), ${I}(0), b == ${I}(0));
      }`,
  },
};
