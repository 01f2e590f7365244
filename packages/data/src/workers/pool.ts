/**
 * Workers that share a queue of jobs. Whoever has a job waits for its answer alone; jobs are begun in the order in which they were given.
 * Workers without a job keep no process alive, and none outlives `close`.
 */
import { ArgumentError, CourseError, DisposedError } from '@course/tensor';
import { startWorker, type WorkerHandle } from '#platform';
import type { WorkerAnswer, WorkerRequest, WorkerSetup } from './program.js';

interface Pending {
  readonly request: WorkerRequest;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Some workers with one task. */
export class WorkerPool<Job, Answer> {
  readonly #owner: string;
  readonly #setup: WorkerSetup;
  readonly #threads: number;
  readonly #workers: WorkerHandle[] = [];
  readonly #idle: WorkerHandle[] = [];
  readonly #queue: Pending[] = [];
  readonly #running = new Map<WorkerHandle, Pending>();
  #started: Promise<void> | undefined;
  #jobs = 0;
  #closed = false;
  /** Why it was closed, where nobody asked for it. */
  #failure: CourseError | undefined;

  /**
   * @param owner What messages begin with.
   * @param setup What the workers are there for.
   */
  constructor(owner: string, setup: WorkerSetup, threads: number) {
    this.#owner = owner;
    this.#setup = setup;
    this.#threads = threads;
  }

  /** Whether it takes no more jobs. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /**
   * What a worker makes of a job.
   *
   * @throws ArgumentError when the job fails, or cannot travel; DisposedError when the pool is closed before it is done; CourseError when a
   * worker ends by itself.
   */
  async run(job: Job): Promise<Answer> {
    this.#started ??= this.#start();
    await this.#started;
    return new Promise<Answer>((resolve, reject) => {
      if (this.#closed) return reject(this.#closedError());
      this.#queue.push({
        request: { id: this.#jobs++, job },
        resolve: (value) => resolve(value as Answer),
        reject,
      });
      this.#next();
    });
  }

  /** Ends the workers. What is under way is rejected. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const worker of this.#workers) worker.terminate();
    const closed = this.#closedError();
    for (const { reject } of [...this.#running.values(), ...this.#queue]) reject(closed);
    this.#running.clear();
    this.#queue.length = 0;
  }

  /** Starts the workers, at the first job. Their program is loaded only then: most who import this package never need it. */
  async #start(): Promise<void> {
    const { default: program } = await import('#worker');
    for (let i = 0; i < this.#threads && !this.#closed; i++) {
      const worker: WorkerHandle = startWorker(program, this.#setup, {
        message: (answer) => this.#finish(worker, answer as WorkerAnswer),
        failure: (reason) => this.#fail(reason),
      });
      this.#workers.push(worker);
      this.#idle.push(worker);
    }
  }

  #next(): void {
    while (this.#idle.length > 0 && this.#queue.length > 0) {
      const worker = this.#idle.pop();
      const pending = this.#queue.shift();
      if (worker === undefined || pending === undefined) return;
      try {
        worker.post(pending.request);
        this.#running.set(worker, pending);
      } catch (error) {
        // Functions, promises and the like cannot be copied.
        this.#idle.push(worker);
        const reason = error instanceof Error ? error.message : String(error);
        pending.reject(
          new ArgumentError(`${this.#owner}: this cannot travel to a worker: ${reason}`, { cause: error }),
        );
      }
    }
  }

  #finish(worker: WorkerHandle, answer: WorkerAnswer): void {
    const pending = this.#running.get(worker);
    this.#running.delete(worker);
    this.#idle.push(worker);
    if ('value' in answer) pending?.resolve(answer.value);
    else {
      const where = this.#setup.kind === 'module' ? `${this.#owner}: ${this.#setup.href}: ` : '';
      pending?.reject(new ArgumentError(`${where}${answer.failure}`, { cause: answer.stack }));
    }
    this.#next();
  }

  /** A worker that ends by itself (out of memory, say) takes the whole pool along: its share would never come. */
  #fail(reason: string): void {
    if (this.#closed) return;
    this.#failure = new CourseError(`${this.#owner}: a worker ended: ${reason}`);
    this.close();
  }

  #closedError(): CourseError {
    return this.#failure ?? new DisposedError(`${this.#owner}: closed before all was done`);
  }
}
