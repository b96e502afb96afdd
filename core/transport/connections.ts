import { CounterRegistry } from '../counters/counters.ts';
import { LOG_LEVELS, type Log } from '../log/log.ts';
import type { TimerWheel } from '../timer/wheel.ts';
import {
  type CloseReason,
  Connection,
  type ConnectionOwner,
  type QueuedMessage,
  type StreamLayer,
} from './connection.ts';
import { type ConnectionCounters, connectionCounters } from './connection-counters.ts';
import { noteProgress, receiveDeadline, sendDeadline } from './connection-deadlines.ts';
import { ConnectionIndex } from './connection-index.ts';
import type { ConnectionSettings } from './connection-settings.ts';
import type {
  StreamConnection,
  StreamConnectOptions,
  StreamDriver,
  StreamListener,
  StreamListenOptions,
} from './drivers.ts';
import { canonicalIp, hostPort, isAnyAddress } from './ip-address.ts';
import type { RemoteConnections, WebSocketRef } from './remote-connections.ts';
import {
  type Destination,
  PROTO,
  PROTO_NAMES,
  type Proto,
  type ReceiveInfo,
  type SendResult,
  type SocketInfo,
} from './socket-info.ts';
import type { FramingError } from './stream-framer.ts';

/** Between two looks at a connection that has output queued. */
const DRAIN_CHECK_MS = 250;
/** What an orderly end may take before the connection is dropped. */
const LINGER_MS = 2_000;

interface ConnectionEvents {
  /** One whole message. */
  readonly onMessage: (text: string, rcv: ReceiveInfo) => void;
  readonly onOpen?: (conn: Connection) => void;
  /** Once for each connection that was open. */
  readonly onClose?: (conn: Connection, reason: CloseReason) => void;
  /** The stream cannot be followed any more; what is sent on it from here goes out before it is closed. */
  readonly onFramingError?: (error: FramingError, rcv: ReceiveInfo) => void;
}

interface ConnectionTableOptions {
  readonly wheel: TimerWheel;
  readonly log: Log;
  readonly settings: ConnectionSettings;
  readonly events: ConnectionEvents;
  readonly counters?: CounterRegistry;
  /** Ids are `firstId`, `firstId + idStep`, …: with several workers an id names its worker. */
  readonly firstId?: number;
  readonly idStep?: number;
}

/**
 * The stream connections of a worker: accepted and opened ones, TCP and TLS, found by id or by protocol, address and
 * port (aliases included). It frames what arrives, queues what is sent, and closes what is idle, slow or full.
 */
export class ConnectionTable {
  readonly settings: ConnectionSettings;
  readonly #wheel: TimerWheel;
  readonly #log: Log;
  readonly #events: ConnectionEvents;
  readonly #index = new ConnectionIndex();
  readonly #drivers = new Map<Proto, StreamDriver>();
  readonly #counters: ConnectionCounters;
  readonly #owner: ConnectionOwner;
  readonly #firstId: number;
  /** Set where there are several workers: the connections of the others. */
  remote: RemoteConnections | null = null;
  /** Set by the module tls: how to connect to a destination, where the script says so. */
  tlsTarget: ((dst: Destination) => Pick<StreamConnectOptions, 'tlsServerName' | 'tlsServerId'>) | null = null;
  /** Set by the module tls: false drops a connection we have opened before its first message goes out. */
  mayUseOpened: ((conn: Connection, firstText: string) => boolean) | null = null;
  #nextId: number;
  readonly #idStep: number;
  /** Admitted, but still in their handshake. */
  #handshakes = 0;
  #tlsCount = 0;
  #queuedTotal = 0;
  #isRefusing = false;
  #isClosed = false;

