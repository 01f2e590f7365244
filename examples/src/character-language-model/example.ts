// An autoregressive model in its simplest form: a GRU reads characters and says which may come next; what it writes is read again. The
// temperature decides how daring it is.
import * as F from '@course/nn/functional';
import * as optim from '@course/nn/optim';
import { noGrad, scope, type Tensor, tensor } from '@course/tensor';
import { check } from '../course/gap.js';
import { learn } from '../course/learn.js';
import { defineExample } from '../course/lesson.js';
import { allRows, beginning, bigramLoss, Characters, randomRows, splitText } from '../texts/characters.js';
import { entropy, probabilities, sample } from '../texts/sampling.js';
import { CharacterModel } from './model.js';

/** Writes so many characters behind a prompt: reads it, then each character that it has drawn. */
async function write(
  model: CharacterModel,
  characters: Characters,
  prompt: string,
  count: number,
  temperature: number,
): Promise<string> {
  const drawn: Tensor[] = [];
  let ids = tensor([characters.encode(prompt)], { dtype: 'int32' });
  let state: Tensor | null = null;
  for (let i = 0; i < count; i++) {
    const [next, after] = scope(() =>
      noGrad(() => {
        const [logits, last] = model.forward(ids, state);
        return [sample(logits.select(1, -1), temperature), last] as const;
      }),
    );
    drawn.push(next);
    [ids, state] = [next, after];
  }
  const numbers = await Promise.all(drawn.map((each) => each.item()));
  return prompt + characters.decode(numbers);
}

export const example = defineExample({
  title: 'A language model of characters',
  about: 'A GRU learns which character comes next; a temperature decides how it writes.',
  pictures: ['Loss', 'What follows'],
  solution: {},
  async run(lesson) {
    lesson.seed(1851);
    const { quick, epochs = 1 } = lesson.options;
    const { all, train, test } = await splitText(lesson);
    const characters = new Characters(all);
    const [learned, judged] = [characters.encode(train), characters.encode(test)];
    await lesson.show('Characters to learn from', train.length);
    await lesson.show('Different ones', characters.size);

    const model = new CharacterModel(characters.size, 32, quick ? 32 : 192);
    lesson.say(`${model}\n`);
    const lossOf = ([input, target]: readonly [Tensor, Tensor]): Tensor => {
      const [logits] = model.forward(input);
      return F.crossEntropy(logits.reshape([-1, characters.size]), target.reshape([-1]));
    };
    const ids = tensor(learned, { dtype: 'int32' });
    const [batch, length] = quick ? [8, 8] : [32, 64];
    const curve = await learn(lesson, {
      what: 'reading',
      steps: quick ? 50 : 500 * epochs,
      optimizer: new optim.AdamW(model.parameters(), { lr: quick ? 1e-2 : 3e-3 }),
      loss: () => lossOf(randomRows(ids, batch, length)),
      maxGradNorm: 1,
    });
    model.eval();
    const found = await noGrad(() => lossOf(allRows(judged, length))).item();
    const pairs = bigramLoss(learned, judged, characters.size);
    await lesson.show('Loss on the last tenth of the text, nats a character', found);
    await lesson.show('Loss of a guess', Math.log(characters.size));
    await lesson.show('Loss of counting pairs of characters', pairs);
    await lesson.keep('first and last loss', [curve[0]?.[1] ?? 0, curve.at(-1)?.[1] ?? 0]);

    // The scores of what follows a beginning, at several temperatures.
    const prompt = beginning(train);
    const [logits] = noGrad(() => model.forward(tensor([characters.encode(prompt)], { dtype: 'int32' })));
    const scores = logits.select(1, -1).squeeze(0);
    const temperatures = [0.2, 0.5, 1, 2];
    const undecided: number[] = [];
    for (const temperature of temperatures) undecided.push(await entropy(probabilities(scores, temperature)).item());
    await lesson.show(
      `Entropy of what follows '${prompt}', by temperature`,
      Object.fromEntries(temperatures.map((temperature, i) => [`T = ${temperature}`, undecided[i] ?? 0])),
    );
    await lesson.keep('entropies', undecided);
    check(
      undecided.every((value, i) => i === 0 || value > (undecided[i - 1] ?? 0)),
      'the higher the temperature, the less is decided',
    );

    for (const temperature of [0.01, ...temperatures]) {
      const text = await write(model, characters, prompt, quick ? 12 : 240, temperature);
      lesson.say(`Temperature ${temperature}:\n${text}\n`);
      await lesson.keep(`at temperature ${temperature}`, text);
      lesson.report.section(`Temperature ${temperature}`).text(text);
    }

    const { values, indices } = probabilities(scores, 1).topk(Math.min(12, characters.size));
    const likely = [...(await indices.data())];
    await lesson.keep('probabilities at temperature 1', values);
    const bars = [];
    for (const temperature of temperatures) {
      const p = await probabilities(scores, temperature).data();
      bars.push({ name: `temperature ${temperature}`, values: likely.map((number) => p[number] ?? 0) });
    }
    lesson.report
      .section('Learning and choosing')
      .lines({
        title: 'Loss',
        xName: 'step',
        yName: 'nats a character',
        curves: [
          { name: 'training', points: curve },
          {
            name: 'counting pairs',
            look: 'dashed',
            points: [
              [1, pairs],
              [curve.at(-1)?.[0] ?? 1, pairs],
            ],
          },
        ],
      })
      .bars({
        title: `What follows “${prompt}”`,
        note: 'The same scores at four temperatures: cold is sure of itself, hot tries anything.',
        yName: 'probability',
        names: likely.map((number) => {
          const character = JSON.stringify(characters.decode([number]))
            .slice(1, -1)
            .replace(' ', '␣');
          return `‘${character}’`;
        }),
        bars,
      });
  },
});
