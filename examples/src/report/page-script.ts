/// <reference lib="dom" />
// What runs inside a report: draws the figures whose data the page carries, and draws anew when the reader chooses or the window
// changes. The function is written into the page as text, so it uses nothing from outside its own body but its arguments.
import type { EChartsType } from 'echarts';
import type { Figure } from './figures.js';
import type { fitPanel } from './fit.js';

/** The part of the ECharts library that the page uses. */
export interface Charts {
  init(element: HTMLElement): EChartsType;
}

/** Draws every `figure` of the page that has a `data-figure`, the number of its data in `figures`. */
export function drawFigures(charts: Charts, fitted: typeof fitPanel, figures: readonly Figure[]): void {
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
