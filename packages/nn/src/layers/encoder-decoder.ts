/** The whole Transformer of Vaswani et al. 2017, as torch has it. */
import { ShapeError, type Tensor, tensor } from '@course/tensor';
import { xavierUniform_ } from '../init.js';
import { Module } from '../module.js';
import { makeChild } from '../places.js';
import { LayerNorm } from './normalization.js';
import {
  type DecoderMasks,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from './transformer-layers.js';

/** Options of {@link Transformer}, torch's. */
export interface TransformerOptions extends TransformerLayerOptions {
  /** Width. Default 512. */
  readonly dModel?: number;
  /** Heads; they divide `dModel`. Default 8. */
  readonly nhead?: number;
  /** Default 6. */
  readonly numEncoderLayers?: number;
  /** Default 6. */
  readonly numDecoderLayers?: number;
}

/** Masks of both halves, torch's: true = ignore, or float and added. */
export interface TransformerMasks extends DecoderMasks {
  readonly srcMask?: Tensor | null;
  readonly srcKeyPaddingMask?: Tensor | null;
  readonly srcIsCausal?: boolean;
}

/**
 * Encoder and decoder stacks with a norm behind each, as [torch.nn.Transformer](https://pytorch.org/docs/stable/generated/torch.nn.Transformer.html):
 * embedded sources and targets in, [.., dModel] for each target position out. Embeddings, positions and the last linear layer are the caller's.
 *
 * @example
 * const model = new Transformer({ dModel: 64, nhead: 8, numEncoderLayers: 2, numDecoderLayers: 2, batchFirst: true });
 * const tgtMask = Transformer.generateSquareSubsequentMask(5);
 * model.forward(randn([2, 7, 64]), randn([2, 5, 64]), { tgtMask }).shape; // [2, 5, 64]
 */
export class Transformer extends Module {
  readonly encoder: TransformerEncoder;
  readonly decoder: TransformerDecoder;
  readonly dModel: number;
  readonly nhead: number;
  readonly batchFirst: boolean;

  constructor({
    dModel = 512,
    nhead = 8,
    numEncoderLayers = 6,
    numDecoderLayers = 6,
    ...options
  }: TransformerOptions = {}) {
    super();
    const eps = options.layerNormEps ?? 1e-5;
    [this.dModel, this.nhead, this.batchFirst] = [dModel, nhead, options.batchFirst ?? false];
    const encoderLayer = makeChild('encoder.layers.0', () => new TransformerEncoderLayer(dModel, nhead, options));
    this.encoder = new TransformerEncoder(encoderLayer, numEncoderLayers, { norm: new LayerNorm(dModel, { eps }) });
    encoderLayer.dispose();
    const decoderLayer = makeChild('decoder.layers.0', () => new TransformerDecoderLayer(dModel, nhead, options));
    this.decoder = new TransformerDecoder(decoderLayer, numDecoderLayers, { norm: new LayerNorm(dModel, { eps }) });
    decoderLayer.dispose();
    this.resetParameters();
  }

  /** Draws all matrices anew (Glorot, uniform), as torch does. */
  resetParameters(): void {
    for (const parameter of this.parameters()) if (parameter.ndim > 1) xavierUniform_(parameter);
  }

  /** A float mask [size, size] for a target that must not look ahead: -Infinity above the diagonal, as torch makes it. */
  static generateSquareSubsequentMask(size: number): Tensor {
    const values = new Float32Array(size * size);
    for (let row = 0; row < size; row++) values.fill(Number.NEGATIVE_INFINITY, row * size + row + 1, (row + 1) * size);
    return tensor(values, { shape: [size, size] });
  }

  /**
   * The decoder's output for tgt, of its shape.
   *
   * @param src [source time, batch, dModel], or batch first with `batchFirst`, or without a batch.
   * @param tgt [target time, batch, dModel] likewise.
   */
  forward(src: Tensor, tgt: Tensor, masks: TransformerMasks = {}): Tensor {
    const batchDim = this.batchFirst ? 0 : 1;
    const shapes = `got src [${src.shape.join(', ')}] and tgt [${tgt.shape.join(', ')}]`;
    if (src.ndim !== tgt.ndim || (src.ndim === 3 && src.size(batchDim) !== tgt.size(batchDim)))
      throw new ShapeError(`Transformer: the batch number of src and tgt must be equal, ${shapes}`);
    if (src.size(-1) !== this.dModel || tgt.size(-1) !== this.dModel)
      throw new ShapeError(
        `Transformer: the feature number of src and tgt must be equal to dModel (${this.dModel}), ${shapes}`,
      );
    const { srcMask, srcKeyPaddingMask, srcIsCausal, ...rest } = masks;
    const memory = this.encoder.forward(src, {
      mask: srcMask ?? null,
      srcKeyPaddingMask: srcKeyPaddingMask ?? null,
      isCausal: srcIsCausal ?? false,
    });
    return this.decoder.forward(tgt, memory, rest);
  }
}
