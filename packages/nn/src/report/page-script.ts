/// <reference lib="dom" />
/**
 * What runs inside the page of a training run: draws its data, and looks for newer ones as long as the run lasts. The function is written
 * into the page as text, so it uses nothing from outside its own body but its arguments.
 */
import type { LiveData, LiveSource } from './page.js';

/** The part of the ECharts library that the page uses. */
export interface Charts {
  init(element: HTMLElement): { setOption(option: object, replace: { replaceMerge: string[] }): void; resize(): void };
}

/** Draws `data`, and goes on with what `live` has. */
export function showTraining(library: Charts, data: LiveData, live: LiveSource | null): void {
  const colours = ['#2563eb', '#d97706', '#059669', '#9333ea', '#dc2626', '#0891b2'];
  const drawn = new Map<string, ReturnType<Charts['init']>>();
  const place = document.querySelector<HTMLElement>('#charts');
  const status = document.querySelector<HTMLElement>('#status');
  const progress = document.querySelector('progress');
  const short = (value: unknown): string => String(Number(Number(value).toPrecision(4)));

  function chartFor(title: string): ReturnType<Charts['init']> {
    const before = drawn.get(title);
    if (before) return before;
    const figure = document.createElement('figure');
    const caption = document.createElement('figcaption');
    caption.textContent = title;
    const canvas = document.createElement('div');
    figure.append(caption, canvas);
    place?.append(figure);
    const made = library.init(canvas);
    drawn.set(title, made);
    return made;
  }

  function show(now: LiveData): void {
    const done = now.maxSteps > 0 ? now.step / now.maxSteps : 0;
    if (progress) progress.value = done;
    if (status)
      status.textContent = `${now.status}: step ${now.step} of ${now.maxSteps}, epoch ${now.epoch.toFixed(2)} of ${now.epochs}`;
    for (const { title, series } of now.charts) {
      const axis = { type: 'value', scale: true, axisLabel: { color: '#64748b' } };
      const option = {
        animation: false,
        color: colours,
        legend: { top: 4, left: 0, itemWidth: 18 },
        grid: { top: 36, left: 64, right: 20, bottom: 40 },
        tooltip: { trigger: 'axis', renderMode: 'richText', valueFormatter: short },
        xAxis: {
          ...axis,
          name: 'step',
          nameLocation: 'middle',
          nameGap: 24,
          minInterval: 1,
          splitLine: { show: false },
        },
        yAxis: {
          ...axis,
          axisLabel: { color: '#64748b', formatter: short },
          splitLine: { lineStyle: { color: '#e8edf3' } },
        },
        series: series.map(({ name, points }) => ({
          type: 'line',
          name,
          // JSON has no NaN: what is no number is a gap.
          data: points,
          sampling: 'lttb',
          showSymbol: points.length < 30,
          symbol: 'circle',
          symbolSize: 6,
        })),
      };
      chartFor(title).setOption(option, { replaceMerge: ['series'] });
    }
  }

  window.addEventListener('resize', () => {
    for (const chart of drawn.values()) chart.resize();
  });
  show(data);
  if (!live) return;
  const { source, refreshSeconds } = live;
  (window as unknown as { showTraining: (now: LiveData) => void }).showTraining = show;
  const look = (): void => {
    const script = document.createElement('script');
    script.src = `${encodeURIComponent(source)}?${Date.now()}`;
    // The data are gone when the run has ended: then the page itself holds them.
    script.onerror = () => setTimeout(() => location.reload(), refreshSeconds * 1000);
    script.onload = () => {
      script.remove();
      setTimeout(look, refreshSeconds * 1000);
    };
    document.head.append(script);
  };
  look();
}
