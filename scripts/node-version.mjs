// The one thing that the scripts cannot install by themselves is Node. This file is imported before any other, uses
// nothing that an old Node lacks, and says in one sentence what is wrong instead of letting a later import crash.

/**
 * Ends the process with a clear sentence when this Node is older than a job needs.
 *
 * @param {string} minimum `major.minor`, for example `20.11`.
 * @param {string} who What needs it, as the subject of the sentence.
 */
export function requireNode(minimum, who) {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [minMajor = 0, minMinor = 0] = minimum.split('.').map(Number);
  if (major > minMajor || (major === minMajor && minor >= minMinor)) return;
  process.stderr.write(
    who +
      ' needs Node ' +
      minimum +
      ' or newer; this is Node ' +
      process.versions.node +
      ' (' +
      process.execPath +
      ').\n',
  );
  process.exit(1);
}
