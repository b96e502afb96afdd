import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * Memory shared with datagram.c, and the functions it calls. Layouts, in 32-bit words of the machine's order; a
 * descriptor is WORDS long, addresses are one word (IPv4) or four (IPv6), the most significant byte first:
 * - `meta`: for each datagram received: length, port, address; after BATCH of those the failed sends: count, and for
 *   each: socket, errno, length, port, address;
 * - `send`: the bytes of the datagrams to send;
 * - `sendMeta`: count, bytes used, then for each: socket, offset, length, port, address;
 * - `rows`: for each datagram received ROWS_STRIDE words, the index of its headers (rows.h);
 * - `facts`: for each FACTS_STRIDE words, the rows that every message is asked for, taken apart (facts.h).
 */
export interface NativeBuffers {
  readonly meta: Buffer;
  readonly send: Buffer;
  readonly sendMeta: Buffer;
  readonly rows: Buffer;
  readonly facts: Buffer;
  /** Header names whose kinds the index has: kind, length and characters of each, one byte each. */
  readonly usual: Buffer;
  /** Up to BATCH datagrams came. What is queued meanwhile leaves when the microtasks after the call are done. */
  onBatch(socket: number, ...texts: string[]): void;
  onUnix(socket: number, text: string, fromPath: string): void;
  /** Sends failed: the count and the first of them stand in `meta`. */
  onErrors(): void;
  /** Another thread rang this one's bell, once or more. */
  onBell(): void;
}

export const BATCH = 64;
/** Words of the index of one datagram: those before its rows, and four for each of at most 40 rows. */
export const ROWS_STRIDE = 3 + 40 * 4;
/** Words of the facts of one datagram (core/parser/row-facts.ts). */
export const FACTS_STRIDE = 37;
export const WORDS = 8;
export const SEND_MAX = 256;
export const SEND_BYTES = 1 << 20;
export const ERRORS_MAX = 16;

/** What datagram.c exports. Results below 0 are negative errno values. */
export interface NativeDatagram {
  start(buffers: NativeBuffers): number;
  /** `options`: reuse port, receive buffer, TOS, multicast TTL, multicast loop, path MTU; -1 leaves one alone. */
  udpOpen(address: string, port: number, options: Int32Array, multicastInterface: string): number;
  unixOpen(path: string): number;
  unixSend(socket: number, bytes: Buffer, path: string): number;
  localPort(socket: number): number;
  /** Sends what is queued, then closes; a closed socket's number may be given out again. */
  closeSocket(socket: number): void;
  flush(): void;
  /** How long a busy line is left to gather datagrams before the next look, in microseconds; 0: not at all. */
  gather(microseconds: number): void;
  /** What receiving does to a datagram: writes the index of its headers into `rows` and `facts`. */
  indexRows(text: Buffer, rows: Buffer, facts: Buffer): number;
  /** Opens this thread's doorbell. The id by which other threads of the process ring it. */
  bellOpen(): number;
  /** Wakes the thread with this bell, whose `onBell` is called; nothing when it has ended. */
  bellRing(id: number): void;
}

/** Where the addon may be, seen from this file: beside it in a checkout, under `core/transport` in a package. */
function findAddon(): string | null {
  let folder = import.meta.dirname;
  for (let up = 0; up < 5; up++, folder = dirname(folder)) {
    for (const inside of ['build', 'native/build', 'core/transport/native/build']) {
      const path = join(folder, inside, 'datagram.node');
      if (existsSync(path)) return path;
    }
  }
  return null;
}

/** Loads the addon. Returns why not as a text when it is not built or does not fit this system. */
export function loadNativeDatagram(): NativeDatagram | string {
  const path = findAddon();
  if (path === null) return 'the addon is not built';
  try {
    return createRequire(import.meta.url)(path) as NativeDatagram;
  } catch (error) {
    return `${path}: ${error instanceof Error ? error.message : String(error)}`;
  }
}
