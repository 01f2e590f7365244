// What the set-up scripts tell the user goes to standard error, one short line each: standard output belongs to the job.

/** @param {string} line */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * Says what went wrong and ends with exit code 1, without a stack trace.
 *
 * @param {string} line
 * @returns {never}
 */
export function fail(line) {
  say(line);
  process.exit(1);
}
