/**
 * IEEE 754 binary16 and binary32, one into the other. Node 20 has no Float16Array; the bits are moved by hand, with the
 * rounding (nearest, halves to even) that hardware and PyTorch use.
 */

let widened: Float32Array | undefined;

/** The float32 value of each of the 65,536 half-precision numbers, NaN payloads kept; made at the first use. */
function table(): Float32Array {
  if (widened !== undefined) return widened;
  const values = new Float32Array(65536);
  const bits = new Uint32Array(values.buffer);
  for (let half = 0; half < 65536; half++) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 31;
    const fraction = half & 0x3ff;
    if (exponent === 31) bits[half] = sign | 0x7f800000 | (fraction << 13);
    else if (exponent > 0) bits[half] = sign | ((exponent + 112) << 23) | (fraction << 13);
    else values[half] = (half & 0x8000 ? -1 : 1) * fraction * 2 ** -24;
  }
  widened = values;
  return values;
}

/** Half-precision bits → float32, exactly. */
export function float16ToFloat32(halves: Uint16Array): Float32Array {
  const values = table();
  const out = new Float32Array(halves.length);
  for (let i = 0; i < out.length; i++) out[i] = values[halves[i] ?? 0] ?? 0;
  return out;
}

/** float32 → the bits of the nearest half; from 65,520 on that is infinity. */
export function float16FromFloat32(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const word = words[i] ?? 0;
    const sign = (word >>> 16) & 0x8000;
    const magnitude = word & 0x7fffffff;
    if (magnitude > 0x7f800000) out[i] = sign | 0x7e00 | ((magnitude >>> 13) & 0x1ff);
    else if (magnitude >= 0x47800000) out[i] = sign | 0x7c00;
    else if (magnitude >= 0x38800000) {
      // A normal half: move the exponent's bias from 127 to 15 and round; a carry runs into the exponent, up to infinity.
      out[i] = sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
    } else {
      // A multiple of 2^-24, the spacing of small halves. Adding 1.5 * 2^23 to a number of such multiples rounds it whole.
      const multiples = Math.fround(Math.abs(values[i] ?? 0) * 2 ** 24);
      out[i] = sign | (Math.fround(multiples + 12582912) - 12582912);
    }
  }
  return out;
}
