/** Cross-entropy and its backward on the CPU. */

import { targetOutOfBounds } from '../../index-errors.js';
import type { CrossEntropyBackwardRequest, CrossEntropyRequest, Dense } from '../../requests.js';
import type { Launcher } from '../launch.js';
import { CrossEntropyField } from '../layout.generated.js';
import { NO_FAULT } from './rows.js';

function checkTargets(launcher: Launcher, record: number, targets: Dense, classes: number): void {
  const row = launcher.i32[record + CrossEntropyField.fault] ?? NO_FAULT;
  if (row === NO_FAULT) return;
  const target = launcher.i32[launcher.pointer(targets) / 4 + row];
  throw targetOutOfBounds(target ?? 0, classes, row);
}

export function crossEntropy(launcher: Launcher, request: CrossEntropyRequest): void {
  const { rows, classes } = request;
  if (rows === 0) return;
  const record = launcher.record(CrossEntropyField.length);
  const { i32 } = launcher;
  i32[record + CrossEntropyField.classes] = classes;
  i32[record + CrossEntropyField.ignoreIndex] = request.ignoreIndex;
  i32[record + CrossEntropyField.logits] = launcher.pointer(request.logits);
  i32[record + CrossEntropyField.targets] = launcher.pointer(request.targets);
  i32[record + CrossEntropyField.losses] = launcher.pointer(request.losses);
  i32[record + CrossEntropyField.logSumExp] = launcher.pointer(request.logSumExp);
  i32[record + CrossEntropyField.fault] = NO_FAULT;
  launcher.launch('crossEntropy', record, rows, Math.ceil(8192 / Math.max(classes, 1)));
  checkTargets(launcher, record, request.targets, classes);
}

export function crossEntropyBackward(launcher: Launcher, request: CrossEntropyBackwardRequest): void {
  const { rows, classes } = request;
  if (rows * classes === 0) return;
  const record = launcher.record(CrossEntropyField.length);
  const { i32 } = launcher;
  i32[record + CrossEntropyField.classes] = classes;
  i32[record + CrossEntropyField.ignoreIndex] = request.ignoreIndex;
  i32[record + CrossEntropyField.logits] = launcher.pointer(request.logits);
  i32[record + CrossEntropyField.targets] = launcher.pointer(request.targets);
  i32[record + CrossEntropyField.logSumExp] = launcher.pointer(request.logSumExp);
  i32[record + CrossEntropyField.gradRows] = launcher.pointer(request.gradRows);
  i32[record + CrossEntropyField.out] = launcher.pointer(request.out);
  i32[record + CrossEntropyField.fault] = NO_FAULT;
  launcher.launch('crossEntropyBackward', record, rows, Math.ceil(8192 / classes));
  checkTargets(launcher, record, request.targets, classes);
}
