// The block that transformer encoders are stacked from: shapes stay, so blocks stack; gradients reach every parameter.
import * as nn from '@course/nn';
import { ones, randn } from '@course/tensor';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';
import * as exercise from './exercise.js';
import * as solution from './solution.js';

export const example = defineExample({
  title: 'A transformer encoder block from scratch',
  about: 'Attention mixes the words, the MLP works on each; both are added to what was there (skip connections).',
  pictures: ['Six blocks on top of each other'],
  solution,
  exercise,
  async run(lesson, { TransformerEncoderBlock }) {
    lesson.seed(0);
    const sentences = randn([16, 32, 64]);
    const block = new TransformerEncoderBlock(64, 8, 64);
    lesson.say(`${block}\n`);
    const out = block.forward(sentences);
    await lesson.show('Shape of the output', [...out.shape]);
    await lesson.show('Parameters', block.numParameters());

    // The library's block is made of the same parts under other names.
    const library = new nn.TransformerEncoderBlock(64, 8, 64);
    const names: Readonly<Record<string, string>> = { ln1: 'norm1', ln2: 'norm2', mha: 'attention' };
    library.loadStateDict(
      new Map(
        [...block.stateDict()].map(([key, value]) => [
          key.replace(/^(ln1|ln2|mha)/, (name) => names[name] ?? name),
          value,
        ]),
      ),
    );
    const mask = ones([16, 32], { dtype: 'int32' });
    mask.narrow(1, 25, 7).zero_();
    const difference = (await block
      .forward(sentences, mask)
      .sub(library.forward(sentences, { mask }))
      .abs()
      .max()
      .item()) as number;
    check(difference < 1e-5, `the output differs from nn.TransformerEncoderBlock by ${difference}`);
    lesson.say('Equal to nn.TransformerEncoderBlock with the same weights.\n');

    out.sum().backward();
    const norms: [string, number][] = [];
    for (const [name, parameter] of block.namedParameters()) {
      check(parameter.grad !== null, `no gradient reaches ${name}`);
      norms.push([name, (await parameter.grad?.norm().item()) ?? 0]);
    }
    lesson.report.table({
      title: 'Gradients of the sum of the output',
      head: ['parameter', 'norm of its gradient'],
      rows: norms.map(([name, norm]) => [name, norm.toFixed(4)]),
      numbers: [1],
    });

    // Stacked: the widths fit, and the norms keep the size of the numbers in hand.
    const depth = 6;
    const sizes: [number, number][] = [];
    let x = sentences;
    for (let layer = 1; layer <= depth; layer++) {
      x = new TransformerEncoderBlock(64, 8, 64).eval().forward(x);
      sizes.push([layer, await x.std().item()]);
    }
    await lesson.show(
      'Deviation of the states after each of six blocks',
      sizes.map(([, size]) => size),
    );
    lesson.report.lines({
      title: 'Six blocks on top of each other',
      note: 'Every block adds to the stream: it grows slowly and does not blow up.',
      xName: 'block',
      yName: 'standard deviation of the states',
      curves: [{ name: 'states', points: sizes, look: 'marks' }],
    });
  },
});
