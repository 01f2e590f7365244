/**
 * Cross-entropy from logits, and its gradient, without the softmax in between ever standing in memory. A target outside the
 * classes (and not the ignored one) makes its loss NaN: an error on a GPU cannot be thrown where it happens, but it must show.
 */
import type { CrossEntropyBackwardRequest, CrossEntropyRequest } from '../../requests.js';
import { groupsOf, type KernelContext } from '../context.js';
import { prelude } from './prelude.js';
import { add, larger, openRow, overRow, rowGroups, type Team, teamFor, teamFunctions } from './rows.js';
import { dedent, type KernelSource, read, u32, write } from './source.js';

export function crossEntropy(context: KernelContext, request: CrossEntropyRequest): void {
  const { rows, classes, ignoreIndex, logits, targets, losses, logSumExp } = request;
  if (rows === 0) return;
  const team = teamFor(context, classes);
  const kernel = context.kernel(`crossEntropy|${team.lanes}`, () => forwardSource(team));
  context.dispatch(
    kernel,
    { logits: logits.buffer, targets: targets.buffer, losses: losses.buffer, logSumExp: logSumExp.buffer },
    {
      rows,
      width: classes,
      ignoreIndex,
      logitsOffset: logits.offset,
      targetOffset: targets.offset,
      lossOffset: losses.offset,
      sumOffset: logSumExp.offset,
    },
    rowGroups(team, rows),
  );
}

function forwardSource(team: Team): KernelSource {
  const main = [
    openRow(team),
    'let start = p.logitsOffset + row * p.width;',
    'var largest = LOWEST;',
    overRow(team, 'largest = max(largest, logits[start + c]);'),
    'largest = teamMax(largest, lane);',
    'var sum = 0.0;',
    overRow(team, 'sum += expIeee(logits[start + c] - largest);'),
    'sum = teamSum(sum, lane);',
    'if (!isRow || l > 0u) {',
    '  return;',
    '}',
    'let logSum = logIeee(sum);',
    'logSumExp[p.sumOffset + row] = largest + logSum;',
    'let target_ = targets[p.targetOffset + row];',
    'var loss = nan();',
    'if (target_ == p.ignoreIndex) {',
    '  loss = 0.0;',
    '} else if (u32(target_) < p.width) {',
    '  loss = largest - logits[start + u32(target_)] + logSum;',
    '}',
    'losses[p.lossOffset + row] = loss;',
  ].join('\n');
  return {
    label: 'cross-entropy',
    about: `Rows of p.width logits, ${team.lanes} invocations a row.`,
    bindings: [read('logits'), read('targets', 'i32'), write('losses'), write('logSumExp')],
    params: { ...u32('rows', 'width', 'logitsOffset', 'targetOffset', 'lossOffset', 'sumOffset'), ignoreIndex: 'i32' },
    workgroupSize: team.workgroupSize,
    declarations: [
      'const LOWEST = -3.4028234e38;',
      prelude(['expIeee', 'logIeee', 'nan'], 1),
      teamFunctions(team, { teamMax: larger, teamSum: add }),
    ].join('\n\n'),
    main,
  };
}

export function crossEntropyBackward(context: KernelContext, request: CrossEntropyBackwardRequest): void {
  const { rows, classes, ignoreIndex, logits, targets, logSumExp, gradRows, out } = request;
  if (rows * classes === 0) return;
  const { workgroupSize } = context.tuning.pointwise;
  const kernel = context.kernel('crossEntropyBackward', () => backwardSource(workgroupSize));
  context.dispatch(
    kernel,
    {
      logits: logits.buffer,
      targets: targets.buffer,
      logSumExp: logSumExp.buffer,
      gradRows: gradRows.buffer,
      out: out.buffer,
    },
    {
      rows,
      width: classes,
      ignoreIndex,
      logitsOffset: logits.offset,
      targetOffset: targets.offset,
      sumOffset: logSumExp.offset,
      gradOffset: gradRows.offset,
      outOffset: out.offset,
    },
    groupsOf(rows * classes, workgroupSize),
  );
}

function backwardSource(workgroupSize: number): KernelSource {
  return {
    label: 'cross-entropy backward',
    about: 'Each invocation computes the gradient of one logit.',
    bindings: [read('logits'), read('targets', 'i32'), read('logSumExp'), read('gradRows'), write('out')],
    params: {
      ...u32('rows', 'width', 'logitsOffset', 'targetOffset', 'sumOffset', 'gradOffset', 'outOffset'),
      ignoreIndex: 'i32',
    },
    workgroupSize,
    declarations: prelude(['expIeee'], 1),
    main: dedent(`
      let i = group * ${workgroupSize}u + lane;
      if (i >= p.rows * p.width) {
        return;
      }
      let row = i / p.width;
      let target_ = targets[p.targetOffset + row];
      var value = 0.0;
      if (target_ != p.ignoreIndex) {
        let probability = expIeee(logits[p.logitsOffset + i] - logSumExp[p.sumOffset + row]);
        let hit = select(0.0, 1.0, i % p.width == u32(target_));
        value = gradRows[p.gradOffset + row] * (probability - hit);
      }
      out[p.outOffset + i] = value;`),
  };
}
