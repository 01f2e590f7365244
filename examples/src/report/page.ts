// The page around a report's sections: one file that opens from a disk without a network. The library, the script and all data
// stand in it, and its policy forbids it to load anything.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { bothWays, type Figure, shades } from './figures.js';
import { fitPanel } from './fit.js';
import { drawFigures } from './page-script.js';

const style = `
:root { color-scheme: light; font: 16px/1.5 system-ui, sans-serif; color: #1f2937; background: #f5f7fa; }
body { margin: 0 auto; max-width: 1160px; padding: 32px 24px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 20px; margin: 40px 0 12px; }
h3 { font-size: 16px; margin: 0; }
h4 { font-size: 13px; font-weight: 600; margin: 0 0 4px; }
p { margin: 4px 0 12px; max-width: 76ch; overflow-wrap: anywhere; }
.quiet, figcaption p { color: #526070; font-size: 14px; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px; margin: 20px 0 16px; }
.facts div, figure, .table { background: #fff; border: 1px solid #dfe5ec; border-radius: 8px; padding: 12px 16px; }
dt { color: #526070; font-size: 13px; }
dd { margin: 0; font-size: 16px; font-weight: 600; overflow-wrap: anywhere; }
figure { margin: 0 0 16px; }
figcaption { margin-bottom: 8px; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 0 16px; }
.panels { display: grid; gap: 20px 16px; }
.panels > * { min-width: 0; }
.choices { display: flex; flex-wrap: wrap; gap: 8px 16px; margin: 8px 0 12px; }
label { font-size: 14px; display: flex; gap: 6px; align-items: center; max-width: 100%; min-width: 0; }
select { font: inherit; padding: 3px 6px; max-width: 100%; min-width: 0; }
.scale { display: flex; flex-wrap: wrap; gap: 4px 8px; align-items: center; font-size: 12px; color: #526070; margin-bottom: 8px; }
.scale i { width: 140px; height: 10px; border-radius: 2px; background: linear-gradient(90deg, ${shades.join(', ')}); }
.scale i.signed { background: linear-gradient(90deg, ${bothWays.join(', ')}); }
.scale span { margin-left: 12px; }
.table { overflow-x: auto; margin-bottom: 16px; }
table { border-collapse: collapse; font-size: 14px; min-width: 100%; }
caption { text-align: left; font-weight: 600; font-size: 16px; margin-bottom: 6px; }
th, td { text-align: left; padding: 6px 16px 6px 0; border-bottom: 1px solid #e8edf3; overflow-wrap: break-word; }
td:first-child { overflow-wrap: anywhere; }
tr:last-child td { border-bottom: 0; }
th { color: #526070; font-weight: 600; white-space: nowrap; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
`;

/** The page of a title, its sections as HTML, and the data of the figures in them. */
export async function page(title: string, body: string, figures: readonly Figure[]): Promise<string> {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
${body}
<noscript><p>The figures are drawn by a script of this page, which your browser does not run.</p></noscript>
<script>${insideScript(await library())}</script>
<script>const fitPanel = ${insideScript(String(fitPanel))};
(${insideScript(String(drawFigures))})(echarts, fitPanel, ${inScript(figures)});</script>
</body>
</html>
`;
}

/** A text as HTML that shows it. */
export function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** ECharts in one file, which defines `echarts`. */
async function library(): Promise<string> {
  const dist = dirname(createRequire(import.meta.url).resolve('echarts'));
  return await readFile(join(dist, 'echarts.min.js'), 'utf8');
}

/** A program that the parser of HTML reads past: nothing in it may look like the end of a script or the start of a comment. */
function insideScript(program: string): string {
  return program.replace(/<(?=\/script|!--)/gi, '\\x3c');
}

/** Data as a program. */
function inScript(data: unknown): string {
  return JSON.stringify(data).replaceAll('<', '\\u003c');
}
