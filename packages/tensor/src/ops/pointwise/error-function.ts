/**
 * The error function and its complement to double precision: what the table's references, and with them float64 tensors, stand on.
 * Above 0.5 the complement is the trapezoidal rule for erfc(x) = 2x exp(-x²)/π ∫ exp(-t²)/(t² + x²) dt over t > 0, whose error is known
 * in closed form (Matta & Reichel, Math. Comp. 25, 1971; Hunter & Regan, Math. Comp. 26, 1972): no table of coefficients is needed.
 */

/** Step of the rule: what it neglects is of the size exp(-(π/STEP)²) = 2^-88 beside the integral. */
const STEP = 0.4;
const NODES = Array.from({ length: 15 }, (_, k) => {
  const square = ((k + 1) * STEP) ** 2;
  return { square, weight: Math.exp(-square) };
});

/** exp(-x²) without the error of a rounded square: x is a float32, whose square is exact, and a small rest. */
function gaussian(x: number): number {
  const head = Math.fround(x);
  return Math.exp(-head * head) * Math.exp((head - x) * (head + x));
}

/** erfc of x ≥ 0.5. */
function upperTail(x: number): number {
  if (x > 27.3) return 0;
  const square = x * x;
  let sum = 0.5 / square;
  for (const node of NODES) sum += node.weight / (node.square + square);
  const rule = (2 * STEP * x * gaussian(x) * sum) / Math.PI;
  // The pole of the integrand at t = ix; from x = π / STEP on its part is below the last digit.
  return x < Math.PI / STEP ? rule - 2 / Math.expm1((2 * Math.PI * x) / STEP) : rule;
}

/** erf of |x| < 0.5 by its Maclaurin series (Abramowitz & Stegun 7.1.5). */
function series(x: number): number {
  const square = x * x;
  let power = x;
  let sum = 0;
  const terms: number[] = [];
  for (let n = 0; n < 16; n++) {
    terms.push(power / (2 * n + 1));
    power *= -square / (n + 1);
  }
  // The smallest first: each addition then rounds once.
  for (const term of terms.reverse()) sum += term;
  return (2 / Math.sqrt(Math.PI)) * sum;
}

/** `2/√π ∫ exp(-t²) dt` from 0 to x. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (size < 0.5) return x === 0 ? x : series(x);
  return Math.sign(x) * (1 - upperTail(size));
}

/** `1 - erf(x)`, with all digits in the upper tail. */
export function erfc(x: number): number {
  if (x < 0.5) return x > -0.5 ? 1 - series(x) : 2 - upperTail(-x);
  return upperTail(x);
}
