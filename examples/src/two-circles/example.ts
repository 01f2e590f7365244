// Two circles that no straight line divides: by a new feature, by a rule made by hand, and by a network that learns such a rule.
import * as nn from '@course/nn';
import * as optim from '@course/nn/optim';
import { cat, linspace, meshgrid, noGrad, ones, rand, randn, scope, stack, type Tensor, zeros } from '@course/tensor';
import { check } from '../course/gap.js';
import { defineExample, type Lesson } from '../course/lesson.js';
import * as solution from './solution.js';

/** Points around circles of radius 0.3 (class 0) and 1 (class 1), with some noise. */
function circles(count: number): { points: Tensor; labels: Tensor } {
  const angle = rand([2 * count]).mul(2 * Math.PI);
  const radius = cat([ones([count]).mul(0.3), ones([count])]).add(randn([2 * count]).mul(0.06));
  const points = stack([angle.cos().mul(radius), angle.sin().mul(radius)], 1);
  return { points, labels: cat([zeros([count]), ones([count])]) };
}

const accuracy = async (isOuter: Tensor, labels: Tensor): Promise<number> =>
  isOuter.to('float32').eq(labels).to('float32').mean().item();

/** Trains a classifier of probabilities [points, 1]; gives the loss now and then. */
async function train(
  lesson: Lesson,
  what: string,
  model: nn.Module & { forward(x: Tensor): Tensor },
  x: Tensor,
  labels: Tensor,
  steps: number,
) {
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.03 });
  const lossFunction = new nn.BCELoss();
  const losses: [number, number][] = [];
  const bar = lesson.bar(what, steps);
  for (let step = 1; step <= steps; step++) {
    const loss = scope(() => {
      const mean = lossFunction.forward(model.forward(x).squeeze(1), labels);
      mean.backward();
      optimizer.step();
      optimizer.zeroGrad();
      return mean.detach();
    });
    if (step % 10 === 0) {
      losses.push([step, await loss.item()]);
      bar.advance(10);
    }
    loss.dispose();
  }
  bar.stop();
  return losses;
}

export const example = defineExample({
  title: 'Two circles: why networks need nonlinearity',
  about: 'The same points, told apart in three ways; and a linear model that cannot.',
  pictures: ['The points', 'Where the network says class 1'],
  solution,
  async run(lesson, { handmadeRule, network, withSquaredDistance }) {
    lesson.seed(2);
    const steps = lesson.options.quick ? 300 : 1000 * (lesson.options.epochs ?? 1);
    const { points, labels } = circles(200);

    // A straight line is no better than a guess; with x1² + x2² beside the features it is perfect.
    const linear = (features: number) => new nn.Sequential(new nn.Linear(features, 1), new nn.Sigmoid());
    const [flat, curved] = [linear(2), linear(3)];
    await train(lesson, 'linear model', flat, points, labels, steps);
    await train(lesson, 'linear model with x1² + x2²', curved, withSquaredDistance(points), labels, steps);
    const isOuter = (model: nn.Sequential, x: Tensor): Tensor => noGrad(() => model.forward(x).squeeze(1)).gt(0.5);
    const byLine = await accuracy(isOuter(flat, points), labels);
    const byFeature = await accuracy(isOuter(curved, withSquaredDistance(points)), labels);
    await lesson.show('Accuracy of the linear model', byLine);
    await lesson.show('Accuracy with the feature x1² + x2²', byFeature);

    const byHand = await accuracy(handmadeRule(points, 0.75).gt(0), labels);
    await lesson.show('Accuracy of the rule made by hand', byHand);

    const net = network();
    lesson.say(`${net}\n`);
    await lesson.show('Its parameters', net.numParameters());
    check(net.numParameters() === 17, 'the network must have 17 parameters');
    const losses = await train(lesson, 'network', net, points, labels, steps);
    const byNetwork = await accuracy(isOuter(net, points), labels);
    await lesson.show('Accuracy of the network', byNetwork);

    // The sigmoid is the softmax of (-z, z), as the note in the notebook says, at half the argument.
    const z = linspace(-3, 3, 7);
    const pair = stack([z.div(2).neg(), z.div(2)], 1)
      .softmax(-1)
      .select(1, 1);
    check(((await pair.sub(z.sigmoid()).abs().max().item()) as number) < 1e-6, 'sigmoid(z) must be softmax(-z/2, z/2)');

    const groups = [0, 1].map((label) => ({
      name: label === 0 ? 'inner circle' : 'outer circle',
      points: [] as [number, number][],
    }));
    const [xy, is] = [(await points.toArray()) as [number, number][], await labels.data()];
    for (const [i, point] of xy.entries()) groups[is[i] ?? 0]?.points.push(point);
    lesson.report.scatter({
      title: 'The points',
      note: 'No straight line divides them.',
      xName: 'x1',
      yName: 'x2',
      groups,
      square: true,
    });

    // The probability of class 1 over the plane: where it passes a half is the decision boundary.
    const axis = linspace(-1.3, 1.3, 40);
    const [rows, columns] = meshgrid([axis, axis], { indexing: 'ij' });
    if (!rows || !columns) return;
    const plane = stack([columns.reshape([-1]), rows.reshape([-1])], 1);
    const names = ((await axis.toArray()) as number[]).map((value) => value.toFixed(2));
    const map = async (title: string, note: string, probability: Tensor) => {
      const values = (await probability.view([40, 40]).flip([0]).toArray()) as number[][];
      lesson.report.heatmap({
        title,
        note,
        rowName: 'x2',
        columnName: 'x1',
        rows: [...names].reverse(),
        columns: names,
        nameEvery: 3,
        values,
        max: 1,
      });
    };
    await map(
      'Where the rule made by hand says class 1',
      'A square that stands on its corner.',
      handmadeRule(plane, 0.75).gt(0).to('float32'),
    );
    await map(
      'Where the network says class 1',
      'Four straight edges, one a hidden unit: it has found such a rule by itself.',
      noGrad(() => net.forward(plane)).squeeze(1),
    );
    lesson.report.lines({
      title: 'Loss of the network',
      xName: 'step',
      yName: 'binary cross-entropy',
      curves: [{ name: 'training', points: losses }],
    });
  },
});
