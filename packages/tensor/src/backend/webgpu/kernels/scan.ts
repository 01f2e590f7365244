/**
 * Linear recurrences y[k] = a[k] y[k-1] + b[k] along a dim. The dim is cut into strips: an invocation reduces a strip to the pair
 * (product of the factors, result from a start of 0), the pairs are a shorter recurrence of the same kind, and its results are
 * where the strips start from in a second walk. Strips are short, so errors grow with their length times the number of levels.
 */
import type { Dense, DeviceBuffer, ScanRequest } from '../../requests.js';
import { groupsOf, type KernelContext } from '../context.js';
import { type Each, indent, type KernelSource, read, type Scalar, storedAs, u32, write } from './wgsl/source.js';

const LONGEST_STRIP = 128;
const SHORTEST_STRIP = 16;

export function scan(context: KernelContext, request: ScanRequest): void {
  const { outer, length, inner, out } = request;
  if (outer * length * inner === 0) return;
  const element: Scalar = storedAs(out.dtype);
  const { workgroupSize, invocations } = context.tuning.reduce;
  const columns = outer * inner;
  const even = Math.ceil(length / Math.max(1, Math.floor(invocations / columns)));
  const stripLength = Math.min(Math.max(even, SHORTEST_STRIP), LONGEST_STRIP);
  const strips = Math.ceil(length / stripLength);
  const starts = strips > 1 ? stripStarts(context, request, element, stripLength, strips) : undefined;
  const shape: Variant = {
    element,
    reverse: request.reverse,
    hasFactors: request.factors !== undefined,
    hasTerms: request.terms !== undefined,
  };
  const kernel = context.kernel(`scan|${keyOf(shape)}|${starts !== undefined}`, () =>
    walkSource(shape, starts !== undefined, workgroupSize),
  );
  context.dispatch(
    kernel,
    { factors: request.factors?.buffer, terms: request.terms?.buffer, starts, out: out.buffer },
    { ...sizes(request, stripLength, strips), outOffset: out.offset },
    groupsOf(columns * strips, workgroupSize),
  );
}

/** What the recurrence has reached at the end of every strip: [outer, strips, inner]. */
function stripStarts(
  context: KernelContext,
  request: ScanRequest,
  element: Scalar,
  stripLength: number,
  strips: number,
): DeviceBuffer {
  const { outer, inner, reverse, factors, terms, out } = request;
  const { workgroupSize } = context.tuning.reduce;
  const count = outer * strips * inner;
  const partial = (wanted: unknown): Dense | undefined =>
    wanted === undefined ? undefined : { buffer: context.temporary(count * 4), dtype: out.dtype, offset: 0 };
  const products = partial(factors);
  const results = partial(terms);
  const shape: Variant = { element, reverse, hasFactors: factors !== undefined, hasTerms: terms !== undefined };
  const kernel = context.kernel(`scanStrips|${keyOf(shape)}`, () => stripSource(shape, workgroupSize));
  context.dispatch(
    kernel,
    { factors: factors?.buffer, terms: terms?.buffer, products: products?.buffer, results: results?.buffer },
    sizes(request, stripLength, strips),
    groupsOf(count, workgroupSize),
  );
  const reached: Dense = { buffer: context.temporary(count * 4), dtype: out.dtype, offset: 0 };
  scan(context, {
    kind: 'scan',
    reverse,
    outer,
    length: strips,
    inner,
    ...(products && { factors: products }),
    ...(results && { terms: results }),
    out: reached,
  });
  return reached.buffer;
}

interface Variant {
  readonly element: Scalar;
  readonly reverse: boolean;
  readonly hasFactors: boolean;
  readonly hasTerms: boolean;
}

const keyOf = ({ element, reverse, hasFactors, hasTerms }: Variant): string =>
  `${element}|${reverse}|${hasFactors}|${hasTerms}`;

function sizes({ outer, length, inner, factors, terms }: ScanRequest, stripLength: number, strips: number) {
  return {
    columns: outer * strips * inner,
    length,
    inner,
    strips,
    stripLength,
    factorOffset: factors?.offset ?? 0,
    termOffset: terms?.offset ?? 0,
  };
}

const PARAMS = ['columns', 'length', 'inner', 'strips', 'stripLength', 'factorOffset', 'termOffset'];

const COLUMN: Each = ['column', 'p.columns'];

/** Finds the strip of a column and walks it: `at` is the place of an element in the dense operands. */
function overStrip({ reverse }: Variant, before: string, body: string): string {
  return `let i = column % p.inner;
let strip = (column / p.inner) % p.strips;
let o = column / (p.inner * p.strips);
let begin = strip * p.stripLength;
let end = min(begin + p.stripLength, p.length);
${before}
for (var k = begin; k < end; k++) {
  let at = (o * p.length + ${reverse ? 'begin + end - 1u - k' : 'k'}) * p.inner + i;
${indent(body)}
}`;
}

function advance({ hasFactors, hasTerms }: Variant): string {
  return [
    ...(hasFactors ? ['y *= factors[p.factorOffset + at];'] : []),
    ...(hasTerms ? ['y += terms[p.termOffset + at];'] : []),
  ].join('\n');
}

function inputs({ element, hasFactors, hasTerms }: Variant) {
  return [...(hasFactors ? [read('factors', element)] : []), ...(hasTerms ? [read('terms', element)] : [])];
}

function stripSource(shape: Variant, workgroupSize: number): KernelSource {
  const { element, hasFactors, hasTerms } = shape;
  const before = [
    ...(hasFactors ? [`var product = ${element}(1);`] : []),
    ...(hasTerms ? [`var y = ${element}(0);`] : []),
  ];
  const body = [
    ...(hasFactors ? ['product *= factors[p.factorOffset + at];'] : []),
    ...(hasTerms ? [advance(shape)] : []),
  ];
  const main = [
    overStrip(shape, before.join('\n'), body.join('\n')),
    ...(hasFactors ? ['products[column] = product;'] : []),
    ...(hasTerms ? ['results[column] = y;'] : []),
  ];
  return {
    label: 'scan: strips',
    about: 'Each invocation reduces one strip of one column.',
    bindings: [
      ...inputs(shape),
      ...(hasFactors ? [write('products', element)] : []),
      ...(hasTerms ? [write('results', element)] : []),
    ],
    params: u32(...PARAMS),
    workgroupSize,
    each: COLUMN,
    main: main.join('\n'),
  };
}

function walkSource(shape: Variant, hasStarts: boolean, workgroupSize: number): KernelSource {
  const { element, reverse, hasTerms } = shape;
  const before = [`var y = ${element}(${hasTerms ? 0 : 1});`];
  if (hasStarts) {
    before.push(
      `if (${reverse ? 'strip + 1u < p.strips' : 'strip > 0u'}) {`,
      `  y = starts[(o * p.strips + strip ${reverse ? '+' : '-'} 1u) * p.inner + i];`,
      '}',
    );
  }
  return {
    label: 'scan',
    about: 'Each invocation walks one strip of one column from where the strip before it ends.',
    bindings: [...inputs(shape), ...(hasStarts ? [read('starts', element)] : []), write('out', element)],
    params: u32(...PARAMS, 'outOffset'),
    workgroupSize,
    each: COLUMN,
    main: overStrip(shape, before.join('\n'), `${advance(shape)}\nout[p.outOffset + at] = y;`),
  };
}
