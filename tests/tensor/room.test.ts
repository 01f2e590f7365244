// Tensors that no device has room for are refused at the call, with the op, the shapes, the bytes and what would fit, and nothing is changed by it.
import {
  arange,
  capture,
  cat,
  DeviceError,
  type DType,
  defaultGenerator,
  dropout,
  embedding,
  eye,
  linspace,
  logspace,
  manualSeed,
  memory,
  ones,
  rand,
  randint,
  randperm,
  scaledDotProductAttention,
  scope,
  Tensor,
  tensor,
  zeros,
  zerosLike,
} from '@course/tensor';
import { open, serialize } from '@course/tensor/safetensors';
import { expect, it } from 'vitest';
import { CpuBackend } from '../../packages/tensor/src/backend/cpu/cpu-backend.js';
import { currentBackend } from '../../packages/tensor/src/device.js';
import { checkRoom } from '../../packages/tensor/src/room.js';
import { Storage } from '../../packages/tensor/src/storage.js';
import { contiguousView } from '../../packages/tensor/src/view.js';
import { onEachDevice } from '../support/devices.js';

/** Rows and columns that take little memory, and so many of them that their product takes 4 TiB. */
const MANY = 2 ** 20;
const BYTES = 4 * MANY * MANY;

const column = () => ones([MANY, 1]);
const row = () => ones([1, MANY]);
const spread = () => row().expand([MANY, MANY]);
const first = () => zeros([MANY], { dtype: 'int32' });

/** What is called, and how the message begins. */
const cases: Readonly<Record<string, readonly [() => unknown, string]>> = {
  'a filled tensor': [() => zeros([MANY, MANY]), 'zeros: a tensor of shape [1048576, 1048576] and dtype float32 takes'],
  'an identity': [() => eye(MANY), 'eye: a tensor of shape [1048576, 1048576] and dtype float32 takes'],
  'a tensor like another': [() => zerosLike(spread()), 'zerosLike: a tensor of shape [1048576, 1048576] and dtype'],
  'a range counted by the device': [() => arange(2 ** 40), 'arange: a tensor of shape [1099511627776] and dtype int32'],
  'a range counted by the host': [() => arange(0.5, 2 ** 40), 'arange: a tensor of shape [1099511627776]'],
  'a line': [() => linspace(0, 1, 2 ** 40), 'linspace: a tensor of shape [1099511627776] and dtype float32 takes'],
  'a line of powers': [() => logspace(0, 1, 2 ** 40), 'logspace: a tensor of shape [1099511627776] and dtype float32'],
  'random numbers': [() => rand([MANY, MANY]), 'rand: a tensor of shape [1048576, 1048576] and dtype float32 takes'],
  'random whole numbers, kept as others': [
    () => randint(0, 3, [MANY, MANY], { dtype: 'float32' }),
    'randint: a tensor of shape [1048576, 1048576] and dtype float32 takes',
  ],
  'dropout, whose mask has a place in the stream': [
    () => dropout(spread(), 0.5),
    'dropout: a tensor of shape [1048576, 1048576] and dtype float32 takes',
  ],
  'attention with dropout': [
    () => scaledDotProductAttention(spread(), spread(), spread(), { dropoutP: 0.5 }),
    'matmul: a tensor of shape [1048576, 1048576] and dtype float32, from [1048576, 1048576] and [1048576, 1048576], takes',
  ],
  'one element, repeated': [
    () => ones([1]).repeat([MANY, MANY]),
    'clone: a tensor of shape [1048576, 1048576] and dtype',
  ],
  'a cast beside another': [
    () => tensor([1], { dtype: 'int32' }).atan2(ones([1], { dtype: 'int32' }).expand([MANY, MANY])),
    'to: a tensor of shape [1048576, 1048576] and dtype float32 takes',
  ],
  'a pointwise result': [
    () => column().add(row()),
    'add: a tensor of shape [1048576, 1048576] and dtype float32, from [1048576, 1] and [1, 1048576], takes',
  ],
  'a product': [
    () => column().matmul(row()),
    'matmul: a tensor of shape [1048576, 1048576] and dtype float32, from [1048576, 1] and [1, 1048576], takes',
  ],
  'a view made contiguous': [() => spread().contiguous(), 'contiguous: a tensor of shape [1048576, 1048576]'],
  'a view that a kernel wants contiguous': [() => spread().softmax(-1), 'contiguous: a tensor of shape'],
  'parts put together': [
    () => cat([spread(), spread()]),
    'cat: a tensor of shape [2097152, 1048576] and dtype float32, from [1048576, 1048576] and [1048576, 1048576], takes',
  ],
  'rows looked up': [
    () => embedding(first(), ones([2, MANY])),
    'embedding: a tensor of shape [1048576, 1048576] and dtype float32, from [1048576] and [2, 1048576], takes',
  ],
  'columns selected': [
    () => column().indexSelect(1, first()),
    'indexSelect: a tensor of shape [1048576, 1048576] and dtype float32, from [1048576, 1], takes',
  ],
  'a border': [
    () => ones([4]).pad([2 ** 40, 0]),
    'pad: a tensor of shape [1099511627780] and dtype float32, from [4],',
  ],
};

