import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

/** A server for streams that has so many at the most: more are closed at once. The caller lets it listen. */
export class StreamServer {
  readonly server: Server;
  readonly #connections = new Set<Socket>();

  constructor(maxConnections: number, serve: (socket: Socket) => void) {
    this.server = createServer((socket) => {
      if (this.#connections.size >= maxConnections) {
        socket.destroy();
        return;
      }
      this.#connections.add(socket);
      socket.on('close', () => this.#connections.delete(socket));
      socket.on('error', () => socket.destroy());
      serve(socket);
    });
  }

  /** The streams now open. */
  get connections(): ReadonlySet<Socket> {
    return this.#connections;
  }

  /** Closes it and all its streams. */
  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.#connections) socket.destroy();
    await closed;
  }
}
