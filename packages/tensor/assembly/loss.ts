/** Cross-entropy of rows of logits, and its gradient. */
import { CrossEntropyField } from './layout';
import { exp } from './math/exp';
import { int, pointer } from './memory';
import { reportFault } from './rows';
import { scaledMax, sumOfExponentials } from './softmax';
import { storePart } from './sums';

export function crossEntropy(record: usize, begin: i32, end: i32): void {
  const classes = int(record, CrossEntropyField.classes);
  const ignoreIndex = int(record, CrossEntropyField.ignoreIndex);
  for (let row = begin; row < end; row++) {
    const logits = pointer(record, CrossEntropyField.logits) + (<usize>row * <usize>classes << 2);
    const target = load<i32>(pointer(record, CrossEntropyField.targets) + (<usize>row << 2));
    const maximum = scaledMax(logits, classes, 1);
    const logSum = NativeMath.log(sumOfExponentials(logits, classes, 1, maximum));
    store<f32>(pointer(record, CrossEntropyField.logSumExp) + (<usize>row << 2), <f32>(<f64>maximum + logSum));
    let loss: f32 = 0;
    if (target != ignoreIndex) {
      if (<u32>target < <u32>classes) {
        // From the maximum on: the sum of it and the logarithm, rounded, would lose the digits of a small loss.
        loss = <f32>(<f64>maximum - <f64>load<f32>(logits + (<usize>target << 2)) + logSum);
      } else {
        reportFault(record, CrossEntropyField.fault, row);
      }
    }
    store<f32>(pointer(record, CrossEntropyField.losses) + (<usize>row << 2), loss);
  }
}

export function crossEntropyBackward(record: usize, begin: i32, end: i32): void {
  const classes = int(record, CrossEntropyField.classes);
  const ignoreIndex = int(record, CrossEntropyField.ignoreIndex);
  const rowBytes = <usize>classes << 2;
  for (let row = begin; row < end; row++) {
    const logits = pointer(record, CrossEntropyField.logits) + <usize>row * rowBytes;
    const out = pointer(record, CrossEntropyField.out) + <usize>row * rowBytes;
    const target = load<i32>(pointer(record, CrossEntropyField.targets) + (<usize>row << 2));
    if (target == ignoreIndex) {
      memory.fill(out, 0, rowBytes);
      continue;
    }
    const grad = load<f32>(pointer(record, CrossEntropyField.gradRows) + (<usize>row << 2));
    const logSumExp = load<f32>(pointer(record, CrossEntropyField.logSumExp) + (<usize>row << 2));
    if (<u32>target >= <u32>classes) {
      reportFault(record, CrossEntropyField.fault, row);
      continue;
    }
    const correct = load<f32>(logits + (<usize>target << 2));
    probabilities(out, logits, classes, logSumExp, grad);
    // p - 1 of the target: expm1 would be finer still, but p carries the rounding of logSumExp already.
    const p = f32x4.extract_lane(exp(f32x4.splat(correct - logSumExp)), 0);
    store<f32>(out + (<usize>target << 2), grad * (p - 1));
  }
}

/** grad * exp(logit - logSumExp). */
function probabilities(out: usize, logits: usize, count: i32, logSumExp: f32, grad: f32): void {
  const l = f32x4.splat(logSumExp);
  const g = f32x4.splat(grad);
  const end = out + (<usize>count << 2);
  while (out < end) {
    const rest = <i32>((end - out) >> 2);
    const y = f32x4.mul(g, exp(f32x4.sub(v128.load(logits), l)));
    if (rest >= 4) v128.store(out, y);
    else storePart(out, y, rest);
    out += 16;
    logits += 16;
  }
}
