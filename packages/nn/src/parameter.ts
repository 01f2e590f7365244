/** The two kinds of tensor that belong to a module: what is learned, and what is only carried along. */
import { keep, Tensor } from '@course/tensor';

/**
 * A tensor that a module learns, as `torch.nn.Parameter`: assigned to a module's field it appears in `parameters()` and the state
 * dict. It takes over the memory of the tensor it is made from and outlives every scope.
 *
 * @example
 * class Scale extends Module { readonly factor = new Parameter(ones([1])); }
 */
export class Parameter extends Tensor {
  constructor(value: Tensor, { requiresGrad = true }: { readonly requiresGrad?: boolean } = {}) {
    const own = value.detach().contiguous();
    super(own.storage.retain(), own.layout);
    if (own !== value) own.dispose();
    keep(this);
    this.requiresGrad_(requiresGrad);
  }
}

/**
 * A tensor that belongs to a module's state but is not learned, as `torch.nn.Buffer`: a table of positions, a running mean.
 * Not persistent ones are left out of the state dict.
 */
export class Buffer extends Tensor {
  readonly persistent: boolean;

  constructor(value: Tensor, { persistent = true }: { readonly persistent?: boolean } = {}) {
    const own = value.detach().contiguous();
    super(own.storage.retain(), own.layout);
    if (own !== value) own.dispose();
    this.persistent = persistent;
    keep(this);
  }
}

const paths = new WeakMap<Tensor, string>();

/** Remembers where in a model a parameter was found: the longest path is the most telling one. */
export function notePath(parameter: Tensor, path: string): void {
  if (path.length > (paths.get(parameter)?.length ?? 0)) paths.set(parameter, path);
}

/** A parameter as errors name it: by its path, if it was found in a model, and by its shape. */
export function describeParameter(parameter: Tensor): string {
  const path = paths.get(parameter);
  return `${path === undefined ? 'one' : `'${path}'`} of shape [${parameter.shape.join(', ')}]`;
}
