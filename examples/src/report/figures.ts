// What a report can draw, in terms of data, and how ECharts is told to draw it. Options are plain JSON: they travel inside the
// page, and whatever ECharts wants a function for (what a tooltip says) is added by the page's own script.
import type { EChartsOption } from 'echarts';

/** Curves over a common x axis. */
export interface LineChart {
  readonly title: string;
  /** A sentence or two below the title: what is to be seen. */
  readonly note?: string;
  readonly xName: string;
  readonly yName: string;
  /** Values are shares: shown as percentages between 0 and 100. */
  readonly percent?: boolean;
  readonly curves: readonly Curve[];
}

/** One curve. */
export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** `line` is drawn strong, `faint` lies in the background, `marks` has a dot at every point, `dashed` is to compare with. `line` by default. */
  readonly look?: 'line' | 'faint' | 'marks' | 'dashed';
}

/** A matrix as coloured cells. */
export interface Heatmap {
  readonly title: string;
  /** What the rows and columns are, as the line above the cells and tooltips say it. */
  readonly rowName: string;
  readonly columnName: string;
  /** Names of rows and columns; the same name may occur twice. */
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** [rows][columns], which decide the colours. */
  readonly values: readonly (readonly number[])[];
  /** [rows][columns], written into the cells and into tooltips in place of the values. */
  readonly texts?: readonly (readonly string[])[];
  /** Every how many-th row and column is named beside the cells. Default: each. */
  readonly nameEvery?: number;
  /** The value of the lightest colour. Default 0; below it, colours run from orange over white to blue. */
  readonly min?: number;
  /** The value of the darkest colour. By default the largest value. */
  readonly max?: number;
}

/** Points in a plane, by group. */
export interface ScatterChart {
  readonly title: string;
  readonly note?: string;
  readonly xName: string;
  readonly yName: string;
  readonly groups: readonly {
    readonly name: string;
    readonly points: readonly (readonly [x: number, y: number])[];
    /** A word for each point, written beside it. */
    readonly labels?: readonly string[];
    readonly look?: 'dots' | 'background';
  }[];
  /** Both axes have the same scale. */
  readonly square?: boolean;
}

/** Bars, a group of them for each name. */
export interface BarChart {
  readonly title: string;
  readonly note?: string;
  readonly yName: string;
  readonly names: readonly string[];
  readonly bars: readonly { readonly name: string; readonly values: readonly number[] }[];
}

/** What a reader chooses from above a gallery. */
export interface Choice {
  readonly name: string;
  readonly values: readonly string[];
}

/** Heatmaps side by side, those of what the reader has chosen. */
export interface HeatmapGallery {
  readonly title: string;
  readonly note?: string;
  readonly choices: readonly Choice[];
  /** The heatmaps of each combination, the last choice running fastest. */
  readonly panels: readonly (readonly Heatmap[])[];
}

/** A chart as the page's script takes it. */
export interface Panel {
  readonly title?: string;
  readonly option: EChartsOption;
  readonly percent?: boolean;
  /** As high as it is wide. */
  readonly square?: boolean;
  readonly heatmap?: Pick<Heatmap, 'rowName' | 'columnName' | 'values' | 'texts' | 'nameEvery'> & {
    /** Colours run from negative over zero to positive. */
    readonly isSigned: boolean;
  };
}

/** A figure as the page's script takes it: `panels` as in a gallery. */
export interface Figure {
  readonly choices: readonly Choice[];
  readonly panels: readonly (readonly Panel[])[];
}

/** From negative over zero to positive. */
export const bothWays = ['#b45309', '#fbbf24', '#ffffff', '#93c5fd', '#1d4ed8'] as const;

/** From least to most, light to dark; ends in ink that white text can be read on. */
export const shades = ['#f6f9fd', '#c6dbef', '#6baed6', '#2171b5', '#08306b'] as const;

const ink = '#1f2937';
const quiet = '#64748b';
const colours = ['#2563eb', '#d97706', '#059669', '#9333ea', '#dc2626', '#0891b2'];
const textStyle = { fontFamily: 'system-ui, sans-serif', fontSize: 12, color: ink };

/** The option of a line chart. */
export function linePanel({ xName, yName, percent = false, curves }: LineChart): Panel {
  const scale = percent ? 100 : 1;
  let strong = 0;
  const series = curves.map(({ name, points, look = 'line' }) => {
    const color = look === 'faint' ? '#c7d2e5' : (colours[strong++ % colours.length] ?? ink);
    return {
      type: 'line' as const,
      name,
      data: points.map(([x, y]) => [x, y * scale]),
      // Thousands of points on hundreds of pixels: the shape is kept.
      sampling: 'lttb' as const,
      showSymbol: look === 'marks' || points.length === 1,
      symbol: 'circle',
      symbolSize: 7,
      lineStyle: {
        width: look === 'faint' ? 1 : 2,
        color,
        type: look === 'dashed' ? ('dashed' as const) : ('solid' as const),
      },
      itemStyle: { color },
      z: look === 'faint' ? 1 : 2,
    };
  });
  const name = { nameLocation: 'middle' as const, nameTextStyle: { color: quiet, fontSize: 12 } };
  const axisLabel = { color: quiet };
  return {
    percent,
    option: {
      animation: false,
      textStyle,
      aria: { enabled: true },
      legend: { top: 0, left: 0, itemWidth: 18, textStyle: { color: ink } },
      grid: { top: 40, left: 64, right: 24, bottom: 48 },
      tooltip: { trigger: 'axis', renderMode: 'richText', textStyle: { color: ink } },
      xAxis: {
        type: 'value',
        name: xName,
        nameGap: 28,
        min: 'dataMin',
        max: 'dataMax',
        axisLabel: { ...axisLabel, hideOverlap: true },
        axisLine: { onZero: false },
        splitLine: { show: false },
        minInterval: 1,
        ...name,
      },
      yAxis: {
        type: 'value',
        name: yName,
        nameGap: 46,
        scale: true,
        ...(percent && { max: 100 }),
        axisLine: { onZero: false },
        axisLabel: { ...axisLabel, formatter: percent ? '{value} %' : '{value}' },
        splitLine: { lineStyle: { color: '#e8edf3' } },
        ...name,
      },
      series,
    },
  };
}

