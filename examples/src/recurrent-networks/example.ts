// Recurrent networks: the recurrence by hand, how little of a distant input reaches the end, and a task that needs to remember one, with a
// plain RNN, an LSTM and a GRU.
import * as nn from '@course/nn';
import * as F from '@course/nn/functional';
import * as optim from '@course/nn/optim';
import { cat, grad, noGrad, randint, randn, scope, type Tensor } from '@course/tensor';
import { check } from '../course/gap.js';
import { learn } from '../course/learn.js';
import { defineExample } from '../course/lesson.js';
import * as solution from './solution.js';

const kinds = ['RNN', 'LSTM', 'LSTM, gate open', 'GRU'] as const;
type Kind = (typeof kinds)[number];

/** A recurrent layer by its name; its outputs [batch, time, hidden] alone. */
function layer(kind: Kind, width: number, hidden: number): nn.Module & { forward(x: Tensor): [Tensor, ...unknown[]] } {
  if (kind === 'RNN') return new nn.RNN(width, hidden, { batchFirst: true });
  if (kind === 'GRU') return new nn.GRU(width, hidden, { batchFirst: true });
  const lstm = new nn.LSTM(width, hidden, { batchFirst: true });
  // A forget gate near a half forgets as fast as an RNN. Begun near 1, the cell keeps what it has (Jozefowicz et al. 2015). The gates
  // stand in the order input, forget, cell, output.
  if (kind === 'LSTM, gate open')
    noGrad(() => void lstm.stateDict().get('bias_ih_l0')?.narrow(0, hidden, hidden).fill_(3));
  return lstm;
}

/** Reads symbols [batch, time] and says, at the end, what the first one was: logits [batch, symbols]. */
class Rememberer extends nn.Module {
  readonly embedding: nn.Embedding;
  readonly recurrent;
  readonly head: nn.Linear;

  constructor(kind: Kind, symbols: number, hidden: number) {
    super();
    this.embedding = new nn.Embedding(symbols, 8);
    this.recurrent = layer(kind, 8, hidden);
    this.head = new nn.Linear(hidden, symbols);
  }

  forward(ids: Tensor): Tensor {
    const [outputs] = this.recurrent.forward(this.embedding.forward(ids));
    return this.head.forward(outputs.select(1, -1));
  }
}

export const example = defineExample({
  title: 'Recurrent networks',
  about: 'A state goes from word to word. In principle it remembers for ever; in practice the gradient says otherwise.',
  pictures: ['What reaches the end', 'Remembering a symbol'],
  solution,
  async run(lesson, { recurrence }) {
    lesson.seed(8);
    const { quick, epochs = 1 } = lesson.options;

    // The lecture's formula has one matrix for [x; h]; nn.RNN has one for each, side by side they are the same.
    const rnn = new nn.RNN(3, 4);
    const x = randn([5, 3]);
    const weights = rnn.stateDict();
    const of = (name: string): Tensor => weights.get(name) ?? randn([0]);
    const W = cat([of('weight_ih_l0'), of('weight_hh_l0')], 1);
    const byHand = recurrence(x, W, of('bias_ih_l0').add(of('bias_hh_l0')));
    const [states] = rnn.forward(x);
    await lesson.show('States by hand', byHand);
    await lesson.show('States of nn.RNN', states);
    const difference = (await byHand.sub(states).abs().max().item()) as number;
    // tanh of sums of eight products, summed in another order, five times one upon the other.
    check(difference < 1e-5, `both must be the same, they differ by ${difference}`);

    // How much the last output moves with the input so many steps before.
    const [time, width, hidden] = quick ? [20, 8, 16] : [40, 8, 32];
    const vanishing: { name: string; points: [number, number][] }[] = [];
    const reach: Record<string, number> = {};
    for (const kind of kinds) {
      const inputs = randn([8, time, width], { requiresGrad: true });
      const [outputs] = layer(kind, width, hidden).forward(inputs);
      const [gradient] = grad(outputs.select(1, -1).square().sum(), [inputs]);
      const sizes = (await gradient.norm(-1).mean(0).toArray()) as number[];
      const last = sizes.at(-1) ?? 1;
      vanishing.push({
        name: kind,
        points: sizes.map((size, t): [number, number] => [time - 1 - t, Math.log10(Math.max(size / last, 1e-12))]),
      });
      reach[kind] = (sizes[time - 11] ?? 0) / last;
    }
    await lesson.show('What is left of the gradient after ten steps', reach);

    // A task of memory: the first symbol counts, all others are noise.
    const symbols = 4;
    const length = quick ? 5 : 24;
    const batch = (): Tensor => randint(0, symbols, [quick ? 32 : 64, length], { dtype: 'int32' });
    const curves: { name: string; points: (readonly [number, number])[] }[] = [];
    const right: Record<string, number> = {};
    for (const kind of kinds) {
      // Quickly: only the one that finds the answer first needs its time.
      const steps = quick ? (kind === 'LSTM, gate open' ? 36 : 10) : 400 * epochs;
      const model = new Rememberer(kind, symbols, quick ? 16 : 32);
      const loss = (): Tensor => {
        const ids = batch();
        return F.crossEntropy(model.forward(ids), ids.select(1, 0));
      };
      const optimizer = new optim.Adam(model.parameters(), { lr: quick ? 2e-2 : 1e-2 });
      curves.push({ name: kind, points: await learn(lesson, { what: kind, steps, optimizer, loss, maxGradNorm: 1 }) });
      model.eval();
      const share = scope(() =>
        noGrad(() => {
          const ids = randint(0, symbols, [256, length], { dtype: 'int32' });
          return model.forward(ids).argmax(-1).eq(ids.select(1, 0)).to('float32').mean();
        }),
      );
      right[kind] = await share.item();
    }
    await lesson.show(`First symbols remembered over ${length} steps (a guess: ${1 / symbols})`, right);
    await lesson.keep('remembered', right);

    lesson.report.lines(
      {
        title: 'What reaches the end',
        note: 'The size of the derivative of the last output by an input, as a power of ten, relative to the last input. Untrained networks.',
        xName: 'steps back',
        yName: 'power of ten',
        curves: vanishing,
      },
      {
        title: `Remembering a symbol for ${length} steps`,
        note: 'A loss falls once the gradient of the first symbol is found among the noise. Gates are no cure by themselves: those of an LSTM have to begin open.',
        xName: 'step',
        yName: 'cross-entropy',
        curves,
      },
    );
  },
});
