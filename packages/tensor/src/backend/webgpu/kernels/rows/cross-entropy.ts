/**
 * Cross-entropy from logits, and its gradient, without the softmax in between ever standing in memory. A target outside the
 * classes (and not the ignored one) is reported to the next read, and its loss is NaN.
 */

import { targetOutOfBounds } from '../../../index-errors.js';
import type { CrossEntropyBackwardRequest, CrossEntropyRequest } from '../../../requests.js';
import type { KernelContext } from '../../context.js';
import { reportsFaults } from '../../faults.js';
import { BELOW_SCALE } from '../wgsl/exponential.js';
import { helperName, prelude } from '../wgsl/prelude.js';
import { type KernelSource, read, u32, write } from '../wgsl/source.js';
import { exponentialsOf, sumExponentials } from './row-exponentials.js';
import {
  add,
  larger,
  openRow,
  overRow,
  rowGroups,
  type Team,
  teamFor,
  teamFunctions,
  teamKey,
  vectorOf,
} from './rows.js';

export function crossEntropy(context: KernelContext, request: CrossEntropyRequest): void {
  const { rows, classes, ignoreIndex, logits, targets, losses, logSumExp } = request;
  if (rows === 0) return;
  const team = teamFor(context, classes, [logits]);
  const kernel = context.kernel(`crossEntropy|${teamKey(team)}`, () => forwardSource(team));
  context.dispatch(
    kernel,
    {
      logits: logits.buffer,
      targets: targets.buffer,
      losses: losses.buffer,
      logSumExp: logSumExp.buffer,
      faults: context.faults.buffer,
    },
    {
      rows,
      width: classes / team.unit,
      classes,
      ignoreIndex,
      logitsOffset: logits.offset / team.unit,
      targetOffset: targets.offset,
      lossOffset: losses.offset,
      sumOffset: logSumExp.offset,
      ...context.faults.at('crossEntropy', targetOutOfBounds, request.place),
    },
    rowGroups(team, rows),
  );
}

function forwardSource(team: Team): KernelSource {
  const V = vectorOf(team);
  const chosen = team.unit === 4 ? 'logits[start + u32(label) / 4u][u32(label) % 4u]' : 'logits[start + u32(label)]';
  const main = [
    openRow(team),
    'let start = p.logitsOffset + row * p.width;',
    sumExponentials(team, (c) => `logits[start + ${c}]`),
    'if (!isRow || l > 0u) {',
    '  return;',
    '}',
    `let logSum = logIeee(sum * ${BELOW_SCALE});`,
    'logSumExp[p.sumOffset + row] = largest + logSum;',
    'let label = targets[p.targetOffset + row];',
    'var loss = nan();',
    'if (label == p.ignoreIndex) {',
    '  loss = 0.0;',
    '} else if (u32(label) < p.classes) {',
    `  loss = largest - ${chosen} + logSum;`,
    '} else {',
    '  reportFault(u32(label), p.classes);',
    '}',
    'losses[p.lossOffset + row] = loss;',
  ].join('\n');
  return reportsFaults({
    label: 'cross-entropy',
    about: `Rows of p.width ${V} of logits, ${team.lanes} invocations a row.`,
    bindings: [read('logits', V), read('targets', 'i32'), write('losses'), write('logSumExp')],
    params: {
      ...u32('rows', 'width', 'classes', 'logitsOffset', 'targetOffset', 'lossOffset', 'sumOffset'),
      ignoreIndex: 'i32',
    },
    workgroupSize: team.workgroupSize,
    declarations: [
      'const LOWEST = -3.4028234e38;',
      exponentialsOf(team, ['logIeee', 'nan']),
      teamFunctions(team, { teamMax: larger, teamSum: add }),
    ].join('\n\n'),
    main,
  });
}

export function crossEntropyBackward(context: KernelContext, request: CrossEntropyBackwardRequest): void {
  const { rows, classes, ignoreIndex, logits, targets, logSumExp, gradRows, out } = request;
  if (rows * classes === 0) return;
  const team = teamFor(context, classes, [logits, out]);
  const kernel = context.kernel(`crossEntropyBackward|${teamKey(team)}`, () => backwardSource(team));
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
      width: classes / team.unit,
      ignoreIndex,
      logitsOffset: logits.offset / team.unit,
      targetOffset: targets.offset,
      sumOffset: logSumExp.offset,
      gradOffset: gradRows.offset,
      outOffset: out.offset / team.unit,
    },
    rowGroups(team, rows),
  );
}

function backwardSource(team: Team): KernelSource {
  const V = vectorOf(team);
  const I = vectorOf(team, 'i32');
  const places = team.unit === 4 ? 'vec4<i32>(i32(c) * 4) + vec4<i32>(0, 1, 2, 3)' : 'i32(c)';
  const main = [
    openRow(team),
    'if (!isRow) {',
    '  return;',
    '}',
    'let label = targets[p.targetOffset + row];',
    'let isIgnored = label == p.ignoreIndex;',
    'let total = logSumExp[p.sumOffset + row];',
    'let scale = gradRows[p.gradOffset + row];',
    'let start = p.logitsOffset + row * p.width;',
    'let outStart = p.outOffset + row * p.width;',
    overRow(
      team,
      `let hit = select(${V}(0.0), ${V}(1.0), ${places} == ${I}(label));`,
      `let value = scale * (${helperName('expIeee', team.unit)}(logits[start + c] - total) - hit);`,
      `out[outStart + c] = select(value, ${V}(0.0), isIgnored);`,
    ),
  ].join('\n');
  return {
    label: 'cross-entropy backward',
    about: `Rows of p.width ${V} of logits, ${team.lanes} invocations a row.`,
    bindings: [read('logits', V), read('targets', 'i32'), read('logSumExp'), read('gradRows'), write('out', V)],
    params: {
      ...u32('rows', 'width', 'logitsOffset', 'targetOffset', 'sumOffset', 'gradOffset', 'outOffset'),
      ignoreIndex: 'i32',
    },
    workgroupSize: team.workgroupSize,
    declarations: prelude(['expIeee'], team.unit),
    main,
  };
}
