import type { SipMsg } from '../../core/parser/sip-msg.ts';
import type { Server } from '../../core/server.ts';
import { heapMemory, SharedHeap } from '../../core/store/shared-heap.ts';
import type { Clock, Random } from '../../core/timer/clock.ts';
import type { Bus, Replica } from '../../core/workers/bus.ts';
import { ownerOf } from '../../core/workers/ownership.ts';
import type { Seat } from '../../core/workers/seat.ts';

/**
 * The seats of several servers in one process that take each other for the workers of one: a bus and a way for messages
 * that take some virtual milliseconds each time, and shared memory. Each has an address of its own; whose a message is
 * its Call-ID or branch says, as ever.
 */
export class SimWorkers {
  readonly seats: readonly Seat[];
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #maxMs: number;
  readonly #lostAnswers: number;
  readonly #buses: SimBus[];
  readonly #servers: (Server | undefined)[] = [];
  readonly #heap: SharedArrayBuffer;

  /** What passes between workers takes up to `maxMs`; of so many answers (0 … 1) nothing is heard, as of a worker that stalls. */
  constructor(clock: Clock, random: Random, count: number, maxMs: number, lostAnswers = 0) {
    this.#lostAnswers = lostAnswers;
    this.#clock = clock;
    this.#random = random;
    this.#maxMs = maxMs;
    this.#heap = heapMemory(1);
    this.#buses = Array.from({ length: count }, (_, own) => new SimBus(this, own));
    this.seats = this.#buses.map((bus, index) => this.#seat(bus, index, count));
  }

  #seat(bus: Bus, index: number, count: number): Seat {
    return {
      index,
      count,
      bus,
      heap: new SharedHeap(this.#heap, index),
      source: null,
      ports: null,
      isReplacement: false,
      position: new Int32Array(1),
      attach: (server) => this.#attach(server, index, count),
      join: () => Promise.resolve(),
      begin() {},
      end() {},
    };
  }

  #attach(server: Server, index: number, count: number): void {
    this.#servers[index] = server;
    const hand = (msg: SipMsg, worker: number): boolean => {
      void this.later().then(() => {
        const socket = this.#servers[worker]?.transport.sockets[msg.rcv.socket.index] ?? msg.rcv.socket;
        this.#servers[worker]?.receiveOwn(msg.buf, { ...msg.rcv, socket });
      });
      return true;
    };
    server.handover = {
      hand,
      takes(msg) {
        const owner = ownerOf(msg, count);
        return owner >= 0 && owner !== index && hand(msg, owner);
      },
    };
  }

  later(): Promise<void> {
    const ms = 1 + this.#random.int(this.#maxMs);
    return new Promise((resolve) => void this.#clock.schedule(ms, resolve));
  }

  /** Whether an answer is one of those that are not heard. */
  get isLost(): boolean {
    return this.#random.int(1000) < this.#lostAnswers * 1000;
  }

  others(own: number): SimBus[] {
    return this.#buses.filter((_, index) => index !== own);
  }
}

class SimBus implements Bus {
  readonly #workers: SimWorkers;
  readonly #own: number;
  readonly #listeners = new Map<string, Set<(value: unknown, from: number, isOwn: boolean) => void>>();
  readonly #answers = new Map<string, (value: unknown) => unknown>();

  constructor(workers: SimWorkers, own: number) {
    this.#workers = workers;
    this.#own = own;
  }

  publish(topic: string, value: unknown): void {
    const copy = structuredClone(value);
    for (const other of this.#workers.others(this.#own))
      void this.#workers.later().then(() => other.#hear(topic, copy, this.#own));
  }

  #hear(topic: string, value: unknown, from: number): void {
    for (const fn of this.#listeners.get(topic) ?? []) fn(value, from, from === this.#own);
  }

  on(topic: string, fn: (value: unknown, from: number) => void): () => void {
    return this.onOrdered(topic, fn);
  }

  onOrdered(topic: string, fn: (value: unknown, from: number, isOwn: boolean) => void): () => void {
    const listeners = this.#listeners.get(topic) ?? new Set();
    this.#listeners.set(topic, listeners.add(fn));
    return () => listeners.delete(fn);
  }

  async ask(topic: string, value: unknown): Promise<unknown[]> {
    const copy = structuredClone(value);
    const answers = this.#workers.others(this.#own).map(async (other) => {
      await this.#workers.later();
      const answer: unknown = structuredClone(await other.#answers.get(topic)?.(copy));
      await this.#workers.later();
      return this.#workers.isLost ? undefined : answer;
    });
    return (await Promise.all(answers)).filter((answer) => answer !== undefined);
  }

  answer(topic: string, fn: (value: unknown) => unknown): void {
    this.#answers.set(topic, fn);
  }

  replicate(_topic: string, _replica: Replica): void {}
}
