// `npm run bench`, whose options `scripts/bench-options.mjs` has checked: our medians beside every installed peer's, with ratios, and above them
// what the machine could do at most.
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { type DeviceKind, init } from '@course/tensor';
import { type Count, countDispatches } from './dispatches.js';
import { measure, table } from './measure.js';
import { Peer } from './peers.js';
import { measureRoofline } from './roofline.js';
import { tune } from './tune.js';
import { workloads } from './workloads.js';

const USAGE = `npm run bench -- [cpu|webgpu] [--adapter swiftshader|lavapipe|system] [--only TEXT,TEXT] [--no-peers] [--json FILE]
  Measures kernels and models, on the CPU by default, beside every peer installed. --only keeps workloads whose names hold a text.
npm run bench -- tune [--adapter swiftshader|lavapipe|system] [--out FILE]
  Measures candidates for a row of WebGPU's tuning table on an adapter, some minutes, and prints the row that won.
`;

/** Ends with a sentence instead of a stack: what is said says what to do. */
function giveUp(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  process.exit(1);
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: 'string', default: '' },
      'no-peers': { type: 'boolean', default: false },
      json: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [named = 'cpu', ...rest] = positionals;
  const what = (['cpu', 'webgpu', 'tune'] as const).find((each) => each === named);
  if (what === undefined) giveUp(`What is to be measured: cpu, webgpu or tune, not '${named}'.`);
  if (rest.length > 0) giveUp(`One thing at a time: '${rest.join(' ')}' is too much.`);
  return { values, what };
}

let chosenArguments: ReturnType<typeof readArguments>;
try {
  chosenArguments = readArguments();
} catch (error) {
  giveUp(error);
}
const { values, what } = chosenArguments;
if (values.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
if (what === 'tune') {
  await tune((line) => process.stderr.write(`${line}\n`), values.out).catch(giveUp);
  process.exit(0);
}
const kind: DeviceKind = what;
const info = await init({ device: kind });
const isWanted = (name: string) => values.only.split(',').some((text) => name.includes(text.trim()));
const chosen = workloads.filter(({ name }) => isWanted(name));
const countsDispatches = info.backend === 'webgpu' && isWanted('dispatches');
const say = (line: string) => process.stderr.write(`${line}\n`);
if (chosen.length === 0 && !countsDispatches) {
  const names = [...workloads.map(({ name }) => name), ...(info.backend === 'webgpu' ? ['dispatches'] : [])];
  say(`error: no workload has '${values.only}' in its name; there are ${names.join('; ')}`);
  process.exit(1);
}
console.log(
  `${info.adapter}, ${info.backend}, ours on ${info.threads} of ${cpus().length} cores, Node ${process.version}; medians`,
);
const [load = 0] = loadavg();
if (load > cpus().length / 4)
  console.log(`The machine is busy (load ${load.toFixed(1)}): read the ratios, and those with care`);
const roofline = info.backend === 'cpu' ? await measureRoofline(info.features.includes('relaxed-simd')) : undefined;
if (roofline) {
  const { threads, gflopsOne, gflopsAll, gigabytesOne, gigabytesAll } = roofline;
  console.log(
    `At most, in 128-bit SIMD: ${gflopsOne.toFixed(0)} GFLOP/s a core, ${gflopsAll.toFixed(0)} on ${threads}; memory copied at ${gigabytesOne.toFixed(0)} GB/s by one, ${gigabytesAll.toFixed(0)} by ${threads}`,
  );
}
const peers = values['no-peers']
  ? []
  : await Peer.startAll(info.backend, (name) => say(`  ${name}: not installed, or does not run here`));

const ours: Record<string, number> = {};
const theirs: Record<string, Record<string, number>> = Object.fromEntries(peers.map((peer) => [peer.name, {}]));
for (const workload of chosen) {
  const { name } = workload;
  ours[name] = await measure(workload);
  for (const peer of peers) {
    const milliseconds = await peer.measure(name);
    const medians = theirs[peer.name];
    if (medians && milliseconds !== undefined) medians[name] = milliseconds;
  }
  say(table([workload], ours, theirs));
}
for (const peer of peers) peer.stop();
if (chosen.length > 0) console.log(table(chosen, ours, theirs));
// `--only dispatches` shows these alone.
const counts: readonly Count[] = countsDispatches ? await countDispatches() : [];
for (const { name, value, unit, most } of counts)
  console.log(`${name}: ${Number(value.toFixed(2))} ${unit}${most === undefined ? '' : ` (at most ${most} wanted)`}`);
if (values.json) {
  const result = {
    date: new Date().toISOString(),
    node: process.version,
    load,
    info,
    roofline,
    ours,
    peers: theirs,
    counts,
  };
  writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
}
