// What the parts of the transformer are to each other, whoever has written them.
import type * as nn from '@course/nn';
import type { Tensor } from '@course/tensor';

/** Adds something to every word that tells its place: [batch, time, dim] to the same shape. */
export type Positions = nn.Module & { forward(x: Tensor): Tensor };

/** A block of the decoder. */
export type DecoderBlock = nn.Module & { forward(x: Tensor, memory: Tensor): [output: Tensor, cross: Tensor] };
