/**
 * The header of a safetensors file: JSON that says where each tensor lies in the bytes behind it. It is checked as the
 * reference implementation checks it (`read_metadata` and `Metadata::validate` of github.com/huggingface/safetensors), so
 * that a file means the same to every reader and no byte of it is hidden or shared; duplicate names, which JSON parsers
 * drop without a word, are refused too.
 */
import { FormatError } from '../errors.js';
import { formatShape } from '../shape.js';
import { elementSize, isSafetensorsDType, SAFETENSORS_DTYPES, type SafetensorsDType } from './dtypes.js';

/** Bytes before the header: its length as an unsigned 64-bit integer. */
export const LENGTH_BYTES = 8;
/** The longest header that the reference implementation takes. */
export const MAX_HEADER_BYTES = 100_000_000;
export const METADATA_KEY = '__metadata__';

/** One tensor's entry; `begin` and `end` count bytes from the end of the header. */
export interface TensorEntry {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** Where the last tensor ends. */
  readonly end: number;
}

/** What else a file is that begins so, of what is often found where a safetensors file should be; and what to do. */
function otherKind(first: Uint8Array): string | undefined {
  const text = String.fromCharCode(...first.subarray(0, LENGTH_BYTES));
  if (/^\s*<(!doctyp|html|\?xml|head)/i.test(text))
    return 'a web page (a sign-in or an error?): download the file itself, from `resolve` and not `blob` on the hub';
  if (text === 'version ') return 'a pointer of Git LFS: `git lfs pull` fetches what it points to';
  if (text.startsWith('PK\x03\x04'))
    return "an archive, as PyTorch pickles models: convert it in Python with safetensors.torch.save_file(torch.load('…'), '…')";
  return undefined;
}

/**
 * Reads the header's length, given the first bytes and the size of the whole file.
 *
 * @throws FormatError when no header of that length can be there.
 */
export function headerLength(file: string, first: Uint8Array, fileSize: number): number {
  if (fileSize < LENGTH_BYTES) {
    throw new FormatError(
      `${file}: not a safetensors file: the length of the header takes ${LENGTH_BYTES} bytes, the file has ${fileSize}`,
    );
  }
  const length = new DataView(first.buffer, first.byteOffset, LENGTH_BYTES).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) {
    const other = otherKind(first);
    throw new FormatError(
      `${file}: not a safetensors file${other ? ` but ${other}` : ''}: the header would be ${length} bytes long, at most ${MAX_HEADER_BYTES} are allowed`,
    );
  }
  if (length > fileSize - LENGTH_BYTES) {
    throw new FormatError(
      `${file}: the header should be ${length} bytes long, but only ${fileSize - LENGTH_BYTES} follow: ` +
        'the file is incomplete, or not a safetensors file',
    );
  }
  return Number(length);
}

// A string, a bracket or separator, or a bare word: all there is in JSON text that JSON.parse has accepted.
const TOKEN = /"(?:[^"\\]+|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g;

/** Finds in valid JSON text what JSON.parse hides: names given twice, and sizes not written as whole numbers. */
function checkTokens(file: string, text: string): void {
  const open: { keys: Set<string> | undefined; key: string }[] = [];
  let string = '""';
  for (const [token] of text.matchAll(TOKEN)) {
    const top = open.at(-1);
    if (token === '{') open.push({ keys: new Set(), key: '' });
    else if (token === '[') open.push({ keys: undefined, key: '' });
    else if (token === '}' || token === ']') open.pop();
    else if (token.startsWith('"')) string = token;
    else if (token === ':' && top?.keys !== undefined) {
      top.key = JSON.parse(string);
      if (top.keys.has(top.key)) throw new FormatError(`${file}: the header names '${top.key}' twice`);
      top.keys.add(top.key);
    } else if (token !== ',' && open.length === 3 && top?.keys === undefined) {
      const [tensor, field] = [open[0]?.key ?? '', open[1]?.key ?? ''];
      if ((field === 'shape' || field === 'data_offsets') && !/^(0|[1-9][0-9]*)$/.test(token)) {
        throw new FormatError(`${file}: tensor '${tensor}': ${field} must be whole numbers from 0 on, got ${token}`);
      }
    }
  }
}

