/** From a URI to an address: literals at once, names through the resolver (RFC 3263). */

import { parseUri, URI_SCHEME } from './parser/uri.ts';
import type { TargetIterator } from './resolve/targets.ts';
import { RoutedSockets } from './routed-sockets.ts';
import type { Server } from './server.ts';
import { TextMap } from './store/text-map.ts';
import { ipFamily } from './transport/ip-address.ts';
import { type Destination, PROTO, type Proto, type SocketInfo } from './transport/socket-info.ts';

/** Address of a literal URI, and whether it can be used at all. */
interface Literal {
  readonly proto: Proto;
  readonly ip: string;
  readonly port: number;
}

const CACHE_LIMIT = 4096;

/** Why a URI has no destination; the reply code says whose fault it is. */
export interface NoDestination {
  readonly code: number;
  readonly reason: string;
}

/** Where a request can go, in order of preference; `next` gives the following address after a failure. */
export interface DestinationSet {
  readonly first: Destination;
  /** The next address, or null when there is no more. */
  next(): Destination | null | Promise<Destination | null>;
}

export type DestinationResult = DestinationSet | NoDestination;

/** True for a result that can be sent to. */
export function isDestination(result: DestinationResult): result is DestinationSet {
  return 'first' in result;
}

class SingleDestination implements DestinationSet {
  readonly first: Destination;
  constructor(first: Destination) {
    this.first = first;
  }
  next(): null {
    return null;
  }
}

/** Destinations of URIs for one server. Literal URIs are remembered by text: a load balancer sees the same few. */
export class Destinations {
  readonly #server: Server;
  readonly #literals: TextMap<Literal>;

  /** Set where `mhomed` is on. */
  readonly #routes: RoutedSockets | null;

  constructor(server: Server) {
    this.#server = server;
    this.#literals = new TextMap(server.random.uint32());
    this.#routes = server.settings.bool('mhomed') ? new RoutedSockets(server) : null;
  }

  /**
   * Resolves `uriText`; at once for IP literals and cached names. `forced` is the socket to send from, if any; without
   * one, a message leaves where it came in (`incoming`), or, with `mhomed`, where the system's routes lead.
   */
  resolve(
    uriText: string,
    forced: SocketInfo | null,
    forcedProto: number = PROTO.NONE,
    incoming: SocketInfo | null = null,
  ): DestinationResult | Promise<DestinationResult> {
    if (forced !== null || this.#routes === null) return this.#resolve(uriText, forced ?? incoming, forcedProto);
    const found = this.#resolve(uriText, incoming, forcedProto);
    return this.#routes.follow(found);
  }

  #resolve(
    uriText: string,
    forced: SocketInfo | null,
    forcedProto: number,
  ): DestinationResult | Promise<DestinationResult> {
    const key = forcedProto === PROTO.NONE ? uriText : `${forcedProto}|${uriText}`;
    const literal = this.#literals.get(key);
    if (literal !== undefined) return this.#single(literal, '', forced);
    const uri = parseUri(uriText);
    if (uri === null || uri.host === '') return { code: 478, reason: 'Unresolvable destination' };
    if (uri.scheme !== URI_SCHEME.SIP && uri.scheme !== URI_SCHEME.SIPS)
      return { code: 416, reason: 'Unsupported URI scheme' };
    const isSips = uri.scheme === URI_SCHEME.SIPS;
    const named = uri.transport;
    if (named === PROTO.NONE && uri.params !== '' && uri.param('transport') !== null)
      return { code: 478, reason: 'Unresolvable destination' };
    const host = uri.param('maddr') || uri.bareHost;
    const proto =
      forcedProto !== PROTO.NONE
        ? (forcedProto as Proto)
        : isSips && named !== PROTO.WS && named !== PROTO.WSS
          ? PROTO.TLS
          : named;
    if (ipFamily(host) !== 0) {
      const actual = proto === PROTO.NONE ? PROTO.UDP : proto;
      const port = uri.port !== 0 ? uri.port : actual === PROTO.TLS || actual === PROTO.WSS ? 5061 : 5060;
      return this.#single(this.#remember(key, { proto: actual, ip: host, port }), '', forced);
    }
    return this.#fromTargets(this.#server.resolver.sipTargets({ host, port: uri.port, proto, isSips }), forced);
  }

  /** Tells the resolver and the blocklist that an address did not answer or refused. */
  failed(dst: Destination, why: 'timeout' | 'send'): void {
    this.#server.onDestinationFailed(dst, why);
  }

  #remember(text: string, literal: Literal): Literal {
    if (this.#literals.size >= CACHE_LIMIT) this.#literals.clear();
    this.#literals.set(Buffer.from(text, 'latin1').toString('latin1'), literal);
    return literal;
  }

  #single(literal: Literal, host: string, forced: SocketInfo | null): DestinationResult {
    const dst = this.#destination(literal, host, forced);
    return dst === null ? NO_SOCKET : new SingleDestination(dst);
  }

  #destination(at: Literal, host: string, forced: SocketInfo | null): Destination | null {
    if (at.proto === PROTO.WS || at.proto === PROTO.WSS) return this.#webSocket(at, host, forced);
    const socket = this.#server.transport.socketFor(at.proto, at.ip, forced);
    if (socket === null) return null;
    return { proto: at.proto, ip: at.ip, port: at.port, socket, conId: 0, noConnect: false, closeAfter: false, host };
  }

  /** Along the connection that the peer has opened; without one, a destination that nothing can be sent to. */
  #webSocket({ ip, port, proto: named }: Literal, host: string, forced: SocketInfo | null): Destination | null {
    const { connections, transport } = this.#server;
    const found = connections.webSocket(ip, port);
    const proto = found?.proto ?? named;
    const conId = found?.id ?? 0;
    const socket = connections.get(conId)?.rcv.socket ?? transport.socketFor(proto, ip, forced);
    if (socket === null) return null;
    return { proto, ip, port, socket, conId, noConnect: true, closeAfter: false, host };
  }

  #fromTargets(targets: TargetIterator, forced: SocketInfo | null): DestinationResult | Promise<DestinationResult> {
    const next = (): Destination | null | Promise<Destination | null> => {
      for (;;) {
        const target = targets.next();
        if (target instanceof Promise)
          return target.then((found) =>
            found === null ? null : (this.#destination(found, found.host, forced) ?? next()),
          );
        if (target === null) return null;
        const dst = this.#destination(target, target.host, forced);
        if (dst !== null) return dst;
      }
    };
    const wrap = (first: Destination | null): DestinationResult => (first === null ? UNRESOLVED : { first, next });
    const first = next();
    return first instanceof Promise ? first.then(wrap) : wrap(first);
  }
}

const NO_SOCKET: NoDestination = { code: 500, reason: 'No socket for the destination protocol' };
const UNRESOLVED: NoDestination = { code: 478, reason: 'Unresolvable destination' };
