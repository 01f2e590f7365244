/** Products by their special names, and `einsum`, which writes any of them as a sum over named dims. */
import { ArgumentError, ShapeError } from '../errors.js';
import { broadcastShapes, formatShape, numel, type Shape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import { matmul } from './matmul.js';
import { checkFloats } from './operands.js';
import { expand, permute, reshape } from './shape.js';
import { diagonal } from './windows.js';

function checkRanks(name: string, a: Tensor, b: Tensor, ranks: readonly [number, number]): void {
  if (a.shape.length !== ranks[0] || b.shape.length !== ranks[1])
    throw new ShapeError(
      `${name}: expected tensors of ${ranks[0]} and ${ranks[1]} dims, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
    );
}

/** The products of two stacks of matrices [batch, n, m] and [batch, m, p]; nothing is broadcast. As `torch.bmm`. */
export function bmm(a: Tensor, b: Tensor): Tensor {
  checkRanks('bmm', a, b, [3, 3]);
  if (a.shape[0] !== b.shape[0] || a.shape[2] !== b.shape[1])
    throw new ShapeError(
      `bmm: Expected size for first two dimensions of batch2 tensor to be: [${a.shape[0]}, ${a.shape[2]}] but got: ${formatShape(b.shape.slice(0, 2))}`,
    );
  return matmul(a, b);
}

/** The product of two matrices, as `torch.mm`. */
export function mm(a: Tensor, b: Tensor): Tensor {
  checkRanks('mm', a, b, [2, 2]);
  return matmul(a, b);
}

/** A matrix times a vector, as `torch.mv`. */
export function mv(a: Tensor, b: Tensor): Tensor {
  checkRanks('mv', a, b, [2, 1]);
  return matmul(a, b);
}

/** The inner product of two vectors, as `torch.dot`. */
export function dot(a: Tensor, b: Tensor): Tensor {
  checkRanks('dot', a, b, [1, 1]);
  if (a.shape[0] !== b.shape[0])
    throw new ShapeError(
      `dot: inconsistent tensor size, expected tensors to have the same number of elements, but got ${a.shape[0]} and ${b.shape[0]} elements respectively`,
    );
  return matmul(a, b);
}

/** All products of an element of one vector with one of the other [n, m], as `torch.outer`. */
export function outer(a: Tensor, b: Tensor): Tensor {
  checkRanks('outer', a, b, [1, 1]);
  return a.unsqueeze(1).mul(b);
}

/** `alpha a b + beta c` for matrices, as `torch.addmm`. */
export function addmm(
  c: Tensor,
  a: Tensor,
  b: Tensor,
  { alpha = 1, beta = 1 }: { readonly alpha?: number; readonly beta?: number } = {},
): Tensor {
  const product = alpha === 1 ? mm(a, b) : mm(a, b).mul(alpha);
  return product.add(beta === 1 ? c : c.mul(beta));
}

/** An operand with a label for each dim. */
interface Labelled {
  readonly tensor: Tensor;
  readonly labels: readonly string[];
}

/**
 * The sum of products that an equation in letters describes: letters that the output lacks are summed over; `...` stands for leading dims
 * that broadcast; a letter twice in one operand takes its diagonal. As [torch.einsum](https://pytorch.org/docs/stable/generated/torch.einsum.html), from left to right.
 *
 * @throws ArgumentError for an equation that does not fit the operands, ShapeError where a letter has two sizes.
 * @example
 * einsum('bij,bjk->bik', randn([2, 3, 4]), randn([2, 4, 5])).shape; // [2, 3, 5]: a batch of matrix products
 */
export function einsum(equation: string, ...operands: readonly Tensor[]): Tensor {
  const { inputs, output } = parse(equation, operands);
  const sizes = new Map<string, number>();
  const labelled = operands.map((tensor, i) => label(tensor, inputs[i] ?? [], sizes));
  // A letter may go as soon as neither the output nor a later operand has it.
  const [first, ...rest] = labelled;
  let left = first as Labelled;
  while (true) {
    const needed = new Set([...output, ...rest.flatMap(({ labels }) => labels)]);
    const right = rest.shift();
    if (!right) break;
    const later = new Set([...output, ...rest.flatMap(({ labels }) => labels)]);
    left = contract(sumOver(left, needed), sumOver(right, new Set([...later, ...left.labels])), later, sizes);
  }
  const kept = sumOver(left, new Set(output));
  const all = spread(kept, output, sizes);
  return permute(
    all.tensor,
    output.map((name) => all.labels.indexOf(name)),
  );
}

/** Labels of operands and output. The dims of an ellipsis are called .0, .1, … from the last. */
function parse(equation: string, operands: readonly Tensor[]): { inputs: string[][]; output: string[] } {
  const fail = (why: string): never => {
    throw new ArgumentError(`einsum: ${why} in equation '${equation}'`);
  };
  if (operands.length === 0) fail('must provide at least one operand');
  const text = equation.replaceAll(' ', '');
  const [left = '', right, ...more] = text.split('->');
  if (more.length > 0) fail("'->' stands more than once");
  const terms = left.split(',');
  if (terms.length !== operands.length)
    fail(`${terms.length} operands are described, but ${operands.length} were given,`);
  const split = (term: string, ellipsisRank: number): string[] => {
    const parts = term.split('...');
    if (parts.length > 2) fail('an ellipsis stands more than once in one operand');
    const letters = (piece: string): string[] =>
      [...piece].map((letter) => (/[a-zA-Z]/.test(letter) ? letter : fail(`'${letter}' is no letter`)));
    const between = Array.from({ length: ellipsisRank }, (_, i) => `.${ellipsisRank - 1 - i}`);
    return [...letters(parts[0] ?? ''), ...(parts.length === 2 ? between : []), ...letters(parts[1] ?? '')];
  };
  let widest = 0;
  const inputs = terms.map((term, i) => {
    const { shape } = operands[i] ?? { shape: [] };
    const named = term.replace('...', '').length;
    const hidden = term.includes('...') ? shape.length - named : 0;
    if (hidden < 0 || (!term.includes('...') && named !== shape.length))
      fail(`the ${named} letters of '${term}' do not fit operand ${i} of shape ${formatShape(shape)}`);
    widest = Math.max(widest, hidden);
    return split(term, hidden);
  });
  if (right !== undefined) {
    const output = split(right, widest);
    const known = new Set(inputs.flat());
    for (const name of output) if (!known.has(name)) fail(`output letter '${name}' is in no operand`);
    if (new Set(output).size !== output.length) fail('an output letter stands more than once');
    return { inputs, output };
  }
  // Without an output: the ellipsis, then the letters that stand once, in alphabetical order.
  const once = inputs
    .flat()
    .filter((name, _, all) => !name.startsWith('.') && all.indexOf(name) === all.lastIndexOf(name));
  return { inputs, output: [...split('...', widest), ...once.sort()] };
}

/** Takes the diagonal of repeated labels and notes the size of each; sizes of 1 broadcast. */
function label(tensor: Tensor, labels: readonly string[], sizes: Map<string, number>): Labelled {
  let result: Labelled = { tensor, labels };
  for (const name of new Set(labels)) {
    while (result.labels.indexOf(name) !== result.labels.lastIndexOf(name)) {
      const [dim0, dim1] = [result.labels.indexOf(name), result.labels.lastIndexOf(name)];
      const { shape } = result.tensor;
      if (shape[dim0] !== shape[dim1])
        throw new ShapeError(
          `einsum: subscript ${name} is repeated for an operand of shape ${formatShape(shape)} but the sizes don't match, ${shape[dim0]} != ${shape[dim1]}`,
        );
      result = {
        tensor: diagonal(result.tensor, { dim0, dim1 }),
        labels: [...result.labels.filter((_, d) => d !== dim0 && d !== dim1), name],
      };
    }
  }
  for (const [d, name] of result.labels.entries()) {
    const size = result.tensor.shape[d] ?? 1;
    const [known = 1] = [sizes.get(name)];
    if (size !== known && size !== 1 && known !== 1)
      throw new ShapeError(
        `einsum: operands do not broadcast with remapped shapes: subscript ${name} has size ${size}, and ${known} before it`,
      );
    sizes.set(name, known === 1 ? size : known);
  }
  return result;
}

