/** The program of a worker, `serve` as `courseWorker.serve`: made from program.ts by scripts/data-worker.mjs. */
declare const text: string;
export default text;
