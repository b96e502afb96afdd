import { type DestinationResult, isDestination } from './destination.ts';
import type { Server } from './server.ts';
import type { Destination } from './transport/socket-info.ts';

/** How long the system's answer is believed. */
const KEPT_MS = 60_000;
const MAX_KEPT = 4096;

/**
 * `mhomed`: each destination is sent to from the socket on the address that the system would send from. Where no socket
 * listens there, and for protocols of another socket, the usual one stays.
 */
export class RoutedSockets {
  readonly #server: Server;
  readonly #known = new Map<string, { readonly address: string | null; readonly untilMs: number }>();

  constructor(server: Server) {
    this.#server = server;
  }

  /** The same destinations, each with the socket its route asks for. */
  async follow(result: DestinationResult | Promise<DestinationResult>): Promise<DestinationResult> {
    const found = await result;
    if (!isDestination(found)) return found;
    const first = await this.#routed(found.first);
    return {
      first,
      next: async () => {
        const next = await found.next();
        return next === null ? null : await this.#routed(next);
      },
    };
  }

  async #routed(dst: Destination): Promise<Destination> {
    const address = await this.#sourceOf(dst.ip);
    if (address === null || dst.socket?.address === address) return dst;
    const socket = this.#server.transport.sockets.find((own) => own.proto === dst.proto && own.address === address);
    return socket === undefined ? dst : { ...dst, socket };
  }

  async #sourceOf(ip: string): Promise<string | null> {
    const now = this.#server.clock.now();
    const known = this.#known.get(ip);
    if (known !== undefined && known.untilMs > now) return known.address;
    const address = (await this.#server.sourceAddress?.(ip)) ?? null;
    if (this.#known.size >= MAX_KEPT) this.#known.clear();
    this.#known.set(ip, { address, untilMs: now + KEPT_MS });
    return address;
  }
}
