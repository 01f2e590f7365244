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

/** A group and what it was made of. */
export interface CachedGroup {
  readonly hash: number;
  readonly layout: BindingLayout;
  readonly buffers: readonly PhysicalBuffer[];
  readonly group: GPUBindGroup;
}

const MOST_GROUPS = 8192;
const COMPUTE_STAGE = 4; // GPUShaderStage.COMPUTE, which Node does not have as a global.

export class BindingCache {
  readonly #layouts = new Map<string, BindingLayout>();
  readonly #groups = new GroupTable();

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
    const known = this.#groups.find(layout, buffers);
    if (known !== undefined) return known.group;
    if (this.#groups.size >= MOST_GROUPS) for (const old of this.#groups.oldest(MOST_GROUPS / 4)) this.#drop(old);
    const made = this.#groups.add(layout, buffers, this.#create(layout, buffers, this.parameters));
    for (const buffer of buffers) buffer.bindGroups.add(made);
    return made.group;
  }

  /** Groups with parameters in another buffer, for whoever keeps that and all others: nothing forgets them. */
  groupsWith(parameters: GPUBuffer): Pick<BindingCache, 'group'> {
    const groups = new GroupTable();
    return {
      group: (layout, buffers) =>
        (groups.find(layout, buffers) ?? groups.add(layout, buffers, this.#create(layout, buffers, parameters))).group,
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
    for (const group of [...buffer.bindGroups]) this.#drop(group);
  }

  #drop(group: CachedGroup): void {
    for (const buffer of group.buffers) buffer.bindGroups.delete(group);
    this.#groups.remove(group);
  }
}

/** Groups by layout and buffers: under a hash of their ids, since a string of these would have to be made for each dispatch. */
class GroupTable {
  readonly #byHash = new Map<number, CachedGroup[]>();
  size = 0;

  find(layout: BindingLayout, buffers: readonly PhysicalBuffer[]): CachedGroup | undefined {
    const alike = this.#byHash.get(hashOf(layout, buffers));
    if (alike === undefined) return undefined;
    for (const each of alike) if (each.layout === layout && sameBuffers(each.buffers, buffers)) return each;
    return undefined;
  }

  add(layout: BindingLayout, buffers: readonly PhysicalBuffer[], group: GPUBindGroup): CachedGroup {
    const hash = hashOf(layout, buffers);
    const made: CachedGroup = { hash, layout, buffers, group };
    const alike = this.#byHash.get(hash);
    if (alike === undefined) this.#byHash.set(hash, [made]);
    else alike.push(made);
    this.size++;
    return made;
  }

  remove(group: CachedGroup): void {
    const alike = this.#byHash.get(group.hash)?.filter((each) => each !== group) ?? [];
    if (alike.length === 0) this.#byHash.delete(group.hash);
    else this.#byHash.set(group.hash, alike);
    this.size--;
  }

  /** Some of those that were made first. */
  oldest(count: number): CachedGroup[] {
    const found: CachedGroup[] = [];
    for (const alike of this.#byHash.values()) {
      if (found.length >= count) break;
      found.push(...alike);
    }
    return found;
  }
}

function hashOf({ id }: BindingLayout, buffers: readonly PhysicalBuffer[]): number {
  let hash = id;
  for (const buffer of buffers) hash = Math.imul(hash ^ buffer.id, 0x0100_0193);
  return hash >>> 2;
}

function sameBuffers(a: readonly PhysicalBuffer[], b: readonly PhysicalBuffer[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
