/** A profile as numbers, as a table and as a trace. */
import type { DeviceInfo } from '../backend/backend.js';

/** A kernel that ran: milliseconds since the start. */
export interface ProfileEvent {
  readonly name: string;
  readonly start: number;
  readonly milliseconds: number;
  readonly flop: number;
  readonly bytes: number;
}

/** All runs of one kernel together. */
export interface KernelProfile {
  readonly name: string;
  readonly count: number;
  /** In all; 0 where the device has no clock. */
  readonly milliseconds: number;
  readonly flop: number;
  readonly bytes: number;
}

/** What {@link Profile} is made of. */
export interface ProfileData {
  readonly device: DeviceInfo;
  readonly events: readonly ProfileEvent[];
  /** From the start until everything was computed. */
  readonly milliseconds: number;
  readonly dispatches: number;
  readonly compiledKernels: number;
  /** Whether events have times of their kernels, or only of their requests. */
  readonly isTimed: boolean;
}

/** What a profiled function cost. `String(profile)` is a table. */
export class Profile {
  readonly device: DeviceInfo;
  /** Every kernel that ran, in order. */
  readonly events: readonly ProfileEvent[];
  /** From the start until everything was computed. */
  readonly milliseconds: number;
  /** Kernels launched. */
  readonly dispatches: number;
  /** Kernels compiled meanwhile: 0 once a program has run before. */
  readonly compiledKernels: number;
  /** Whether times are those of kernels; where the device has no clock they are left out of the table. */
  readonly isTimed: boolean;

  constructor({ device, events, milliseconds, dispatches, compiledKernels, isTimed }: ProfileData) {
    this.device = device;
    this.events = events;
    this.milliseconds = milliseconds;
    this.dispatches = dispatches;
    this.compiledKernels = compiledKernels;
    this.isTimed = isTimed;
  }

  /** Kernels by name, those that took most first. */
  get kernels(): readonly KernelProfile[] {
    const byName = new Map<string, KernelProfile>();
    for (const { name, milliseconds, flop, bytes } of this.events) {
      const known = byName.get(name) ?? { name, count: 0, milliseconds: 0, flop: 0, bytes: 0 };
      byName.set(name, {
        name,
        count: known.count + 1,
        milliseconds: known.milliseconds + (this.isTimed ? milliseconds : 0),
        flop: known.flop + flop,
        bytes: known.bytes + bytes,
      });
    }
    return [...byName.values()].sort((a, b) => b.milliseconds - a.milliseconds || b.count - a.count);
  }

  /** Time in kernels, in milliseconds; the rest of the whole is the program's own. */
  get kernelMilliseconds(): number {
    return this.kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  }

  /** The table: a line for each kernel. */
  toString(): string {
    const all = this.kernelMilliseconds;
    const rate = (amount: number, milliseconds: number): string =>
      amount > 0 && milliseconds > 0 ? (amount / milliseconds / 1e6).toFixed(1) : '-';
    const time = (milliseconds: number): string => (this.isTimed ? milliseconds.toFixed(3) : '-');
    const rows = this.kernels.map(({ name, count, milliseconds, flop, bytes }) => [
      name,
      String(count),
      time(milliseconds),
      this.isTimed && all > 0 ? `${((100 * milliseconds) / all).toFixed(1)} %` : '-',
      rate(flop, milliseconds),
      rate(bytes, milliseconds),
    ]);
    const head = ['kernel', 'times', 'ms', 'share', 'GFLOP/s', 'GB/s'];
    const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]?.length ?? 0)));
    const line = (row: readonly string[]): string =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ');
    const summary =
      `${this.device.adapter}, ${this.device.backend}: ${this.milliseconds.toFixed(2)} ms, ${this.dispatches} dispatches` +
      (this.isTimed ? `, ${all.toFixed(2)} ms in kernels` : '; the adapter has no timestamps') +
      (this.compiledKernels > 0 ? `, ${this.compiledKernels} kernels compiled` : '');
    return [summary, line(head), ...rows.map(line)].join('\n');
  }

  /**
   * The text of a file that chrome://tracing and ui.perfetto.dev open, in the
   * [trace event format](https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU).
   */
  toChromeTrace(): string {
    const thread = { pid: 1, tid: 1 };
    const events = this.events.map(({ name, start, milliseconds, flop, bytes }) => ({
      name,
      ph: 'X',
      ...thread,
      // Microseconds.
      ts: start * 1000,
      dur: milliseconds * 1000,
      args: { flop, bytes },
    }));
    const title = {
      name: 'process_name',
      ph: 'M',
      ...thread,
      args: {
        name: `${this.device.backend}: ${this.device.adapter}${this.isTimed ? '' : ' (no timestamps: when requests were recorded)'}`,
      },
    };
    return JSON.stringify({ displayTimeUnit: 'ms', traceEvents: [title, ...events] });
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}
