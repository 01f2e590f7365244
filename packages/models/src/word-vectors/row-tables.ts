/**
 * The two tables that negative sampling trains, in the memory of its WebAssembly kernel (assembly/negative-sampling.ts), and the calls of it.
 * A step reads and writes about ten rows of a hundred numbers: four at a time, it costs a fifth of what it costs number by number, and a call
 * costs far less than a step.
 */
import { ArgumentError } from '@course/tensor';
import { samplingBinary } from './kernel.generated.js';

/** TypeScript declares WebAssembly only together with the whole browser: the part that is used here. */
interface WasmMemory {
  readonly buffer: ArrayBuffer;
}
interface Wasm {
  readonly Memory: new (size: { initial: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
}
interface Kernel {
  heapBase(): number;
  setTables(inputs: number, outputs: number, scratch: number, width: number): void;
  step(
    rows: number,
    rowCount: number,
    words: number,
    wordCount: number,
    alpha: number,
    mean: number,
    onlyFrom: number,
    wantsLoss: number,
  ): number;
}

const wasm = (globalThis as unknown as { readonly WebAssembly: Wasm }).WebAssembly;
const PAGE = 65536;
const MOST_PAGES = 65536;

let compiled: object | undefined;

function kernelModule(): object {
  compiled ??= new wasm.Module(Uint8Array.from(atob(samplingBinary), (letter) => letter.charCodeAt(0)));
  return compiled;
}

/** How large the tables are, and the longest lists of a step. */
export interface TableSizes {
  readonly inputRows: number;
  readonly outputRows: number;
  readonly width: number;
  /** Input rows of a step, at most. */
  readonly mostRows: number;
  /** Words of a step, at most: the target and noise. */
  readonly mostWords: number;
}

/** How a step is done. */
export interface StepOptions {
  /** The mean of the input rows is taken; else their sum. */
  readonly mean: boolean;
  /** Only input rows from this one on are changed, and output rows only where it is 0. */
  readonly onlyFrom: number;
  readonly computeLoss: boolean;
}

/** Two tables of rows, of zeros at first. */
export class RowTables {
  /** [inputRows, width]. */
  readonly inputs: Float32Array;
  /** [outputRows, width]. */
  readonly outputs: Float32Array;
  /** The numbers of the input rows of the next step. */
  readonly rows: Int32Array;
  /** The numbers of its words: the target, then noise. */
  readonly words: Int32Array;
  readonly #kernel: Kernel;

  /** @throws ArgumentError when they are larger than the memory of WebAssembly, 4 GB. */
  constructor(readonly sizes: TableSizes) {
    const { inputRows, outputRows, width, mostRows, mostWords } = sizes;
    // Where the tables of `exp` end, rounded up generously: known only once there is an instance.
    const base = PAGE;
    const counts = [inputRows * width, outputRows * width, 2 * width, mostRows, mostWords];
    const places: number[] = [];
    let end = base;
    for (const count of counts) {
      places.push(end);
      end += Math.ceil(count / 4) * 16;
    }
    const pages = Math.ceil(end / PAGE);
    if (pages > MOST_PAGES)
      throw new ArgumentError(
        `word vectors: ${inputRows} and ${outputRows} rows of width ${width} take ${end} bytes, more than the 4 GB that training has; take fewer words (minCount, maxFinalVocab), buckets or dimensions`,
      );
    const memory = new wasm.Memory({ initial: pages });
    const { exports } = new wasm.Instance(kernelModule(), { env: { memory } });
    this.#kernel = exports as Kernel;
    if (this.#kernel.heapBase() > base) throw new ArgumentError('word vectors: the kernel has outgrown its page');
    const [inputs = 0, outputs = 0, scratch = 0, rows = 0, words = 0] = places;
    this.inputs = new Float32Array(memory.buffer, inputs, inputRows * width);
    this.outputs = new Float32Array(memory.buffer, outputs, outputRows * width);
    this.rows = new Int32Array(memory.buffer, rows, mostRows);
    this.words = new Int32Array(memory.buffer, words, mostWords);
    this.#kernel.setTables(inputs, outputs, scratch, width);
  }

  /** A step with the first so many of {@link rows} and {@link words}; its loss, if that is asked for. */
  step(rowCount: number, wordCount: number, alpha: number, { mean, onlyFrom, computeLoss }: StepOptions): number {
    const { byteOffset: rows } = this.rows;
    const { byteOffset: words } = this.words;
    return this.#kernel.step(rows, rowCount, words, wordCount, alpha, Number(mean), onlyFrom, Number(computeLoss));
  }
}
