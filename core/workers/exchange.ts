import type { Clock } from '../timer/clock.ts';
import { Doorbell } from './doorbell.ts';
import type { WorkerMemory } from './memory.ts';
import { RingReader, RingRecord, RingWriter } from './ring.ts';

/** Kinds of records. */
export const RECORD = {
  /** A message for its owner: proto, source port, destination port, socket, connection; source, destination, text. */
  MESSAGE: 1,
  /** A text to send on a connection of the reader's: proto, port, socket, connection, SEND_ flags, token; address, host, text. */
  SEND: 2,
  /** The text of a SEND could not be sent: token; why. */
  SEND_FAILED: 3,
  /** A connection is open: id, proto, remote port, local port; remote address, local address, host. */
  OPENED: 4,
  /** id. */
  CLOSED: 5,
  /** A connection has a further port: id, port. The reader's connection where it is the reader's. */
  ALIAS: 6,
  /** A connection of the reader's shall end: id, abruptly or not. */
  END: 7,
  /** A connection of the reader's is given a lifetime: id, milliseconds. */
  LIFETIME: 8,
  /** What is known of a TLS connection that was opened: id; the text of tls-record.ts. */
  TLS: 9,
} as const;
type RecordKind = (typeof RECORD)[keyof typeof RECORD];

/** Records taken in one turn of the event loop. */
const TURN_RECORDS = 256;

/** What became of records, for the log and the statistics. */
interface ExchangeCounts {
  sent: number;
  received: number;
  /** Did not fit into a ring: lost, like a datagram whose socket buffer is full. */
  dropped: number;
}

/**
 * One worker's end of the rings: records pushed in one turn of its loop go out together at the end of it, and those of
 * the others are handed to the handler of their kind.
 */
export class Exchange {
  readonly own: number;
  readonly count: number;
  readonly counts: ExchangeCounts = { sent: 0, received: 0, dropped: 0 };
  readonly control: Int32Array;
  readonly #clock: Clock;
  readonly #writers: (RingWriter | null)[];
  readonly #readers: (RingReader | null)[];
  readonly #handlers: ((record: RingRecord, from: number) => void)[] = [];
  readonly #bell: Doorbell;
  /** Workers something was pushed for in this turn. */
  readonly #dirty: number[] = [];
  #isScheduled = false;
  #isStarted = false;
  #onError: (error: unknown) => void = () => {};

  constructor(memory: WorkerMemory, own: number, clock: Clock, withAddon = true) {
    this.own = own;
    this.count = memory.count;
    this.control = new Int32Array(memory.control);
    this.#clock = clock;
    const ring = (from: number, to: number): SharedArrayBuffer | null => memory.rings[from]?.[to] ?? null;
    const others = Array.from({ length: memory.count }, (_, index) => index);
    this.#writers = others.map((to) => made(ring(own, to), RingWriter));
    this.#readers = others.map((from) => made(ring(from, own), RingReader));
    this.#bell = new Doorbell(this.control, own, () => this.#drain(), withAddon);
  }

  /** Called for each record of a kind; the record is overwritten by the next. */
  on(kind: RecordKind, handler: (record: RingRecord, from: number) => void): void {
    this.#handlers[kind] = handler;
  }

  /** Begins to read. What a handler throws goes to `onError`. */
  start(onError: (error: unknown) => void): void {
    this.#onError = onError;
    this.#isStarted = true;
    this.#drain();
  }

  close(): void {
    this.#isStarted = false;
    this.#flush();
    this.#bell.close();
  }

  /** Sends a record to a worker. False when its ring is full, or the record larger than half of it. */
  push(to: number, kind: RecordKind, numbers: readonly number[], a = '', b = '', c = ''): boolean {
    const writer = this.#writers[to];
    if (writer === null || writer === undefined || !writer.push(kind, numbers, a, b, c)) {
      this.counts.dropped++;
      return false;
    }
    this.counts.sent++;
    if (!this.#dirty.includes(to)) this.#dirty.push(to);
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      // A batch of datagrams is one turn: its microtasks run when it is done.
      queueMicrotask(() => this.#flush());
    }
    return true;
  }

  /** Sends a record to all other workers. */
  broadcast(kind: RecordKind, numbers: readonly number[], a = '', b = '', c = ''): void {
    for (let to = 0; to < this.count; to++) if (to !== this.own) this.push(to, kind, numbers, a, b, c);
  }

  #flush(): void {
    this.#isScheduled = false;
    for (const to of this.#dirty) {
      this.#writers[to]?.publish();
      this.#bell.ring(to);
    }
    this.#dirty.length = 0;
  }

  #drain(): void {
    if (!this.#isStarted) return;
    this.#bell.wake();
    this.#clock.hold?.();
    let left = TURN_RECORDS;
    for (const [from, reader] of this.#readers.entries()) if (reader !== null) left = this.#take(reader, from, left);
    this.#clock.release?.();
    if (left > 0) this.#bell.sleep();
    // Taken its share, or something came while it was about to sleep.
    if (left === 0 || this.#readers.some((reader) => reader?.isEmpty === false)) setImmediate(() => this.#drain());
  }

  #take(reader: RingReader, from: number, limit: number): number {
    const record = new RingRecord();
    let left = limit;
    while (left > 0 && reader.next(record)) {
      left--;
      this.counts.received++;
      try {
        this.#handlers[record.kind]?.(record, from);
      } catch (error) {
        this.#onError(error);
      }
    }
    return left;
  }
}

function made<T>(memory: SharedArrayBuffer | null, end: new (memory: SharedArrayBuffer) => T): T | null {
  return memory === null ? null : new end(memory);
}
