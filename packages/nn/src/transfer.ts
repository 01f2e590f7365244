/** Moving the tensors of a module: each stays the same object, which optimizers and other modules hold, and gets another memory. */
import { type DeviceKind, type DType, DTypeError, isFloating, type Tensor, type TransferOptions } from '@course/tensor';

/**
 * Gives tensors, and their gradients, another dtype if they are floats, or another device, which is awaited; nothing has changed unless all of
 * it went well.
 *
 * @throws DTypeError for a dtype that is no float, or that the device lacks; DeviceError if there is no such device.
 */
export function moveTensors(
  tensors: readonly Tensor[],
  target: DType | DeviceKind | TransferOptions,
): undefined | Promise<undefined> {
  const named = typeof target === 'string' && target !== 'cpu' && target !== 'webgpu' ? { dtype: target } : null;
  const { device, dtype }: Partial<TransferOptions> =
    named ?? (typeof target === 'object' ? target : { device: target as DeviceKind });
  if (dtype && !isFloating(dtype))
    throw new DTypeError(`Module.to: only accepts floating point dtypes, but got desired dtype=${dtype}`);
  const values = tensors.flatMap((each) => (each.grad ? [each, each.grad] : [each])).map((each) => each.detach());
  const wanted = values.map((each) => (dtype && isFloating(each.dtype) ? dtype : each.dtype));
  if (!device)
    return place(
      tensors,
      values.map((each, i) => each.to(wanted[i] ?? each.dtype)),
    );
  return Promise.all(values.map((each, i) => each.to({ device, dtype: wanted[i] ?? each.dtype }))).then((moved) =>
    place(tensors, moved),
  );
}

/** Puts values, each tensor's own before its gradient's, into tensors. */
function place(tensors: readonly Tensor[], moved: readonly Tensor[]): undefined {
  let next = 0;
  const take = (): Tensor => moved[next++] as Tensor;
  for (const each of tensors) {
    const { grad } = each;
    const own = take();
    each.replaceData(own);
    own.dispose();
    if (grad) each.grad = take();
  }
  return undefined;
}
