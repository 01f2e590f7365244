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

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '' },
    'no-peers': { type: 'boolean', default: false },
    json: { type: 'string' },
    out: { type: 'string' },
  },
});
if (positionals[0] === 'tune') {
  await tune((line) => process.stderr.write(`${line}\n`), values.out);
  process.exit(0);
}
const kind = (positionals[0] ?? 'cpu') as DeviceKind;
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
