/** The page of a training run as one text: style, the chart library, the script that draws, and the data. */
import { showTraining } from './page-script.js';
import type { Chart } from './series.js';

/** What the page shows. */
export interface LiveData {
  readonly title: string;
  /** `running`, `finished`, or why it ended. */
  readonly status: string;
  readonly step: number;
  readonly maxSteps: number;
  /** Epochs done, and in all. */
  readonly epoch: number;
  readonly epochs: number;
  readonly charts: readonly Chart[];
}

/** Where a page that is still written to finds its data. */
export interface LiveSource {
  /** A script beside the page that calls `showTraining` with {@link LiveData}. */
  readonly source: string;
  readonly refreshSeconds: number;
}

const style = `
:root { color-scheme: light; font: 16px/1.5 system-ui, sans-serif; color: #1f2937; background: #f5f7fa; }
body { margin: 0 auto; max-width: 1160px; padding: 24px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 4px; }
#status { color: #526070; margin: 0 0 8px; overflow-wrap: anywhere; }
progress { width: 100%; height: 8px; margin-bottom: 16px; accent-color: #2563eb; }
#charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 16px; }
figure { margin: 0; background: #fff; border: 1px solid #dfe5ec; border-radius: 8px; padding: 12px 16px; min-width: 0; }
figcaption { font-weight: 600; }
figure div { height: 280px; }
`;

/** The page; without a source it is final, and its policy forbids it to load anything. */
export function livePage(library: string, data: LiveData, live: LiveSource | null): string {
  const policy = `default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${live ? '' : `<meta http-equiv="Content-Security-Policy" content="${policy}">\n`}<title>${escapeHtml(data.title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeHtml(data.title)}</h1>
<p id="status"></p>
<progress></progress>
<div id="charts"></div>
<noscript><p>The curves are drawn by a script of this page, which your browser does not run.</p></noscript>
<script>${insideScript(library)}</script>
<script>(${insideScript(String(showTraining))})(echarts, ${inScript(data)}, ${inScript(live)});</script>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** A program that the parser of HTML reads past: nothing in it may look like the end of a script or the start of a comment. */
function insideScript(program: string): string {
  return program.replace(/<(?=\/script|!--)/gi, '\\x3c');
}

/** Data as a program. */
function inScript(data: unknown): string {
  return JSON.stringify(data).replaceAll('<', '\\u003c');
}
