// Published vocabularies and corpora: no part of the project, looked for beside it or where COURSE_DATA says.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = process.env.COURSE_DATA ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url));

/** The path of a file or folder of real data; undefined, with a line saying so, where it is absent. */
export function realData(part: string): string | undefined {
  const path = join(root, part);
  if (existsSync(path)) return path;
  console.info(`data: tests on ${part} skipped, it is not in ${root}`);
  return undefined;
}
