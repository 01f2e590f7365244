// Installs the npm packages that the lock file names, when they are not there yet. pnpm itself comes through npx, in the
// version that made the lock file, so nothing has to be installed beforehand and every machine gets the same tree.
import { at, packageNames } from './paths.mjs';
import { pnpm, runStep } from './run.mjs';
import { fail, say } from './say.mjs';
import { contentsOf, isDone, markDone } from './stamp.mjs';

/** Brings node_modules up to date with the lock file; ends the process if that fails. */
export async function install() {
  const manifests = ['.', ...packageNames.map((name) => `packages/${name}`), 'examples', 'benches', 'tests'];
  const inputs = [at('pnpm-lock.yaml'), at('pnpm-workspace.yaml'), ...manifests.map((dir) => at(dir, 'package.json'))];
  // Some packages carry a binary per platform: a tree installed on another one does not count.
  const fingerprint = contentsOf(inputs, [process.platform, process.arch]);
  if (isDone('install', fingerprint)) return;

  say('Installing dependencies with pnpm (the first time this downloads about 200 MB) ...');
  // Its version is the lock file's: news of another one would only tell people to install what they need not.
  const args = ['install', '--frozen-lockfile', '--config.confirmModulesPurge=false', '--config.updateNotifier=false'];
  if (!(await runStep(pnpm(...args)))) {
    fail('Installing the dependencies failed. It needs npx (it comes with Node) and access to the npm registry.');
  }
  markDone('install', fingerprint);
}
