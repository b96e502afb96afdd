import type { Random, SharedHeap } from 'strowger';

export const MAX_PIPES = 32;
export const MAX_QUEUES = 32;

/** Algorithms by their numbers in RPC. */
export const ALGORITHMS = ['NOP', 'RED', 'TAILDROP', 'FEEDBACK', 'NETWORK'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

interface PipeDef {
  readonly algorithm: Algorithm;
  readonly limit: number;
}

export interface QueueDef {
  readonly pipe: number;
  /** `*` for all. */
  readonly method: string;
}

/** What RPC shows of a pipe. */
interface PipeState extends PipeDef {
  readonly counter: number;
  readonly lastCounter: number;
  readonly load: number;
}

/** Words of a pipe: requests in this interval, in the last one, what the last one has led to. */
const COUNTER = 0;
const LAST = 1;
const LOAD = 2;
const PIPE_WORDS = 3;
/** Word behind the pipes: requests of a hundred to drop, for FEEDBACK. */
const DROP_RATE = MAX_PIPES * PIPE_WORDS;
const REGION_WORDS = DROP_RATE + 1;

const HUNDRED = 100;
const PASS = 1;
const DROP = -1;

/** The pipes of a server. What they count is one for all workers, what they are each worker knows by itself. */
export class Pipes {
  readonly defs: (PipeDef | undefined)[] = new Array(MAX_PIPES).fill(undefined);
  readonly #heap: SharedHeap;
  readonly #at: number;
  readonly #intervalSec: number;
  /** The numbers below a hundred in any order, so that FEEDBACK drops here and there. */
  readonly #shuffled: readonly number[];

  constructor(heap: SharedHeap, intervalSec: number, random: Random) {
    this.#heap = heap;
    this.#at = heap.region('ratelimit', REGION_WORDS);
    this.#intervalSec = intervalSec;
    this.#shuffled = shuffled(random);
  }

  /** Counts a request: 1 it may pass, -1 it may not, or there is no such pipe. */
  push(id: number): number {
    const def = this.defs[id];
    if (def === undefined) return DROP;
    const { words } = this.#heap;
    const at = this.#at + id * PIPE_WORDS;
    const count = Atomics.add(words, at + COUNTER, 1) + 1;
    switch (def.algorithm) {
      case 'TAILDROP':
        return count <= def.limit * this.#intervalSec ? PASS : DROP;
      case 'RED': {
        const load = Atomics.load(words, at + LOAD);
        return load === 0 || count % load === 0 ? PASS : DROP;
      }
      case 'FEEDBACK': {
        const rate = Atomics.load(words, this.#at + DROP_RATE);
        return (this.#shuffled[count % HUNDRED] ?? 0) < rate ? DROP : PASS;
      }
      case 'NETWORK':
        return Atomics.load(words, at + LOAD) < 0 ? DROP : PASS;
      case 'NOP':
        return DROP;
    }
  }

  /** An interval has ended, in which so many bytes waited to be read. */
  tick(waitingBytes: number): void {
    const { words } = this.#heap;
    for (const [id, def] of this.defs.entries()) {
      if (def === undefined) continue;
      const at = this.#at + id * PIPE_WORDS;
      const count = Atomics.exchange(words, at + COUNTER, 0);
      Atomics.store(words, at + LAST, count);
      const capacity = def.limit * this.#intervalSec;
      const load = capacity > 0 ? Math.trunc(count / capacity) : 0;
      Atomics.store(words, at + LOAD, def.algorithm === 'NETWORK' ? (waitingBytes > def.limit ? DROP : PASS) : load);
    }
  }

  setDropRate(rate: number): void {
    Atomics.store(this.#heap.words, this.#at + DROP_RATE, rate);
  }

  /** Load that FEEDBACK aims at, 0 … 1: the limit of its last pipe, percent. Null where there is none. */
  get setpoint(): number | null {
    const def = this.defs.findLast((pipe) => pipe?.algorithm === 'FEEDBACK');
    return def === undefined ? null : def.limit / HUNDRED;
  }

  state(id: number): PipeState {
    const { words } = this.#heap;
    const at = this.#at + id * PIPE_WORDS;
    const { algorithm, limit } = this.defs[id] ?? { algorithm: 'NOP', limit: 0 };
    return {
      algorithm,
      limit,
      counter: Atomics.load(words, at + COUNTER),
      lastCounter: Atomics.load(words, at + LAST),
      load: Atomics.load(words, at + LOAD),
    };
  }
}

function shuffled(random: Random): number[] {
  const numbers = Array.from({ length: HUNDRED }, (_, i) => i);
  for (let i = numbers.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [numbers[i], numbers[j]] = [numbers[j] ?? 0, numbers[i] ?? 0];
  }
  return numbers;
}

export function algorithmOf(text: string): Algorithm | null {
  return ALGORITHMS.find((name) => name === text && name !== 'NOP') ?? null;
}

/** `number:ALGORITHM:limit`; an error text where it is none. */
export function parsePipe(text: string): ({ readonly id: number } & PipeDef) | string {
  const match = /^\s*(\d+)\s*:\s*(\w+)\s*:\s*(\d+)\s*$/.exec(text);
  if (match === null) return `"${text}": expected number:ALGORITHM:limit`;
  const [, number = '', name = '', limit = ''] = match;
  const algorithm = algorithmOf(name);
  if (algorithm === null) return `"${text}": ${name} is none of RED, TAILDROP, FEEDBACK, NETWORK`;
  if (Number(number) >= MAX_PIPES) return `"${text}": pipes have numbers below ${MAX_PIPES}`;
  return { id: Number(number), algorithm, limit: Number(limit) };
}

/** `pipe:METHOD`; an error text where it is none. */
export function parseQueue(text: string): QueueDef | string {
  const match = /^\s*(\d+)\s*:\s*([^\s:]+)\s*$/.exec(text);
  if (match === null) return `"${text}": expected pipe:METHOD`;
  const [, pipe = '', method = ''] = match;
  if (Number(pipe) >= MAX_PIPES) return `"${text}": pipes have numbers below ${MAX_PIPES}`;
  return { pipe: Number(pipe), method };
}
