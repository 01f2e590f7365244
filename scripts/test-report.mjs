// The outcome of a test run in one line, `N passed, N failed, N skipped`, from the JSON report that vitest wrote.
import { readFileSync } from 'node:fs';

/**
 * The part of vitest's JSON report (its `json` reporter follows Jest's format) that is read here.
 *
 * @typedef {object} Report
 * @property {boolean} success
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} numPendingTests
 * @property {number} numTodoTests
 * @property {{ status: string, assertionResults: unknown[] }[]} testResults
 */

/**
 * Reads the report of a run.
 *
 * @param {string} path
 * @returns {{ ok: boolean, line: string }} Not ok unless something ran and everything that ran passed.
 */
export function outcomeOf(path) {
  /** @type {Report} */
  let report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    // The run ended before it could report.
    return { ok: false, line: '0 passed, 1 failed' };
  }
  // A file that could not even be loaded has no tests to count, and an error outside of every test belongs to none.
  const unloadable = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  );
  const counted = report.numFailedTests + unloadable.length;
  const failed = report.success ? counted : Math.max(counted, 1);
  const skipped = report.numPendingTests + report.numTodoTests;
  return {
    ok: failed === 0 && report.numPassedTests > 0,
    line: `${report.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
  };
}
