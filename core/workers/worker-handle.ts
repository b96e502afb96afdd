import { Worker } from 'node:worker_threads';
import { StrowgerError } from '../errors.ts';
import { BUS, type BusEvent } from './bus.ts';
import { Channel } from './channel.ts';
import { Pulse } from './stall-watch.ts';
import { type FailureReport, type ReadyReport, type ThreadData, TOPIC } from './thread-data.ts';

/** One worker's thread, as the supervisor sees it. */
export class WorkerHandle {
  readonly index: number;
  readonly channel: Channel;
  /** Resolves once it serves; rejects where it can not start. */
  readonly ready: Promise<ReadyReport>;
  /** Resolves with why it ended, once the thread is gone. */
  readonly ended: Promise<string>;
  readonly pulse = new Pulse();
  isReady = false;
  /** It takes part in the bus. */
  isJoined = false;
  /** Events for it that came while it was being told what the others know; null when there is no such wait. */
  backlog: BusEvent[] | null = null;
  readonly #thread: Worker;

  constructor(data: ThreadData) {
    this.index = data.index;
    // It shares the process' standard streams; its own heap has the limits of any.
    // Descriptors are numbers of the whole process: one that a stream closed may be another worker's connection by the
    // time this thread ends, and must not be closed with it.
    this.#thread = new Worker(threadFile(), {
      workerData: data,
      name: `worker ${data.index}`,
      trackUnmanagedFds: false,
    });
    this.channel = new Channel(this.#thread);
    let cause = '';
    this.#thread.on('error', (error) => {
      cause = error instanceof Error ? error.message : String(error);
    });
    this.ended = new Promise((resolve) => {
      this.#thread.on('exit', (code) => resolve(cause === '' ? `it ended with ${code}` : cause));
    });
    this.ready = new Promise((resolve, reject) => {
      this.channel.onPost(TOPIC.READY, (report) => {
        this.isReady = true;
        resolve(report as ReadyReport);
      });
      this.channel.onPost(TOPIC.FAILED, (failure) => {
        const { code, text } = failure as FailureReport;
        reject(new StrowgerError(code, text));
      });
      void this.ended.then((why) => reject(new StrowgerError('WORKER_START', `worker ${this.index}: ${why}`)));
    });
    this.ready.catch(() => {});
    void this.ended.then(() => {
      this.isReady = false;
      this.isJoined = false;
      this.channel.close();
    });
  }

  /** Passes an event on, or keeps it until the worker may have it. */
  deliver(event: BusEvent): void {
    if (this.isJoined) this.channel.post(BUS.EVENT, event);
    else this.backlog?.push(event);
  }

  async terminate(): Promise<void> {
    await this.#thread.terminate();
  }
}

/** The file of the thread, beside this one in a checkout and beside the bundle in a package. */
function threadFile(): URL {
  return new URL(`./worker.thread.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);
}
