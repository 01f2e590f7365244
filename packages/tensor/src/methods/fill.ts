/** The methods that fill a tensor: with another's elements, with a number, with random numbers. They obey the rules of the in-place twins. */
import type { Draw } from '../backend/draw.js';
import type { DType } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { pendingStorage } from '../fuse/build.js';
import { castStorage, write } from '../ops/pointwise/apply.js';
import { defaultGenerator } from '../random/default.js';
import { drawnStorage } from '../random/draw.js';
import type { Generator } from '../random/generator.js';
import { formatShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { contiguousView, expandView } from '../view.js';
import { InPlaceMethods } from './in-place.js';

/** Methods of {@link Tensor}: filling. */
export abstract class FillMethods extends InPlaceMethods {
  /** Overwrites the elements with those of another tensor, broadcast and cast to this dtype. */
  copy_<Self extends Tensor>(this: Self, source: Tensor): Self {
    this.checkInPlace('copy_', [source]);
    const view = expandView(source.layout, this.shape);
    if (
      source.ndim > this.ndim ||
      source.shape.some((size, d) => size !== 1 && size !== this.shape[d + this.ndim - source.ndim])
    )
      throw new ShapeError(
        `copy_: a tensor of shape ${formatShape(source.shape)} cannot be broadcast to ${formatShape(this.shape)}`,
      );
    write(
      this,
      source.dtype === this.dtype
        ? pendingStorage(this.storage.backend, 'copy', this.dtype, this.dtype, this.shape, [
            { storage: source.storage, view },
          ])
        : castStorage(source.storage, view, this.dtype),
      'copy_',
    );
    return this;
  }
  /** Overwrites all elements with a number; not recorded. */
  fill_<Self extends Tensor>(this: Self, value: number): Self {
    this.checkInPlace('fill_', []);
    write(
      this,
      pendingStorage(this.storage.backend, 'copy', this.dtype, this.dtype, this.shape, [
        { scalar: value, dtype: this.dtype },
      ]),
      'fill_',
    );
    return this;
  }
  /** Overwrites all elements with 0; not recorded. */
  zero_<Self extends Tensor>(this: Self): Self {
    return this.fill_(0);
  }
  /** Fills with uniform numbers of PyTorch's CPU stream. */
  uniform_<Self extends Tensor>(
    this: Self,
    from = 0,
    to = 1,
    { generator }: { readonly generator?: Generator } = {},
  ): Self {
    return fillDrawn(this, 'uniform_', { kind: 'uniform', from, to }, generator);
  }
  /** Fills with normal numbers of PyTorch's CPU stream. */
  normal_<Self extends Tensor>(
    this: Self,
    mean = 0,
    std = 1,
    { generator }: { readonly generator?: Generator } = {},
  ): Self {
    return fillDrawn(this, 'normal_', { kind: 'normal', mean, std }, generator);
  }
  /** Fills with 1 at the probability `p`, else 0, from PyTorch's CPU stream. */
  bernoulli_<Self extends Tensor>(this: Self, p = 0.5, { generator }: { readonly generator?: Generator } = {}): Self {
    return fillDrawn(this, 'bernoulli_', { kind: 'bernoulli', p }, generator);
  }
  /** Fills with exponential numbers of a rate, from PyTorch's CPU stream. */
  exponential_<Self extends Tensor>(
    this: Self,
    rate = 1,
    { generator }: { readonly generator?: Generator } = {},
  ): Self {
    return fillDrawn(this, 'exponential_', { kind: 'exponential', rate }, generator);
  }
}

function fillDrawn<Self extends Tensor>(target: Self, op: string, draw: Draw, generator = defaultGenerator()): Self {
  target.checkInPlace(op, []);
  const dtype: DType = target.dtype;
  if (dtype !== 'float32' && dtype !== 'float64') throw new DTypeError(`${op}: not implemented for '${dtype}'`);
  const storage = drawnStorage(target.storage.backend, dtype, target.numel(), draw, generator, {
    name: op,
    shape: target.shape,
  });
  write(
    target,
    pendingStorage(target.storage.backend, 'copy', dtype, dtype, target.shape, [
      { storage, view: contiguousView(target.shape) },
    ]),
    op,
  );
  storage.release();
  return target;
}
