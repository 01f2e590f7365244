/**
 * What runs in a tokenizer's worker. It is bundled into a text (scripts/tokenizer-worker.mjs) from which workers are started,
 * because no path to a file holds in a bundle; so it imports nothing that needs a platform or a tensor.
 */
import type { RowOptions, Texts } from '../encoder.js';
import { EncodingTable, type TableColumns } from '../encoding-table.js';
import { type EncoderRecipe, encoderOf } from '../recipe.js';

/** The first message: what to encode with. */
export interface Setup {
  readonly recipe: EncoderRecipe;
}

/** Some texts to encode. */
export interface Job {
  readonly job: number;
  readonly texts: readonly Texts[];
  readonly options: RowOptions;
}

/** The rows of some texts, or why there are none. */
export type JobResult =
  | { readonly job: number; readonly columns: TableColumns }
  | { readonly job: number; readonly failure: string };

/** Answers jobs; `post` sends a message with memory that goes along, `listen` gets the messages. */
export function serve(
  post: (message: JobResult, transfer: ArrayBufferLike[]) => void,
  listen: (receive: (message: Setup | Job) => void) => void,
): void {
  let encoder: ReturnType<typeof encoderOf> | undefined;
  listen((message) => {
    if ('recipe' in message) {
      encoder = encoderOf(message.recipe);
      return;
    }
    const { job, texts, options } = message;
    try {
      const table = new EncodingTable();
      for (const [i, each] of texts.entries()) encoder?.encode(table, i, each, options);
      const columns = table.columns();
      post(
        { job, columns },
        Object.values(columns).map((column: Int32Array | Uint8Array | Int8Array) => column.buffer),
      );
    } catch (error) {
      post({ job, failure: error instanceof Error ? error.message : String(error) }, []);
    }
  });
}
