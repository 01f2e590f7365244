/** Small text and JSON files read whole, with their failures named: vocabularies, configurations. */
import { FormatError } from '@course/tensor';
import { readWhole } from '#platform';

/** Why bytes that are no UTF-8 are probably none. */
export function encodingHint(bytes: Uint8Array): string {
  const [b0, b1] = bytes;
  if ((b0 === 0xff && b1 === 0xfe) || (b0 === 0xfe && b1 === 0xff)) return ' (it starts like UTF-16)';
  if (b0 === 0x1f && b1 === 0x8b) return ' (it starts like a gzip archive)';
  if (b0 === 0x50 && b1 === 0x4b) return ' (it starts like a zip archive)';
  return '';
}

/**
 * The text of a UTF-8 file without its byte order mark; undefined when there is no such file.
 *
 * @throws FormatError when the file is not UTF-8 or cannot be read.
 */
export async function readText(path: string): Promise<string | undefined> {
  const bytes = await readWhole(path);
  if (bytes === undefined) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new FormatError(`${path}: not UTF-8 text${encodingHint(bytes)}`, { cause: error });
  }
}

/** A value inside a JSON file that knows its place there, so that every complaint can name it. */
export class JsonNode {
  constructor(
    readonly value: unknown,
    /** File and path inside it, as messages have it. */
    readonly where: string,
  ) {}

  /** The root of a JSON text. */
  static parse(text: string, file: string): JsonNode {
    try {
      return new JsonNode(JSON.parse(text), file);
    } catch (error) {
      throw new FormatError(`${file}: not valid JSON: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
  }

  /** The value under `key`; one that is missing has value undefined. */
  get(key: string): JsonNode {
    const object = this.#object();
    return new JsonNode(Object.hasOwn(object, key) ? object[key] : undefined, `${this.where}: ${key}`);
  }

  /** Whether there is a value other than null. */
  get isPresent(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  string(): string {
    return typeof this.value === 'string' ? this.value : this.#fail('a string');
  }

  number(): number {
    return typeof this.value === 'number' ? this.value : this.#fail('a number');
  }

  boolean(): boolean {
    return typeof this.value === 'boolean' ? this.value : this.#fail('true or false');
  }

  array(): JsonNode[] {
    if (!Array.isArray(this.value)) return this.#fail('an array');
    return this.value.map((value, i) => new JsonNode(value, `${this.where}[${i}]`));
  }

  entries(): [key: string, node: JsonNode][] {
    return Object.entries(this.#object()).map(([key, value]) => [key, new JsonNode(value, `${this.where}: ${key}`)]);
  }

  /** The entries of an object of numbers. In one go: a vocabulary has tens of thousands. */
  numbers(): Map<string, number> {
    const map = new Map<string, number>();
    for (const [key, value] of Object.entries(this.#object())) {
      map.set(key, typeof value === 'number' ? value : this.get(key).number());
    }
    return map;
  }

  #object(): Record<string, unknown> {
    const { value } = this;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return this.#fail('an object');
    return value as Record<string, unknown>;
  }

  #fail(expected: string): never {
    const found = this.value === undefined ? 'nothing' : (JSON.stringify(this.value) ?? 'nothing');
    throw new FormatError(`${this.where}: expected ${expected}, found ${found.slice(0, 60)}`);
  }
}
