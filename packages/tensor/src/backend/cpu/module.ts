/**
 * Finds the build of the kernels that this engine runs, compiles and instantiates it, and looks up what it exports: kernels by
 * name, and for every record of the pointwise table its primitives, which are entered in the module's function table so
 * that the block interpreter can call them by index. A record without its primitive is an error here, at load time.
 */
import { enableRelaxedSimd, environment } from '#platform';
import type { Category, DType } from '../../dtype.js';
import { ArgumentError, DeviceError } from '../../errors.js';
import { pointwiseNames, pointwiseTable } from '../../ops/pointwise/table.js';
import { relaxedBinary, simdBinary } from './binary.generated.js';
import { type WasmInstance, type WasmMemory, type WasmModule, wasm } from './webassembly.js';

/** Plain SIMD runs wherever WebAssembly SIMD does; relaxed SIMD has fused multiply-add. */
export type SimdBuild = 'simd' | 'relaxed-simd';

/** Computes the work items [begin, end) of the record at an address. */
export type Kernel = (record: number, begin: number, end: number) => void;

const KERNELS = [
  'pointwise',
  'transpose',
  'matmul',
  'pack',
  'matmulThin',
  'reduce',
  'softmax',
  'softmaxBackward',
  'attention',
  'attentionThin',
  'attentionBackward',
  'layerNorm',
  'layerNormBackward',
  'gatherRows',
  'clear',
  'scatterAddRows',
  'crossEntropy',
  'crossEntropyBackward',
  'adam',
  'scale',
  'squares',
  'descend',
  'gather',
  'scatter',
  'scan',
  'segmentSums',
  'segmentScan',
  'sort',
  'selectFirst',
  'sortRuns',
  'mergeRuns',
  'line',
  'twist',
  'draw',
  'shuffle',
] as const;

export type KernelName = (typeof KERNELS)[number];

export interface KernelModule {
  readonly build: SimdBuild;
  readonly kernels: Readonly<Record<KernelName, Kernel>>;
  /** Function table indices by {@link primitiveName}. */
  readonly primitives: ReadonlyMap<string, number>;
  /** Where the module's own data ends. */
  readonly heapBase: number;
  /** Tells this instance where its thread's scratch memory is. */
  readonly setScratch: (address: number) => void;
  /** Hands a kernel, by its function table index, to the threads of a pool (assembly/pool.ts). */
  readonly fork: (pool: number, kernel: number, record: number, items: number, pieces: number) => void;
  /** Helps them, and returns when all is computed. */
  readonly join: (pool: number, patience: number, maySleep: number) => void;
  /** Function table indices of the kernels. */
  readonly tableIndices: Readonly<Record<KernelName, number>>;
  /** What another thread needs to make an instance like this one. */
  readonly blueprint: { readonly module: WasmModule; readonly memory: WasmMemory; readonly table: readonly string[] };
}

/** A function of one `f32x4.relaxed_madd`: valid where the engine knows relaxed SIMD. */
// biome-ignore format: a binary
const RELAXED_PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0,
  65, 0, 253, 15, 65, 0, 253, 15, 65, 0, 253, 15, 253, 133, 2, 11,
]);

/** The best build for this engine; `COURSE_SIMD=plain` asks for the plain one. */
export function chooseBuild(): SimdBuild {
  const wish = environment('COURSE_SIMD');
  if (wish === 'plain') return 'simd';
  if (wish !== undefined && wish !== '' && wish !== 'relaxed') {
    throw new ArgumentError(`COURSE_SIMD: expected 'plain' or 'relaxed', got '${wish}'`);
  }
  return hasRelaxedSimd() ? 'relaxed-simd' : 'simd';
}

/** Whether this engine runs relaxed SIMD, after asking it to. */
function hasRelaxedSimd(): boolean {
  if (wasm.validate(RELAXED_PROBE)) return true;
  enableRelaxedSimd();
  return wasm.validate(RELAXED_PROBE);
}

const compiled = new Map<string, Promise<WasmModule>>();

/** Compiled once a process; instances are cheap. */
function compile(build: SimdBuild, shared: boolean): Promise<WasmModule> {
  const key = `${build} ${shared}`;
  let module = compiled.get(key);
  if (module === undefined) {
    const bytes = decode(build === 'simd' ? simdBinary : relaxedBinary);
    if (!shared) importUnshared(bytes);
    module = wasm.compile(bytes);
    compiled.set(key, module);
  }
  return module;
}

