/**
 * Parquet (<https://parquet.apache.org>), taken apart by hyparquet, one row group after the other. What `datasets` writes into its files
 * about the columns, such as the names of classes, is understood.
 */
import { FormatError } from '@course/tensor';
import { openFile } from '@course/tensor/files';
import type { AsyncBuffer, FileMetaData } from 'hyparquet';
import type { Feature, Features } from '../datasets/features.js';
import { isWebUrl } from '../platform/http.js';
import type { SourceRow } from './source.js';

/** Rows that are decoded at once at most; a row group may hold a million. */
const ROWS_AT_ONCE = 100_000;

interface OpenParquet {
  readonly buffer: AsyncBuffer;
  readonly metadata: FileMetaData;
  close(): Promise<void>;
}

/**
 * Reads the rows of a Parquet file. 64-bit integers become numbers where that is exact, and stay `bigint` where not; bytes become text
 * where the file says that they are.
 *
 * @throws FormatError for what is not a Parquet file, or not all of one.
 */
export async function* readParquet(file: string): AsyncGenerator<SourceRow[], void, undefined> {
  const [{ parquetReadObjects }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  const { buffer, metadata, close } = await open(file);
  try {
    let begin = 0;
    for (const group of metadata.row_groups) {
      const end = begin + Number(group.num_rows);
      for (let from = begin; from < end; from += ROWS_AT_ONCE) {
        const range = { rowStart: from, rowEnd: Math.min(end, from + ROWS_AT_ONCE) };
        const rows = await parquetReadObjects({ file: buffer, metadata, compressors, ...range }).catch((error) => {
          throw broken(file, error);
        });
        const first = from;
        yield rows.map((row, i) => ({ row: plain(row) as Record<string, unknown>, line: first + i + 1 }));
      }
      begin = end;
    }
  } finally {
    await close();
  }
}

/** What a Parquet file that `datasets` wrote says of its columns; nothing for others. */
export async function parquetFeatures(file: string): Promise<Features> {
  const { metadata, close } = await open(file);
  await close();
  const text = metadata.key_value_metadata?.find(({ key }) => key === 'huggingface')?.value;
  if (text === undefined) return {};
  try {
    const parsed = JSON.parse(text) as { info?: { features?: Record<string, unknown> } };
    const entries = Object.entries(parsed.info?.features ?? {}).map(
      ([name, value]) => [name, featureOf(value)] as const,
    );
    return Object.fromEntries(entries.filter((entry): entry is [string, Feature] => entry[1] !== undefined));
  } catch {
    // A note of another program under the same name.
    return {};
  }
}

function featureOf(value: unknown): Feature | undefined {
  if (typeof value !== 'object' || value === null || !('_type' in value)) return undefined;
  if (value._type === 'Value' && 'dtype' in value && typeof value.dtype === 'string')
    return { type: 'Value', dtype: value.dtype };
  if (value._type === 'ClassLabel' && 'names' in value && Array.isArray(value.names))
    return { type: 'ClassLabel', names: value.names.map(String) };
  return undefined;
}

async function open(file: string): Promise<OpenParquet> {
  const { parquetMetadataAsync } = await import('hyparquet');
  const { buffer, close } = isWebUrl(file) ? await openUrl(file) : await openPath(file);
  try {
    return { buffer, metadata: await parquetMetadataAsync(buffer), close };
  } catch (error) {
    await close();
    throw broken(file, error);
  }
}

async function openUrl(url: string): Promise<{ buffer: AsyncBuffer; close: () => Promise<void> }> {
  const { asyncBufferFromUrl } = await import('hyparquet');
  try {
    return { buffer: await asyncBufferFromUrl({ url }), close: async () => undefined };
  } catch (error) {
    throw broken(url, error);
  }
}

async function openPath(path: string): Promise<{ buffer: AsyncBuffer; close: () => Promise<void> }> {
  const file = await openFile(path).catch((error: unknown) => {
    throw new FormatError(`${path}: cannot read: ${error instanceof Error ? error.message : error}`, { cause: error });
  });
  const slice = async (start: number, end = file.size): Promise<ArrayBuffer> => {
    const bytes = await file.read(start, Math.max(0, Math.min(end, file.size) - start));
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
  };
  return { buffer: { byteLength: file.size, slice }, close: () => file.close() };
}

function broken(file: string, error: unknown): FormatError {
  if (error instanceof FormatError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new FormatError(`${file}: not a Parquet file, or not all of one: ${reason}`, { cause: error });
}

/** Numbers for 64-bit integers wherever nothing is lost. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value >= -(2n ** 53n) && value <= 2n ** 53n ? Number(value) : value;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || value instanceof Date || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}
