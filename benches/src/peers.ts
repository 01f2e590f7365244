// Peers run in processes of their own (they bring their own threads and globals) that live as long as the run, so that each workload is
// measured by ours and by all of them one after the other, within the same minute. They are asked by a line of text, a workload's
// name, and answer with a line of JSON. A peer that is not installed is left out, and said so.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

interface Description {
  readonly name: string;
  readonly device: 'cpu' | 'webgpu';
  readonly command: readonly [program: string, ...args: string[]];
}

const folder = fileURLToPath(new URL('../peers/', import.meta.url));

/** Debian's PyTorch belongs to the system's Python, which need not be the first on the path. */
const python = process.env.PYTHON ?? ['/usr/bin/python3'].find(existsSync) ?? 'python3';
/** jax-js needs a newer Node than this project does; `npm run bench` gets one. */
const node22 = process.env.COURSE_BENCH_NODE22 ?? process.execPath;

const descriptions: readonly Description[] = [
  { name: 'PyTorch', device: 'cpu', command: [python, 'torch_cpu.py'] },
  { name: 'onnxruntime-node', device: 'cpu', command: [process.execPath, 'onnxruntime.mjs', 'node'] },
  { name: 'onnxruntime-web', device: 'cpu', command: [process.execPath, 'onnxruntime.mjs', 'wasm'] },
  { name: 'jax-js', device: 'cpu', command: [node22, 'jax.mjs', 'wasm'] },
  { name: 'tfjs-wasm', device: 'cpu', command: [process.execPath, 'tfjs.mjs', 'wasm'] },
  { name: '@huggingface/tokenizers', device: 'cpu', command: [process.execPath, 'tokenizers.mjs'] },
  { name: '@huggingface/transformers', device: 'cpu', command: [process.execPath, 'transformers.mjs'] },
  { name: 'tfjs-webgpu', device: 'webgpu', command: [process.execPath, 'tfjs.mjs', 'webgpu'] },
  { name: 'jax-js webgpu', device: 'webgpu', command: [node22, 'jax.mjs', 'webgpu'] },
  {
    name: 'onnxruntime-node webgpu',
    device: 'webgpu',
    command: [process.execPath, 'onnxruntime.mjs', 'node-webgpu'],
  },
  { name: 'onnxruntime-web webgpu', device: 'webgpu', command: [process.execPath, 'onnxruntime.mjs', 'web-webgpu'] },
];

interface Answer {
  readonly name?: string;
  readonly ready?: boolean;
  readonly ms?: number;
  readonly error?: string;
}

/** The longest that a peer may take for one workload. */
const PATIENCE_MS = 120_000;

/** A running peer. */
export class Peer {
  readonly name: string;
  readonly #child: ChildProcess;
  /** Those who wait for an answer, the first asked first; null tells them that the peer has ended. */
  readonly #waiting: ((answer: Answer | null) => void)[] = [];
  #ended = false;

  private constructor({ name, command: [program, ...args] }: Description) {
    this.name = name;
    this.#child = spawn(program, args, {
      cwd: folder,
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, OMP_WAIT_POLICY: 'PASSIVE' },
    });
    const end = () => {
      this.#ended = true;
      for (const resolve of this.#waiting.splice(0)) resolve(null);
    };
    this.#child.once('error', end);
    this.#child.once('close', end);
    this.#child.stdin?.on('error', end);
    const { stdout } = this.#child;
    if (stdout)
      createInterface({ input: stdout }).on('line', (line) => {
        if (line.startsWith('{')) this.#waiting.shift()?.(JSON.parse(line) as Answer);
      });
  }

  /** Starts all peers of a device that run here; the names of the others are handed to `missing`. */
  static async startAll(device: 'cpu' | 'webgpu', missing: (name: string) => void): Promise<Peer[]> {
    const started: Peer[] = [];
    for (const description of descriptions.filter((each) => each.device === device)) {
      const peer = new Peer(description);
      if (await peer.#answer()) started.push(peer);
      else missing(description.name);
    }
    return started;
  }

  /** The median of a workload in milliseconds; undefined where the peer does not know it or fails. */
  async measure(workload: string): Promise<number | undefined> {
    if (this.#ended) return undefined;
    this.#child.stdin?.write(`${workload}\n`);
    return (await this.#answer())?.ms;
  }

  stop(): void {
    this.#child.kill();
  }

  #answer(): Promise<Answer | null> {
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.stop(), PATIENCE_MS);
      this.#waiting.push((answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
    });
  }
}
