/** How weights are shared out among files that are not too large, by the rule and the names of Hugging Face's `split_torch_state_dict_into_shards`. */
import { ArgumentError, type DType, type Tensor } from '@course/tensor';
import { WEIGHTS } from './weight-files.js';

const BYTES: Record<DType, number> = { float64: 8, float32: 4, int32: 4, float16: 2, uint8: 1, bool: 1 };
const UNITS: Readonly<Record<string, number>> = { KB: 1e3, MB: 1e6, GB: 1e9, KIB: 2 ** 10, MIB: 2 ** 20, GIB: 2 ** 30 };

/** A size as bytes: a number, or a text such as `5GB` or `200MiB`. */
function bytesOf(size: number | string): number {
  const [, count = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([KMG]i?B)\s*$/i.exec(String(size)) ?? [];
  const bytes = typeof size === 'number' ? size : Number(count) * (UNITS[unit.toUpperCase()] ?? Number.NaN);
  if (!(bytes >= 1))
    throw new ArgumentError(
      `savePretrained: maxShardSize must be a number of bytes or a text such as '5GB' or '200MB', got ${JSON.stringify(size)}`,
    );
  return bytes;
}

/** Files of weights, by name, and the text of their index where there are several. */
export interface ShardPlan {
  readonly shards: ReadonlyMap<string, ReadonlyMap<string, Tensor>>;
  readonly index: string | undefined;
}

/**
 * Shares tensors out in their order: a file is full when the next one would make it larger than `maxShardSize`. A tensor that is larger
 * than that has a file of its own.
 *
 * @param maxShardSize Bytes, or a text such as `5GB`; 5 GB by default.
 * @throws ArgumentError for a size that is none.
 */
export function planShards(state: ReadonlyMap<string, Tensor>, maxShardSize: number | string = '5GB'): ShardPlan {
  const most = bytesOf(maxShardSize);
  const parts: Map<string, Tensor>[] = [new Map()];
  let [filled, total] = [0, 0];
  for (const [key, tensor] of state) {
    const size = tensor.numel() * BYTES[tensor.dtype];
    if (filled > 0 && filled + size > most) {
      parts.push(new Map());
      filled = 0;
    }
    parts.at(-1)?.set(key, tensor);
    filled += size;
    total += size;
  }
  const five = (i: number): string => String(i).padStart(5, '0');
  const nameOf = (i: number): string =>
    parts.length === 1 ? WEIGHTS : `model-${five(i + 1)}-of-${five(parts.length)}.safetensors`;
  const shards = new Map(parts.map((part, i) => [nameOf(i), part]));
  if (parts.length === 1) return { shards, index: undefined };
  const keys = [...shards].flatMap(([name, part]) => [...part.keys()].map((key): [string, string] => [key, name]));
  const weightMap = Object.fromEntries(keys.sort(([a], [b]) => (a < b ? -1 : 1)));
  return { shards, index: `${JSON.stringify({ metadata: { total_size: total }, weight_map: weightMap }, null, 2)}\n` };
}
