/** What a matrix product does to its rows before it leaves them: scale, bias, activation, residual. */
import { ActivationCode } from '../layout';
import { gelu, geluTanh } from '../math/erf';
import { storePart } from '../sums';

/** activation(x). */
// @ts-ignore: decorator
@inline
function activate(x: v128, activation: i32): v128 {
  if (activation == ActivationCode.relu) return v128.andnot(x, f32x4.le(x, f32x4.splat(0)));
  if (activation == ActivationCode.gelu) return gelu(x);
  if (activation == ActivationCode.geluTanh) return geluTanh(x);
  return x;
}

// @ts-ignore: decorator
@inline
function run(out: usize, alpha: f32, bias: usize, residual: usize, activation: i32, count: i32): void {
  const end = out + (<usize>count << 2);
  const factor = f32x4.splat(alpha);
  const hasBias = bias != 0;
  const hasResidual = residual != 0;
  while (out + 32 <= end) {
    let x0 = f32x4.mul(v128.load(out), factor);
    let x1 = f32x4.mul(v128.load(out, 16), factor);
    if (hasBias) {
      x0 = f32x4.add(x0, v128.load(bias));
      x1 = f32x4.add(x1, v128.load(bias, 16));
      bias += 32;
    }
    x0 = activate(x0, activation);
    x1 = activate(x1, activation);
    if (hasResidual) {
      x0 = f32x4.add(x0, v128.load(residual));
      x1 = f32x4.add(x1, v128.load(residual, 16));
      residual += 32;
    }
    v128.store(out, x0);
    v128.store(out, x1, 16);
    out += 32;
  }
  while (out < end) {
    const rest = <i32>((end - out) >> 2);
    let x = f32x4.mul(v128.load(out), factor);
    if (hasBias) {
      x = f32x4.add(x, v128.load(bias));
      bias += 16;
    }
    x = activate(x, activation);
    if (hasResidual) {
      x = f32x4.add(x, v128.load(residual));
      residual += 16;
    }
    if (rest >= 4) v128.store(out, x);
    else storePart(out, x, rest);
    out += 16;
  }
}

function runGelu(out: usize, alpha: f32, bias: usize, residual: usize, count: i32): void {
  run(out, alpha, bias, residual, ActivationCode.gelu, count);
}

function runGeluTanh(out: usize, alpha: f32, bias: usize, residual: usize, count: i32): void {
  run(out, alpha, bias, residual, ActivationCode.geluTanh, count);
}

function runRelu(out: usize, alpha: f32, bias: usize, residual: usize, count: i32): void {
  run(out, alpha, bias, residual, ActivationCode.relu, count);
}

function runNone(out: usize, alpha: f32, bias: usize, residual: usize, count: i32): void {
  run(out, alpha, bias, residual, ActivationCode.none, count);
}

/** activation(alpha x + bias) + residual over a run of a row; one loop for each activation. */
export function epilogue(out: usize, alpha: f32, bias: usize, residual: usize, activation: i32, count: i32): void {
  if (activation == ActivationCode.gelu) runGelu(out, alpha, bias, residual, count);
  else if (activation == ActivationCode.geluTanh) runGeluTanh(out, alpha, bias, residual, count);
  else if (activation == ActivationCode.relu) runRelu(out, alpha, bias, residual, count);
  else runNone(out, alpha, bias, residual, count);
}
