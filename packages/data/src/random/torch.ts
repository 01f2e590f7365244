/** PyTorch's permutations on the host, for samplers: its generator is the tensor package's. */
import { Generator } from '@course/tensor';

/** The numbers 0 to `length - 1` in the order of `torch.randperm(length, generator=generator)`. */
export function torchPermutation(length: number, generator: Generator): Int32Array {
  const order = Int32Array.from({ length }, (_, i) => i);
  for (let i = 0; i < length - 1; i++) {
    const j = i + (generator.random() % (length - i));
    const value = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = value;
  }
  return order;
}

/** The generator of an epoch: seeded by `seed + epoch`, as `DistributedSampler` and Hugging Face's Trainer do. */
export function epochGenerator(seed: number, epoch: number): Generator {
  return new Generator().manualSeed(seed + epoch);
}