  constructor(options: ConnectionTableOptions) {
    this.settings = options.settings;
    this.#wheel = options.wheel;
    this.#log = options.log;
    this.#events = options.events;
    this.#firstId = options.firstId ?? 1;
    this.#nextId = this.#firstId;
    this.#idStep = options.idStep ?? 1;
    this.#counters = connectionCounters(options.counters ?? new CounterRegistry(), this);
    this.#owner = {
      onDue: (conn) => this.#check(conn),
      onMessage: (conn, text) => this.#onMessage(conn, text),
      onPing: (conn) => this.#onPing(conn),
      onExpect: (conn) => void this.#writeOpen(conn, 'HTTP/1.1 100 Continue\r\n\r\n'),
    };
  }

  /** Connections in the table, attempts included. */
  get size(): number {
    return this.#index.size;
  }

  /** Bytes queued on all connections, as last seen. */
  get queuedBytes(): number {
    return this.#queuedTotal;
  }

  get(id: number): Connection | undefined {
    return this.#index.get(id);
  }

  /** What is known of a TLS connection, another worker's too; null for any other. */
  tls(id: number): unknown {
    const conn = this.#index.get(id);
    return (conn === undefined ? this.remote?.tls(id) : conn.stream?.tls) ?? null;
  }

  list(): Connection[] {
    return this.#index.list();
  }

  /** The driver that opens and accepts connections of a protocol. */
  setDriver(proto: Proto, driver: StreamDriver): void {
    this.#drivers.set(proto, driver);
  }

  driver(proto: Proto): StreamDriver | undefined {
    return this.#drivers.get(proto);
  }

  /** Listens; `makeSocket` gets the port bound and gives the SocketInfo its connections carry. Rejects as the driver does. */
  async listen(
    proto: Proto,
    options: Omit<StreamListenOptions, 'admit'>,
    makeSocket: (port: number) => SocketInfo,
  ): Promise<StreamListener> {
    const driver = this.#drivers.get(proto);
    if (driver === undefined) throw new Error(`no driver for ${PROTO_NAMES[proto]}`);
    let socket: SocketInfo | null = null;
    const listener = await driver.listen(
      { ...options, admit: (ip, port) => this.#admit(proto, ip, port) },
      (stream) => {
        if (socket === null) stream.destroy();
        else this.#accept(stream, socket);
      },
      (error) => this.#log.warn(error.message),
    );
    socket = makeSocket(listener.port);
    return listener;
  }

  /** An open or connecting stream to this peer; the newest where there are several. A socket restricts the local end. */
  find(proto: Proto, ip: string, port: number, from: SocketInfo | null = null, host = ''): Connection | undefined {
    const matchPort = this.settings.matchLocalPort;
    return this.#index.find(
      proto,
      oneSpelling(ip),
      port,
      from === null ? null : from.address,
      matchPort && from !== null ? from.port : 0,
      proto === PROTO.TLS && this.settings.matchTlsHost ? host : '',
    );
  }

  /**
   * Sends on the connection `dst.conId`, else on one to the same peer, else on a new one (unless `noConnect`), which
   * is opened from `dst.socket` and belongs to it. -1: nothing was queued. `onFailed` is called later, once, for a
   * message that was queued but never reached a connection. Other workers' connections count like ours, unless it was
   * one of them that asked (`isAsked`).
   */
  send(text: string, dst: Destination, onFailed?: (error: Error) => void, isAsked = false): SendResult {
    const byId = dst.conId === 0 ? undefined : this.#index.get(dst.conId);
    const usable = byId !== undefined && byId.state !== 'closing' ? byId : undefined;
    const remote = isAsked ? null : this.remote;
    const isElsewhere = remote !== null && dst.conId !== 0 && remote.has(dst.conId);
    const isWeb = dst.proto === PROTO.WS || dst.proto === PROTO.WSS;
    const conn = usable ?? (isElsewhere ? undefined : this.find(dst.proto, dst.ip, dst.port, dst.socket, dst.host));
    const message: QueuedMessage = { text, dst, onFailed };
    if (conn !== undefined) return this.#write(conn, message);
    if (remote?.send(text, dst, onFailed) === true) return 1;
    // Nobody listens behind a browser: a WebSocket connection that is gone can not be opened again (RFC 7118 §5).
    if (isWeb || dst.socket === null || dst.noConnect || this.settings.noConnect || this.#isClosed) return -1;
    return this.#connect(message, dst.socket);
  }

  /**
   * Makes the connection reachable under another port of its peer (Via `alias`, `force_tcp_alias`). False when there
   * is no such connection, it has too many, or another one has that port.
   */
  addAlias(id: number, port: number): boolean {
    const conn = this.#index.get(id);
    if (conn === undefined) return this.remote?.addAlias(id, port) ?? false;
    if (!this.#index.addAlias(conn, port)) return false;
    this.remote?.aliased(conn, port);
    return true;
  }

  /** Sets one connection's own lifetime (`tcp_set_connection_lifetime`, registrations); below 0 it never ends. */
  setLifetime(id: number, lifetimeMs: number): boolean {
    const conn = this.#index.get(id);
    if (conn === undefined) return this.remote?.setLifetime(id, lifetimeMs) ?? false;
    conn.lifetimeMs = lifetimeMs;
    this.#check(conn);
    return true;
  }

  /**
   * A WebSocket to this peer, over TCP or TLS, another worker's too: URIs say `transport=ws` of both (RFC 7118 §5.2.4), and
   * the connection knows its own socket.
   */
  webSocket(ip: string, port: number): WebSocketRef | null {
    const found = this.find(PROTO.WS, ip, port) ?? this.find(PROTO.WSS, ip, port);
    return found ?? this.remote?.webSocket(oneSpelling(ip), port) ?? null;
  }

  /**
   * Puts another protocol (WebSocket) on an open connection, under its own protocol number: bytes go to the layer, and
   * messages sent to it. Returns the way to write bytes past it, false when the connection is gone; null when it can not be.
   */
  upgrade(id: number, proto: Proto, layer: StreamLayer): ((bytes: string) => boolean) | null {
    const conn = this.#index.get(id);
    if (conn === undefined || conn.stream === null || conn.state !== 'open' || conn.layer !== null) return null;
    this.#index.remove(conn);
    conn.proto = proto;
    conn.rcv = conn.makeRcv(conn.stream.localIp, conn.stream.localPort);
    conn.layer = layer;
    conn.framer.stop();
    this.#index.add(conn);
    this.remote?.opened(conn);
    return (bytes) => this.#writeOpen(conn, bytes);
  }

  /** Ends a connection once what is queued has left, or drops it. */
  end(id: number, isAbrupt = false): boolean {
    const conn = this.#index.get(id);
    if (conn === undefined) return this.remote?.end(id, isAbrupt) ?? false;
    if (isAbrupt) this.#drop(conn, 'closed', 'closed by us');
    else this.#end(conn, 'closed by us');
    return true;
  }

  /** Drops all connections and what they queue. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const conn of this.#index.list()) this.#drop(conn, 'closed', 'shutdown');
  }

  // ---- coming and going ----

  #admit(proto: Proto, ip: string, port: number): (() => void) | null {
    const why = this.#refusal(proto, ip, port);
    if (why !== null) {
      this.#counters.localReject.inc();
      if (!this.#isRefusing)
        this.#log.warn(`${PROTO_NAMES[proto]}: connection from ${hostPort(ip, port)} refused: ${why}`);
      this.#isRefusing = true;
      return null;
    }
    this.#isRefusing = false;
    this.#handshakes++;
    return () => {
      this.#handshakes--;
    };
  }

  #refusal(proto: Proto, ip: string, port: number): string | null {
    const { settings } = this;
    if (this.#isClosed) return 'shutting down';
    if (this.#total >= settings.maxConnections) return 'tcp_max_connections reached';
    if (proto === PROTO.TLS && this.#tlsCount + this.#handshakes >= settings.maxTlsConnections) {
      return 'tls_max_connections reached';
    }
    if (settings.maxPerAddress > 0 && this.#index.countFrom(ip) >= settings.maxPerAddress)
      return 'tcp_accept_iplimit reached';
    if (settings.acceptUnique && this.#index.find(proto, ip, port, null, 0) !== undefined) return 'tcp_accept_unique';
    return null;
  }

  /** What counts against `tcp_max_connections`: all workers' connections, and our attempts and handshakes. */
  get #total(): number {
    return this.#index.size + this.#handshakes + (this.remote?.size ?? 0);
  }

  #accept(stream: StreamConnection, socket: SocketInfo): void {
    const conn = this.#make(socket, { ip: stream.remoteIp, port: stream.remotePort, host: '', isOutgoing: false });
    this.#counters.passiveOpen.inc();
    this.#open(conn, stream);
  }

  #make(socket: SocketInfo, peer: { ip: string; port: number; host: string; isOutgoing: boolean }): Connection {
    const conn = new Connection(this.#nextId, socket, peer, this.#wheel.now(), this.settings.framer, this.#owner);
    this.#advanceId();
    this.#index.add(conn);
    if (conn.proto === PROTO.TLS) this.#tlsCount++;
    return conn;
  }

  /** Ids are Kamailio's positive 32-bit integers; they come round after two thousand million connections. */
  #advanceId(): void {
    do {
      this.#nextId += this.#idStep;
      if (this.#nextId > 0x7fff_ffff) this.#nextId = this.#firstId;
    } while (this.#index.get(this.#nextId) !== undefined);
  }

  #connect(message: QueuedMessage, from: SocketInfo): SendResult {
    const { dst } = message;
    const driver = this.#drivers.get(from.proto);
    if (driver === undefined || this.#total >= this.settings.maxConnections) {
      this.#counters.localReject.inc();
      return -1;
    }
    const conn = this.#make(from, { ip: oneSpelling(dst.ip), port: dst.port, host: dst.host, isOutgoing: true });
    const result = this.#write(conn, message);
    if (result < 0) return result;
    const source = from.family === 4 ? this.settings.sourceIpv4 : this.settings.sourceIpv6;
    const local = source !== '' ? source : isAnyAddress(from.address) ? '' : from.address;
    const connecting = driver.connect({
      ip: dst.ip,
      port: dst.port,
      timeoutMs: this.settings.connectTimeoutMs,
      ...(local === '' ? {} : { localAddress: local }),
      ...(this.settings.connectFromPort ? { localPort: from.port } : {}),
      ...(dst.host === '' ? {} : { host: dst.host }),
      ...(from.proto === PROTO.TLS ? this.tlsTarget?.(dst) : undefined),
    });
    connecting.then(
      (stream) => this.#connected(conn, stream),
      (error: Error) => this.#connectFailed(conn, error),
    );
    return result;
  }

  #connected(conn: Connection, stream: StreamConnection): void {
    if (conn.state !== 'connecting') {
      stream.destroy();
      return;
    }
    this.#counters.connectSuccess.inc();
    const { queue } = conn;
    conn.queue = [];
    this.#queued(conn, 0);
    this.#open(conn, stream);
    if (this.mayUseOpened?.(conn, queue[0]?.text ?? '') === false) {
      this.#drop(conn, 'closed', 'refused by the script');
    }
    for (const message of queue) if (this.#write(conn, message) < 0) message.onFailed?.(new Error(conn.closeText));
  }

  #connectFailed(conn: Connection, error: Error): void {
    if (conn.state !== 'connecting') return;
    this.#counters.connectFailed.inc();
    this.#log.warn(error.message);
    this.#forget(conn, error);
  }

  #open(conn: Connection, stream: StreamConnection): void {
    conn.state = 'open';
    conn.stream = stream;
    conn.rcv = conn.makeRcv(stream.localIp, stream.localPort);
    conn.lastActivityMs = this.#wheel.now();
    stream.onData = (chunk) => this.#onData(conn, chunk);
    stream.onClose = (error) => this.#onStreamClosed(conn, error);
    stream.onDrain = () => this.#onDrain(conn);
    stream.onQueued = () => this.#onQueued(conn, stream.queuedBytes);
    this.#counters.established.inc();
    this.#check(conn);
    if (this.#log.isEnabled(LOG_LEVELS.DBG)) this.#log.debug(`${describe(conn)} open`);
    this.remote?.opened(conn);
    this.#events.onOpen?.(conn);
  }

  #onStreamClosed(conn: Connection, error: Error | null): void {
    if (conn.state === 'closed') return;
    conn.closeReason ??= error === null ? 'closed' : 'reset';
    if (conn.closeText === '') conn.closeText = error === null ? 'closed by the peer' : error.message;
    if (conn.closeReason === 'reset') this.#counters.reset.inc();
    this.#forget(conn, error ?? new Error(conn.closeText));
  }

  /** Stops at once; what is queued is lost. */
  #drop(conn: Connection, reason: CloseReason, text: string): void {
    if (conn.state === 'closed') return;
    conn.closeReason ??= reason;
    if (conn.closeText === '') conn.closeText = text;
    const { stream } = conn;
    this.#forget(conn, new Error(`${describe(conn)}: ${conn.closeText}`));
    stream?.destroy();
  }

  /** Ends in an orderly way: what is queued leaves first, for a bounded time. */
  #end(conn: Connection, text: string): void {
    if (conn.state === 'closing' || conn.state === 'closed') return;
    if (conn.stream === null) {
      this.#drop(conn, 'closed', text);
      return;
    }
    conn.layer?.ending();
    // Writing may have dropped it.
    if (this.#index.get(conn.id) !== conn) return;
    conn.state = 'closing';
    conn.closeReason ??= 'closed';
    conn.closeText = text;
    conn.framer.stop();
    conn.stream.end();
    this.#wheel.arm(conn.timer, LINGER_MS);
  }

  /** Takes a connection out of everything and tells, once. */
  #forget(conn: Connection, error: Error): void {
    const wasOpen = conn.stream !== null;
    conn.state = 'closed';
    conn.framer.stop();
    this.#wheel.cancel(conn.timer);
    this.#index.remove(conn);
    if (conn.socket.proto === PROTO.TLS) this.#tlsCount--;
    const { queue } = conn;
    conn.queue = [];
    this.#queued(conn, 0);
    for (const message of queue) message.onFailed?.(error);
    if (!wasOpen) return;
    this.remote?.closed(conn);
    const reason = conn.closeReason ?? 'closed';
    conn.layer?.closed(reason);
    if (this.#log.isEnabled(LOG_LEVELS.DBG)) this.#log.debug(`${describe(conn)} closed: ${conn.closeText}`);
    this.#events.onClose?.(conn, reason);
  }

  // ---- receiving ----

  #onData(conn: Connection, chunk: string): void {
    if (conn.state !== 'open') return;
    const nowMs = this.#wheel.now();
    conn.lastActivityMs = nowMs;
    if (!conn.hasReceived) {
      conn.hasReceived = true;
      this.#armBy(conn, this.settings.lifetimeMs);
    }
    if (conn.layer !== null) {
      conn.layer.receive(chunk);
      return;
    }
    const wasBetween = conn.framer.isBetweenMessages;
    const count = conn.messageCount;
    const error = conn.framer.push(chunk);
    if (error !== null) {
      this.#onFramingError(conn, error);
    } else if (!conn.framer.isBetweenMessages && (wasBetween || conn.messageCount !== count)) {
      conn.messageStartMs = nowMs;
      this.#armBy(conn, this.settings.messageReadTimeoutMs);
    }
  }

  #onMessage(conn: Connection, text: string): void {
    conn.messageCount++;
    this.#events.onMessage(text, conn.rcv);
  }

  #onPing(conn: Connection): void {
    if (this.settings.crlfPing) this.#writeOpen(conn, '\r\n');
  }

  #onFramingError(conn: Connection, error: FramingError): void {
    this.#log.warn(`${describe(conn)}: closed: ${error.code}`);
    this.#events.onFramingError?.(error, conn.rcv);
    this.#end(conn, error.code);
  }

  // ---- sending ----

  #write(conn: Connection, message: QueuedMessage): SendResult {
    const { text, dst } = message;
    if (conn.stream !== null) {
      if (conn.state !== 'open') return -1;
      if (conn.layer !== null) {
        if (!conn.layer.send(text)) return -1;
      } else if (!this.#writeOpen(conn, text)) return -1;
      if (dst.closeAfter) this.#end(conn, 'closed after a message');
      return 1;
    }
    const { settings } = this;
    const length = text.length;
    // The first message may be larger than the bound: it is what the connection is for.
    const isTooMuch = conn.queue.length > 0 && conn.queuedBytes + length > settings.connectionQueueBytes;
    if (isTooMuch || this.#queuedTotal + length > settings.totalQueueBytes) {
      this.#counters.sendqFull.inc();
      if (conn.queue.length === 0) this.#drop(conn, 'closed', 'tcp_wq_max reached');
      return -1;
    }
    conn.queue.push(message);
    this.#queued(conn, conn.queuedBytes + length);
    return 1;
  }

  /** False when the peer reads too slowly: the connection then is dropped. */
  #writeOpen(conn: Connection, text: string): boolean {
    const { stream } = conn;
    if (stream === null || conn.state !== 'open') return false;
    const { settings } = this;
    const before = stream.queuedBytes;
    const isTooMuch = before > 0 && before + text.length > settings.connectionQueueBytes;
    if (isTooMuch || this.#queuedTotal - conn.queuedBytes + before + text.length > settings.totalQueueBytes) {
      this.#counters.sendqFull.inc();
      this.#log.warn(`${describe(conn)}: closed: the peer does not read, ${before} bytes are queued`);
      this.#drop(conn, 'timeout', 'send queue full');
      return false;
    }
    stream.write(text);
    if (conn.writtenBytes === 0) this.#armBy(conn, this.settings.lifetimeMs);
    conn.writtenBytes += text.length;
    const nowMs = this.#wheel.now();
    conn.lastActivityMs = nowMs;
    this.#onQueued(conn, stream.queuedBytes);
    return true;
  }

  /** Watches what the kernel has not taken. */
  #onQueued(conn: Connection, queued: number): void {
    if (conn.state === 'closed') return;
    this.#queued(conn, queued);
    if (queued === 0) return;
    noteProgress(conn, queued, this.#wheel.now());
    this.#armBy(conn, DRAIN_CHECK_MS);
    // Who does not read our answers gets no more questions in.
    if (!conn.isPaused && queued > this.settings.connectionQueueBytes / 2) {
      conn.isPaused = true;
      conn.stream?.pause();
    }
  }

  #onDrain(conn: Connection): void {
    if (conn.stream === null || conn.state === 'closed') return;
    const queued = conn.stream.queuedBytes;
    this.#queued(conn, queued);
    if (queued === 0) conn.stuckSinceMs = -1;
    if (conn.isPaused && queued <= this.settings.connectionQueueBytes / 4) {
      conn.isPaused = false;
      conn.stream.resume();
    }
  }

  #queued(conn: Connection, bytes: number): void {
    this.#queuedTotal += bytes - conn.queuedBytes;
    conn.queuedBytes = bytes;
  }

  // ---- time ----

  /** Sees that the connection is looked at within `delayMs` (0: never mind). */
  #armBy(conn: Connection, delayMs: number): void {
    if (delayMs <= 0) return;
    if (!conn.timer.isArmed || conn.timer.dueMs > this.#wheel.now() + delayMs) this.#wheel.arm(conn.timer, delayMs);
  }

  /** Closes the connection when one of its deadlines has passed, else arms the timer for the next. */
  #check(conn: Connection): void {
    if (conn.state === 'closing') {
      this.#drop(conn, 'closed', conn.closeText);
      return;
    }
    if (conn.state !== 'open' || conn.stream === null) return;
    const nowMs = this.#wheel.now();
    this.#onDrain(conn);
    const due = sendDeadline(conn, conn.stream.queuedBytes, this.settings, nowMs);
    if (due <= nowMs) {
      this.#counters.sendTimeout.inc();
      this.#log.warn(
        `${describe(conn)}: closed: the peer has read nothing for ${this.settings.sendTimeoutMs / 1000} s`,
      );
      this.#drop(conn, 'timeout', 'send timeout');
      return;
    }
    const { dueMs: receiveDue, why } = receiveDeadline(conn, this.settings);
    if (receiveDue <= nowMs) {
      this.#counters.timeout.inc();
      if (why !== 'idle') this.#log.info(`${describe(conn)}: closed: ${why}`);
      this.#drop(conn, 'timeout', why);
      return;
    }
    let next = Math.min(due, receiveDue);
    if (conn.queuedBytes > 0 || conn.isPaused) next = Math.min(next, nowMs + DRAIN_CHECK_MS);
    if (next !== Infinity) this.#wheel.armAt(conn.timer, next);
  }
}

/** IPv6 addresses have many spellings; keys need one. */
function oneSpelling(ip: string): string {
  return ip.includes(':') ? (canonicalIp(ip) ?? ip) : ip;
}

/** `tcp connection 12 from 192.0.2.1:5060`, for the log. */
function describe(conn: Connection): string {
  const direction = conn.isOutgoing ? 'to' : 'from';
  return `${PROTO_NAMES[conn.proto]} connection ${conn.id} ${direction} ${hostPort(conn.remoteIp, conn.remotePort)}`;
}
