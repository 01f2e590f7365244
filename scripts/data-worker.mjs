// The program of the workers of @course/data as one text: packages/data/src/workers/program.ts with all it imports. Workers are started
// from text, for no path to a file holds in a bundle. The build writes it into dist/; the tests make it as they go.
import { build } from 'esbuild';
import { at } from './paths.mjs';

/** A module whose default export is the program. */
export async function dataWorkerModule() {
  const { outputFiles } = await build({
    entryPoints: [at('packages/data/src/workers/program.ts')],
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    globalName: 'courseWorker',
    target: 'es2022',
    // Of the tensor package a worker has use for the errors only; anything else ends here with a message.
    alias: { '@course/tensor': at('packages/tensor/src/errors.ts') },
  });
  return `export default ${JSON.stringify(outputFiles[0]?.text ?? '')};\n`;
}
