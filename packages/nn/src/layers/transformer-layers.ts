/**
 * torch's encoder and decoder layers and their stacks, with torch's names, masks and order of random draws. The course's blocks are
 * in `transformer.ts`.
 */
import { ArgumentError, defaultGenerator, type Tensor } from '@course/tensor';
import { Module } from '../module.js';
import { makeChild } from '../places.js';
import { checkSizes } from '../sizes.js';
import { ModuleList } from './containers.js';
import { Dropout } from './dropout.js';
import { Linear } from './linear.js';
import { MultiheadAttention } from './multihead-attention.js';
import { LayerNorm } from './normalization.js';

/** Options that torch's transformer classes share. */
export interface TransformerLayerOptions {
  /** Inner width of the MLP. Default 2048. */
  readonly dimFeedforward?: number;
  /** Default 0.1. */
  readonly dropout?: number;
  /** Default relu. */
  readonly activation?: 'relu' | 'gelu';
  readonly layerNormEps?: number;
  /** Tensors are [batch, time, dModel] instead of [time, batch, dModel]. Default false, as in torch. */
  readonly batchFirst?: boolean;
  /** Normalise before each part instead of after its residual. Default false. */
  readonly normFirst?: boolean;
}

/** Masks of an encoder layer, torch's: true = ignore, or float and added. */
export interface EncoderMasks {
  /** [time, time] or [batch * heads, time, time]. */
  readonly srcMask?: Tensor | null;
  /** [batch, time]. */
  readonly srcKeyPaddingMask?: Tensor | null;
  readonly isCausal?: boolean;
}

/** Masks of a decoder layer, torch's: true = ignore, or float and added. */
export interface DecoderMasks {
  readonly tgtMask?: Tensor | null;
  /** [target time, source time] or with [batch * heads] in front. */
  readonly memoryMask?: Tensor | null;
  readonly tgtKeyPaddingMask?: Tensor | null;
  readonly memoryKeyPaddingMask?: Tensor | null;
  readonly tgtIsCausal?: boolean;
  readonly memoryIsCausal?: boolean;
}

/** A layer that a stack can repeat. */
export interface Repeatable {
  /** A layer of the same kind and the same numbers, with parameters of its own. */
  clone(): this;
}

type Filled = Required<TransformerLayerOptions>;

function fill(name: string, options: TransformerLayerOptions): Filled {
  const given: Filled = {
    dimFeedforward: 2048,
    dropout: 0.1,
    activation: 'relu',
    layerNormEps: 1e-5,
    batchFirst: false,
    normFirst: false,
    ...options,
  };
  if (given.activation !== 'relu' && given.activation !== 'gelu')
    throw new ArgumentError(`${name}: activation should be relu/gelu, not ${String(given.activation)}`);
  return given;
}

/** Makes a module of a class, that of the original (which may be derived), without taking from the random stream, and gives it the original's numbers. */
function copyOf<M extends Module, C>(original: M, make: (Class: C) => Module): M {
  const generator = defaultGenerator();
  const before = generator.getState();
  const copy = make(original.constructor as C) as M;
  generator.setState(before);
  copy.loadStateDict(original.stateDict());
  for (const [i, parameter] of [...original.parameters()].entries())
    [...copy.parameters()][i]?.requiresGrad_(parameter.requiresGrad);
  return copy.train(original.training);
}

/** Two linear maps, the activation and a dropout between them. */
function mlp(
  { linear1, linear2, dropout, options }: TransformerEncoderLayer | TransformerDecoderLayer,
  x: Tensor,
): Tensor {
  const inner = linear1.forward(x);
  const active = options.activation === 'relu' ? inner.relu() : inner.gelu();
  return linear2.forward(dropout.forward(active));
}

/**
 * Self-attention and an MLP, each with a residual and a norm, as `torch.nn.TransformerEncoderLayer`.
 *
 * @example
 * new TransformerEncoderLayer(64, 8, { batchFirst: true }).forward(randn([16, 32, 64])).shape; // [16, 32, 64]
 */
