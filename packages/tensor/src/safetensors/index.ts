/**
 * Safetensors files, read tensor by tensor and written: the format of the weights of Hugging Face models
 * (https://huggingface.co/docs/safetensors).
 *
 * @packageDocumentation
 */
import { wrap } from '../creation/data.js';
import type { Tensor } from '../tensor.js';
import { type FromHost, openWith, type SafetensorsFile as TypedFile } from './file.js';
import type { Source } from './source.js';

export type { HostTensor, HostValues, LoadOptions, SafetensorsDType } from './dtypes.js';
export { type FromHost, type LoadRowsOptions, openWith, type TensorInfo } from './file.js';
export { type LoadIntoOptions, loadInto } from './load-into.js';
export type { Source } from './source.js';
export { type HostTensorInput, type Named, save, serialize, type TensorLike } from './write.js';

// The seam to tensors: what `load` makes of a host array, on the device in use.
const fromHost: FromHost<Tensor> = (data, shape, dtype, name) => wrap(name, data, shape, dtype, {});

/** An open safetensors file. */
export type SafetensorsFile = TypedFile<Tensor>;

/**
 * Opens a safetensors file and checks its header; tensors are read when they are asked for.
 *
 * @param source A path (in Node), a URL (whose server is asked for ranges), a Blob or File, or the bytes.
 * @throws ArgumentError when there is nothing to open.
 * @throws FormatError that names file and tensor, when the content is not a valid safetensors file.
 * @example
 * const file = await open('model.safetensors');
 * file.keys();
 * const weight = await file.load('classifier.weight');
 * await file.close();
 */
export function open(source: Source): Promise<SafetensorsFile> {
  return openWith(source, fromHost);
}
