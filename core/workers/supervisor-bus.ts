import { StrowgerError } from '../errors.ts';
import type { Clock } from '../timer/clock.ts';
import { BUS, type BusEvent } from './bus.ts';
import type { WorkerHandle } from './worker-handle.ts';

/** How long an answer of a worker is waited for; one that stalls must not hold up the others' RPC. */
const ANSWER_MS = 3000;

/** The middle of the bus: gives events their order, gathers answers, and lets new workers in. */
export class SupervisorBus {
  readonly #workers: () => readonly WorkerHandle[];
  readonly #clock: Clock;

  constructor(workers: () => readonly WorkerHandle[], clock: Clock) {
    this.#workers = workers;
    this.#clock = clock;
  }

  /** Serves a worker's side of the bus. */
  serve(worker: WorkerHandle): void {
    worker.channel.onPost(BUS.EVENT, (event) => {
      const { topic, value } = event as BusEvent;
      for (const each of this.#workers()) each.deliver({ topic, value, from: worker.index });
    });
    worker.channel.onRequest(BUS.ASK, (question) => this.#ask(worker, question));
    worker.channel.onRequest(BUS.JOIN, () => this.#join(worker));
  }

  /** What a worker answers; rejects with WORKER_SILENT when that takes too long. */
  async ask(worker: WorkerHandle, topic: string, value: unknown, limitMs = ANSWER_MS): Promise<unknown> {
    const late = Promise.withResolvers<never>();
    const timer = this.#clock.schedule(limitMs, () =>
      late.reject(new StrowgerError('WORKER_SILENT', `worker ${worker.index + 1} does not answer`)),
    );
    try {
      return await Promise.race([worker.channel.request(topic, value), late.promise]);
    } finally {
      this.#clock.unschedule(timer);
    }
  }

  async #ask(asker: WorkerHandle, question: unknown): Promise<unknown[]> {
    const asked = this.#workers().filter((worker) => worker !== asker && worker.isJoined);
    const answers = await Promise.allSettled(asked.map((worker) => this.ask(worker, BUS.ASK, question)));
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  }

  /**
   * What a running worker knows, for a new one. Events after the question come to it after the answer, so that it misses
   * none and has none twice.
   */
  async #join(worker: WorkerHandle): Promise<unknown> {
    worker.backlog = [];
    let snapshot: unknown = null;
    for (const donor of this.#workers()) {
      if (donor === worker || !donor.isJoined) continue;
      worker.backlog = [];
      try {
        snapshot = await this.ask(donor, BUS.SNAPSHOT, null);
        break;
      } catch {
        // It died, or stands still: another knows the same.
      }
    }
    // Behind the answer, which the channel sends as soon as this resolves.
    setImmediate(() => {
      const backlog = worker.backlog ?? [];
      worker.backlog = null;
      worker.isJoined = true;
      for (const event of backlog) worker.deliver(event);
    });
    return snapshot;
  }
}
