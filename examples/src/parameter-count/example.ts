// How many numbers a network learns: Linear(m, n) has (m + 1) n of them, the bias included.
import * as nn from '@course/nn';
import { check } from '../course/gap.js';
import { defineExample } from '../course/lesson.js';

export const example = defineExample({
  title: 'Counting parameters',
  about: 'The network of lesson 3 for 100 features and 5 classes.',
  pictures: ['Parameters by layer'],
  solution: {},
  async run(lesson) {
    const model = new nn.Sequential(
      new nn.Linear(100, 200),
      new nn.ReLU(),
      new nn.Linear(200, 400),
      new nn.ReLU(),
      new nn.Linear(400, 400),
      new nn.ReLU(),
      new nn.Linear(400, 5),
      new nn.Softmax(-1),
    );
    lesson.say(`${model}\n`);
    const rows = [...model.namedChildren()].map(([name, layer]) => [
      name,
      String(layer),
      String(layer.numParameters()),
    ]);
    const total = model.numParameters();
    await lesson.show('Trainable parameters', total);
    check(total === 101 * 200 + 201 * 400 + 401 * 400 + 401 * 5, 'the formula and the network must agree');
    await lesson.show('A linear model of the same features', new nn.Linear(100, 1).numParameters());
    lesson.report.table({
      title: 'The network',
      head: ['', 'layer', 'parameters'],
      rows: [...rows, ['', 'all', String(total)]],
      numbers: [2],
    });
    const layers = [...model.children()].filter((layer) => layer instanceof nn.Linear);
    lesson.report.bars({
      title: 'Parameters by layer',
      note: 'Three in five stand in the one layer that is wide on both sides; activations have none.',
      yName: 'parameters',
      names: layers.map(({ inFeatures, outFeatures }) => `Linear(${inFeatures}, ${outFeatures})`),
      bars: [{ name: 'weights and biases', values: layers.map((layer) => layer.numParameters()) }],
    });
  },
});
