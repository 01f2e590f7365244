/**
 * Compiled kernels. A pipeline is specialised on what changes its text (program, dtype, vector width, transposes, tile,
 * epilogue), never on sizes: these are parameters, so a new sequence length compiles nothing.
 */
import { CourseError } from '../../errors.js';
import type { BindingCache, BindingLayout } from './bindings.js';
import type { WebGpuDevice } from './device.js';
import { withHalves } from './kernels/wgsl/halves.js';
import { type KernelSource, moduleText, numbered } from './kernels/wgsl/source.js';
import { type Parameter, SLOT_BYTES } from './params.js';

export interface Pipeline {
  readonly label: string;
  readonly gpu: GPUComputePipeline;
  readonly layout: BindingLayout;
  readonly bindings: readonly string[];
  readonly params: readonly Parameter[];
  /** The fixed sizes of requests that it has served: what they need at other lengths has been compiled too. */
  readonly served: Set<number>;
}

/** A kernel by its key; it is compiled when it is dispatched, for the buffers that it then gets. */
export interface Kernel {
  readonly key: string;
  readonly source: () => KernelSource;
}

/** A pipeline before its program is compiled. */
interface Draft {
  readonly descriptor: GPUComputePipelineDescriptor;
  readonly pipeline: Omit<Pipeline, 'gpu'>;
  explain(error: GPUError): Promise<CourseError>;
}

const NONE: ReadonlySet<string> = new Set();

export class PipelineCache {
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #compiling = new Map<string, Promise<void>>();

  constructor(
    private readonly device: WebGpuDevice,
    private readonly bindings: BindingCache,
  ) {}

  /** How many kernels have been compiled, or are being so. */
  get size(): number {
    return this.#pipelines.size + this.#compiling.size;
  }

  /** The pipeline of a kernel, some of its buffers (by name or number) of 16-bit floats; its source is only made when it has to be compiled. */
  get({ key, source }: Kernel, halves: ReadonlySet<string> = NONE): Pipeline {
    const whole = wholeKey(key, halves);
    const known = this.#pipelines.get(whole);
    if (known !== undefined) return known;
    const { descriptor, pipeline, explain } = this.#draft(source(), halves);
    const close = this.device.watch('validation', pipeline.label, explain);
    const compiled = { ...pipeline, gpu: this.device.gpu.createComputePipeline(descriptor) };
    close();
    this.#pipelines.set(whole, compiled);
    this.#compiling.delete(whole);
    return compiled;
  }

  /** Compiles a kernel beside others, without keeping the program waiting; an error waits for the one who uses it. */
  async prepare({ key, source }: Kernel, halves: ReadonlySet<string> = NONE): Promise<void> {
    const whole = wholeKey(key, halves);
    if (this.#pipelines.has(whole)) return;
    let compiling = this.#compiling.get(whole);
    if (compiling === undefined) {
      const { descriptor, pipeline } = this.#draft(source(), halves);
      compiling = this.device.gpu.createComputePipelineAsync(descriptor).then(
        (gpu) => {
          this.#compiling.delete(whole);
          if (!this.#pipelines.has(whole)) this.#pipelines.set(whole, { ...pipeline, gpu });
        },
        () => void this.#compiling.delete(whole),
      );
      this.#compiling.set(whole, compiling);
    }
    await compiling;
  }

  /** All of a pipeline but the compiled program. */
  #draft(given: KernelSource, halves: ReadonlySet<string>): Draft {
    const names = given.bindings.flatMap(({ name }, i) => (halves.has(name) || halves.has(`${i}`) ? [name] : []));
    const source = withHalves(given, new Set(names));
    const { label } = source;
    const params = Object.entries(source.params).map(([name, type]): Parameter => ({ name, type }));
    const parameterBytes = Math.max(1, Math.ceil((params.length * 4) / SLOT_BYTES)) * SLOT_BYTES;
    const code = moduleText(source);
    let module: GPUShaderModule | undefined;
    const explain = (error: GPUError) => shaderError(label, code, error, module);
    const close = this.device.watch('validation', label, explain);
    const layout = this.bindings.layout(
      source.bindings.map(({ access }) => access),
      parameterBytes,
    );
    module = this.device.gpu.createShaderModule({ label, code });
    close();
    return {
      descriptor: { label, layout: layout.pipeline, compute: { module, entryPoint: 'main' } },
      pipeline: { label, layout, bindings: source.bindings.map(({ name }) => name), params, served: new Set() },
      explain,
    };
  }
}

function wholeKey(key: string, halves: ReadonlySet<string>): string {
  return halves.size === 0 ? key : `${key}|half ${[...halves].join()}`;
}

/** The compiler's messages above the numbered source they speak of. */
async function shaderError(
  label: string,
  code: string,
  error: GPUError,
  module?: GPUShaderModule,
): Promise<CourseError> {
  const info = await module?.getCompilationInfo();
  const messages = (info?.messages ?? [])
    .filter(({ type }) => type === 'error')
    .map(({ lineNum, linePos, message }) => `line ${lineNum}:${linePos}: ${message}`);
  if (messages.length === 0) messages.push(error.message);
  return new CourseError(`webgpu: the kernel '${label}' does not compile:\n${messages.join('\n')}\n${numbered(code)}`);
}
