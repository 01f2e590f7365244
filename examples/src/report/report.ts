// Reports of runs: a page of sections with text, tables and charts, written as one file. A report is put together from data;
// how it looks is decided here for all of them.
import { ArgumentError } from '@course/tensor';
import { writeText } from '@course/tensor/files';
import {
  type BarChart,
  barPanel,
  type Figure,
  type Heatmap,
  type HeatmapGallery,
  heatmapPanel,
  type LineChart,
  linePanel,
  type Panel,
  type ScatterChart,
  scatterPanel,
} from './figures.js';
import { escapeHtml, page } from './page.js';

export type { BarChart, Choice, Curve, Heatmap, HeatmapGallery, LineChart, ScatterChart } from './figures.js';

/** A table; columns of numbers are right-aligned. */
export interface ReportTable {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** The columns, from 0, that hold numbers. */
  readonly numbers?: readonly number[];
}

/**
 * A report that is added to from top to bottom.
 *
 * @example
 * const report = new Report('A run', 'What it did.');
 * report.section('Training').lines({ title: 'Loss', xName: 'step', yName: 'loss', curves: [{ name: 'training', points }] });
 * await report.write('report.html');
 */
export class Report {
  readonly #title: string;
  readonly #body: string[];
  readonly #figures: (Figure & { readonly title: string })[] = [];

  constructor(title: string, subtitle: string) {
    this.#title = title;
    this.#body = [`<h1>${escapeHtml(title)}</h1>`, `<p class="quiet">${escapeHtml(subtitle)}</p>`];
  }

  /** What there is to know at a glance: names and values, side by side. */
  facts(facts: Readonly<Record<string, string>>): this {
    const items = Object.entries(facts).map(
      ([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`,
    );
    return this.#add(`<dl class="facts">${items.join('')}</dl>`);
  }

  /** Begins a section. */
  section(title: string): this {
    return this.#add(`<h2>${escapeHtml(title)}</h2>`);
  }

  /** A paragraph. */
  text(text: string): this {
    return this.#add(`<p>${escapeHtml(text)}</p>`);
  }

  table({ title, head, rows, numbers = [] }: ReportTable): this {
    const row = (tag: 'th' | 'td', cells: readonly string[]): string => {
      const className = (i: number): string => (numbers.includes(i) ? ' class="number"' : '');
      return `<tr>${cells.map((cell, i) => `<${tag}${className(i)}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
    };
    return this.#add(
      `<div class="table"><table><caption>${escapeHtml(title)}</caption><thead>${row('th', head)}</thead>` +
        `<tbody>${rows.map((cells) => row('td', cells)).join('')}</tbody></table></div>`,
    );
  }

  /** Line charts, two beside each other where there is room. */
  lines(...charts: readonly LineChart[]): this {
    const figures = charts.map((chart) => this.#figure(chart, { choices: [], panels: [[linePanel(chart)]] }));
    return this.#add(`<div class="pair">${figures.join('')}</div>`);
  }

  /** Points in a plane, two charts beside each other where there is room. */
  scatter(...charts: readonly ScatterChart[]): this {
    const figures = charts.map((chart) => this.#figure(chart, { choices: [], panels: [[scatterPanel(chart)]] }));
    return this.#add(`<div class="pair">${figures.join('')}</div>`);
  }

  bars(chart: BarChart): this {
    return this.#add(this.#figure(chart, { choices: [], panels: [[barPanel(chart)]] }));
  }

  heatmap(heatmap: Heatmap & { readonly note?: string }): this {
    return this.#add(this.#figure(heatmap, { choices: [], panels: [[heatmapPanel(heatmap)]] }));
  }

  /** Heatmaps of which the reader chooses those to see. */
  gallery(gallery: HeatmapGallery): this {
    const panels = gallery.panels.map((heatmaps) => heatmaps.map((heatmap) => heatmapPanel(heatmap, heatmap.title)));
    return this.#add(this.#figure(gallery, { choices: gallery.choices, panels }));
  }

  /**
   * The figure that has a title, or a title that begins so.
   *
   * @throws ArgumentError where there is none.
   */
  figure(title: string): Figure & { readonly title: string } {
    const found = this.#figures.find((figure) => figure.title.startsWith(title));
    if (found) return found;
    const titles = this.#figures.map((figure) => `'${figure.title}'`).join(', ');
    throw new ArgumentError(`the report has no figure '${title}'; it has ${titles || 'none'}`);
  }

  /** The page: HTML that needs nothing else. */
  toHtml(): Promise<string> {
    return page(this.#title, this.#body.join('\n'), this.#figures);
  }

  /**
   * Writes the page into a file, whole or not at all.
   *
   * @throws CourseError when the file cannot be written.
   */
  async write(file: string): Promise<void> {
    await writeText(file, await this.toHtml());
  }

  #figure({ title, note }: { readonly title: string; readonly note?: string }, figure: Figure): string {
    const choices = figure.choices.map(({ name, values }) => {
      const options = values.map((value) => `<option>${escapeHtml(value)}</option>`);
      return `<label>${escapeHtml(name)} <select autocomplete="off">${options.join('')}</select></label>`;
    });
    const map = figure.panels.flat().find(({ heatmap }) => heatmap !== undefined)?.heatmap;
    const parts = [
      `<figcaption><h3>${escapeHtml(title)}</h3>${note === undefined ? '' : `<p>${escapeHtml(note)}</p>`}</figcaption>`,
      choices.length > 0 ? `<div class="choices">${choices.join('')}</div>` : '',
      map ? scale(map) : '',
      '<div class="panels"></div>',
    ];
    return `<figure data-figure="${this.#figures.push({ ...figure, title }) - 1}">${parts.join('')}</figure>`;
  }

  #add(html: string): this {
    this.#body.push(html);
    return this;
  }
}

/** What the colours and the axes of a heatmap stand for. */
function scale({ rowName, columnName, isSigned }: NonNullable<Panel['heatmap']>): string {
  const bar = isSigned ? 'below 0<i class="signed"></i>above 0' : 'less<i></i>more';
  return `<div class="scale">${bar}<span>rows: ${escapeHtml(rowName)}, columns: ${escapeHtml(columnName)}</span></div>`;
}
