// `node scripts/test-summary.mjs REPORT` prints the outcome of a test run in one line, `N passed, N failed, N skipped`, from
// the JSON report that vitest wrote, and exits with 1 unless everything that ran passed.
import { readFileSync } from 'node:fs';
import { requireNode } from './node-version.mjs';
import { fail } from './say.mjs';

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

requireNode('20.11', 'This project');
const [path] = process.argv.slice(2);
if (path === undefined) fail('Usage: node scripts/test-summary.mjs REPORT');

/** @returns {Report | undefined} Undefined when the run ended before it could report. */
function readReport() {
  try {
    return JSON.parse(readFileSync(path ?? '', 'utf8'));
  } catch {
    return undefined;
  }
}

const report = readReport();
if (report === undefined) {
  console.log('0 passed, 1 failed');
  process.exit(1);
}
// A file that could not even be loaded has no tests to count, and an error outside of every test belongs to none.
const unloadable = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
const counted = report.numFailedTests + unloadable.length;
const failed = report.success ? counted : Math.max(counted, 1);
const skipped = report.numPendingTests + report.numTodoTests;
console.log(`${report.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exit(failed > 0 || report.numPassedTests === 0 ? 1 : 0);