onEachDevice('what is too large', () => {
  it.each(Object.entries(cases))('is refused at the call: %s', async (_, [call, beginning]) => {
    manualSeed(7);
    const stream = defaultGenerator().getState();
    const before = memory();
    let error: unknown;
    scope(() => {
      try {
        call();
      } catch (thrown) {
        error = thrown;
      }
    });
    expect(error).toBeInstanceOf(DeviceError);
    const { message } = error as DeviceError;
    expect(message.slice(0, beginning.length)).toBe(beginning);
    const { byteLength } = currentBackend().largest;
    expect(message).toMatch(
      new RegExp(` takes \\d{13} bytes; .* at most ${byteLength} bytes.*, ${byteLength / 4} elem`),
    );
    expect({ tensors: memory().tensors, bytes: memory().bytes }).toEqual({
      tensors: before.tensors,
      bytes: before.bytes,
    });
    expect(defaultGenerator().getState()).toEqual(stream);
    expect(await tensor([1, 2]).add(1).toArray()).toEqual([2, 3]);
  });

  it('leaves the stream of random numbers where it was, for dtypes that are refused too', async () => {
    manualSeed(7);
    const stream = defaultGenerator().getState();
    const refused: readonly (readonly [() => unknown, string])[] = [
      [() => randint(0, 5, [3], { dtype: 'float17' as DType }), 'float17'],
      [() => randint(0, 257, [3], { dtype: 'uint8' }), 'value 256 cannot be converted to type uint8'],
      [() => randint(-1, 5, [3], { dtype: 'uint8' }), 'value -1 cannot be converted to type uint8'],
      [() => randperm(257, { dtype: 'uint8' }), 'value 256 cannot be converted to type uint8'],
      [() => randint(0, 5, [3], { requiresGrad: true }), 'only Tensors of floating point dtype can require gradients'],
      [() => randint(5, 5, [3], { dtype: 'float32' }), "expects 'from' to be less than 'to'"],
      [() => dropout(zeros([2]), 2), 'dropout probability has to be between 0 and 1'],
    ];
    for (const [call, message] of refused) {
      expect(call).toThrow(message);
      expect(defaultGenerator().getState(), message).toEqual(stream);
    }
    // As many are drawn as of int32, and those that fit are taken.
    const words = await randint(0, 256, [5]).toArray();
    const after = defaultGenerator().getState();
    for (const dtype of ['uint8', 'float32'] as const) {
      manualSeed(7);
      expect(await randint(0, 256, [5], { dtype }).toArray()).toEqual(words);
      expect(defaultGenerator().getState()).toEqual(after);
    }
    expect(await randperm(256, { dtype: 'uint8' }).max().item()).toBe(255);
    const learned = randint(0, 5, [3], { dtype: 'float32', requiresGrad: true });
    expect(learned.requiresGrad).toBe(true);
  });

  it('leaves what is written to in place as it was, with its gradient', async () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const loss = x.mul(3).sum();
    expect(() => x.detach().copy_(column().matmul(row()).sum())).toThrow(`takes ${BYTES} bytes`);
    loss.backward();
    expect(await x.toArray()).toEqual([1, 2]);
    expect(await x.grad?.toArray()).toEqual([3, 3]);
  });

  it('is refused in a captured function by the same error, which works for what fits', async () => {
    const outer = capture((x: Tensor) => x.unsqueeze(1).add(x).sum());
    const large = ones([MANY]);
    expect(() => outer(large)).toThrow(/^add: a tensor of shape \[1048576, 1048576\]/);
    for (let i = 0; i < 4; i++) expect(await outer(ones([2])).item()).toBe(8);
    expect(outer.statistics.replays).toBeGreaterThan(0);
  });

  it('is refused when it is read from a file, by the names of both', async () => {
    const parts = serialize({ weight: { data: Float32Array.of(1, 2), shape: [2], dtype: 'float32' } });
    const file = await open(Buffer.concat(parts));
    const { largest } = currentBackend();
    const small = { byteLength: 4, because: 'a small device has at most 4 bytes' };
    Object.defineProperty(currentBackend(), 'largest', { value: small, configurable: true, writable: true });
    try {
      await expect(file.load('weight')).rejects.toThrow(
        `tensor 'weight': a tensor of shape [2] and dtype float32 takes 8 bytes; ${currentBackend().kind}: a small device has at most 4 bytes, 1 elements`,
      );
    } finally {
      Object.defineProperty(currentBackend(), 'largest', { value: largest, configurable: true, writable: true });
    }
    expect(await (await file.load('weight')).toArray()).toEqual([1, 2]);
  });
});

