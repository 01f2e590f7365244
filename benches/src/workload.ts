// What the bench measures. A run ends at a point where its result is there.
export interface Workload {
  readonly name: string;
  /** Floating-point operations of a run, where a rate says more than a time. */
  readonly flop?: number;
  /** Repetitions inside a run, where one alone is too short to time. */
  readonly repeats?: number;
  /** Prepares the operands and returns the run. */
  prepare(): () => Promise<void>;
}
