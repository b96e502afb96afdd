import { StrowgerError } from '../errors.ts';

/** A `Worker` seen from outside, or `parentPort` seen from inside. */
export interface Port {
  postMessage(value: unknown): void;
  on(event: 'message', fn: (value: unknown) => void): unknown;
}

type Packet =
  | { readonly kind: 'post'; readonly topic: string; readonly value: unknown }
  | { readonly kind: 'request'; readonly id: number; readonly topic: string; readonly value: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly code: string; readonly text: string };

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Messages and questions between the supervisor and one worker, in order. Values are structured clones. A question is
 * answered, or fails with the other side's StrowgerError, or with WORKER_GONE when the channel is closed.
 */
export class Channel {
  readonly #port: Port;
  readonly #pending = new Map<number, Pending>();
  readonly #posts = new Map<string, (value: unknown) => void>();
  readonly #requests = new Map<string, (value: unknown) => unknown>();
  #lastId = 0;
  #isClosed = false;

  constructor(port: Port) {
    this.#port = port;
    port.on('message', (packet) => this.#onPacket(packet as Packet));
  }

  post(topic: string, value: unknown): void {
    if (!this.#isClosed) this.#send({ kind: 'post', topic, value });
  }

  request(topic: string, value: unknown): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(gone());
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#send({ kind: 'request', id, topic, value });
    });
  }

  onPost(topic: string, fn: (value: unknown) => void): void {
    this.#posts.set(topic, fn);
  }

  /** What `fn` throws or rejects with is the other side's failure. */
  onRequest(topic: string, fn: (value: unknown) => unknown): void {
    this.#requests.set(topic, fn);
  }

  /** The other side is gone: what was asked of it fails. */
  close(): void {
    this.#isClosed = true;
    for (const { reject } of this.#pending.values()) reject(gone());
    this.#pending.clear();
  }

  #send(packet: Packet): void {
    this.#port.postMessage(packet);
  }

  #onPacket(packet: Packet): void {
    if (packet.kind === 'post') this.#posts.get(packet.topic)?.(packet.value);
    else if (packet.kind === 'request') void this.#answer(packet.id, packet.topic, packet.value);
    else {
      const pending = this.#pending.get(packet.id);
      this.#pending.delete(packet.id);
      if (packet.kind === 'answer') pending?.resolve(packet.value);
      else pending?.reject(new StrowgerError(packet.code, packet.text));
    }
  }

  async #answer(id: number, topic: string, value: unknown): Promise<void> {
    try {
      const answer = await this.#requests.get(topic)?.(value);
      if (!this.#isClosed) this.#send({ kind: 'answer', id, value: answer });
    } catch (error) {
      const code = error instanceof StrowgerError ? error.code : 'WORKER';
      const text = error instanceof Error ? error.message : String(error);
      if (!this.#isClosed) this.#send({ kind: 'failure', id, code, text });
    }
  }
}

function gone(): StrowgerError {
  return new StrowgerError('WORKER_GONE', 'the worker has ended');
}
