import type { Channel } from './channel.ts';

/** State that every worker has a copy of: how one that has just started gets its first. Values are structured clones. */
export interface Replica {
  /** All of it, asked of a worker that runs. */
  snapshot(): unknown;
  /** Called once, after the modules' init, in a worker that takes another's place. */
  restore(value: unknown): void;
}

/**
 * What workers tell each other: few and small things, such as a destination that is marked down. Messages of all workers
 * come in the same order everywhere. A server that is alone has one that leads nowhere, so modules need not care.
 */
export interface Bus {
  /** Tells all other workers. Values are structured clones: plain objects, arrays, maps, numbers, strings. */
  publish(topic: string, value: unknown): void;
  /** Called with what other workers publish. Returns what ends it. */
  on(topic: string, fn: (value: unknown, from: number) => void): () => void;
  /** As `on`, but with this worker's own messages too, in their place in the order. Nothing comes where it is alone. */
  onOrdered(topic: string, fn: (value: unknown, from: number, isOwn: boolean) => void): () => void;
  /** Asks all other workers; their answers, without those of workers that died or failed. */
  ask(topic: string, value: unknown): Promise<unknown[]>;
  /** What this worker answers. */
  answer(topic: string, fn: (value: unknown) => unknown): void;
  replicate(topic: string, replica: Replica): void;
}

/** The bus of a server that is alone. */
export class LocalBus implements Bus {
  publish(): void {}
  on(): () => void {
    return () => {};
  }
  onOrdered(): () => void {
    return () => {};
  }
  ask(): Promise<unknown[]> {
    return Promise.resolve([]);
  }
  answer(): void {}
  replicate(): void {}
}

type Listener = (value: unknown, from: number, isOwn: boolean) => void;

/** Names of what bus and supervisor say to each other over a worker's channel. */
export const BUS = {
  /** To the supervisor: { topic, value }; from it to all workers: { topic, value, from }. */
  EVENT: 'event',
  /** To the supervisor: { topic, value }, answered by a list; from it to the others: the same, answered by a value. */
  ASK: 'ask',
  /** From the supervisor: answered by all replicas' snapshots. */
  SNAPSHOT: 'snapshot',
  /** To the supervisor: answered by another worker's snapshots, or null where there is none; events come from then on. */
  JOIN: 'join',
} as const;

/** An event as it travels. */
export interface BusEvent {
  readonly topic: string;
  readonly value: unknown;
  readonly from: number;
}

/** The bus of a worker thread: a star, whose middle is the supervisor and gives all events their order. */
export class WorkerBus implements Bus {
  readonly #channel: Channel;
  readonly #own: number;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #answers = new Map<string, (value: unknown) => unknown>();
  readonly #replicas = new Map<string, Replica>();

  constructor(channel: Channel, own: number) {
    this.#channel = channel;
    this.#own = own;
    channel.onPost(BUS.EVENT, (event) => this.#deliver(event as BusEvent));
    channel.onRequest(BUS.ASK, (question) => {
      const { topic, value } = question as BusEvent;
      return this.#answers.get(topic)?.(value);
    });
    channel.onRequest(BUS.SNAPSHOT, () => new Map([...this.#replicas].map(([topic, r]) => [topic, r.snapshot()])));
  }

  publish(topic: string, value: unknown): void {
    this.#channel.post(BUS.EVENT, { topic, value });
  }

  on(topic: string, fn: (value: unknown, from: number) => void): () => void {
    return this.onOrdered(topic, (value, from, isOwn) => {
      if (!isOwn) fn(value, from);
    });
  }

  onOrdered(topic: string, fn: Listener): () => void {
    let listeners = this.#listeners.get(topic);
    if (listeners === undefined) this.#listeners.set(topic, (listeners = new Set()));
    listeners.add(fn);
    return () => listeners.delete(fn);
  }

  async ask(topic: string, value: unknown): Promise<unknown[]> {
    return (await this.#channel.request(BUS.ASK, { topic, value })) as unknown[];
  }

  answer(topic: string, fn: (value: unknown) => unknown): void {
    this.#answers.set(topic, fn);
  }

  replicate(topic: string, replica: Replica): void {
    this.#replicas.set(topic, replica);
  }

  /** Takes part from now on: gets what the others know, then hears what they say. */
  async join(): Promise<void> {
    const snapshots = (await this.#channel.request(BUS.JOIN, null)) as ReadonlyMap<string, unknown> | null;
    for (const [topic, value] of snapshots ?? []) this.#replicas.get(topic)?.restore(value);
  }

  #deliver({ topic, value, from }: BusEvent): void {
    for (const fn of this.#listeners.get(topic) ?? []) fn(value, from, from === this.#own);
  }
}