function decode(base64: string): Uint8Array {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** What stands before the limits of the imported memory: `env` and `memory` with their lengths, and that it is a memory. */
const MEMORY_IMPORT = [3, ...'env'].map(codeOf).concat([6, ...'memory'].map(codeOf), 2);
/** The bit of the limits that says that the memory is shared. */
const SHARED = 2;

function codeOf(character: string | number): number {
  return typeof character === 'number' ? character : character.charCodeAt(0);
}

/** Makes a module that imports shared memory import plain memory: whether it is shared is one bit, and all code is good for both. */
function importUnshared(bytes: Uint8Array): void {
  const at = bytes.findIndex((_, i) => MEMORY_IMPORT.every((byte, k) => bytes[i + k] === byte)) + MEMORY_IMPORT.length;
  const limits = bytes[at];
  if (at < MEMORY_IMPORT.length || limits === undefined) throw lacks('its memory');
  bytes[at] = limits & ~SHARED;
}

/** The dtypes that a category's primitives exist for. */
const CATEGORY_DTYPES: Readonly<Record<Category, readonly DType[]>> = {
  bool: ['bool'],
  int: ['int32', 'uint8'],
  float: ['float32'],
};

/** The primitive that makes a block of a scalar where it is needed. */
export const SPREAD = 'op_spread';

/** The export that computes an op in a dtype; a cast is named by both of its dtypes. */
export function primitiveName(op: string, type: DType, result: DType): string {
  return op === 'cast' ? `op_cast_${type}_${result}` : `op_${op}_${type}`;
}

/** The names of all primitives that the pointwise table needs. */
function neededPrimitives(): string[] {
  const dtypes = Object.values(CATEGORY_DTYPES).flat();
  return pointwiseNames.flatMap((op) => {
    if (op === 'cast') return dtypes.flatMap((from) => dtypes.map((to) => primitiveName(op, from, to)));
    // `index` and `uniform` compute in int32 only: they stand for places, not for numbers.
    const types =
      pointwiseTable[op].arity === 0 || op === 'uniform'
        ? (['int32'] as const)
        : pointwiseTable[op].domain.flatMap((category) => CATEGORY_DTYPES[category]);
    return types.map((type) => primitiveName(op, type, type));
  });
}

/** Instantiates a build over a memory. */
export async function loadKernels(build: SimdBuild, memory: WasmMemory): Promise<KernelModule> {
  if (build === 'relaxed-simd' && !hasRelaxedSimd()) throw new DeviceError('cpu: this engine has no relaxed SIMD');
  let module: WasmModule;
  let exports: WasmInstance['exports'];
  try {
    module = await compile(build, !(memory.buffer instanceof ArrayBuffer));
    exports = (await wasm.instantiate(module, { env: { memory } })).exports;
  } catch (cause) {
    throw new DeviceError(
      'cpu: this engine cannot run the kernels, which need WebAssembly SIMD (Node >= 20, any current browser)',
      { cause },
    );
  }
  const { table, heapBase } = exports;
  if (!(table instanceof wasm.Table) || !(heapBase instanceof wasm.Global)) throw lacks('its table');
  const needed = [...neededPrimitives(), SPREAD];
  const names = [...needed, ...KERNELS];
  const first = table.grow(names.length);
  for (const [i, name] of names.entries()) table.set(first + i, exportedFunction(exports, name));
  const kernels = Object.fromEntries(KERNELS.map((name) => [name, exportedFunction(exports, name)]));
  return {
    build,
    kernels: kernels as Record<KernelName, Kernel>,
    primitives: new Map(needed.map((name, i) => [name, first + i])),
    heapBase: Number(heapBase.value),
    setScratch: exportedFunction(exports, 'setScratch') as KernelModule['setScratch'],
    fork: exportedFunction(exports, 'fork') as KernelModule['fork'],
    join: exportedFunction(exports, 'join') as KernelModule['join'],
    tableIndices: Object.fromEntries(KERNELS.map((name, i) => [name, first + needed.length + i])) as Record<
      KernelName,
      number
    >,
    blueprint: { module, memory, table: names },
  };
}

function exportedFunction(exports: WasmInstance['exports'], name: string): CallableFunction {
  const value = exports[name];
  if (typeof value !== 'function') throw lacks(name);
  return value;
}

function lacks(what: string): DeviceError {
  return new DeviceError(`cpu: the kernel module lacks ${what}; build it anew (npm run build)`);
}
