/** What a matrix product does to its rows before it leaves them: bias, activation, residual. */
import { ActivationCode } from '../layout';
import { gelu, geluTanh } from '../math/erf';
import { storePart } from '../sums';

/** activation(x + bias) + residual over a run of a row. */
export function epilogue(out: usize, bias: usize, residual: usize, activation: i32, count: i32): void {
  const end = out + (<usize>count << 2);
  const zero = f32x4.splat(0);
  while (out < end) {
    const rest = <i32>((end - out) >> 2);
    let x = v128.load(out);
    if (bias != 0) {
      x = f32x4.add(x, v128.load(bias));
      bias += 16;
    }
    if (activation == ActivationCode.relu) x = f32x4.max(x, zero);
    else if (activation == ActivationCode.gelu) x = gelu(x);
    else if (activation == ActivationCode.geluTanh) x = geluTanh(x);
    if (residual != 0) {
      x = f32x4.add(x, v128.load(residual));
      residual += 16;
    }
    if (rest >= 4) v128.store(out, x);
    else storePart(out, x, rest);
    out += 16;
  }
}