it('takes a pending value that may become part of one half as wide', () => {
  const halves = {
    kind: 'webgpu' as const,
    largest: { byteLength: 64, because: 'at most 64 bytes' },
    supports: () => true,
  };
  const words = { ...halves, supports: () => false };
  const wanted = { name: 'mul', shape: [32] };
  expect(() => checkRoom(halves, 'float32', 32, wanted, true)).not.toThrow();
  expect(() => checkRoom(halves, 'float32', 33, wanted, true)).toThrow(DeviceError);
  expect(() => checkRoom(halves, 'float16', 33, wanted, true)).toThrow(DeviceError);
  expect(() => checkRoom(halves, 'float32', 32, wanted)).toThrow(DeviceError);
  expect(() => checkRoom(words, 'float32', 32, wanted, true)).toThrow(DeviceError);
  expect(() => checkRoom(words, 'float64', 16, wanted, true)).not.toThrow();
});

it('memory that runs out names the op too, and the value is there once there is room', async () => {
  const backend = await CpuBackend.create({ maximumBytes: 64 * 2 ** 20 });
  const size = 4 * 2 ** 20;
  const filled = () => {
    const storage = new Storage(backend, 'float32', size, { name: 'empty', shape: [size] });
    return new Tensor(storage, contiguousView([size]));
  };
  const [a, b, spare] = [filled(), filled(), filled()];
  a.fill_(1);
  b.fill_(2);
  const sum = a.view([2, size / 2]).add(b.view([2, size / 2]));
  const read = () => sum.sum().item();
  await expect(async () => read()).rejects.toThrow(
    /^add: a tensor of shape \[2, 2097152\] and dtype float32, from \[2, 2097152\] and \[2, 2097152\], takes 16777216 bytes; cpu: out of memory: .* of at most 64\.00 MiB/,
  );
  expect(() => filled()).toThrow(
    /^empty: a tensor of shape \[4194304\] and dtype float32 takes 16777216 bytes; cpu: out/,
  );
  spare.dispose();
  expect(await read()).toBe(3 * size);
  backend.destroy();
});
