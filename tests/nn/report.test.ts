// Curves of a run: as lines of characters, and as a page that shows the run while it lasts and needs nothing when it has ended.
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import * as nn from '@course/nn';
import * as optim from '@course/nn/optim';
import { LivePlot, Sparkline, sparkline } from '@course/nn/report';
import { ArgumentError, init, manualSeed, randn, type Tensor } from '@course/tensor';
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';

interface Shown {
  readonly status: string;
  readonly step: number;
  readonly maxSteps: number;
  readonly charts: readonly {
    readonly title: string;
    readonly series: readonly { readonly name: string; readonly points: readonly (readonly [number, number])[] }[];
  }[];
}

class Regression extends nn.LightningModule<Tensor> {
  readonly layer = new nn.Linear(3, 1);
  failAt = Number.POSITIVE_INFINITY;
  steps = 0;
  override trainingStep(x: Tensor): Tensor {
    const loss = this.layer.forward(x).square().mean();
    this.log('train_loss', loss, { onEpoch: true });
    return ++this.steps >= this.failAt ? loss.mul(Number.NaN) : loss;
  }
  override validationStep(x: Tensor): void {
    this.log('val_loss', this.layer.forward(x).square().mean());
  }
  override configureOptimizers(): optim.SGD {
    return new optim.SGD(this.parameters(), { lr: 0.1 });
  }
}

beforeAll(() => init({ device: 'cpu' }));

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-test-'));
  manualSeed(0);
});
afterEach(() => rm(folder, { recursive: true }));

function train(callbacks: readonly nn.TrainerCallback[], module = new Regression()): Promise<nn.TrainOutput> {
  const batches = [randn([4, 3]), randn([4, 3])];
  const trainer = new nn.Trainer({
    maxEpochs: 3,
    callbacks,
    args: { disableTqdm: true, loggingStrategy: 'steps', loggingSteps: 1 },
  });
  return trainer.fit(module, { trainDataloaders: batches, valDataloaders: batches });
}

/** The data that a page carries. */
function dataIn(page: string): { data: Shown; live: { source: string } | null } {
  const call = page.slice(page.lastIndexOf(')(echarts, ') + 1, page.lastIndexOf(';</script>'));
  return runInNewContext(`((library, data, live) => ({ data, live }))${call}`, { echarts: {} }) as ReturnType<
    typeof dataIn
  >;
}

it('draws numbers as a line', () => {
  expect(sparkline([1, 5, 3])).toBe('▁█▅');
  expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7])).toBe('▁▂▃▄▅▆▇█');
  expect(sparkline([0, 0, 7, 7], 2)).toBe('▁█');
  expect(sparkline([2, 2])).toBe('▁▁');
  expect(sparkline([0, Number.NaN, 1])).toBe('▁ █');
  expect(sparkline([])).toBe('');
  expect(() => sparkline([1], 0)).toThrow(ArgumentError);
});

it('prints the curves of a run', async () => {
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  try {
    await train([new Sparkline({ width: 6 })]);
  } finally {
    log.mockRestore();
  }
  // Six entries of the step's loss, and three of each mean.
  expect(lines.map((line) => line.split(' ')[0])).toEqual(
    [1, 2, 3].flatMap(() => ['loss', 'loss', 'val_loss', 'train_loss']),
  );
  expect(lines.at(-3)).toMatch(/^loss [▁▂▃▄▅▆▇█]{6} \d\.\d+(e-\d+)?$/);
  expect(lines.at(-3)).toContain('█');
});

it('shows a run while it lasts, and keeps it in one file', async () => {
  const file = join(folder, 'a run.html');
  const during: Shown[] = [];
  const watch: nn.TrainerCallback = {
    onEpochEnd: async () => {
      const page = dataIn(await readFile(file, 'utf8'));
      expect(page.live?.source).toBe('a run.html.live.js');
      const window = { showTraining: (data: Shown) => void during.push(data) };
      runInNewContext(await readFile(`${file}.live.js`, 'utf8'), { window });
    },
  };
  // So often that every step is written.
  await train([new LivePlot({ file, title: 'A <b>run</b>', refreshSeconds: 1e-9 }), watch]);
  expect(during.map(({ step, status }) => [step, status])).toEqual([2, 4, 6].map((step) => [step, 'running']));
  expect(await readdir(folder)).toEqual(['a run.html']);
  const page = await readFile(file, 'utf8');
  const { data, live } = dataIn(page);
  expect([data.status, data.step, data.maxSteps, live]).toEqual(['finished', 6, 6, null]);
  expect(
    data.charts.map(({ title, series }) => [title, series.map(({ name, points }) => [name, points.length])]),
  ).toEqual([
    [
      'loss',
      [
        ['loss', 6],
        ['val_loss', 3],
        ['train_loss', 3],
      ],
    ],
    ['learningRate', [['learningRate', 6]]],
  ]);
  // Of the page's own text: the library in it is long.
  const own = `${page.slice(0, page.indexOf('<script>'))}${page.slice(page.lastIndexOf('</script>'))}`;
  expect(own).toContain("default-src 'none'");
  expect(own).toContain('<title>A &lt;b&gt;run&lt;/b&gt;</title>');
  expect(own).not.toMatch(/(src|href)=/);
});

it('keeps what there was of a run that fails', async () => {
  const file = join(folder, 'run.html');
  const module = new Regression();
  module.failAt = 4;
  await expect(train([new LivePlot({ file })], module)).rejects.toThrow(nn.NonFiniteLossError);
  const { data } = dataIn(await readFile(file, 'utf8'));
  expect(data.status).toMatch(/^training stopped at step 4: the loss is NaN/);
  expect(data.step).toBe(3);
  expect(existsSync(`${file}.live.js`)).toBe(false);
  expect(() => new LivePlot({ file, refreshSeconds: 0 })).toThrow(ArgumentError);
});
