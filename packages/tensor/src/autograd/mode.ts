/** Whether operations are being recorded for a backward pass. */
let recording = true;

/** Whether gradients are being recorded now, as `torch.is_grad_enabled`. */
export function isGradEnabled(): boolean {
  return recording;
}

/** Runs `fn` with recording on or off and puts the mode back, also when it throws. */
export function withGradMode<T>(enabled: boolean, fn: () => T): T {
  const before = recording;
  recording = enabled;
  try {
    return fn();
  } finally {
    recording = before;
  }
}

/**
 * Runs `fn` without recording: its results carry no gradient, and nothing is kept for a backward pass. As `torch.no_grad`.
 * The mode ends when `fn` returns: code after an `await` inside it is recorded again.
 *
 * @example
 * const total = noGrad(() => x.mean());
 */
export function noGrad<T>(fn: () => T): T {
  return withGradMode(false, fn);
}

/** Runs `fn` with recording on inside a {@link noGrad}, as `torch.enable_grad`. */
export function enableGrad<T>(fn: () => T): T {
  return withGradMode(true, fn);
}
