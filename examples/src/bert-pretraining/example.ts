// BERT's pre-training from scratch: words are hidden and guessed (MLM), and pairs of sentences are told apart from pairs that do not
// belong together (NSP). Nobody has labelled anything; the texts are all there is.
import { DataCollatorForLanguageModeling, type EncodedRow, nextSentencePairs, trainWordPiece } from '@course/data';
import { BertForMaskedLM, BertForPreTraining, pipeline } from '@course/models';
import { type LogEntry, Trainer } from '@course/nn';
import * as F from '@course/nn/functional';
import { noGrad, scope } from '@course/tensor';
import { check } from '../course/gap.js';
import { defineExample, type Lesson } from '../course/lesson.js';
import { sentencesOf } from '../texts/book.js';
import { textsFor } from '../texts/from-option.js';
import { tinyBertConfig } from '../tiny-bert/config.js';
import { progressOn } from '../tiny-bert/progress.js';
import { writeDocuments } from './documents.js';

/** The sentences of each text: those of --data, else of written ones. */
async function documentsFor(lesson: Lesson): Promise<string[][]> {
  const { data, quick } = lesson.options;
  return data === undefined ? writeDocuments(quick ? 60 : 6000, 3) : (await textsFor(lesson)).map(sentencesOf);
}

export const example = defineExample({
  title: 'Pre-training BERT',
  about: 'Hidden words and next sentences, from random weights.',
  pictures: ['Losses on pairs held out', 'The film was [MASK].'],
  solution: {},
  async run(lesson) {
    const { options } = lesson;
    const { quick } = options;
    const documents = await documentsFor(lesson);
    const tokenizer = trainWordPiece(documents.flat(), { vocabSize: quick ? 200 : 1000, modelMaxLength: 128 });

    // Task 2: half of the pairs are neighbours, half are not.
    const pairs = nextSentencePairs(documents, { seed: 0 });
    await lesson.show('A pair', { ...pairs.at(0) });
    const { train, test } = (
      await pairs.map(({ first, second, nextSentenceLabel }) => ({
        ...tokenizer.encode(first, { pair: second, truncation: true, maxLength: 64 }),
        nextSentenceLabel,
      }))
    ).trainTestSplit({ testSize: quick ? 16 : 256, seed: 0 });

    // Task 1: 15 % of the tokens are asked for; most of them are hidden, others every time.
    lesson.seed(0);
    const hide = new DataCollatorForLanguageModeling(tokenizer, { mlmProbability: 0.15 });
    const shown = hide.collate([train.at(0)]);
    const [hidden = []] = (await shown.inputIds.toArray()) as number[][];
    const [asked = []] = (await shown.labels.toArray()) as number[][];
    const rows = train
      .at(0)
      .tokens.map((token, i) => [
        token,
        tokenizer.convertIdsToTokens(hidden[i] ?? 0),
        asked[i] === -100 ? '' : tokenizer.convertIdsToTokens(asked[i] ?? 0),
      ]);
    lesson.report.table({ title: 'What is hidden', head: ['text', 'the model reads', 'and is asked for'], rows });
    await lesson.show('The model reads', rows.map(([, read = '']) => read).join(' '));

    const model = new BertForPreTraining(tinyBertConfig(tokenizer.vocabSize, quick));
    lesson.say(`${model.numParameters().toLocaleString('en')} parameters\n`);

    // The same hidden words before and after, so that the numbers compare.
    const heldOut = hide.collate([...test]);
    const evaluate = async () => {
      model.eval();
      const numbers = noGrad(() =>
        scope(() => {
          const { inputIds, labels, nextSentenceLabel, ...inputs } = heldOut;
          const { predictionLogits, seqRelationshipLogits } = model.forward(inputIds, inputs);
          const guesses = seqRelationshipLogits.argmax(-1);
          return {
            maskedWords: F.crossEntropy(
              predictionLogits.reshape([-1, predictionLogits.size(-1)]),
              labels.reshape([-1]),
            ),
            nextSentence: F.crossEntropy(seqRelationshipLogits, nextSentenceLabel ?? labels),
            rightPairs: guesses
              .eq(nextSentenceLabel ?? guesses)
              .to('float32')
              .mean(),
          };
        }),
      );
      const read = async (value: typeof numbers.maskedWords) => (await value.item()) as number;
      return {
        maskedWords: await read(numbers.maskedWords),
        nextSentence: await read(numbers.nextSentence),
        rightPairs: await read(numbers.rightPairs),
      };
    };
    const before = await evaluate();
    await lesson.show('Before', before);

    const points: Record<'maskedWords' | 'nextSentence', [number, number][]> = {
      maskedWords: [[0, before.maskedWords]],
      nextSentence: [[0, before.nextSentence]],
    };
    const trainer = new Trainer<EncodedRow>({
      model,
      args: {
        ...(options.epochs === undefined ? { maxSteps: quick ? 1 : 1400 } : { numTrainEpochs: options.epochs }),
        perDeviceTrainBatchSize: quick ? 8 : 64,
        learningRate: 2e-3,
        warmupRatio: 0.1,
        loggingSteps: quick ? 1 : 20,
        seed: lesson.seed(0),
        disableTqdm: true,
      },
      trainDataset: train,
      dataCollator: hide,
      callbacks: [
        progressOn(lesson, 'Pre-training'),
        {
          async onStepEnd({ state }) {
            if (quick || state.globalStep % 200 !== 0) return;
            const now = await evaluate();
            model.train();
            points.maskedWords.push([state.globalStep, now.maskedWords]);
            points.nextSentence.push([state.globalStep, now.nextSentence]);
          },
        },
      ],
    });
    await trainer.train();
    const after = await evaluate();
    await lesson.show('After', after);
    check(quick || after.maskedWords < before.maskedWords, 'the loss of the hidden words falls');
    const losses = trainer.state.logHistory.filter((entry): entry is LogEntry & { loss: number } => 'loss' in entry);
    await lesson.keep(
      'losses',
      losses.map(({ loss }) => loss),
    );

    lesson.report.section('Training').lines(
      {
        title: 'Loss of training',
        note: 'The sum of both tasks.',
        xName: 'step',
        yName: 'loss',
        curves: [{ name: 'training', points: losses.map(({ step, loss }) => [step, loss]) }],
      },
      {
        title: 'Losses on pairs held out',
        note: 'Guessing which sentence is next costs ln 2 = 0.69.',
        xName: 'step',
        yName: 'loss',
        curves: [
          { name: 'masked words', points: points.maskedWords, look: 'marks' },
          { name: 'next sentence', points: points.nextSentence, look: 'marks' },
        ],
      },
    );

    // The checkpoint serves any task: here the words it puts in.
    if (lesson.folder === undefined) return;
    const folder = `${lesson.folder}/model`;
    await model.savePretrained(folder, { tokenizer });
    lesson.say(`The model is in ${folder}: npm run example fine-tuning -- --model ${folder}\n`);
    const words = await BertForMaskedLM.fromPretrained(folder, { onReport: () => undefined });
    const unmask = await pipeline('fill-mask', words, { tokenizer });
    lesson.report.section('Words it puts in');
    for (const text of ['The film was [MASK].', 'The [MASK] was funny.', 'We watched it last [MASK].'] as const) {
      const found = await unmask(text);
      await lesson.show(
        text,
        found.map(({ tokenStr, score }) => `${tokenStr}: ${score.toFixed(4)}`),
      );
      lesson.report.bars({
        title: text,
        yName: 'probability',
        names: found.map(({ tokenStr }) => tokenStr),
        bars: [{ name: 'probability', values: found.map(({ score }) => score) }],
      });
    }
  },
});