export class TransformerEncoderLayer extends Module implements Repeatable {
  readonly selfAttn: MultiheadAttention;
  readonly linear1: Linear;
  readonly dropout: Dropout;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly dropout1: Dropout;
  readonly dropout2: Dropout;
  readonly options: Filled;

  constructor(
    readonly dModel: number,
    readonly nhead: number,
    options: TransformerLayerOptions = {},
  ) {
    super();
    this.options = fill('TransformerEncoderLayer', options);
    const { dimFeedforward, dropout, layerNormEps: eps, batchFirst } = this.options;
    checkSizes(new.target.name, { dModel, nhead, dimFeedforward });
    const attention = () => new MultiheadAttention(dModel, nhead, { dropout, batchFirst });
    this.selfAttn = makeChild('self_attn', attention);
    this.linear1 = new Linear(dModel, dimFeedforward);
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(dimFeedforward, dModel);
    this.norm1 = new LayerNorm(dModel, { eps });
    this.norm2 = new LayerNorm(dModel, { eps });
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
  }

  /** A layer with the same numbers in parameters of its own. */
  clone(): this {
    return copyOf(this, (Layer: typeof TransformerEncoderLayer) => new Layer(this.dModel, this.nhead, this.options));
  }

  override isCheckpointable(): boolean {
    return true;
  }

  /** The 2 residuals, and the activation. */
  override flops([x]: readonly unknown[]): number {
    return (x as Tensor).numel() * (2 + this.options.dimFeedforward / this.dModel);
  }

  /** src [time, batch, dModel] (or batch first) to the same shape. */
  forward(src: Tensor, { srcMask, srcKeyPaddingMask, isCausal }: EncoderMasks = {}): Tensor {
    const attend = (x: Tensor): Tensor =>
      this.dropout1.forward(
        this.selfAttn.forward(x, x, x, {
          attnMask: srcMask ?? null,
          keyPaddingMask: srcKeyPaddingMask ?? null,
          isCausal: isCausal ?? false,
          needWeights: false,
        })[0],
      );
    const feedForward = (x: Tensor): Tensor => this.dropout2.forward(mlp(this, x));
    if (this.options.normFirst) {
      const middle = src.add(attend(this.norm1.forward(src)));
      return middle.add(feedForward(this.norm2.forward(middle)));
    }
    const middle = this.norm1.forward(src.add(attend(src)));
    return this.norm2.forward(middle.add(feedForward(middle)));
  }
}

/** Self-attention, attention to the encoder's output, and an MLP, as `torch.nn.TransformerDecoderLayer`. */
export class TransformerDecoderLayer extends Module implements Repeatable {
  readonly selfAttn: MultiheadAttention;
  readonly multiheadAttn: MultiheadAttention;
  readonly linear1: Linear;
  readonly dropout: Dropout;
  readonly linear2: Linear;
  readonly norm1: LayerNorm;
  readonly norm2: LayerNorm;
  readonly norm3: LayerNorm;
  readonly dropout1: Dropout;
  readonly dropout2: Dropout;
  readonly dropout3: Dropout;
  readonly options: Filled;

  constructor(
    readonly dModel: number,
    readonly nhead: number,
    options: TransformerLayerOptions = {},
  ) {
    super();
    this.options = fill('TransformerDecoderLayer', options);
    const { dimFeedforward, dropout, layerNormEps: eps, batchFirst } = this.options;
    checkSizes(new.target.name, { dModel, nhead, dimFeedforward });
    const attention = () => new MultiheadAttention(dModel, nhead, { dropout, batchFirst });
    this.selfAttn = makeChild('self_attn', attention);
    this.multiheadAttn = makeChild('multihead_attn', attention);
    this.linear1 = new Linear(dModel, dimFeedforward);
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(dimFeedforward, dModel);
    this.norm1 = new LayerNorm(dModel, { eps });
    this.norm2 = new LayerNorm(dModel, { eps });
    this.norm3 = new LayerNorm(dModel, { eps });
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
    this.dropout3 = new Dropout(dropout);
  }

  /** A layer with the same numbers in parameters of its own. */
  clone(): this {
    return copyOf(this, (Layer: typeof TransformerDecoderLayer) => new Layer(this.dModel, this.nhead, this.options));
  }

