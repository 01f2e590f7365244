// What a run ends with: the object that --json prints, and the sentences judged by default.
import type { BertTokenizer } from '@course/data';
import type { TextClassifier } from '@course/models';
import type { DeviceKind } from '@course/tensor';
import { probes } from './reviews.js';
import type { Judgement } from './tables.js';

/** The line of JSON. What a run did not do is null, or a count of 0. */
export interface Result {
  readonly device: DeviceKind;
  readonly threads: number;
  readonly trainSize: number;
  readonly testSize: number;
  readonly epochs: number;
  readonly steps: number;
  /** Time spent in training steps. */
  readonly trainSeconds: number;
  /** Tokens learned from in a second, padding left out. */
  readonly tokensPerSecond: number | null;
  /** Share of the test texts judged right. */
  readonly accuracy: number | null;
  /** Mean loss of the last steps of training. */
  readonly finalLoss: number | null;
  readonly predictions: readonly Judgement[];
  /** Absolute path of the folder that the model was saved in. */
  readonly out: string | null;
  /** Absolute path of the report. */
  readonly report: string | null;
}

/** Judges sentences; without any, those that come with the synthetic reviews. */
export async function judge(
  model: TextClassifier,
  tokenizer: BertTokenizer,
  sentences: readonly string[] = probes.map(({ text }) => text),
): Promise<Judgement[]> {
  const judged = await model.classify(tokenizer, sentences);
  return judged.map(({ label, score }, i) => ({ text: sentences[i] ?? '', label, score }));
}
