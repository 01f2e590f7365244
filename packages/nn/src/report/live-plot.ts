/**
 * A page that shows a training run while it runs, and stays as a file. While it runs, the page asks again and again for a small script
 * beside it, which works from a disk without a server; at the end the page is written anew with its data inside, and needs nothing else.
 */
import { ArgumentError } from '@course/tensor';
import { removeFolder, writeText } from '@course/tensor/files';
import { readCharts } from '#platform';
import type { TrainerCallback, TrainerHandle } from '../training/callbacks.js';
import { type LiveData, livePage } from './page.js';
import { chartsOf } from './series.js';

/** Options of {@link LivePlot}. */
export interface LivePlotOptions {
  /** The page, `.html`. Its data lie beside it, with `.live.js` behind the name, until the run ends. */
  readonly file: string;
  /** Default `Training`. */
  readonly title?: string;
  /** How often the data are written and the page looks for them, in seconds. Default 2. */
  readonly refreshSeconds?: number;
}

/**
 * Draws what a Trainer logs into an HTML page, with [Apache ECharts](https://echarts.apache.org): curves of losses, metrics, rates. The
 * package `echarts` has to be installed. A run that is resumed goes on with its curves.
 *
 * @throws ArgumentError where `echarts` is not installed, and in a browser.
 * @example
 * const trainer = new Trainer({ model: classifier, tokenizer, trainDataset, callbacks: [new LivePlot({ file: 'run.html' })] });
 */
export class LivePlot implements TrainerCallback {
  readonly file: string;
  readonly #title: string;
  readonly #refreshSeconds: number;
  #written = Number.NEGATIVE_INFINITY;

  constructor({ file, title = 'Training', refreshSeconds = 2 }: LivePlotOptions) {
    if (!(refreshSeconds > 0))
      throw new ArgumentError(`LivePlot: refreshSeconds must be above 0, got ${refreshSeconds}`);
    [this.file, this.#title, this.#refreshSeconds] = [file, title, refreshSeconds];
  }

  /** Writes the page. */
  async onTrainBegin(trainer: TrainerHandle): Promise<void> {
    // Before the page, which looks for them at once.
    await this.#writeData(trainer);
    const source = this.#data.split('/').at(-1) ?? this.#data;
    const options = { source, refreshSeconds: this.#refreshSeconds };
    await writeText(this.file, livePage(await readCharts(), dataOf(this.#title, trainer, 'running'), options));
  }

  /** Writes the data, if they are old. */
  async onStepEnd(trainer: TrainerHandle): Promise<void> {
    if (performance.now() - this.#written >= this.#refreshSeconds * 1000) await this.#writeData(trainer);
  }

  /** Writes the page that stays. */
  async onTrainEnd(trainer: TrainerHandle): Promise<void> {
    await this.#finish(trainer, 'finished');
  }

  /** Writes the page that stays, with what happened. */
  async onException(trainer: TrainerHandle, error: unknown): Promise<void> {
    await this.#finish(trainer, error instanceof Error ? error.message : String(error));
  }

  get #data(): string {
    return `${this.file}.live.js`;
  }

  async #writeData(trainer: TrainerHandle): Promise<void> {
    this.#written = performance.now();
    const data = JSON.stringify(dataOf(this.#title, trainer, 'running'));
    await writeText(this.#data, `window.showTraining(${data});\n`);
  }

  async #finish(trainer: TrainerHandle, status: string): Promise<void> {
    await writeText(this.file, livePage(await readCharts(), dataOf(this.#title, trainer, status), null));
    // A page that is open meets its absence, and loads itself anew.
    await removeFolder(this.#data);
  }
}

function dataOf(title: string, { state }: TrainerHandle, status: string): LiveData {
  const { globalStep, maxSteps, epoch, numTrainEpochs, logHistory } = state;
  return { title, status, step: globalStep, maxSteps, epoch, epochs: numTrainEpochs, charts: chartsOf(logHistory) };
}
