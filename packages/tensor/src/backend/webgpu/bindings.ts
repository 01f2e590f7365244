/**
 * Bind groups and their layouts. A fresh bind group costs more than the whole rest of a dispatch, and programs repeat themselves, so
 * groups are cached by layout and buffers. Offsets are kernel parameters, not part of a binding: one group serves all views.
 */
import type { WebGpuDevice } from './device.js';
import type { PhysicalBuffer } from './pool.js';

export type Access = 'read' | 'read_write';

/** A layout: storage buffers in order, then one uniform slot of parameters at a dynamic offset. */
export interface BindingLayout {
  readonly id: number;
  readonly accesses: readonly Access[];
  /** The places of the buffers that are written to. */
  readonly written: readonly number[];
  readonly parameterBytes: number;
  readonly group: GPUBindGroupLayout;
  readonly pipeline: GPUPipelineLayout;
}

const MOST_GROUPS = 8192;
const COMPUTE_STAGE = 4; // GPUShaderStage.COMPUTE, which Node does not have as a global.

export class BindingCache {
  readonly #layouts = new Map<string, BindingLayout>();
  readonly #groups = new Map<string, { readonly group: GPUBindGroup; readonly buffers: readonly PhysicalBuffer[] }>();

  constructor(
    private readonly device: WebGpuDevice,
    private readonly parameters: GPUBuffer,
  ) {}

  layout(accesses: readonly Access[], parameterBytes: number): BindingLayout {
    const key = `${accesses.join()}:${parameterBytes}`;
    const known = this.#layouts.get(key);
    if (known !== undefined) return known;
    const group = this.device.gpu.createBindGroupLayout({
      entries: [
        ...accesses.map(
          (access, binding): GPUBindGroupLayoutEntry => ({
            binding,
            visibility: COMPUTE_STAGE,
            buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' },
          }),
        ),
        {
          binding: accesses.length,
          visibility: COMPUTE_STAGE,
          buffer: { type: 'uniform', hasDynamicOffset: true, minBindingSize: parameterBytes },
        },
      ],
    });
    const pipeline = this.device.gpu.createPipelineLayout({ bindGroupLayouts: [group] });
    const written = [...accesses.keys()].filter((i) => accesses[i] !== 'read');
    const layout = { id: this.#layouts.size, accesses, written, parameterBytes, group, pipeline };
    this.#layouts.set(key, layout);
    return layout;
  }

  group(layout: BindingLayout, buffers: readonly PhysicalBuffer[]): GPUBindGroup {
    const key = groupKey(layout, buffers);
    const known = this.#groups.get(key);
    if (known !== undefined) return known.group;
    if (this.#groups.size >= MOST_GROUPS) this.#dropOldest(MOST_GROUPS / 4);
    const group = this.#create(layout, buffers, this.parameters);
    this.#groups.set(key, { group, buffers });
    for (const buffer of buffers) buffer.bindGroups.add(key);
    return group;
  }

  /** Groups with parameters in another buffer, for whoever keeps that and all others: nothing forgets them. */
  groupsWith(parameters: GPUBuffer): Pick<BindingCache, 'group'> {
    const groups = new Map<string, GPUBindGroup>();
    return {
      group: (layout, buffers) => {
        const key = groupKey(layout, buffers);
        const group = groups.get(key) ?? this.#create(layout, buffers, parameters);
        groups.set(key, group);
        return group;
      },
    };
  }

  #create(layout: BindingLayout, buffers: readonly PhysicalBuffer[], parameters: GPUBuffer): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = buffers.map(({ gpu }, binding) => ({ binding, resource: { buffer: gpu } }));
    entries.push({
      binding: buffers.length,
      resource: { buffer: parameters, offset: 0, size: layout.parameterBytes },
    });
    return this.device.gpu.createBindGroup({ layout: layout.group, entries });
  }

  /** Forgets the groups that name a buffer whose memory goes. */
  forget(buffer: PhysicalBuffer): void {
    for (const key of [...buffer.bindGroups]) this.#drop(key);
  }

  #dropOldest(count: number): void {
    let left = count;
    for (const key of this.#groups.keys()) {
      if (left-- <= 0) return;
      this.#drop(key);
    }
  }

  #drop(key: string): void {
    for (const buffer of this.#groups.get(key)?.buffers ?? []) buffer.bindGroups.delete(key);
    this.#groups.delete(key);
  }
}

function groupKey({ id }: BindingLayout, buffers: readonly PhysicalBuffer[]): string {
  let key = `${id}`;
  for (const buffer of buffers) key += `,${buffer.id}`;
  return key;
}
