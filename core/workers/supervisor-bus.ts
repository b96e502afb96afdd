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

  /** `promise`, or null when it fails or takes too long. */
  async patiently<T>(promise: Promise<T>, limitMs = ANSWER_MS): Promise<{ readonly value: T } | null> {
    const { promise: late, resolve } = Promise.withResolvers<null>();
    const timer = this.#clock.schedule(limitMs, () => resolve(null));
    try {
      return await Promise.race([
        promise.then(
          (value) => ({ value }),
          () => null,
        ),
        late,
      ]);
    } finally {
      this.#clock.unschedule(timer);
    }
  }

  async #ask(asker: WorkerHandle, question: unknown): Promise<unknown[]> {
    const asked = this.#workers().filter((worker) => worker !== asker && worker.isJoined);
    const answers = await Promise.all(asked.map((worker) => this.patiently(worker.channel.request(BUS.ASK, question))));
    return answers.flatMap((answer) => (answer === null ? [] : [answer.value]));
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
      const answer = await this.patiently(donor.channel.request(BUS.SNAPSHOT, null));
      if (answer === null) continue;
      snapshot = answer.value;
      break;
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
