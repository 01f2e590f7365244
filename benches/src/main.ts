// `pnpm bench [cpu|webgpu] [--only TEXT] [--no-peers] [--json FILE]`: our medians beside every installed peer's, with ratios.
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type DeviceKind, device, init } from '@course/tensor';
import { type Medians, measure, table } from './measure.js';
import { arePeersInstalled, peers, runPeer } from './peers.js';
import { workloads } from './workloads.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '' },
    'no-peers': { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const kind = (positionals[0] ?? 'cpu') as DeviceKind;
const info = await init({ device: kind });
const chosen = workloads.filter(({ name }) => name.includes(values.only));
console.log(
  `${info.adapter}, ${info.backend}, ${info.threads} of ${cpus().length} cores, Node ${process.version}; medians`,
);

const ours: Record<string, number> = {};
for (const workload of chosen) {
  process.stderr.write(`  ${workload.name} ...\n`);
  ours[workload.name] = await measure(workload);
}
const theirs: Record<string, Medians> = {};
if (!values['no-peers']) {
  if (!arePeersInstalled())
    process.stderr.write('  the JavaScript peers are not installed: `pnpm bench` installs them\n');
  for (const peer of peers.filter((each) => each.device === device.kind)) {
    process.stderr.write(`  ${peer.name} ...\n`);
    const medians = await runPeer(
      peer,
      chosen.map(({ name }) => name),
    );
    if (medians) theirs[peer.name] = medians;
    else process.stderr.write(`  ${peer.name} does not run here\n`);
  }
}
console.log(table(chosen, ours, theirs));
if (values.json)
  writeFileSync(
    values.json,
    `${JSON.stringify({ date: new Date().toISOString(), info, ours, peers: theirs }, null, 2)}\n`,
  );
