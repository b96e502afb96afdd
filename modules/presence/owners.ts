import { hashText, mixHash, type Server, Timer } from 'strowger';

/** What becomes of a result: where it is a promise, what comes of the job waits for it. */
export type Respond<R> = (result: R) => void | Promise<void>;

type OwnersServer = Pick<Server, 'bus' | 'workerCount' | 'workerIndex' | 'wheel'>;

/** How long an owner waits to hear that another worker has passed its result on. */
const PATIENCE_MS = 500;

/**
 * Each presentity belongs to one worker, which keeps its publications and subscriptions, decides about its watchers and
 * sends its NOTIFYs. Others hand it what they receive. Its NOTIFYs wait until the request is answered, so that they do not
 * overtake the answer.
 */
export class Owners<J extends object, R> {
  readonly #server: OwnersServer;
  readonly #topic: string;
  readonly #perform: (job: J, respond: Respond<R>) => void;
  readonly #failed: R;
  /** By the name of a job: goes on with what waits for its answer. */
  readonly #waiting = new Map<string, () => void>();
  #lastId = 0;

  /** `perform` does a job of a presentity of ours; `failed` is the result where its owner is not there. */
  constructor(server: OwnersServer, topic: string, perform: (job: J, respond: Respond<R>) => void, failed: R) {
    this.#server = server;
    this.#topic = topic;
    this.#perform = perform;
    this.#failed = failed;
    server.bus.answer(topic, (asked) => this.#answer(asked as Asked<J>));
    server.bus.on(`${topic}.done`, (name) => this.#waiting.get(String(name))?.());
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
    else void this.#elsewhere(this.ownerOf(presentityKey), job, respond);
  }

  async #elsewhere(owner: number, job: J, respond: (result: R) => void): Promise<void> {
    const { bus, wheel, workerIndex } = this.#server;
    const name = `${workerIndex}.${++this.#lastId}`;
    let result = this.#failed;
    try {
      const answers = await bus.ask(this.#topic, { owner, name, job } satisfies Asked<J>);
      result = (answers.find((answer) => answer !== undefined && answer !== null) ?? this.#failed) as R;
    } catch {
      // The owner is gone: what it had is too.
    }
    respond(result);
    // The answer leaves when the work of this turn is done.
    wheel.arm(new Timer<string>((done) => bus.publish(`${this.#topic}.done`, done), name), 0);
  }

  #answer({ owner, name, job }: Asked<J>): Promise<R> | undefined {
    if (owner !== this.#server.workerIndex) return undefined;
    return new Promise((resolve) =>
      this.#perform(job, (result) => {
        resolve(result);
        return this.#passedOn(name);
      }),
    );
  }

  #passedOn(name: string): Promise<void> {
    const { wheel } = this.#server;
    return new Promise((resolve) => {
      const timer = new Timer<undefined>(() => goOn(), undefined);
      const goOn = (): void => {
        wheel.cancel(timer);
        this.#waiting.delete(name);
        resolve();
      };
      this.#waiting.set(name, goOn);
      wheel.arm(timer, PATIENCE_MS);
    });
  }
}

interface Asked<J> {
  readonly owner: number;
  /** Of its own among all jobs. */
  readonly name: string;
  readonly job: J;
}