/** A value of the header in a message: long and nested ones by kind only. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (isObject(value)) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sizes(where: string, field: string, value: unknown): number[] {
  if (!Array.isArray(value)) {
    throw new FormatError(`${where}: ${field} must be a list of whole numbers, got ${describe(value)}`);
  }
  return value.map((size: unknown) => {
    if (typeof size !== 'number') {
      throw new FormatError(`${where}: ${field} must be a list of whole numbers, but holds ${describe(size)}`);
    }
    if (!Number.isSafeInteger(size)) throw new FormatError(`${where}: ${field} holds ${size}, which is too large`);
    return size;
  });
}

function parseMetadata(file: string, value: unknown): Record<string, string> {
  // The reference implementation reads null as none.
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw new FormatError(`${file}: ${METADATA_KEY} must be an object, got ${describe(value)}`);
  const result: [string, string][] = [];
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') {
      throw new FormatError(`${file}: ${METADATA_KEY} holds strings only, but '${key}' is ${describe(text)}`);
    }
    result.push([key, text]);
  }
  return Object.fromEntries(result);
}

function parseEntry(file: string, name: string, value: unknown): TensorEntry {
  const where = `${file}: tensor '${name}'`;
  if (!isObject(value))
    throw new FormatError(`${where}: expected { dtype, shape, data_offsets }, got ${describe(value)}`);
  const { dtype } = value;
  if (!isSafetensorsDType(dtype)) {
    const known = SAFETENSORS_DTYPES.join(', ');
    throw new FormatError(`${where}: unknown dtype ${describe(dtype)}: it may be ${known}`);
  }
  const shape = sizes(where, 'shape', value.shape);
  const offsets = sizes(where, 'data_offsets', value.data_offsets);
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined || offsets.length > 2) {
    throw new FormatError(`${where}: data_offsets must be [begin, end], got ${offsets.length} numbers`);
  }
  if (end < begin) throw new FormatError(`${where}: data_offsets end at ${end}, before they begin at ${begin}`);
  let byteLength = elementSize(dtype);
  for (const size of shape) {
    byteLength *= size;
    if (!Number.isSafeInteger(byteLength)) throw new FormatError(`${where}: shape ${formatShape(shape)} is too large`);
  }
  if (end - begin !== byteLength) {
    throw new FormatError(
      `${where}: shape ${formatShape(shape)} of ${dtype} takes ${byteLength} bytes, data_offsets [${begin}, ${end}] hold ${end - begin}`,
    );
  }
  return { dtype, shape, begin, end };
}

/**
 * Parses and checks the header's bytes.
 *
 * @param file What messages call the file.
 * @param dataSize Bytes behind the header, all of which the tensors must cover.
 * @throws FormatError that names the file, and the tensor where it is one's fault.
 */
export function parseHeader(file: string, bytes: Uint8Array, dataSize: number): Header {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new FormatError(`${file}: the header is not UTF-8 text`, { cause });
  }
  if (!text.startsWith('{')) {
    throw new FormatError(`${file}: the header must begin with '{', got ${JSON.stringify(text.slice(0, 1))}`);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FormatError(`${file}: the header is not valid JSON: ${reason}`, { cause });
  }
  checkTokens(file, text);
  // Text that begins with '{' and parses is an object.
  const { [METADATA_KEY]: rawMetadata, ...rawTensors } = parsed as Record<string, unknown>;
  const metadata = parseMetadata(file, rawMetadata);
  const entries = Object.entries(rawTensors).map(([name, value]) => {
    if (/\p{Surrogate}/u.test(name)) {
      throw new FormatError(`${file}: the tensor name ${JSON.stringify(name)} is not well-formed Unicode`);
    }
    return [name, parseEntry(file, name, value)] as const;
  });
  entries.sort(([nameA, a], [nameB, b]) => a.begin - b.begin || a.end - b.end || (nameA < nameB ? -1 : 1));
  let [end, last] = [0, ''];
  for (const [name, entry] of entries) {
    const before = last === '' ? 'the start' : `'${last}'`;
    if (entry.begin > end) {
      throw new FormatError(
        `${file}: tensor '${name}' begins at byte ${entry.begin}: the ${entry.begin - end} bytes after ${before} belong to no tensor`,
      );
    }
    if (entry.begin < end) {
      throw new FormatError(
        `${file}: tensor '${name}' begins at byte ${entry.begin}, inside ${before}, which ends at ${end}`,
      );
    }
    end = entry.end;
    last = name;
  }
  if (end > dataSize) {
    throw new FormatError(
      `${file}: the file is incomplete: its tensors take ${end} bytes, only ${dataSize} are there (an interrupted download?)`,
    );
  }
  if (end < dataSize) {
    throw new FormatError(`${file}: ${dataSize - end} bytes behind the last tensor belong to no tensor`);
  }
  return { metadata, tensors: new Map(entries), end };
}
