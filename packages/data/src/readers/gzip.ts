/**
 * Bytes of a file, unpacked if they are gzip: told by the first bytes, not by the name, as servers unpack some files on the way and
 * leave the name.
 */
import { FormatError } from '@course/tensor';
import { readBytes } from '#platform';

/**
 * The bytes of a file or URL, in pieces, unpacked.
 *
 * @throws FormatError when it cannot be read, or is not the whole of a gzip file.
 */
export async function* readUnpacked(file: string): AsyncGenerator<Uint8Array, void, undefined> {
  const pieces = readBytes(file);
  const first: Uint8Array[] = [];
  let size = 0;
  // Two bytes tell; a piece may be shorter.
  while (size < 2) {
    const piece = await pieces.next();
    if (piece.done) break;
    // A copy: the stream may use its memory again.
    if (piece.value.length > 0) first.push(piece.value.slice());
    size += piece.value.length;
  }
  const all = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    yield* first;
    yield* pieces;
  };
  const [a = 0, b = 0] = first.flatMap((piece) => [...piece.subarray(0, 2)]);
  try {
    if (a === 0x1f && b === 0x8b) yield* gunzip(all(), file);
    else yield* all();
  } finally {
    await pieces.return();
  }
}

async function* gunzip(
  packed: AsyncGenerator<Uint8Array, void, undefined>,
  file: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const unzip = new DecompressionStream('gzip');
  const writer = unzip.writable.getWriter();
  let failed: unknown;
  const feed = async (): Promise<void> => {
    try {
      for await (const piece of packed) {
        await writer.ready;
        // Pieces come from files and servers, never out of shared memory.
        await writer.write(piece as Uint8Array<ArrayBuffer>);
      }
      await writer.close();
    } catch (error) {
      // A failure to read is ours to tell; a failure to unpack shows at the other end too.
      failed = error;
      await writer.abort(error).catch(() => undefined);
    }
  };
  const fed = feed();
  const reader = unzip.readable.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      yield value as Uint8Array;
    }
  } catch (error) {
    if (failed instanceof FormatError) throw failed;
    throw new FormatError(`${file}: not a whole gzip file: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  } finally {
    await reader.cancel().catch(() => undefined);
    await fed;
  }
}
