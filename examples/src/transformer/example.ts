// A whole transformer, encoder and decoder, learns to say a sequence backwards: the smallest task that needs attention to the source.
import * as nn from '@course/nn';
import * as optim from '@course/nn/optim';
import { cat, full, noGrad, randint, scope, type Tensor } from '@course/tensor';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import * as exercise from './exercise.js';
import * as solution from './solution.js';

const START = 0; // the word that every target begins with
const VOCABULARY = 16; // START and fifteen words

/** Sequences of words, and what they become backwards. */
function batchOf(size: number, length: number): { source: Tensor; input: Tensor; target: Tensor } {
  const source = randint(1, VOCABULARY, [size, length], { dtype: 'int32' });
  const target = source.flip([1]);
  // The decoder sees what it has said so far, and says the next word.
  const input = cat([full([size, 1], START, { dtype: 'int32' }), target.narrow(1, 0, length - 1)], 1);
  return { source, input, target };
}

export const example = defineExample({
  title: 'A transformer that says sequences backwards',
  about: 'Encoder, decoder, positions; trained on random sequences until it copies none of them wrongly.',
  pictures: ['Loss', { figure: 'Where the decoder looks', panels: 1 }],
  solution,
  exercise,
  async run(lesson, { PositionalEncoding, Transformer, TransformerDecoderBlock }) {
    lesson.seed(0);
    const { quick } = lesson.options;
    const length = quick ? 3 : 8;
    const steps = quick ? 80 : 600 * (lesson.options.epochs ?? 1);
    const [dim, heads, layers] = quick ? [32, 2, 1] : [64, 4, 2];
    const blocks = <M extends nn.Module>(make: () => M) => new nn.ModuleList(Array.from({ length: layers }, make));
    const model = new Transformer(
      VOCABULARY,
      dim,
      new PositionalEncoding(dim),
      blocks(() => new nn.TransformerEncoderBlock(dim, heads, dim / heads)),
      blocks(() => new TransformerDecoderBlock(dim, heads, dim / heads)),
    );
    await lesson.show('Parameters', model.numParameters());

    // The library's positions are the same numbers.
    const library = new nn.PositionalEncoding(64, { maxLength: 64 });
    const difference = (await new PositionalEncoding(64).table.sub(library.table).abs().max().item()) as number;
    // Angles of up to 63 radians are rounded to 2^-18 before their sine is taken.
    check(difference < 2 ** -17, `the table of positions differs from nn.PositionalEncoding by ${difference}`);

    const optimizer = new optim.AdamW(model.parameters(), { lr: quick ? 1e-2 : 1e-3 });
    const scheduler = new optim.LinearWarmup(optimizer, { warmupSteps: Math.min(50, steps / 4), totalSteps: steps });
    const lossFunction = new nn.CrossEntropyLoss();
    const losses: [number, number][] = [];
    const bar = lesson.bar('training', steps);
    for (let step = 1; step <= steps; step++) {
      const loss = scope(() => {
        const { source, input, target } = batchOf(quick ? 32 : 64, length);
        const [logits] = model.forward(source, input);
        const mean = lossFunction.forward(logits.view([-1, VOCABULARY]), target.reshape([-1]));
        mean.backward();
        nn.clipGradNorm_(model.parameters(), 1);
        optimizer.step();
        optimizer.zeroGrad();
        return mean.detach();
      });
      scheduler.step();
      if (step % 20 === 0 || step === 1) {
        losses.push([step, await loss.item()]);
        bar.advance(step === 1 ? 1 : step === 20 ? 19 : 20, `loss ${losses.at(-1)?.[1].toFixed(3)}`);
      }
      loss.dispose();
    }
    bar.stop();
    await lesson.keep(
      'losses',
      losses.map(([, loss]) => loss),
    );

    // Decoding: one word after the other, from what was said so far.
    model.eval();
    const { source, target } = batchOf(quick ? 16 : 100, length);
    let said = full([source.size(0), 1], START, { dtype: 'int32' });
    for (let i = 0; i < length; i++) {
      const next = noGrad(() => scope(() => model.forward(source, said)[0].select(1, i).argmax(-1, { keepDim: true })));
      said = cat([said, next], 1);
    }
    const answers = said.narrow(1, 1, length);
    const right = (await answers.eq(target).to('float32').mean().item()) as number;
    await lesson.show('Three sequences', source.narrow(0, 0, 3));
    await lesson.show('What the model says', answers.narrow(0, 0, 3));
    await lesson.show('Share of words that are right', right);

    const [, cross] = noGrad(() => model.forward(source.narrow(0, 0, 1), said.narrow(0, 0, 1).narrow(1, 0, length)));
    const looks = (await cross.select(0, 0).toArray()) as number[][][];
    const words = ((await source.select(0, 0).toArray()) as number[]).map(String);
    const outputs = ((await answers.select(0, 0).toArray()) as number[]).map(String);
    lesson.report
      .lines({
        title: 'Loss',
        note: 'Once the model has found out where to look, there is nothing left to learn.',
        xName: 'step',
        yName: 'cross-entropy',
        curves: [{ name: 'training', points: losses }],
      })
      .gallery({
        title: 'Where the decoder looks',
        note: 'The attention of the last block to the source, a head each: the diagonal from bottom left to top right is “backwards”.',
        choices: [],
        panels: [
          looks.map((values, head) => ({
            title: `head ${head}`,
            rowName: 'says',
            columnName: 'looks at',
            rows: outputs,
            columns: words,
            values,
          })),
        ],
      });
  },
});
