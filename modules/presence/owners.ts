import { hashText, mixHash, type Server } from 'strowger';

/**
 * Each presentity belongs to one worker, which keeps its publications and subscriptions, decides about its watchers and
 * sends its NOTIFYs. Others hand it what they receive.
 */
export class Owners<J extends object, R> {
  readonly #server: Pick<Server, 'bus' | 'workerCount' | 'workerIndex'>;
  readonly #topic: string;
  readonly #perform: (job: J, respond: (result: R) => void) => void;
  readonly #failed: R;

  /** `perform` does a job of a presentity of ours; `failed` is the result where its owner is not there. */
  constructor(
    server: Pick<Server, 'bus' | 'workerCount' | 'workerIndex'>,
    topic: string,
    perform: (job: J, respond: (result: R) => void) => void,
    failed: R,
  ) {
    this.#server = server;
    this.#topic = topic;
    this.#perform = perform;
    this.#failed = failed;
    server.bus.answer(topic, (asked) => this.#answer(asked as Asked<J>));
  }

  ownerOf(presentityKey: string): number {
    return mixHash(hashText(presentityKey)) % this.#server.workerCount;
  }

  owns(presentityKey: string): boolean {
    return this.#server.workerCount === 1 || this.ownerOf(presentityKey) === this.#server.workerIndex;
  }

  /** Has the owner do it. `respond` is called once: here at once where it is us. */
  run(presentityKey: string, job: J, respond: (result: R) => void): void {
    if (this.owns(presentityKey)) this.#perform(job, respond);
    else void this.#elsewhere({ owner: this.ownerOf(presentityKey), job }).then(respond);
  }

  async #elsewhere(asked: Asked<J>): Promise<R> {
    try {
      const answers = await this.#server.bus.ask(this.#topic, asked);
      return (answers.find((answer) => answer !== undefined && answer !== null) ?? this.#failed) as R;
    } catch {
      return this.#failed;
    }
  }

  #answer({ owner, job }: Asked<J>): Promise<R> | undefined {
    if (owner !== this.#server.workerIndex) return undefined;
    return new Promise((resolve) => this.#perform(job, resolve));
  }
}

interface Asked<J> {
  readonly owner: number;
  readonly job: J;
}
