/**
 * From one device to another, as `torch.Tensor.to`. Reading a GPU is asynchronous, so whatever names a device is awaited. Going back,
 * gradients of values that came from the GPU cross at once; those of values that came from the CPU have to be read, which a backward pass
 * cannot wait for: the pass below the crossing runs when they arrive, and `device.synchronize()` waits for that.
 */
import { backwardFrom, isGraphRetained } from '../autograd/backward.js';
import { isGradEnabled, withGradMode } from '../autograd/mode.js';
import { needsGrad, record, recordAlways } from '../autograd/record.js';
import type { Vertex } from '../autograd/vertex.js';
import type { Backend, DeviceKind } from '../backend/backend.js';
import { makeTensor } from '../construct.js';
import { crossings, openDevice } from '../device.js';
import { type DType, wordBytes } from '../dtype.js';
import { checkSupported } from '../host.js';
import { keep } from '../scope.js';
import { Storage } from '../storage.js';
import type { Tensor } from '../tensor.js';
import { contiguousView } from '../view.js';

/** Where `to` takes a tensor, and in which dtype. */
export interface TransferOptions<D extends DType = DType> {
  readonly device: DeviceKind;
  /** Default: that of the tensor. */
  readonly dtype?: D;
}

/** The tensor on a device (opened if it is not yet) in a dtype; itself if it is there already. Its value is that at the call. */
export async function transfer(x: Tensor, { device, dtype = x.dtype }: TransferOptions): Promise<Tensor> {
  x.checkAlive('to');
  const source = x.storage.backend;
  if (device === source.kind && !source.isLost) return x.to(dtype);
  // What the source lacks is converted where it arrives.
  const carried = source.supports(dtype) ? x.to(dtype) : x;
  const recorded = needsGrad([carried]);
  const [words, target] = await Promise.all([read(carried), openDevice(device)]);
  checkSupported('to', target, dtype);
  const result = withGradMode(recorded, () => arrived(carried, target, words).to(dtype));
  if (carried !== x) carried.dispose();
  return result;
}

/** The elements as they lie in memory, row by row. */
function read(x: Tensor): Promise<ArrayBuffer> {
  const source = withGradMode(false, () => (x.isContiguous() ? x.detach() : x.clone()));
  const { storage, layout } = source;
  const bytes = wordBytes(x.dtype);
  const words = storage.backend.read(storage.buffer, layout.offset * bytes, x.numel() * bytes);
  source.dispose();
  return words;
}

/** The tensor on another device, made of its words, in the graph. */
function arrived(x: Tensor, target: Backend, words: ArrayBuffer): Tensor {
  const storage = new Storage(target, x.dtype, x.numel(), { name: 'to', shape: x.shape });
  target.write(storage.buffer, 0, new Uint32Array(words));
  const output = makeTensor(storage, contiguousView(x.shape));
  if (!needsGrad([x])) return output;
  const source = x.storage.backend;
  if (target.readNow) return record('to', output, [x], [], (grad) => [() => arrived(grad, source, readNow(grad))]);
  const { vertex } = x;
  return recordAlways('to', output, [x], [], (grad) => {
    // A handle to the graph below, which must outlive the scope of the pass that leads here.
    const anchor = keep(
      makeTensor(new Storage(source, x.dtype, 0, { name: 'to', shape: [0] }), contiguousView([0]), vertex),
    );
    const crossing = goOn(anchor, grad, source.kind);
    crossings.add(crossing);
    // A failure waits there for `device.synchronize()`.
    crossing.then(
      () => crossings.delete(crossing),
      () => undefined,
    );
    return [null];
  });
}

/** The elements of a tensor whose memory is the host's. */
function readNow(x: Tensor): ArrayBuffer {
  const { storage, layout } = x.contiguous();
  const { backend } = storage;
  const bytes = wordBytes(x.dtype);
  return backend.readNow?.(storage.buffer, layout.offset * bytes, x.numel() * bytes) ?? new ArrayBuffer(0);
}

/**
 * The backward pass below a crossing, when the gradient has been read. Until then everything below keeps what it saved, and leaves say
 * that their gradient is on its way.
 */
async function goOn(anchor: Tensor, grad: Tensor, device: DeviceKind): Promise<void> {
  const [createGraph, retainGraph] = [isGradEnabled(), isGraphRetained()];
  const below = verticesBelow(anchor.vertex);
  for (const vertex of below) vertex.arriving++;
  const gradient = await transfer(grad, { device });
  for (const vertex of below) vertex.arriving--;
  backwardFrom(anchor, gradient, { createGraph, retainGraph });
  if (!createGraph) gradient.dispose();
  anchor.dispose();
}

function verticesBelow(root: Vertex | null): Set<Vertex> {
  const seen = new Set<Vertex>();
  const stack = root ? [root] : [];
  for (let vertex = stack.pop(); vertex; vertex = stack.pop()) {
    if (seen.has(vertex)) continue;
    seen.add(vertex);
    for (const parent of vertex.operation?.parents ?? []) if (parent) stack.push(parent);
  }
  return seen;
}
