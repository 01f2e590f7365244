/** Layer norm and its backward on the CPU. */
import type { LayerNormBackwardRequest, LayerNormRequest } from '../../requests.js';
import { ALIGNMENT } from '../allocator.js';
import type { Launcher } from '../launch.js';
import { LayerNormBackwardField, LayerNormField } from '../layout.generated.js';
import { launchReduce } from './reduce.js';

/** Rows whose part of the weight's gradient is summed in one go. */
const CHUNK = 64;

export function layerNorm(launcher: Launcher, request: LayerNormRequest): void {
  const { rows, width } = request;
  if (rows * width === 0) return;
  const record = launcher.record(LayerNormField.length);
  const { i32, f32 } = launcher;
  i32[record + LayerNormField.width] = width;
  i32[record + LayerNormField.centered] = Number(request.centered ?? true);
  f32[record + LayerNormField.eps] = request.eps;
  i32[record + LayerNormField.input] = launcher.pointer(request.input);
  i32[record + LayerNormField.weight] = launcher.pointer(request.weight);
  i32[record + LayerNormField.bias] = launcher.pointer(request.bias);
  i32[record + LayerNormField.out] = launcher.pointer(request.out);
  i32[record + LayerNormField.mean] = launcher.pointer(request.mean);
  i32[record + LayerNormField.rstd] = launcher.pointer(request.rstd);
  launcher.start('layerNorm', record, rows, Math.ceil(8192 / width));
}

export function layerNormBackward(launcher: Launcher, request: LayerNormBackwardRequest): void {
  const { rows, width, gradWeight, gradBias } = request;
  if (width === 0) return;
  const chunks = Math.ceil(rows / CHUNK);
  // A single chunk's partial is the gradient itself.
  const partialBytes = chunks > 1 ? chunks * width * 4 : 0;
  const weightBlock = gradWeight && partialBytes > 0 ? launcher.take(partialBytes) : undefined;
  const biasBlock = gradBias && partialBytes > 0 ? launcher.take(partialBytes) : undefined;
  const weightPartials = weightBlock ? weightBlock.start * ALIGNMENT : launcher.pointer(gradWeight);
  const biasPartials = biasBlock ? biasBlock.start * ALIGNMENT : launcher.pointer(gradBias);
  const record = launcher.record(LayerNormBackwardField.length);
  const { i32 } = launcher;
  i32[record + LayerNormBackwardField.rows] = rows;
  i32[record + LayerNormBackwardField.width] = width;
  i32[record + LayerNormBackwardField.centered] = Number(request.centered ?? true);
  i32[record + LayerNormBackwardField.chunk] = CHUNK;
  i32[record + LayerNormBackwardField.grad] = launcher.pointer(request.grad);
  i32[record + LayerNormBackwardField.input] = launcher.pointer(request.input);
  i32[record + LayerNormBackwardField.weight] = launcher.pointer(request.weight);
  i32[record + LayerNormBackwardField.mean] = launcher.pointer(request.mean);
  i32[record + LayerNormBackwardField.rstd] = launcher.pointer(request.rstd);
  i32[record + LayerNormBackwardField.gradInput] = launcher.pointer(request.gradInput);
  i32[record + LayerNormBackwardField.weightPartials] = weightPartials;
  i32[record + LayerNormBackwardField.biasPartials] = biasPartials;
  launcher.launch('layerNormBackward', record, chunks, 1);
  // Without a row there is no chunk, and sums of nothing remain; with one its partials are in place.
  if (chunks !== 1) {
    for (const [gradient, partials] of [
      [gradWeight, weightPartials],
      [gradBias, biasPartials],
    ] as const) {
      if (gradient === undefined) continue;
      const out = launcher.pointer(gradient);
      launchReduce(launcher, {
        op: 'sum',
        outer: 1,
        length: chunks,
        inner: width,
        scale: 1,
        input: partials,
        out,
        floatInput: true,
        floatOut: true,
      });
    }
  }
  if (weightBlock) launcher.give(weightBlock);
  if (biasBlock) launcher.give(biasBlock);
}
