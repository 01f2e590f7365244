// Peers run in processes of their own (they bring their own threads and globals), one after the other in the same minute as ours; each
// prints a line of JSON a workload. A peer that is not installed is left out, and said so.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Medians } from './measure.js';

export interface Peer {
  readonly name: string;
  readonly device: 'cpu' | 'webgpu';
  readonly command: readonly [program: string, ...args: string[]];
}

const folder = fileURLToPath(new URL('../peers/', import.meta.url));

/** Debian's PyTorch belongs to the system's Python, which need not be the first on the path. */
const python = process.env.PYTHON ?? ['/usr/bin/python3'].find(existsSync) ?? 'python3';

export const peers: readonly Peer[] = [
  { name: 'tfjs-wasm', device: 'cpu', command: [process.execPath, 'tfjs.mjs', 'wasm'] },
  { name: 'pytorch', device: 'cpu', command: [python, 'torch_cpu.py'] },
  { name: 'tfjs-webgpu', device: 'webgpu', command: [process.execPath, 'tfjs.mjs', 'webgpu'] },
];

/** Whether the JavaScript peers are installed. */
export function arePeersInstalled(): boolean {
  return existsSync(`${folder}node_modules`);
}

/** The medians of one peer for the workloads of these names; null if it does not run here. */
export function runPeer({ command: [program, ...args] }: Peer, names: readonly string[]): Promise<Medians | null> {
  return new Promise((resolve) => {
    const child = spawn(program, [...args, ...names], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, OMP_WAIT_POLICY: 'PASSIVE' },
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    child.once('error', () => resolve(null));
    child.once('close', () => {
      const medians: Record<string, number> = {};
      for (const line of text.split('\n')) {
        if (!line.startsWith('{')) continue;
        const { name, ms } = JSON.parse(line) as { name: string; ms?: number };
        if (ms !== undefined) medians[name] = ms;
      }
      resolve(Object.keys(medians).length > 0 ? medians : null);
    });
  });
}
