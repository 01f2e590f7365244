// A model that writes must not read ahead. Minus infinity in place of the scores of later words sees to that; without it, a model that is
// to predict the next word of pure noise "predicts" it perfectly, by looking.
import * as nn from '@course/nn';
import * as F from '@course/nn/functional';
import * as optim from '@course/nn/optim';
import { grad, noGrad, randint, randn, type Tensor, where } from '@course/tensor';
import { check } from '../course/gap.js';
import { learn } from '../course/learn.js';
import { defineExample } from '../course/lesson.js';
import * as solution from './solution.js';

/** A transformer block between an embedding and the logits of the next word: as small as a language model gets. */
class NextWord extends nn.Module {
  readonly embedding: nn.Embedding;
  readonly positions: nn.LearnedPositions;
  readonly block: nn.TransformerEncoderBlock;
  readonly head: nn.Linear;

  constructor(
    words: number,
    dim: number,
    length: number,
    readonly isCausal: boolean,
  ) {
    super();
    this.embedding = new nn.Embedding(words, dim);
    this.positions = new nn.LearnedPositions(dim, length);
    this.block = new nn.TransformerEncoderBlock(dim, 2, dim / 2);
    this.head = new nn.Linear(dim, words);
  }

  forward(ids: Tensor): Tensor {
    const x = this.positions.forward(this.embedding.forward(ids));
    return this.head.forward(this.block.forward(x, { isCausal: this.isCausal }));
  }
}

export const example = defineExample({
  title: 'Masked self-attention',
  about: 'What comes later is replaced by minus infinity before the softmax, and weighs nothing behind it.',
  pictures: ['Nothing from the future', 'Predicting noise'],
  solution,
  async run(lesson, { MaskedSelfAttention }) {
    lesson.seed(8);
    const [time, dim] = [6, 8];
    const layer = new MaskedSelfAttention(dim, dim);
    const x = randn([1, time, dim], { requiresGrad: true });
    const [output, weights] = layer.forward(x);
    await lesson.show('Masked attention weights', weights.select(0, 0));

    // Change word t: no output before t may change, not by a bit.
    const leaks: boolean[] = [];
    for (let t = 1; t < time; t++) {
      const changed = noGrad(() => {
        const isT = x.newArange(time).eq(t).view([1, time, 1]);
        return layer.forward(where(isT, randn([1, time, dim]), x))[0];
      });
      const difference = changed.sub(output).abs().amax(-1).squeeze(0);
      const [before, behind] = [difference.narrow(0, 0, t), difference.narrow(0, t, time - t)];
      leaks.push((await before.max().item()) !== 0);
      check(((await behind.min().item()) as number) > 0, `word ${t} must reach every output from ${t} on`);
    }
    await lesson.show('Does changing a word change outputs before it', leaks);
    check(!leaks.some(Boolean), 'the mask must leak nothing');

    // The same by derivatives: how much output i moves with word j.
    const influence: number[][] = [];
    for (let i = 0; i < time; i++) {
      const [byWord] = grad(output.select(1, i).sum(), [x], { retainGraph: true });
      influence.push((await byWord.norm(-1).squeeze(0).toArray()) as number[]);
    }
    await lesson.keep('influence', influence);

    // What the mask is for: guess the next word of sequences that are noise. Nobody can; who reads ahead does.
    const { quick } = lesson.options;
    const [words, length] = [8, 6];
    const steps = quick ? 32 : 600 * (lesson.options.epochs ?? 1);
    const noise = (): Tensor => randint(0, words, [quick ? 32 : 64, length + 1], { dtype: 'int32' });
    const train = (isCausal: boolean) => {
      const model = new NextWord(words, quick ? 16 : 32, length, isCausal);
      const loss = (): Tensor => {
        const batch = noise();
        const logits = model.forward(batch.narrow(1, 0, length));
        // The last word of each row is left out: its next one is not in the row, so that not even a reader ahead could know it.
        const predicted = logits.narrow(1, 0, length - 1).reshape([-1, words]);
        return F.crossEntropy(predicted, batch.narrow(1, 1, length - 1).reshape([-1]));
      };
      const optimizer = new optim.AdamW(model.parameters(), { lr: quick ? 2e-2 : 1e-2 });
      return learn(lesson, { what: isCausal ? 'with the mask' : 'without the mask', steps, optimizer, loss });
    };
    const masked = await train(true);
    const open = await train(false);
    const mean = (curve: typeof masked): number => {
      const last = curve.slice(-10).map(([, loss]) => loss);
      return last.reduce((sum, loss) => sum + loss, 0) / last.length;
    };
    await lesson.show('Loss of a guess, ln 8', Math.log(words));
    await lesson.show('Loss with the mask', mean(masked));
    await lesson.show('Loss without the mask', mean(open));

    const places = Array.from({ length: time }, (_, i) => `word ${i}`);
    const values = (await weights.select(0, 0).toArray()) as number[][];
    const panel = (title: string, columnName: string, matrix: number[][]) => ({
      title,
      rowName: 'output',
      columnName,
      rows: places,
      columns: places,
      values: matrix,
      texts: matrix.map((row) => row.map((value) => value.toFixed(2))),
    });
    lesson.report
      .gallery({
        title: 'Nothing from the future',
        note: 'Left the weights, right how much each output moves with each word: exactly zero above the diagonal.',
        choices: [],
        panels: [
          [panel('attention weights', 'looks at', values), panel('influence of words', 'moves with', influence)],
        ],
      })
      .lines({
        title: 'Predicting noise',
        note: 'With the mask the loss stays at ln 8, what a fair guess among eight words costs. Without it the model reads the answer, which will not be there when it has to write.',
        xName: 'step',
        yName: 'cross-entropy',
        curves: [
          { name: 'with the mask', points: masked },
          { name: 'without', points: open },
        ],
      });
  },
});
