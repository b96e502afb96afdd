import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { StrowgerError } from '../errors.ts';
import type { Clock } from '../timer/clock.ts';
import type {
  StreamConnection,
  StreamConnectOptions,
  StreamDriver,
  StreamListener,
  StreamListenOptions,
} from './drivers.ts';
import { hostPort, ipFamily } from './ip-address.ts';
import { nodeTls } from './node-tls.ts';
import { DEFAULT_STREAM_SOCKET, SocketStream, type StreamSocketOptions } from './stream-socket.ts';
import { type AcceptedSocket, connectTcp, listenTcp } from './tcp.ts';
import { abandon, TlsAcceptor } from './tls-acceptor.ts';
import { applySession, DEFAULT_SESSION, judge, readFacts, secureOptions, type TlsSessionOptions } from './tls-facts.ts';
import type { TlsProfile, TlsProfiles } from './tls-profiles.ts';

interface TlsDriverOptions {
  readonly clock: Clock;
  readonly profiles: TlsProfiles;
  readonly socketOptions?: StreamSocketOptions;
  /** From accepted to encrypted. */
  readonly handshakeTimeoutMs?: number;
  readonly session?: TlsSessionOptions;
}

const DEFAULT_HANDSHAKE_MS = 10_000;

/** TLS through node:tls. Profiles are chosen by address, then by the server name that the client sends (SNI). */
export class TlsDriver implements StreamDriver {
  readonly name = 'tls';
  readonly #clock: Clock;
  readonly #socketOptions: StreamSocketOptions;
  /** Changed while running (`tls.options`, runtime parameters). */
  handshakeTimeoutMs: number;
  readonly #session: TlsSessionOptions;
  #profiles: TlsProfiles;
  /** Contexts are costly (keys are parsed, stores filled): one a profile. */
  #contexts = new WeakMap<TlsProfile, SecureContext>();

  constructor(options: TlsDriverOptions) {
    this.#clock = options.clock;
    this.#profiles = options.profiles;
    this.#socketOptions = options.socketOptions ?? DEFAULT_STREAM_SOCKET;
    this.#session = options.session ?? DEFAULT_SESSION;
    this.handshakeTimeoutMs = options.handshakeTimeoutMs ?? DEFAULT_HANDSHAKE_MS;
  }

  get profiles(): TlsProfiles {
    return this.#profiles;
  }

  /**
   * New handshakes take these profiles; connections keep theirs. Throws `TLS_PROFILE` naming the profile whose key,
   * certificate or ciphers OpenSSL refuses; the old profiles then stay.
   */
  setProfiles(profiles: TlsProfiles): void {
    for (const profile of profiles.all) this.#context(profile);
    this.#profiles = profiles;
  }

  async listen(
    options: StreamListenOptions,
    onConnection: (conn: StreamConnection) => void,
    onError: (error: Error) => void,
  ): Promise<StreamListener> {
    let acceptor: TlsAcceptor | null = null;
    let port = options.port;
    const accept = (accepted: AcceptedSocket): void => {
      if (acceptor?.profiles !== this.#profiles) {
        try {
          acceptor = this.#acceptor(options.address, port, onConnection, onError);
        } catch (error) {
          accepted.admitted();
          accepted.socket.destroy();
          onError(error as Error);
          return;
        }
      }
      acceptor.accept(accepted);
    };
    const listener = await listenTcp('tls', options, this.#socketOptions, this.#clock, accept, onError);
    port = listener.port;
    return listener;
  }

  #acceptor(
    ip: string,
    port: number,
    onConnection: (conn: StreamConnection) => void,
    onError: (error: Error) => void,
  ): TlsAcceptor {
    return new TlsAcceptor({
      clock: this.#clock,
      profiles: this.#profiles,
      ip,
      port,
      socketOptions: this.#socketOptions,
      handshakeTimeoutMs: () => this.handshakeTimeoutMs,
      session: this.#session,
      context: (profile) => this.#context(profile),
      onConnection,
      onError,
    });
  }

  async connect(options: StreamConnectOptions): Promise<StreamConnection> {
    const { ip, port, host = '', tlsServerName = '', tlsServerId = '' } = options;
    const name = tlsServerName !== '' ? tlsServerName : hostName(host);
    const profile = this.#profiles.client(ip, port, name, tlsServerId);
    const to = `tls:${hostPort(ip, port)}`;
    if (profile === null) throw new StrowgerError('TLS_PROFILE', `${to}: no client profile`);
    const context = this.#context(profile);
    const startMs = this.#clock.now();
    const carrier = await connectTcp('tls', options, this.#socketOptions, this.#clock);
    const leftMs = Math.max(1, options.timeoutMs - (this.#clock.now() - startMs));
    const serverName = tlsServerName !== '' || profile.serverName === '' ? name : hostName(profile.serverName);
    return await this.#connectTls(carrier, profile, context, { to, serverName, timeoutMs: leftMs });
  }

  #connectTls(
    carrier: Socket,
    profile: TlsProfile,
    context: SecureContext,
    how: { to: string; serverName: string; timeoutMs: number },
  ): Promise<StreamConnection> {
    return new Promise((resolve, reject) => {
      const socket = nodeTls().connect({
        socket: carrier,
        secureContext: context,
        // Judged by the profile once the handshake is done. Kamailio does not compare names.
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
        minVersion: profile.minVersion,
        maxVersion: profile.maxVersion,
        ...(how.serverName === '' ? {} : { servername: how.serverName }),
      });
      const fail = (reason: string, cause?: unknown): void => {
        settle();
        abandon(socket, carrier);
        reject(new StrowgerError('TLS_HANDSHAKE', `${how.to}: TLS handshake failed: ${reason}`, cause));
      };
      const timer = this.#clock.schedule(how.timeoutMs, () => fail(`no end within ${how.timeoutMs} ms`));
      const onError = (error: NodeJS.ErrnoException): void => fail(error.code ?? error.message, error);
      const onClose = (): void => fail('closed by the peer');
      const settle = (): void => {
        this.#clock.unschedule(timer);
        socket.off('error', onError);
        socket.off('close', onClose);
      };
      socket.once('error', onError);
      socket.once('close', onClose);
      socket.once('secureConnect', () => {
        const facts = readFacts(socket, profile);
        const refusal = judge(facts);
        if (refusal !== null) {
          fail(refusal);
          return;
        }
        settle();
        applySession(socket, this.#session);
        resolve(new SocketStream(socket, this.#socketOptions, facts, carrier));
      });
    });
  }

  #context(profile: TlsProfile): SecureContext {
    let context = this.#contexts.get(profile);
    if (context === undefined) {
      try {
        context = nodeTls().createSecureContext(secureOptions(profile, this.#session));
      } catch (error) {
        throw new StrowgerError(
          'TLS_PROFILE',
          `[${profile.name}]: ${error instanceof Error ? error.message : String(error)}`,
          error,
        );
      }
      this.#contexts.set(profile, context);
    }
    return context;
  }
}

/** Addresses are not sent as server names (RFC 6066 §3). */
function hostName(host: string): string {
  return ipFamily(host) === 0 ? host : '';
}
