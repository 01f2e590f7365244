// Runs a program shown in documentation and holds it to what its comments promise:
//
//   x.shape; // [2, 3]          A literal behind a statement is its value, or that of the one variable it declares; for a tensor,
//                               its elements or its shape. Decimals count as far as they are written. Any other comment is prose.
//   await x.print();
//   // tensor([1., 2.])         Comment lines right below a statement that prints are what it prints; … stands for any text.
//   x.matmul(y);
//   // ShapeError: matmul: …    A comment line right below that names an error: the statement throws it.
import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import { Tensor } from '@course/tensor';
import ts from 'typescript';
import { type DocProgram, declaredNames, type Modules } from './program.js';

const AsyncFunction: FunctionConstructor = Object.getPrototypeOf(async () => undefined).constructor;

const builtin = createRequire(import.meta.url);

/** Runs a program; a broken promise is an error that names its line. */
export async function run({ snippet, source }: DocProgram, modules: Modules): Promise<void> {
  const { outputText } = ts.transpileModule(withChecks(source), {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const program = new AsyncFunction('require', 'exports', 'check', outputText);
  const require = (specifier: string): unknown => {
    const found = specifier.startsWith('node:') ? builtin(specifier) : modules[specifier];
    if (found === undefined) throw new TypeError(`${snippet.file}: there is no module '${specifier}'`);
    return found;
  };
  const printed: string[] = [];
  const { log } = console;
  console.log = (...parts: unknown[]) => void printed.push(parts.map(String).join(' '));
  try {
    await program(require, {}, new Check(snippet.file, printed));
  } finally {
    console.log = log;
  }
}

/** What the inserted calls do. */
class Check {
  constructor(
    private readonly file: string,
    private readonly printed: string[],
  ) {}

  /** Before a statement whose output is promised: forgets what was printed until now. */
  start(): void {
    this.printed.length = 0;
  }

  async value(actual: unknown, expected: unknown, literal: string, line: number): Promise<void> {
    if (actual instanceof Tensor && agrees(actual.shape, expected, 0)) return;
    const found = actual instanceof Tensor ? await actual.toArray() : actual;
    if (agrees(found, expected, decimals(literal))) return;
    const shape = actual instanceof Tensor ? `, of shape [${actual.shape.join(', ')}]` : '';
    throw new TypeError(`${this.file}:${line}: the comment says ${literal}, the value is ${inspect(found)}${shape}`);
  }

  output(expected: string, line: number): void {
    this.#compare(this.printed.join('\n').trimEnd(), expected, `${this.file}:${line}: it prints`);
  }

  async error(statement: () => unknown, expected: string, line: number): Promise<void> {
    let text = 'no error';
    try {
      await statement();
    } catch (error) {
      text = String(error);
    }
    this.#compare(text, expected, `${this.file}:${line}: it throws`);
  }

  #compare(text: string, expected: string, what: string): void {
    const pattern = expected.split('…').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
    if (!new RegExp(`^${pattern.join('[^]*')}$`).test(text))
      throw new TypeError(`${what}\n${text}\ninstead of\n${expected}`);
  }
}

/** The program with calls of `check` where its comments promise something. No line moves. */
function withChecks(source: ts.SourceFile): string {
  const { text } = source;
  const lines = text.split('\n');
  const insertions: { readonly at: number; readonly text: string }[] = [];
  const insert = (at: number, inserted: string): void => void insertions.push({ at, text: inserted });
  const visit = (node: ts.Node): void => {
    // In a function nothing can be awaited, so nothing is checked there.
    if (ts.isFunctionLike(node)) return;
    ts.forEachChild(node, visit);
    if (!ts.isExpressionStatement(node) && !ts.isVariableStatement(node)) return;
    const start = node.getStart(source);
    const { line } = source.getLineAndCharacterOfPosition(node.end);
    const behind = /^[ \t]*\/\/ (.*)/.exec(text.slice(node.end));
    const literal = behind?.[1] === undefined ? null : literalOf(behind[1]);
    if (literal !== null) {
      const rest = `, ${literal}, ${JSON.stringify(literal)}, ${line + 1})`;
      const names = declaredNames(node);
      if (ts.isExpressionStatement(node)) {
        insert(start, 'await check.value((');
        insert(node.expression.end, `)${rest}`);
      } else if (names.length === 1) insert(node.end, ` await check.value(${names[0]}${rest};`);
    }
    const below = commentBelow(lines, line);
    if (below === '' || !ts.isExpressionStatement(node)) return;
    if (/^[A-Z]\w*Error: /.test(below)) {
      insert(start, 'await check.error(async () => (');
      insert(node.expression.end, `), ${JSON.stringify(below)}, ${line + 1})`);
    } else if (/\b(console\.log|print)\(/.test(node.getText(source))) {
      insert(start, 'check.start(); ');
      insert(node.end, ` check.output(${JSON.stringify(below)}, ${line + 1});`);
    }
  };
  visit(source);
  insertions.sort((a, b) => b.at - a.at);
  return insertions.reduce((code, { at, text: inserted }) => code.slice(0, at) + inserted + code.slice(at), text);
}

/** The text of the comment lines right below a line, indented as they are. */
function commentBelow(lines: readonly string[], line: number): string {
  const found: string[] = [];
  for (let i = line + 1; /^\s*\/\/( |$)/.test(lines[i] ?? ''); i++)
    found.push((lines[i] ?? '').replace(/^\s*\/\/ ?/, ''));
  return found.join('\n').trimEnd();
}

/** The literal that a comment consists of, or starts with before a colon or semicolon; null if it is prose. */
function literalOf(comment: string): string | null {
  const source = ts.createSourceFile('literal.ts', `(${comment.trim()}\n)`, ts.ScriptTarget.ES2022, true);
  const isLiteral = (node: ts.Expression): boolean => {
    if (ts.isArrayLiteralExpression(node)) return node.elements.every(isLiteral);
    if (ts.isObjectLiteralExpression(node))
      return node.properties.every((each) => ts.isPropertyAssignment(each) && isLiteral(each.initializer));
    if (ts.isPrefixUnaryExpression(node))
      return ts.isNumericLiteral(node.operand) || node.operand.getText() === 'Infinity';
    if (ts.isIdentifier(node)) return ['undefined', 'NaN', 'Infinity'].includes(node.text);
    const { kind } = node;
    return (
      ts.isStringLiteral(node) ||
      ts.isNumericLiteral(node) ||
      ts.isBigIntLiteral(node) ||
      [ts.SyntaxKind.TrueKeyword, ts.SyntaxKind.FalseKeyword, ts.SyntaxKind.NullKeyword].includes(kind)
    );
  };
  const [statement] = source.statements;
  if (!statement || !ts.isExpressionStatement(statement) || !ts.isParenthesizedExpression(statement.expression))
    return null;
  const { expression } = statement.expression;
  const rest = source.text.slice(expression.end).trimStart();
  return isLiteral(expression) && /^[;:)]/.test(rest) ? expression.getText(source) : null;
}

/** The most digits behind a decimal point in a literal. */
function decimals(literal: string): number {
  return Math.max(0, ...Array.from(literal.matchAll(/\.(\d+)/g), ([, digits = '']) => digits.length));
}

/** Whether a value is what a literal says; numbers with a fraction to half a unit of its last digit. */
function agrees(actual: unknown, expected: unknown, digits: number): boolean {
  if (typeof expected === 'number' && typeof actual === 'number')
    return Object.is(actual, expected) || Math.abs(actual - expected) <= (digits > 0 ? 0.501 * 10 ** -digits : 0);
  if (ArrayBuffer.isView(actual) && !(actual instanceof DataView))
    return agrees(Array.from(actual as unknown as ArrayLike<number>), expected, digits);
  if (typeof expected !== 'object' || expected === null || typeof actual !== 'object' || actual === null)
    return Object.is(actual, expected);
  const [own, wanted] = [Object.entries(actual), new Map(Object.entries(expected))];
  return (
    own.length === wanted.size && own.every(([key, value]) => wanted.has(key) && agrees(value, wanted.get(key), digits))
  );
}
