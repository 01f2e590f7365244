// GPT from scratch: the decoder of the transformer alone, trained to guess the next character of a book, and then writing by itself.
import * as F from '@course/nn/functional';
import * as optim from '@course/nn/optim';
import { noGrad, randint, type Tensor, tensor, where } from '@course/tensor';
import { check } from '../course/gap.js';
import { learn } from '../course/learn.js';
import { defineExample } from '../course/lesson.js';
import { allRows, beginning, bigramLoss, Characters, randomRows, splitText } from '../texts/characters.js';
import { GPT } from './model.js';

export const example = defineExample({
  title: 'GPT from scratch',
  about: 'Masked self-attention, stacked; trained on the next character, writing one character after the other.',
  pictures: ['Loss'],
  solution: { GPT },
  async run(lesson, { GPT }) {
    lesson.seed(1337);
    const { quick, epochs = 1 } = lesson.options;
    const { all, train, test } = await splitText(lesson);
    const characters = new Characters(all);
    const [learned, judged] = [characters.encode(train), characters.encode(test)];
    await lesson.show('Characters to learn from', train.length);
    await lesson.show('Different ones', characters.size);

    const blockSize = quick ? 8 : 64;
    const model = new GPT({
      vocabSize: characters.size,
      blockSize,
      layers: quick ? 1 : 3,
      heads: quick ? 2 : 4,
      width: quick ? 16 : 64,
      dropout: 0,
    });
    await lesson.show('Parameters', model.numParameters());

    // What it writes from now on must not depend on what comes later: change the second half of a text, and look at the first.
    const text = tensor([learned.slice(0, blockSize)], { dtype: 'int32' });
    const half = blockSize / 2;
    const other = where(
      text.newArange(blockSize).lt(half),
      text,
      randint(0, characters.size, [1, blockSize], { dtype: 'int32' }),
    );
    const first = (ids: Tensor): Tensor => noGrad(() => model.forward(ids).narrow(1, 0, half));
    const leak = (await first(text).sub(first(other)).abs().max().item()) as number;
    await lesson.show('What later characters change', leak);
    check(leak === 0, 'a GPT must not see what comes later');

    const lossOf = ([input, target]: readonly [Tensor, Tensor]): Tensor =>
      F.crossEntropy(model.forward(input).reshape([-1, characters.size]), target.reshape([-1]));
    const judge = (): Promise<number> => noGrad(() => lossOf(allRows(judged, blockSize))).item();
    const before = await judge();
    const ids = tensor(learned, { dtype: 'int32' });
    const curve = await learn(lesson, {
      what: 'reading',
      steps: quick ? 60 : 700 * epochs,
      optimizer: new optim.AdamW(model.parameters(), { lr: quick ? 1e-2 : 2e-3 }),
      loss: () => lossOf(randomRows(ids, quick ? 8 : 32, blockSize)),
      maxGradNorm: 1,
    });
    model.eval();
    const after = await judge();
    const pairs = bigramLoss(learned, judged, characters.size);
    await lesson.show('Loss on the last tenth before, nats a character', before);
    await lesson.show('Loss of a guess', Math.log(characters.size));
    await lesson.show('Loss of counting pairs of characters', pairs);
    await lesson.show('Loss on the last tenth now', after);

    const prompt = beginning(train);
    const start = tensor([characters.encode(prompt)], { dtype: 'int32' });
    for (const temperature of [0.5, 1]) {
      const written = model.generate(start, quick ? 12 : 300, temperature);
      const words = characters.decode(await written.squeeze(0).data());
      lesson.say(`Temperature ${temperature}:\n${words}\n`);
      await lesson.keep(`at temperature ${temperature}`, words);
      lesson.report.section(`Temperature ${temperature}`).text(words);
    }
    lesson.report.section('Learning').lines({
      title: 'Loss',
      note: 'The dashed lines: a fair guess among all characters, and counting which character follows which.',
      xName: 'step',
      yName: 'nats a character',
      curves: [
        { name: 'training', points: curve },
        ...[
          { name: 'a guess', loss: Math.log(characters.size) },
          { name: 'counting pairs', loss: pairs },
        ].map(({ name, loss }) => ({
          name,
          look: 'dashed' as const,
          points: [
            [1, loss],
            [curve.at(-1)?.[0] ?? 1, loss],
          ] as const,
        })),
      ],
    });
  },
});