/** The option of a heatmap; the page's script adds the cells and fits the labels to their size. */
export function heatmapPanel(heatmap: Heatmap, title?: string): Panel {
  const { rows, columns, values, texts, rowName, columnName, nameEvery } = heatmap;
  const max = heatmap.max ?? values.flat().reduce((most, value) => Math.max(most, value), 0);
  const min = heatmap.min ?? 0;
  const axis = { type: 'category' as const, axisLine: { show: false }, axisTick: { show: false } };
  return {
    ...(title !== undefined && { title }),
    heatmap: {
      rowName,
      columnName,
      values,
      ...(texts && { texts }),
      ...(nameEvery && { nameEvery }),
      isSigned: min < 0,
    },
    option: {
      animation: false,
      textStyle,
      aria: { enabled: true },
      grid: { top: 4, left: 4, right: 4, bottom: 4, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
      tooltip: { renderMode: 'richText', textStyle: { color: ink } },
      xAxis: { ...axis, data: [...columns] },
      yAxis: { ...axis, data: [...rows], inverse: true },
      visualMap: {
        show: false,
        dimension: 2,
        min,
        max: max > min ? max : min + 1,
        inRange: { color: [...(min < 0 ? bothWays : shades)] },
      },
      // Between many small cells lines would be all that is seen.
      series: [{ type: 'heatmap', itemStyle: { borderColor: '#fff', borderWidth: columns.length > 30 ? 0 : 1 } }],
    },
  };
}

/** The option of points in a plane. */
export function scatterPanel({ xName, yName, groups, square = false }: ScatterChart): Panel {
  const axis = (name: string, nameGap: number) => ({
    type: 'value' as const,
    name,
    nameGap,
    scale: true,
    nameLocation: 'middle' as const,
    nameTextStyle: { color: quiet, fontSize: 12 },
    axisLabel: { color: quiet, hideOverlap: true },
    axisLine: { onZero: false },
    splitLine: { lineStyle: { color: '#eef2f6' } },
  });
  const all = groups.flatMap(({ points }) => points.flat());
  // To the next half.
  const bounds = square ? { min: Math.floor(2 * Math.min(...all)) / 2, max: Math.ceil(2 * Math.max(...all)) / 2 } : {};
  return {
    ...(square && { square }),
    option: {
      animation: false,
      textStyle,
      aria: { enabled: true },
      legend: { top: 0, left: 0, itemWidth: 14, textStyle: { color: ink } },
      grid: { top: 40, left: 64, right: 32, bottom: 48 },
      tooltip: { trigger: 'item', renderMode: 'richText', textStyle: { color: ink } },
      xAxis: { ...axis(xName, 28), ...bounds },
      yAxis: { ...axis(yName, 46), ...bounds },
      series: groups.map(({ name, points, labels, look = 'dots' }, i) => ({
        type: 'scatter' as const,
        name,
        data: points.map(([x, y], at) => ({ value: [x, y], ...(labels && { name: labels[at] ?? '' }) })),
        symbolSize: look === 'background' ? 4 : 8,
        itemStyle: { color: colours[i % colours.length] ?? ink, opacity: look === 'background' ? 0.25 : 0.85 },
        ...(labels && {
          label: { show: true, position: 'right' as const, formatter: '{b}', color: ink, fontSize: 11 },
        }),
      })),
    },
  };
}

/** The option of bars. */
export function barPanel({ yName, names, bars }: BarChart): Panel {
  return {
    option: {
      animation: false,
      textStyle,
      aria: { enabled: true },
      legend: { top: 0, left: 0, itemWidth: 14, textStyle: { color: ink } },
      grid: { top: 40, left: 64, right: 24, bottom: 32 },
      tooltip: { trigger: 'axis', renderMode: 'richText', textStyle: { color: ink } },
      xAxis: {
        type: 'category',
        data: [...names],
        axisLabel: { color: quiet, interval: 0 },
      },
      yAxis: {
        type: 'value',
        name: yName,
        nameGap: 46,
        nameLocation: 'middle',
        nameTextStyle: { color: quiet, fontSize: 12 },
        axisLabel: { color: quiet },
        splitLine: { lineStyle: { color: '#e8edf3' } },
      },
      series: bars.map(({ name, values }, i) => ({
        type: 'bar' as const,
        name,
        data: [...values],
        itemStyle: { color: colours[i % colours.length] ?? ink },
      })),
    },
  };
}
