/**
 * The part of the WebAssembly API that the backend uses, typed here: TypeScript declares it only together with the whole
 * browser, which Node is not.
 */

export interface WasmMemory {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  grow(pages: number): number;
}

export interface WasmTable {
  grow(entries: number): number;
  set(index: number, value: CallableFunction): void;
}

/** A compiled module, opaque. */
export interface WasmModule {
  readonly [Symbol.toStringTag]: string;
}

export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

interface WasmApi {
  readonly Memory: new (size: { initial: number; maximum: number; shared: boolean }) => WasmMemory;
  readonly Table: new (size: { element: 'anyfunc'; initial: number }) => WasmTable;
  readonly Global: new (type: { value: 'i32' }, value: number) => { readonly value: unknown };
  validate(bytes: Uint8Array): boolean;
  compile(bytes: Uint8Array): Promise<WasmModule>;
  instantiate(module: WasmModule, imports: { env: { memory: WasmMemory } }): Promise<WasmInstance>;
}

/** WebAssembly, in every engine that can run this package. */
export const wasm = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly;
