// Fits a panel to a width: how large cells are, which labels there is room for, what tooltips say, and how high it all is. It runs inside a
// report, where it is written into the page as text, and in Node, where pictures are drawn for the docs: it uses nothing from outside its body.
import type {
  DefaultLabelFormatterCallbackParams,
  EChartsOption,
  HeatmapSeriesOption,
  LabelLayoutOptionCallback,
  ScatterSeriesOption,
} from 'echarts';
import type { Panel } from './figures.js';

/** The option of a panel with its cells, labels that fit `width` (in pixels), and tooltips; and the height that goes with it. */
export function fitPanel(
  { option, heatmap, percent = false, square = false }: Panel,
  width: number,
): { option: EChartsOption; height: number } {
  const short = (value: number): string => String(Number(value.toPrecision(4)));
  const longest = (names: readonly string[]): number => Math.max(...names.map(({ length }) => length));
  if (heatmap === undefined) {
    const tooltip = {
      ...option.tooltip,
      valueFormatter: (value: unknown) => (percent ? `${Number(value).toFixed(1)} %` : short(Number(value))),
    };
    // Names of bars lie flat where there is room, else aslant.
    const { data: bars = [], axisLabel } = option.xAxis as { data?: string[]; axisLabel?: object };
    const isAslant = bars.length > 0 && 7 * longest(bars) > (width - 88) / bars.length - 6;
    const below = isAslant ? { grid: { ...option.grid, bottom: 24 + 4 * longest(bars) } } : {};
    const xAxis =
      bars.length > 0 ? { ...option.xAxis, axisLabel: { ...axisLabel, rotate: isAslant ? 35 : 0 } } : option.xAxis;
    // Names of points lie beside them on the first side where there is neither another name nor, as far as they are known, another point.
    const { left = 0 } = option.grid as { left?: number };
    type Box = { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
    const names = new Map<string, Box>();
    const dots = new Map<string, Box>();
    const apart = (a: Box, b: Box): boolean =>
      a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
    const labelLayout: LabelLayoutOptionCallback = ({ seriesIndex, dataIndex, rect: dot, labelRect }) => {
      const name = `${seriesIndex} ${dataIndex}`;
      names.delete(name);
      dots.delete(name);
      const taken = [...names.values(), ...dots.values()];
      dots.set(name, { x: dot.x, y: dot.y, width: dot.width, height: dot.height });
      const [x, y] = [dot.x + dot.width / 2, dot.y + dot.height / 2];
      const { width: w, height: h } = labelRect;
      const sides = [
        { x: dot.x + dot.width + 4, y: y - h / 2 },
        { x: dot.x - 4 - w, y: y - h / 2 },
        { x: x - w / 2, y: dot.y - 2 - h },
        { x: x - w / 2, y: dot.y + dot.height + 2 },
      ].map((corner): Box => ({ ...corner, width: w, height: h }));
      const free = sides.find(
        (box) => box.x >= left && box.x + w <= width && taken.every((other) => apart(box, other)),
      );
      if (free === undefined) return { hideOverlap: true };
      names.set(name, free);
      return { x: free.x, y: free.y, align: 'left', verticalAlign: 'top' };
    };
    const series = (option.series as ScatterSeriesOption[]).map((each) =>
      each.type === 'scatter' ? { ...each, labelLayout } : each,
    );
    const isNamed = series.some(({ label }) => label?.show);
    const height = square ? Math.min(width, 560) : isNamed ? 440 : 320;
    return { option: { ...option, ...below, xAxis, series, tooltip } as EChartsOption, height };
  }
  const { rowName, columnName, values, texts, nameEvery = 1 } = heatmap;
  const { data: rows } = option.yAxis as { data: string[] };
  const { data: columns } = option.xAxis as { data: string[] };
  // A letter is about 7 px wide at 12 px; labels longer than 120 px end in dots.
  const left = Math.min(120, 7 * longest(rows)) + 12;
  const widest = columns.length > 30 ? 14 : columns.length > 12 ? 28 : columns.length > 6 ? 44 : 110;
  const cell = Math.max(2, Math.min(widest, (width - left - 8) / columns.length));
  const upright = 7 * longest(columns) <= cell - 6;
  const below = (upright ? 12 : Math.min(120, 7 * longest(columns))) + 14;
  const rowHeight = Math.max(Math.min(cell, 44), rows.length > 40 || nameEvery > 1 ? 2 : 12);
  const fontSize = Math.max(9, Math.min(12, cell - 2));
  const label = { fontSize, color: '#1f2937', width: 120, overflow: 'truncate' as const };
  const axis = (own: object | undefined, size: number, more: object): object => ({
    ...own,
    axisLabel: { ...label, ...more, interval: nameEvery > 1 ? nameEvery - 1 : size < 9 ? ('auto' as const) : 0 },
  });
  const cells = values.flatMap((row, y) => row.map((value, x) => [x, y, value]));
  const text = (x: number, y: number): string => texts?.[y]?.[x] ?? short(values[y]?.[x] ?? 0);
  const place = ({ value }: DefaultLabelFormatterCallbackParams): [x: number, y: number] => {
    const [x, y] = value as number[];
    return [x ?? 0, y ?? 0];
  };
  const series: HeatmapSeriesOption[] = [
    {
      ...(option.series as HeatmapSeriesOption[])[0],
      type: 'heatmap',
      data: cells,
      label: {
        show: texts !== undefined && cell >= 34,
        fontSize: 12,
        formatter: (item) => text(...place(item as DefaultLabelFormatterCallbackParams)),
      },
    },
  ];
  const tooltip = {
    ...option.tooltip,
    formatter: (item: DefaultLabelFormatterCallbackParams) => {
      const [x, y] = place(item);
      return `${rowName}: ${rows[y]}\n${columnName}: ${columns[x]}\n${text(x, y)}`;
    },
  };
  const grid = { left: 4, top: 4, right: Math.max(4, width - left - cell * columns.length), bottom: 4 };
  return {
    option: {
      ...option,
      grid: { ...option.grid, ...grid },
      xAxis: axis(option.xAxis, cell, { rotate: upright ? 0 : 90 }),
      yAxis: axis(option.yAxis, rowHeight, {}),
      series,
      tooltip,
    } as EChartsOption,
    height: rows.length * rowHeight + below,
  };
}
