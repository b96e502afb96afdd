import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** One HTTP response, as it came. */
export interface HttpResponse {
  readonly status: number;
  /** Header lines and first line, with the empty line. */
  readonly head: string;
  readonly body: string;
}

/** How long a test waits for what must come, milliseconds. */
const PATIENCE_MS = 5000;

/** A TCP or TLS connection to loopback that says what a test tells it to, and keeps what it hears as latin1 text. */
export class RawStream {
  readonly #socket: Socket;
  /** Heard and not yet taken. */
  heard = '';
  isClosed = false;
  readonly localPort: number;
  #wake: (() => void) | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.localPort = socket.localPort ?? 0;
    socket.on('data', (data: Buffer) => {
      this.heard += data.toString('latin1');
      this.#wake?.();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
      this.#wake?.();
    });
  }

  /** `from`: an address of this machine that it comes from. */
  static open(port: number, isTls = false, from = '127.0.0.1'): Promise<RawStream> {
    const place = { port, host: '127.0.0.1', localAddress: from };
    return new Promise((resolve, reject) => {
      const opened = (): void => resolve(new RawStream(socket));
      const socket = isTls ? connectTls({ ...place, rejectUnauthorized: false }, opened) : connect(place, opened);
      socket.once('error', reject);
    });
  }

  send(text: string | Uint8Array): void {
    this.#socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  /** Stops reading: what the server sends stays in its way. */
  pause(): void {
    this.#socket.pause();
  }

  /** Waits until what was heard fits, or rejects; `take` gets the length taken from it, 0 for not yet. */
  async take(what: string, length: (heard: string) => number, withinMs = PATIENCE_MS): Promise<string> {
    const ok = await this.#until(() => length(this.heard) > 0, withinMs);
    const taken = length(this.heard);
    if (!ok || taken === 0)
      throw new Error(`waited for ${what}${this.isClosed ? ' (closed)' : ''}; heard: ${JSON.stringify(this.heard)}`);
    const text = this.heard.slice(0, taken);
    this.heard = this.heard.slice(taken);
    return text;
  }

  /** The next response, by its Content-Length. `hasBody` is false for the answer to a HEAD. */
  async response(hasBody = true, withinMs = PATIENCE_MS): Promise<HttpResponse> {
    const text = await this.take(
      'a response',
      (heard) => {
        const end = heard.indexOf('\r\n\r\n') + 4;
        if (end < 4) return 0;
        const length = hasBody ? Number(/\r\nContent-Length: *(\d+)/i.exec(heard.slice(0, end))?.[1] ?? 0) : 0;
        return heard.length >= end + length ? end + length : 0;
      },
      withinMs,
    );
    const end = text.indexOf('\r\n\r\n') + 4;
    return { status: Number(text.slice(9, 12)), head: text.slice(0, end), body: text.slice(end) };
  }

  /** True when the server ends the connection in time. */
  async closes(withinMs = PATIENCE_MS): Promise<boolean> {
    return await this.#until(() => this.isClosed, withinMs);
  }

  close(): void {
    this.#socket.destroy();
  }

  async #until(done: () => boolean, withinMs: number): Promise<boolean> {
    const end = performance.now() + withinMs;
    while (!done() && (!this.isClosed || done())) {
      const left = end - performance.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
    return done();
  }
}
