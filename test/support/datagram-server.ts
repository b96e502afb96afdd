import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** A UDP server on loopback that answers requests of the form `cookie payload`, and keeps what it was asked. */
export class CookieServer {
  readonly #socket: Socket;
  /** Payloads received, repetitions of one cookie left out. */
  readonly asked: string[] = [];
  /** Datagrams received, repetitions too. */
  datagrams = 0;
  /** Null: silence. */
  answer: (payload: string) => string | null;
  readonly #cookies = new Set<string>();
  port = 0;

  private constructor(answer: (payload: string) => string | null) {
    this.answer = answer;
    this.#socket = createSocket('udp4');
    this.#socket.on('message', (data, from) => {
      const text = data.toString('latin1');
      const space = text.indexOf(' ');
      const cookie = text.slice(0, space);
      const payload = text.slice(space + 1);
      this.datagrams++;
      if (!this.#cookies.has(cookie)) this.asked.push(payload);
      this.#cookies.add(cookie);
      const reply = this.answer(payload);
      if (reply !== null) this.#socket.send(Buffer.from(`${cookie} ${reply}`, 'latin1'), from.port, from.address);
    });
  }

  static async open(answer: (payload: string) => string | null, port = 0): Promise<CookieServer> {
    const server = new CookieServer(answer);
    server.#socket.bind(port, '127.0.0.1');
    await once(server.#socket, 'listening');
    server.port = server.#socket.address().port;
    return server;
  }

  /** Takes what was asked so far. */
  take(): string[] {
    return this.asked.splice(0);
  }

  close(): void {
    this.#socket.close();
  }
}
