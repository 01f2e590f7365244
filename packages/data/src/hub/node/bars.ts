/** Progress on a terminal, a line a file, for callers who do not look themselves. */
import type { MultiBar, SingleBar } from 'cli-progress';
import type { DownloadProgress } from '../options.js';

let bars: Promise<MultiBar> | undefined;
const lines = new Map<string, SingleBar>();

/** Whether there is a terminal to draw on, and nothing says not to. */
export function wantsBars(environment: Readonly<Record<string, string | undefined>>): boolean {
  return process.stderr.isTTY === true && !/^(1|true|yes|on)$/i.test(environment.HF_HUB_DISABLE_PROGRESS_BARS ?? '');
}

/** Draws how far a download is. */
export function drawBar({ repo, file, loaded, total }: DownloadProgress): void {
  bars ??= import('cli-progress').then(
    ({ default: { MultiBar, Presets } }) =>
      new MultiBar(
        {
          stream: process.stderr,
          hideCursor: true,
          clearOnComplete: false,
          format: '{file} [{bar}] {percentage}% {eta_formatted}',
        },
        Presets.shades_classic,
      ),
  );
  void bars.then((multi) => {
    const key = `${repo}/${file}`;
    const line = lines.get(key) ?? multi.create(Math.max(1, total), 0, { file });
    lines.set(key, line);
    line.update(total === 0 ? 1 : loaded);
    if (loaded < total) return;
    line.stop();
    lines.delete(key);
    if (lines.size > 0) return;
    multi.stop();
    bars = undefined;
  });
}
