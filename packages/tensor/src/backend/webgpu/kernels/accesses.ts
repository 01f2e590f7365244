/**
 * Passes over a kernel's text that change how it reads and writes one of its storage arrays. They let a kernel be written once for
 * what its buffers usually are.
 */
import { CourseError } from '../../../errors.js';

export interface AccessRewriter {
  /** The text of `name[index]` where it is read. */
  read(index: string): string;
  /** The text, without its semicolon, of `name[index] = value`. `a[i] += x` comes as `a[i] = a[i] + (x)`, read by `read`. */
  write(index: string, value: string): string;
}

/** Rewrites every `name[…]` of a text, those inside indices and values too. */
export function rewriteAccesses(text: string, name: string, rewriter: AccessRewriter): string {
  const inner = (part: string) => rewriteAccesses(part, name, rewriter);
  const pattern = new RegExp(`(?<![\\w.&])${name}\\[`, 'g');
  let result = '';
  let end = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const open = match.index + name.length;
    const close = closing(text, open);
    const index = inner(text.slice(open + 1, close));
    const assignment = /^\s*([-+*/]?)=(?!=)\s*/.exec(text.slice(close + 1));
    result += text.slice(end, match.index);
    if (assignment === null) {
      result += rewriter.read(index);
      end = close + 1;
    } else {
      const start = close + 1 + assignment[0].length;
      const semicolon = text.indexOf(';', start);
      const value = inner(text.slice(start, semicolon));
      const operator = assignment[1] ?? '';
      result += rewriter.write(index, operator === '' ? value : `${rewriter.read(index)} ${operator} (${value})`);
      end = semicolon;
    }
    pattern.lastIndex = end;
  }
  return result + text.slice(end);
}

/** The place of the bracket that closes the one at `open`. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === '[') depth++;
    else if (text[i] === ']' && --depth === 0) return i;
  }
  throw new CourseError('webgpu: a bracket of a kernel is not closed');
}
