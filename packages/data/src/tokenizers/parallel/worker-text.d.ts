/** The program of a tokenizer's worker, `serve` as `courseTokenizer.serve`: made from worker.ts by scripts/tokenizer-worker.mjs. */
declare const text: string;
export default text;
