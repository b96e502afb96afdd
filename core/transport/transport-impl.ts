import type { UdpEndpoint } from './drivers.ts';
import { unbracketed } from './ip-address.ts';
import type { Destination, Proto, SendResult, SocketInfo } from './socket-info.ts';
import { carrierProto, isCarriedBy, PROTO, webSocketOf } from './socket-info.ts';
import type { Transport } from './transport.ts';

/** What carries messages over streams (core/transport/connections.ts). */
export interface StreamSender {
  send(text: string, dst: Destination, onFailed?: () => void): SendResult;
  close(): Promise<void>;
}

/** A datagram longer than this can not be sent (UDP over IPv4: 65,535 less headers). */
const MAX_DATAGRAM_BYTES = 65_507;

/** What is known of the way out at start. */
interface TransportParts {
  readonly sockets: readonly SocketInfo[];
  /** By `SocketInfo.index`; null for sockets that are no UDP. */
  readonly endpoints: readonly (UdpEndpoint | null)[];
  readonly streams: StreamSender | null;
  /** Replaces or drops what is sent ('' drops): the hooks' dataOut; null while nobody listens. */
  readonly filter: (text: string, dst: Destination) => string;
  readonly hasFilter: () => boolean;
}

/** The sockets of one server. */
export class TransportImpl implements Transport {
  readonly sockets: readonly SocketInfo[];
  readonly #endpoints: readonly (UdpEndpoint | null)[];
  readonly #streams: StreamSender | null;
  readonly #filter: TransportParts['filter'];
  readonly #hasFilter: () => boolean;
  /** First socket by protocol and family: `proto * 2 + (family 6 ? 1 : 0)`. */
  readonly #first: (SocketInfo | null)[] = new Array<SocketInfo | null>(14).fill(null);

  constructor(parts: TransportParts) {
    this.sockets = parts.sockets;
    this.#endpoints = parts.endpoints;
    this.#streams = parts.streams;
    this.#filter = parts.filter;
    this.#hasFilter = parts.hasFilter;
    this.socketsChanged();
  }

  /** The list of sockets has grown, or a port is known now. */
  socketsChanged(): void {
    this.#first.fill(null);
    for (const socket of this.sockets) {
      const at = socket.proto * 2 + (socket.family === 6 ? 1 : 0);
      if (socket.isVirtual) continue;
      this.#first[at] ??= socket;
      const web = webSocketOf(socket);
      if (web !== socket) this.#first[at + (web.proto - socket.proto) * 2] ??= web;
    }
  }

  send(text: string, dst: Destination, onFailed?: () => void): SendResult {
    let out = text;
    if (this.#hasFilter()) {
      out = this.#filter(text, dst);
      if (out === '') return 1;
    }
    if (dst.proto !== PROTO.UDP) return this.#streams === null ? -1 : this.#streams.send(out, dst, onFailed);
    const socket = dst.socket;
    const endpoint = socket === null ? undefined : this.#endpoints[socket.index];
    if (endpoint === undefined || endpoint === null || out.length > MAX_DATAGRAM_BYTES) return -1;
    endpoint.send(out, dst.ip, dst.port);
    return 1;
  }

  socketFor(proto: Proto, ip: string, forced: SocketInfo | null): SocketInfo | null {
    // Nearly every address of a server is IPv4: a colon is what makes it 6.
    const family = ip.includes(':') ? 6 : 4;
    if (forced !== null && forced.family === family) {
      if (forced.proto === proto) return forced;
      if (proto >= PROTO.WS && forced.proto === carrierProto(proto)) return webSocketOf(forced);
    }
    return this.#first[proto * 2 + (family === 6 ? 1 : 0)] ?? null;
  }

  findSocket(text: string): SocketInfo | null {
    for (const socket of this.sockets) if (socket.name !== '' && socket.name === text) return socket;
    // Contacts are kept with the socket as `uri` has it: asked for with each request to one, it is not taken apart.
    for (const socket of this.sockets) {
      if (socket.uri === text) return socket;
      if (socket.isAdvertised) break;
    }
    const match = /^(?:(udp|tcp|tls|sctp|wss?):)?(\[[^\]]+\]|[^:]+|[0-9a-fA-F:]+?)(?::(\d+))?$/i.exec(text);
    if (match === null) return null;
    const proto = match[1] === undefined ? 0 : PROTO[match[1].toUpperCase() as keyof typeof PROTO];
    return this.findSocketBy(
      (match[2] as string).replace(/^\[|\]$/g, ''),
      match[3] === undefined ? 0 : Number(match[3]),
      proto,
    );
  }

  findSocketBy(host: string, port: number, proto: number): SocketInfo | null {
    const bare = unbracketed(host);
    for (const socket of this.sockets) {
      if (proto !== PROTO.NONE && !isCarriedBy(proto, socket.proto)) continue;
      if (socket.address === bare && (port === 0 || socket.port === port)) return socket;
      if (socket.isAdvertised && socket.advertisedHost === bare && (port === 0 || socket.advertisedPort === port))
        return socket;
    }
    return null;
  }

  async close(): Promise<void> {
    for (const endpoint of this.#endpoints) endpoint?.close();
    await this.#streams?.close();
  }
}