  override isCheckpointable(): boolean {
    return true;
  }

  /** The 3 residuals, and the activation. */
  override flops([x]: readonly unknown[]): number {
    return (x as Tensor).numel() * (3 + this.options.dimFeedforward / this.dModel);
  }

  /** tgt [time, batch, dModel] and the encoder's output [source time, batch, dModel] (or batch first) to the shape of tgt. */
  forward(tgt: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    const attend = (x: Tensor): Tensor =>
      this.dropout1.forward(
        this.selfAttn.forward(x, x, x, {
          attnMask: masks.tgtMask ?? null,
          keyPaddingMask: masks.tgtKeyPaddingMask ?? null,
          isCausal: masks.tgtIsCausal ?? false,
          needWeights: false,
        })[0],
      );
    const attendMemory = (x: Tensor): Tensor =>
      this.dropout2.forward(
        this.multiheadAttn.forward(x, memory, memory, {
          attnMask: masks.memoryMask ?? null,
          keyPaddingMask: masks.memoryKeyPaddingMask ?? null,
          isCausal: masks.memoryIsCausal ?? false,
          needWeights: false,
        })[0],
      );
    const feedForward = (x: Tensor): Tensor => this.dropout3.forward(mlp(this, x));
    if (this.options.normFirst) {
      const first = tgt.add(attend(this.norm1.forward(tgt)));
      const second = first.add(attendMemory(this.norm2.forward(first)));
      return second.add(feedForward(this.norm3.forward(second)));
    }
    const first = this.norm1.forward(tgt.add(attend(tgt)));
    const second = this.norm2.forward(first.add(attendMemory(first)));
    return this.norm3.forward(second.add(feedForward(second)));
  }
}

function repeat<L extends Repeatable>(name: string, layer: L, numLayers: number): L[] {
  checkSizes(name, { numLayers });
  return Array.from({ length: numLayers }, () => layer.clone());
}

type EncoderLike = Module & Repeatable & { forward(src: Tensor, masks?: EncoderMasks): Tensor };
type DecoderLike = Module & Repeatable & { forward(tgt: Tensor, memory: Tensor, masks?: DecoderMasks): Tensor };

/** `numLayers` copies of an encoder layer and a norm, as `torch.nn.TransformerEncoder`: like there, all layers start from the same numbers. */
export class TransformerEncoder<L extends EncoderLike = TransformerEncoderLayer> extends Module {
  readonly layers: ModuleList<L>;
  readonly norm: LayerNorm | null;

  constructor(encoderLayer: L, numLayers: number, { norm = null }: { readonly norm?: LayerNorm | null } = {}) {
    super();
    this.layers = new ModuleList(repeat('TransformerEncoder', encoderLayer, numLayers));
    this.norm = norm;
  }

  /** src [time, batch, dModel] (or batch first) through all layers; `mask` [time, time] is their {@link EncoderMasks.srcMask}. */
  forward(
    src: Tensor,
    { mask, ...rest }: Omit<EncoderMasks, 'srcMask'> & { readonly mask?: Tensor | null } = {},
  ): Tensor {
    let x = src;
    for (const layer of this.layers) x = layer.forward(x, { srcMask: mask ?? null, ...rest });
    return this.norm ? this.norm.forward(x) : x;
  }
}

/** `numLayers` copies of a decoder layer and a norm, as `torch.nn.TransformerDecoder`. */
export class TransformerDecoder<L extends DecoderLike = TransformerDecoderLayer> extends Module {
  readonly layers: ModuleList<L>;
  readonly norm: LayerNorm | null;

  constructor(decoderLayer: L, numLayers: number, { norm = null }: { readonly norm?: LayerNorm | null } = {}) {
    super();
    this.layers = new ModuleList(repeat('TransformerDecoder', decoderLayer, numLayers));
    this.norm = norm;
  }

  /** tgt and the encoder's output through all layers, to the shape of tgt. */
  forward(tgt: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    let x = tgt;
    for (const layer of this.layers) x = layer.forward(x, memory, masks);
    return this.norm ? this.norm.forward(x) : x;
  }
}
