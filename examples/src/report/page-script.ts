/// <reference lib="dom" />
// What runs inside a report: draws the figures whose data the page carries, and draws anew when the reader chooses or the window
// changes. The function is written into the page as text, so it uses nothing from outside its own body but its arguments.
import type { DefaultLabelFormatterCallbackParams, EChartsOption, EChartsType, HeatmapSeriesOption } from 'echarts';
import type { Figure, Panel } from './figures.js';

/** The part of the ECharts library that the page uses. */
export interface Charts {
  init(element: HTMLElement): EChartsType;
}

/** Draws every `figure` of the page that has a `data-figure`, the number of its data in `figures`. */
export function drawFigures(charts: Charts, figures: readonly Figure[]): void {
  const short = (value: number): string => String(Number(value.toPrecision(4)));

  /** The option with its cells, labels that fit `width`, and tooltips; and the height that goes with it. */
  function fitted(
    { option, heatmap, percent = false, square = false }: Panel,
    width: number,
  ): { option: EChartsOption; height: number } {
    if (heatmap === undefined) {
      const tooltip = {
        ...option.tooltip,
        valueFormatter: (value: unknown) => (percent ? `${Number(value).toFixed(1)} %` : short(Number(value))),
      };
      return { option: { ...option, tooltip } as EChartsOption, height: square ? Math.min(width, 560) : 320 };
    }
    const { rowName, columnName, values, texts } = heatmap;
    const { data: rows } = option.yAxis as { data: string[] };
    const { data: columns } = option.xAxis as { data: string[] };
    const longest = (names: readonly string[]): number => Math.max(...names.map(({ length }) => length));
    // A letter is about 7 px wide at 12 px; labels longer than 120 px end in dots.
    const left = Math.min(120, 7 * longest(rows)) + 12;
    const widest = columns.length > 30 ? 14 : columns.length > 6 ? 44 : 110;
    const cell = Math.max(2, Math.min(widest, (width - left - 8) / columns.length));
    const upright = 7 * longest(columns) <= cell - 6;
    const below = (upright ? 12 : Math.min(120, 7 * longest(columns))) + 14;
    const rowHeight = Math.max(Math.min(cell, 44), rows.length > 40 ? 2 : 12);
    const fontSize = Math.max(9, Math.min(12, cell - 2));
    const label = { fontSize, color: '#1f2937', width: 120, overflow: 'truncate' as const };
    const axis = (own: object | undefined, size: number, more: object): object => ({
      ...own,
      axisLabel: { ...label, ...more, interval: size < 9 ? ('auto' as const) : 0 },
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

  for (const element of document.querySelectorAll<HTMLElement>('[data-figure]')) {
    const figure = figures[Number(element.dataset.figure)];
    if (figure === undefined) continue;
    const selects = [...element.querySelectorAll('select')];
    const place = element.querySelector<HTMLElement>('.panels');
    if (place === null) continue;
    let drawn: EChartsType[] = [];
    const draw = (): void => {
      for (const chart of drawn) chart.dispose();
      const chosen = selects.reduce((before, { options, selectedIndex }) => before * options.length + selectedIndex, 0);
      const panels = figure.panels[chosen] ?? [];
      const most = Math.max(0, ...panels.map(({ heatmap }) => heatmap?.values[0]?.length ?? 0));
      // Small multiples of square cells; a figure of its own has the whole width.
      const least = figure.choices.length > 0 || panels.length > 1 ? `${Math.max(250, 90 + 14 * most)}px` : '100%';
      place.style.gridTemplateColumns = `repeat(auto-fill, minmax(min(100%, ${least}), 1fr))`;
      place.replaceChildren(
        ...panels.map(({ title }) => {
          const panel = document.createElement('div');
          const heading = document.createElement('h4');
          heading.textContent = title ?? '';
          panel.append(...(title === undefined ? [] : [heading]), document.createElement('div'));
          return panel;
        }),
      );
      drawn = panels.flatMap((panel, i) => {
        const target = place.children[i]?.lastElementChild;
        if (!(target instanceof HTMLElement)) return [];
        const { option, height } = fitted(panel, target.clientWidth);
        target.style.height = `${height}px`;
        // A square plot has its margins beside it and below it.
        if (panel.square) target.style.width = `${height + 24}px`;
        const chart = charts.init(target);
        chart.setOption(option);
        return [chart];
      });
    };
    for (const select of selects) select.addEventListener('change', draw);
    let width = 0;
    new ResizeObserver(() => {
      if (place.clientWidth === width) return;
      width = place.clientWidth;
      draw();
    }).observe(place);
  }
}
