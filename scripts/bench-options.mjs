// What `npm run bench` may be asked for, checked before anything is installed or measured: peers are large, and a misspelt option should not be
// found out after them. Errors are one sentence, and the usage.
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const usage = `npm run bench -- [cpu|webgpu] [options]   our kernels beside other libraries, on the CPU (default) or on one adapter
npm run bench -- tune [options]           a candidate row of WebGPU's tuning table, measured on the adapter at hand

  --adapter NAME     WebGPU's adapter: swiftshader, lavapipe or system (default: the machine's GPU, or swiftshader where there is none)
  --only TEXT,TEXT   workloads whose names contain one of these; 'dispatches' (webgpu) counts those of an encoder
  --no-peers         ours alone: nothing is installed
  --json FILE        also write the figures to a file
  --out FILE         of tune: write the row to a file instead of printing it
  --help             this text`;

const KINDS = ['cpu', 'webgpu', 'tune'];
const ADAPTERS = ['swiftshader', 'lavapipe', 'system'];

/**
 * @typedef {object} BenchOptions
 * @property {string} kind What to measure: cpu, webgpu or tune.
 * @property {string | undefined} adapter
 * @property {boolean} peers Whether other libraries are measured too.
 * @property {string[]} rest The arguments of the program that measures.
 */

/**
 * @param {readonly string[]} args
 * @returns {BenchOptions | { help: true } | { error: string }}
 */
export function benchOptions(args) {
  const parsed = parse(args);
  if ('error' in parsed) return parsed;
  const { values, positionals } = parsed;
  if (values.help) return { help: true };
  const [kind = 'cpu', ...more] = positionals;
  if (!KINDS.includes(kind)) return { error: `there is no bench '${kind}': it may be ${list(KINDS)}` };
  if (more.length > 0) return { error: `one bench at a time, got ${kind} and ${more.join(', ')}` };
  const { adapter, only, json, out } = values;
  if (adapter !== undefined && !ADAPTERS.includes(adapter))
    return { error: `there is no adapter '${adapter}': it may be ${list(ADAPTERS)}` };
  if (adapter !== undefined && kind === 'cpu') return { error: '--adapter is for webgpu and tune' };
  if (out !== undefined && kind !== 'tune') return { error: `--out is for tune; ${kind} has --json` };
  if (kind === 'tune' && (json !== undefined || only !== undefined))
    return { error: 'tune measures all that the table holds: --only and --json are for cpu and webgpu' };
  if (only?.split(',').some((text) => text.trim() === ''))
    return { error: '--only wants texts between its commas; leave it out for all workloads' };
  for (const file of [json, out])
    if (file !== undefined && !existsSync(dirname(resolve(file))))
      return { error: `cannot write ${file}: there is no folder ${dirname(file)}` };
  const rest = [
    kind,
    ...Object.entries({ only, json, out }).flatMap(([name, value]) =>
      value === undefined ? [] : [`--${name}`, value],
    ),
  ];
  if (values['no-peers']) rest.push('--no-peers');
  return { kind, adapter, peers: kind !== 'tune' && !values['no-peers'], rest };
}

/** @param {readonly string[]} args */
function parse(args) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        adapter: { type: 'string' },
        only: { type: 'string' },
        'no-peers': { type: 'boolean', default: false },
        json: { type: 'string' },
        out: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    // Node's advice on positional arguments that begin with a dash helps nobody here.
    const [message = ''] = (error instanceof Error ? error.message : String(error)).split(/\. |\n/);
    return { error: `${message.charAt(0).toLowerCase()}${message.slice(1)}`.replace(/\.$/, '') };
  }
}

/** @param {readonly string[]} names */
function list(names) {
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}
