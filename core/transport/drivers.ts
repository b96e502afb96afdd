import type { RowIndex } from '../parser/header-index.ts';
import type { Clock } from '../timer/clock.ts';
import type { ReceiveInfo } from './socket-info.ts';

/**
 * What carries bytes: the recvmmsg addon, node:dgram, node:net, node:tls, or the simulated network of the tests.
 * Everything above works on latin1 strings, one char a byte.
 */
export interface UdpEndpoint {
  readonly address: string;
  readonly port: number;
  /** Queues one datagram. What is queued during a batch leaves when the batch and its microtasks are done. */
  send(text: string, ip: string, port: number): void;
  close(): void;
}

export interface UdpOptions {
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
  readonly reusePort?: boolean;
  /** Kernel receive buffer in bytes; 0 leaves the system's default. */
  readonly receiveBufferBytes?: number;
  /**
   * How long datagrams may gather on a busy line before they are read, in microseconds; 0 (or absent) never. One for all
   * sockets of a thread: the last one opened says.
   */
  readonly batchDelayMicros?: number;
  /** IP_TOS / IPV6_TCLASS byte, -1 leaves it alone. */
  readonly tos?: number;
  /** TTL or hop limit of multicast datagrams where the core parameters set one. */
  readonly multicastTtl?: number;
  /** Whether this host gets its own multicast datagrams; the system's default where not given. */
  readonly multicastLoopback?: boolean;
  /** Name of the interface on which a multicast `address` is joined. */
  readonly multicastInterface?: string;
  /** IP_MTU_DISCOVER: 0 lets routers fragment, 1 the system's default, 2 sets DF always. IPv4 only. */
  readonly pathMtuDiscovery?: 0 | 1 | 2;
  /** Held for the length of each batch of datagrams. */
  readonly clock?: Pick<Clock, 'hold' | 'release'>;
}

/** `index` has the header rows of the text, where the driver has found them; it counts during the call only. */
export type DatagramHandler = (text: string, srcIp: string, srcPort: number, index?: RowIndex) => void;

export interface UdpDriver {
  /** `addon`, `dgram` or `sim`; logged at start. */
  readonly name: string;
  /** Options without effect here, for a notice at start. */
  readonly unsupported?: readonly (keyof UdpOptions)[];
  /** Binds; rejects with a StrowgerError whose message names address and cause. */
  open(options: UdpOptions, onDatagram: DatagramHandler, onError: (error: Error) => void): Promise<UdpEndpoint>;
  /** A socket for one peer, where the driver can make one that learns when the peer is gone. */
  dial?(options: UdpDialOptions, onDatagram: DatagramHandler, onError: (error: Error) => void): Promise<UdpEndpoint>;
}

/** The one peer of a client's socket. */
export interface UdpDialOptions {
  readonly ip: string;
  readonly port: number;
  /** Address to send from; the system's choice where not given. */
  readonly localAddress?: string;
}

/** A byte stream below SIP framing: TCP, TLS, or simulated. */
export interface StreamConnection {
  readonly remoteIp: string;
  readonly remotePort: number;
  readonly localIp: string;
  readonly localPort: number;
  /** Bytes queued and not yet taken by the kernel: the measure for back-pressure. */
  readonly queuedBytes: number;
  write(text: string): void;
  /** Stops and restarts reading (back-pressure). */
  pause(): void;
  resume(): void;
  /** Ends after what is queued; `destroy` drops it. */
  end(): void;
  destroy(): void;
  onData: (chunk: string) => void;
  onClose: (error: Error | null) => void;
  /** Called when the kernel did not take all of what was written, by drivers that find out only later. */
  onQueued?: () => void;
  /** Called when the kernel has taken everything that was queued, by drivers that can tell. */
  onDrain?: () => void;
  /** TLS facts ($tls_*), null on plain TCP. */
  readonly tls: unknown;
}

export interface StreamListenOptions {
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
  readonly backlog?: number;
  readonly reusePort?: boolean;
  /**
   * Asked for each connection the kernel hands over, before a TLS handshake. Null refuses it; otherwise the driver
   * calls what it gets once, when `onConnection` is about to be called or the handshake came to nothing.
   */
  readonly admit?: (remoteIp: string, remotePort: number) => (() => void) | null;
}

export interface StreamConnectOptions {
  readonly ip: string;
  readonly port: number;
  readonly localAddress?: string;
  readonly localPort?: number;
  readonly timeoutMs: number;
  /** Host name for SNI and certificate checks. */
  readonly host?: string;
  /** TLS: a name to ask for, above the profile's own, and the client profile by its `server_id`. */
  readonly tlsServerName?: string;
  readonly tlsServerId?: string;
}

export interface StreamListener {
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

export interface StreamDriver {
  readonly name: string;
  listen(
    options: StreamListenOptions,
    onConnection: (conn: StreamConnection) => void,
    onError: (error: Error) => void,
  ): Promise<StreamListener>;
  /** Resolves once connected (and, for TLS, once the handshake is done). */
  connect(options: StreamConnectOptions): Promise<StreamConnection>;
}

/** What a transport hands to the core: one whole SIP message (or keep-alive) as latin1 text. */
export type MessageHandler = (text: string, rcv: ReceiveInfo, index?: RowIndex) => void;
