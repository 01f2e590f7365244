// `node scripts/test-summary.mjs REPORT` prints the outcome of a test run in one line, and exits with 1 unless everything that ran
// passed.
import { requireNode } from './node-version.mjs';
import { fail } from './say.mjs';
import { outcomeOf } from './test-report.mjs';

requireNode('20.11', 'This project');
const [path] = process.argv.slice(2);
if (path === undefined) fail('Usage: node scripts/test-summary.mjs REPORT');
const { ok, line } = outcomeOf(path);
console.log(line);
process.exit(ok ? 0 : 1);
