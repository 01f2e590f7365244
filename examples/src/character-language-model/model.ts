// A recurrent network that guesses the next character of a text. Its state is all that it remembers of what came before.
import * as nn from '@course/nn';
import type { Tensor } from '@course/tensor';

/** Numbers of characters [batch, time] to logits of the next ones [batch, time, characters]. */
export class CharacterModel extends nn.Module {
  readonly embedding: nn.Embedding;
  readonly recurrent: nn.GRU;
  readonly head: nn.Linear;

  constructor(characters: number, width: number, hidden: number) {
    super();
    this.embedding = new nn.Embedding(characters, width);
    this.recurrent = new nn.GRU(width, hidden, { batchFirst: true });
    this.head = new nn.Linear(hidden, characters);
  }

  /** Also gives the state behind the last character, to go on from. */
  forward(ids: Tensor, state: Tensor | null = null): [logits: Tensor, state: Tensor] {
    const [hidden, last] = this.recurrent.forward(this.embedding.forward(ids), state);
    return [this.head.forward(hidden), last];
  }
}
