import { getSystemErrorName } from 'node:util';
import { type RowIndex, usualNames } from '../parser/header-index.ts';
import { forgetFacts } from '../parser/row-facts.ts';
import type { Clock } from '../timer/clock.ts';
import { AddressTexts, AddressWordsCache } from './address-cache.ts';
import type { DatagramHandler } from './drivers.ts';
import { hostPort, parseIpv4 } from './ip-address.ts';
import {
  BATCH,
  ERRORS_MAX,
  FACTS_STRIDE,
  loadNativeDatagram,
  type NativeBuffers,
  type NativeDatagram,
  ROWS_STRIDE,
  SEND_BYTES,
  SEND_MAX,
  WORDS,
} from './native/native.ts';

/** The largest payload of a UDP datagram over IPv4; IPv6 takes 20 bytes more, which nobody uses. */
export const MAX_DATAGRAM_BYTES = 65507;

export type UnixDatagramHandler = (text: string, fromPath: string) => void;

/** A failed or refused send: errno name, how many bytes, to where. */
type SendFailure = (code: string, lengthBytes: number, to: string) => void;

/** What the environment knows of an open socket. */
interface NativeSocket {
  readonly family: 4 | 6 | 'unix';
  readonly onDatagram: DatagramHandler;
  readonly onUnix: UnixDatagramHandler;
  readonly onFailure: SendFailure;
  /** Held while a batch is handed over. */
  readonly clock?: Pick<Clock, 'hold' | 'release'> | undefined;
}

function sharedWords(count: number): { buffer: Buffer; words: Int32Array } {
  const memory = new ArrayBuffer(count * 4);
  return { buffer: Buffer.from(memory), words: new Int32Array(memory) };
}

/** A thread's share of the addon: the buffers, and the sockets by number. */
export class DatagramEnvironment {
  readonly native: NativeDatagram;
  /** Called when another thread rang this one's bell (`native.bellOpen`). */
  onBell: () => void = () => {};
  readonly #sockets: (NativeSocket | null)[] = [];
  readonly #send = Buffer.allocUnsafeSlow(SEND_BYTES);
  readonly #meta: Int32Array;
  readonly #sendMeta: Int32Array;
  readonly #index: RowIndex;
  readonly #texts = new AddressTexts();
  readonly #destinations = new AddressWordsCache();

  constructor(native: NativeDatagram) {
    this.native = native;
    const meta = sharedWords((BATCH + 1 + ERRORS_MAX) * WORDS);
    const sendMeta = sharedWords((SEND_MAX + 1) * WORDS);
    this.#meta = meta.words;
    this.#sendMeta = sendMeta.words;
    const rows = sharedWords(BATCH * ROWS_STRIDE);
    const facts = sharedWords(BATCH * FACTS_STRIDE);
    this.#index = { words: rows.words, at: 0, facts: facts.words, factsAt: 0 };
    const buffers: NativeBuffers = {
      meta: meta.buffer,
      send: this.#send,
      sendMeta: sendMeta.buffer,
      rows: rows.buffer,
      facts: facts.buffer,
      usual: usualNames(),
      onBatch: (socket, ...texts) => this.#onBatch(socket, texts),
      onUnix: (socket, text, fromPath) => this.#sockets[socket]?.onUnix(text, fromPath),
      onErrors: () => this.#onErrors(),
      onBell: () => this.onBell(),
    };
    const result = native.start(buffers);
    if (result < 0) throw new Error(`datagram addon: ${getSystemErrorName(result)}`);
  }

  add(id: number, socket: NativeSocket): void {
    this.#sockets[id] = socket;
  }

  /** Sends what is queued, then closes. Nothing more is delivered, also not from the batch at hand. */
  close(id: number): void {
    this.#sockets[id] = null;
    this.native.closeSocket(id);
  }

  /** Queues one datagram on socket `id`; failures go to its `onFailure`, some of them later. */
  send(id: number, text: string, ip: string, port: number): void {
    const meta = this.#sendMeta;
    const length = text.length;
    const socket = this.#sockets[id];
    if (socket === null || socket === undefined) return;
    // An address that was cut out of a message is found out sooner than looked up: a Map would intern it.
    const v4 = socket.family === 4 ? parseIpv4(ip) : -1;
    const to = v4 === -1 ? this.#destinations.get(ip) : null;
    if ((to !== null && to.family !== socket.family) || port < 1 || port > 65535)
      return socket.onFailure('EINVAL', length, hostPort(ip, port));
    if (length > MAX_DATAGRAM_BYTES) return socket.onFailure('EMSGSIZE', length, hostPort(ip, port));
    if ((meta[0] as number) >= SEND_MAX || (meta[1] as number) + length > SEND_BYTES) this.native.flush();
    const count = meta[0] as number;
    const offset = meta[1] as number;
    this.#send.latin1Write(text, offset, length);
    const at = 2 + count * WORDS;
    meta[at] = id;
    meta[at + 1] = offset;
    meta[at + 2] = length;
    meta[at + 3] = port;
    if (to === null) meta[at + 4] = v4 | 0;
    else {
      meta[at + 4] = to.w0;
      meta[at + 5] = to.w1;
      meta[at + 6] = to.w2;
      meta[at + 7] = to.w3;
    }
    meta[0] = count + 1;
    meta[1] = offset + length;
  }

  #onBatch(id: number, texts: readonly string[]): void {
    const socket = this.#sockets[id];
    if (socket === null || socket === undefined) return;
    const meta = this.#meta;
    const handler = socket.onDatagram;
    const index = this.#index;
    forgetFacts();
    socket.clock?.hold?.();
    for (let i = 0; i < texts.length; i++) {
      const at = i * WORDS;
      const text = texts[i] as string;
      index.at = i * ROWS_STRIDE;
      index.factsAt = i * FACTS_STRIDE;
      try {
        handler(text, this.#addressText(socket.family, at + 2), meta[at + 1] as number, index);
      } catch (error) {
        // Uncaught, but after the batch: the other datagrams are not to blame.
        process.nextTick(rethrow, error);
      }
      if (this.#sockets[id] !== socket) break;
    }
    socket.clock?.release?.();
  }

  #addressText(family: NativeSocket['family'], at: number): string {
    const meta = this.#meta;
    if (family === 4) return this.#texts.v4(meta[at] as number);
    return this.#texts.v6(meta[at] as number, meta[at + 1] as number, meta[at + 2] as number, meta[at + 3] as number);
  }

  #onErrors(): void {
    const meta = this.#meta;
    const base = BATCH * WORDS;
    const count = Math.min(meta[base] as number, ERRORS_MAX);
    for (let i = 0; i < count; i++) {
      const at = base + 1 + i * WORDS;
      const socket = this.#sockets[meta[at] as number];
      if (socket === null || socket === undefined) continue;
      const to = hostPort(this.#addressText(socket.family, at + 4), meta[at + 3] as number);
      socket.onFailure(getSystemErrorName(-(meta[at + 1] as number)), meta[at + 2] as number, to);
    }
  }
}

function rethrow(error: unknown): never {
  throw error;
}

// The addon's memory belongs to the thread, like the event loop it polls in, so this one is not a server's.
let environment: DatagramEnvironment | string | null = null;

/** This thread's environment, or a text saying why the addon cannot be used. */
export function datagramEnvironment(): DatagramEnvironment | string {
  if (environment === null) {
    const native = loadNativeDatagram();
    environment = typeof native === 'string' ? native : new DatagramEnvironment(native);
  }
  return environment;
}