function sumOver({ tensor, labels }: Labelled, needed: ReadonlySet<string>): Labelled {
  const gone = labels.flatMap((name, d) => (needed.has(name) ? [] : [d]));
  return gone.length === 0
    ? { tensor, labels }
    : { tensor: tensor.sum(gone), labels: labels.filter((name) => needed.has(name)) };
}

/** Gives dims of size 1 their broadcast size. */
function spread({ tensor, labels }: Labelled, names: readonly string[], sizes: ReadonlyMap<string, number>): Labelled {
  const shape = labels.map((name, d) => (names.includes(name) ? (sizes.get(name) ?? 1) : (tensor.shape[d] ?? 1)));
  return { tensor: expand(tensor, shape), labels };
}

/** One product: labels of both that are still needed are a batch, labels of both that are not are summed over by the matrix product. */
function contract(a: Labelled, b: Labelled, needed: ReadonlySet<string>, sizes: ReadonlyMap<string, number>): Labelled {
  const shared = a.labels.filter((name) => b.labels.includes(name));
  const batch = shared.filter((name) => needed.has(name));
  const summed = shared.filter((name) => !needed.has(name));
  const onlyA = a.labels.filter((name) => !shared.includes(name));
  const onlyB = b.labels.filter((name) => !shared.includes(name));
  const labels = [...batch, ...onlyA, ...onlyB];
  const sizeOf = (names: readonly string[]): Shape => names.map((name) => sizes.get(name) ?? 1);
  const arrange = (x: Labelled, order: readonly string[]): Tensor => {
    const { tensor } = spread(x, summed, sizes);
    return permute(
      tensor,
      order.map((name) => x.labels.indexOf(name)),
    );
  };
  if (summed.length === 0) {
    const wide = reshapeTo(arrange(a, [...batch, ...onlyA]), batch.length + onlyA.length, onlyB.length);
    const other = arrange(b, [...batch, ...onlyB]);
    const tall = reshape(other, [
      ...other.shape.slice(0, batch.length),
      ...onlyA.map(() => 1),
      ...other.shape.slice(batch.length),
    ]);
    return { tensor: wide.mul(tall), labels };
  }
  checkFloats('einsum', { operand: a.tensor, 'the next operand': b.tensor });
  const left = arrange(a, [...batch, ...onlyA, ...summed]);
  const right = arrange(b, [...batch, ...summed, ...onlyB]);
  const k = numel(sizeOf(summed));
  const batchOf = (x: Tensor): Shape => x.shape.slice(0, batch.length);
  const rows = left.shape.slice(batch.length, batch.length + onlyA.length);
  const columns = right.shape.slice(batch.length + summed.length);
  const product = matmul(
    reshape(left, [...batchOf(left), numel(rows), k]),
    reshape(right, [...batchOf(right), k, numel(columns)]),
  );
  const both = broadcastShapes('einsum', batchOf(left), batchOf(right));
  return { tensor: reshape(product, [...both, ...rows, ...columns]), labels };
}

/** Adds dims of size 1 behind the first `rank`. */
function reshapeTo(x: Tensor, rank: number, extra: number): Tensor {
  return reshape(x, [...x.shape.slice(0, rank), ...new Array<number>(extra).fill(1)]);
}
