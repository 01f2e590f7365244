// Figures of a report as one small SVG picture, for the docs: ECharts draws each panel without a browser, the panels stand in a grid under
// their titles, and svgo rounds and joins what the file can do without. The same data gives the same bytes.
import { ArgumentError } from '@course/tensor';
import * as echarts from 'echarts';
import { type Config, optimize } from 'svgo';
import type { Panel } from './figures.js';
import { fitPanel } from './fit.js';
import type { Report } from './report.js';

/** What is drawn of a figure. */
export interface Chosen {
  /** Its title, or what it begins with. */
  readonly figure: string;
  /** A value of each choice of a gallery, by number; -1 is the last. Default: the first of each. */
  readonly choice?: readonly number[];
  /** How many of its panels. Default: all. */
  readonly panels?: number;
  /** It has the whole width. */
  readonly isWide?: boolean;
}

// Without a browser nobody measures text: a letter of a wide font, so that none runs into its neighbour.
echarts.setPlatformAPI({
  measureText: (text, font = '') => ({ width: text.length * 0.6 * (Number(/([\d.]+)px/.exec(font)?.[1]) || 12) }),
});

const pageWidth = 860;
const margin = 16;
const gap = 24;
const titleHeight = 26;

/** A panel drawn: its elements, and the room that they take. */
interface Drawn {
  readonly title: string;
  /** What is said below the title: what was chosen, what rows and columns are. */
  readonly lines: readonly string[];
  readonly elements: string;
  /** What it may be wide, and what it is. */
  readonly column: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Figures of a report as an SVG file, two panels beside each other.
 *
 * @throws ArgumentError where the report has no figure of that title.
 */
export function pictureOf(report: Report, chosen: readonly (string | Chosen)[]): string {
  const rows: Drawn[][] = [];
  const all = chosen.flatMap((each) => panelsOf(report, typeof each === 'string' ? { figure: each } : each));
  for (let i = 0; i < all.length; ) {
    const [first, second] = all.slice(i, i + 2);
    if (first === undefined) break;
    const isAlone = first.isWide || second === undefined || second.isWide;
    const width = isAlone ? pageWidth - 2 * margin : (pageWidth - 2 * margin - gap) / 2;
    const row = isAlone ? [first] : [first, second];
    rows.push(row.map(({ panel, title, lines }) => draw(panel, title, lines, width)));
    i += row.length;
  }

  const parts: string[] = [];
  let y = margin;
  for (const row of rows) {
    let x = margin;
    const head = titleHeight + 18 * Math.max(...row.map(({ lines }) => lines.length));
    for (const { title, lines, elements, column, width, height } of row) {
      parts.push(
        `<text x="${x}" y="${y + 14}" font-size="14" font-weight="600" fill="#1f2937">${escapeXml(title)}</text>`,
        ...lines.map(
          (line, i) => `<text x="${x}" y="${y + 32 + 18 * i}" font-size="12" fill="#526070">${escapeXml(line)}</text>`,
        ),
        `<svg x="${x}" y="${y + head}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${elements}</svg>`,
      );
      x += column + gap;
    }
    y += head + Math.max(...row.map(({ height }) => height)) + gap;
  }
  const height = y - gap + margin;
  const whole =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${pageWidth} ${height}" width="${pageWidth}" height="${height}" ` +
    `font-family="system-ui, sans-serif"><rect width="100%" height="100%" fill="#fff"/>${parts.join('')}</svg>`;
  // Paths of one look that touch are joined too: here they never cover each other with different looks.
  const plugins: Config['plugins'] = [
    { name: 'preset-default', params: { overrides: { mergePaths: { force: true } } } },
  ];
  return `${optimize(whole, { multipass: true, floatPrecision: 1, plugins }).data}\n`;
}

/** The panels that are chosen of a figure. */
function panelsOf(report: Report, { figure: name, choice = [], panels: most, isWide = false }: Chosen) {
  const { title, choices, panels } = report.figure(name);
  const numbers = choices.map(({ values }, i) => ((choice[i] ?? 0) + values.length) % values.length);
  const place = choices.reduce((before, { values }, i) => before * values.length + (numbers[i] ?? 0), 0);
  const chosen = (panels[place] ?? []).slice(0, most);
  if (chosen.length === 0) throw new ArgumentError(`the figure '${title}' has no panels for the choice ${choice}`);
  // What a reader of the page chooses is said below the title.
  const lines =
    choices.length === 0
      ? []
      : [choices.map(({ name, values }, i) => `${name}: ${values[numbers[i] ?? 0]}`).join(', ')];
  return chosen.map((panel) => ({ panel, isWide, title: panel.title ?? title, lines }));
}

function draw(panel: Panel, title: string, above: readonly string[], column: number): Drawn {
  const { option, height } = fitPanel(coarse(panel), column);
  const width = panel.square ? Math.min(column, height + 24) : column;
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption(option);
    const elements = chart
      .renderToSVGString()
      .replace(/^<svg[^>]*>|<\/svg>\s*$/g, '')
      // Rules for pointers that nobody has on a picture, and the names of their classes.
      .replace(/<style[^>]*>.*?<\/style>/gs, '')
      .replace(/ (?:class|pointer-events)="[^"]*"/g, '')
      // The whole picture has this font.
      .replace(/font-family:[^;"]*;?/g, '');
    const { heatmap } = panel;
    const axes = heatmap === undefined ? [] : [`rows: ${heatmap.rowName}, columns: ${heatmap.columnName}`];
    return { title, lines: [...above, ...axes], elements, column, width, height };
  } finally {
    chart.dispose();
  }
}

/** Of many small cells, neighbours of nearly the same value get the same colour, and then are one path. */
function coarse(panel: Panel): Panel {
  const { heatmap } = panel;
  const all = heatmap?.values.flat() ?? [];
  if (heatmap === undefined || all.length < 500) return panel;
  const step = (Math.max(...all) - Math.min(...all)) / 16 || 1;
  return {
    ...panel,
    heatmap: { ...heatmap, values: heatmap.values.map((row) => row.map((value) => step * Math.round(value / step))) },
  };
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
