// `npm run example`: lists the examples of the courses, or runs one.
import { catalogue } from './course/catalogue.js';
import { runExample } from './course/run.js';

const { stdout, stderr } = process;
// `npm run example | head` closes the pipe early: nobody is left to tell.
for (const stream of [stdout, stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const [name, ...args] = process.argv.slice(2);
const names = ['sentiment', ...Object.keys(catalogue)];
const entry = name === undefined ? undefined : catalogue[name];
if (entry !== undefined && name !== undefined) {
  process.exitCode = await runExample(name, entry, args, { out: stdout, err: stderr });
} else if (name === 'sentiment') {
  process.argv.splice(2, 1);
  await import('./sentiment/main.js');
} else if (name === undefined || name === '--help' || name === '-h') {
  const width = Math.max(...names.map((each) => each.length));
  stdout.write(
    `${'sentiment'.padEnd(width)}  train a transformer to tell the sentiment of texts: what \`npm start\` runs\n`,
  );
  for (const [each, { line, answers }] of Object.entries(catalogue))
    stdout.write(`${each.padEnd(width)}  ${line} (${answers})\n`);
  stdout.write('\nnpm run example NAME -- ARGS runs one; all explain themselves with --help.\n');
} else {
  stderr.write(`error: there is no example '${name}'; \`npm run example\` lists them\n`);
  process.exitCode = 1;
}
