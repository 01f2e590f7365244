/**
 * Contents on their way, `blobs/<hash>.<process>-<number>.incomplete`. A name belongs to one download of one process; what a process
 * that is gone has left, and what Python left (`<hash>.incomplete`), is taken over by renaming, which only one can succeed at.
 */
import { mkdir, readdir, rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

let count = 0;
/** The partial files of this process that are being written. */
const active = new Set<string>();

/** Python's own partial files count as left behind when nothing was written to them for so long. */
const PYTHON_IDLE = 60_000;

/** The path of a partial file that is this download's alone, with what an earlier one has left. */
export async function claimPartial(blob: string): Promise<string> {
  await mkdir(dirname(blob), { recursive: true });
  const own = `${blob}.${process.pid}-${count++}.incomplete`;
  active.add(own);
  for (const name of await readdir(dirname(blob))) {
    const path = join(dirname(blob), name);
    if (!name.startsWith(`${basename(blob)}.`) || !name.endsWith('.incomplete') || !(await isLeft(path))) continue;
    try {
      await rename(path, own);
      break;
    } catch {
      // Another process was faster.
    }
  }
  return own;
}

/** The download is over; what is left of it may be taken over. */
export function releasePartial(path: string): void {
  active.delete(path);
}

async function isLeft(path: string): Promise<boolean> {
  const owner = /\.(\d+)-\d+\.incomplete$/.exec(path)?.[1];
  if (owner === undefined) {
    const entry = await stat(path).catch(() => undefined);
    return entry !== undefined && Date.now() - entry.mtimeMs > PYTHON_IDLE;
  }
  return Number(owner) === process.pid ? !active.has(path) : !isAlive(Number(owner));
}

function isAlive(process_: number): boolean {
  try {
    process.kill(process_, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
