import type { Socket } from 'node:net';
import type { SecureContext, TLSSocket, Server as TlsServer } from 'node:tls';
import { StrowgerError } from '../errors.ts';
import type { Clock, ClockHandle } from '../timer/clock.ts';
import type { StreamConnection } from './drivers.ts';
import { hostPort } from './ip-address.ts';
import { nodeTls } from './node-tls.ts';
import type { ProxiedAddresses } from './proxy-protocol.ts';
import { SocketStream, type StreamSocketOptions } from './stream-socket.ts';
import type { AcceptedSocket } from './tcp.ts';
import { applySession, judge, readFacts, secureOptions, type TlsSessionOptions } from './tls-facts.ts';
import type { TlsProfile, TlsProfiles } from './tls-profiles.ts';

interface TlsAcceptorOptions {
  readonly clock: Clock;
  readonly profiles: TlsProfiles;
  /** Where it listens. */
  readonly ip: string;
  readonly port: number;
  readonly socketOptions: StreamSocketOptions;
  readonly handshakeTimeoutMs: () => number;
  readonly session: TlsSessionOptions;
  readonly context: (profile: TlsProfile) => SecureContext;
  readonly onConnection: (conn: StreamConnection) => void;
  readonly onError: (error: Error) => void;
}

interface Handshake {
  readonly carrier: Socket;
  readonly from: string;
  readonly admitted: () => void;
  readonly proxied: ProxiedAddresses | null;
  readonly timer: ClockHandle;
  readonly onClose: () => void;
}

/**
 * Makes TLS connections of accepted TCP ones, for one listener and one set of profiles. The node:tls server in it
 * listens nowhere: connections are put in by hand, so that a reload can put the next ones into another.
 */
export class TlsAcceptor {
  readonly profiles: TlsProfiles;
  readonly #options: TlsAcceptorOptions;
  readonly #server: TlsServer;
  /** Under way, by the peer's address and port, which is how the server's events tell them apart. */
  readonly #handshakes = new Map<string, Handshake>();

  /** Throws `TLS_PROFILE` where no profile fits. */
  constructor(options: TlsAcceptorOptions) {
    this.#options = options;
    this.profiles = options.profiles;
    const { ip, port, profiles } = options;
    const profile = profiles.server(ip, port, '');
    if (profile === null) throw new StrowgerError('TLS_PROFILE', `tls:${hostPort(ip, port)}: no server profile`);
    this.#server = nodeTls().createServer({
      ...secureOptions(profile, options.session),
      requestCert: profiles.asksClients(ip, port),
      rejectUnauthorized: false,
      // Node's own limit begins anew with each byte; ours does not.
      handshakeTimeout: 0,
      SNICallback: (name, callback) => {
        try {
          callback(null, options.context(profiles.server(ip, port, name) ?? profile));
        } catch (error) {
          callback(error as Error);
        }
      },
    });
    this.#server.on('secureConnection', (socket) => this.#onSecure(socket));
    this.#server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      this.#fail(keyOf(socket), error.code ?? error.message, socket);
    });
  }

  accept({ socket: carrier, admitted, proxied }: AcceptedSocket): void {
    const key = keyOf(carrier);
    const { clock, handshakeTimeoutMs } = this.#options;
    const limitMs = handshakeTimeoutMs();
    const timer = clock.schedule(limitMs, () => this.#fail(key, `no end within ${limitMs} ms`));
    const from = `tls:${hostPort(carrier.remoteAddress ?? '', carrier.remotePort ?? 0)}`;
    const onClose = (): void => this.#fail(key, 'closed by the peer');
    this.#handshakes.set(key, { carrier, from, admitted, proxied, timer, onClose });
    carrier.on('error', () => {});
    carrier.once('close', onClose);
    this.#server.emit('connection', carrier);
  }

  #onSecure(socket: TLSSocket): void {
    const key = keyOf(socket);
    const handshake = this.#handshakes.get(key);
    if (handshake === undefined) {
      abandon(socket, null);
      return;
    }
    const { ip, port, socketOptions, session, onConnection } = this.#options;
    const name: unknown = socket.servername;
    const profile = this.profiles.server(ip, port, typeof name === 'string' ? name : '');
    const facts = profile === null ? null : readFacts(socket, profile);
    const refusal = facts === null ? 'no server profile' : judge(facts);
    if (refusal !== null) {
      this.#fail(key, refusal, socket);
      return;
    }
    this.#end(key);
    applySession(socket, session);
    onConnection(new SocketStream(socket, socketOptions, facts, handshake.carrier, handshake.proxied));
  }

  #fail(key: string, reason: string, socket: TLSSocket | null = null): void {
    const handshake = this.#end(key);
    abandon(socket, handshake?.carrier ?? null);
    if (handshake === undefined) return;
    this.#options.onError(new StrowgerError('TLS_HANDSHAKE', `${handshake.from}: TLS handshake failed: ${reason}`));
  }

  #end(key: string): Handshake | undefined {
    const handshake = this.#handshakes.get(key);
    if (handshake === undefined) return undefined;
    this.#handshakes.delete(key);
    this.#options.clock.unschedule(handshake.timer);
    handshake.carrier.off('close', handshake.onClose);
    handshake.admitted();
    return handshake;
  }
}

function keyOf(socket: Socket): string {
  return `${socket.localAddress}|${socket.remoteAddress}|${socket.remotePort}`;
}

/** Drops a connection whose handshake came to nothing, whatever it still has to say. */
export function abandon(socket: TLSSocket | null, carrier: Socket | null): void {
  for (const each of [socket, carrier]) {
    each?.on('error', () => {});
    each?.destroy();
  }
}
