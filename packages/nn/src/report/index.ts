/**
 * `@course/nn/report`: callbacks that draw a training run, in the terminal or as a page.
 *
 * @packageDocumentation
 */
export { LivePlot, type LivePlotOptions } from './live-plot.js';
export { Sparkline, type SparklineOptions, sparkline } from './sparkline.js';
