import type { Connection } from '../transport/connection.ts';
import type { ConnectionTable } from '../transport/connections.ts';
import { canonicalIp, isAnyAddress } from '../transport/ip-address.ts';
import type { RemoteConnections, WebSocketRef } from '../transport/remote-connections.ts';
import { type Destination, PROTO, type Proto } from '../transport/socket-info.ts';
import { isTlsFacts, type TlsPeerFacts } from '../transport/tls-facts.ts';
import type { Transport } from '../transport/transport.ts';
import { ConnectionDirectory, type DirectoryEntry } from './connection-directory.ts';
import { type Exchange, RECORD } from './exchange.ts';
import { connectionOwner } from './ownership.ts';
import type { RingRecord } from './ring.ts';
import { readTlsRecord, writeTlsRecord } from './tls-record.ts';

/** Sends whose failure somebody waits for; older ones are forgotten (they were written long ago, or their worker died). */
const MAX_WAITING = 512;
const SEND_NO_CONNECT = 1;
const SEND_CLOSE_AFTER = 2;

interface Waiting {
  readonly token: number;
  readonly onFailed: (error: Error) => void;
}

/** What a worker tells one that has just started. */
export type ConnectionList = readonly Omit<DirectoryEntry, 'owner'>[];

/**
 * The other workers' connections: keeps a directory of them, sends on them by way of their workers, and tells those of
 * our own.
 */
export class RemoteTable implements RemoteConnections {
  readonly #exchange: Exchange;
  readonly #connections: ConnectionTable;
  readonly #transport: () => Transport;
  readonly #directory = new ConnectionDirectory();
  readonly #waiting: (Waiting | undefined)[] = [];
  #lastToken = 0;

  constructor(exchange: Exchange, connections: ConnectionTable, transport: () => Transport) {
    this.#exchange = exchange;
    this.#connections = connections;
    this.#transport = transport;
    exchange.on(RECORD.SEND, (record, from) => this.#onSend(record, from));
    exchange.on(RECORD.SEND_FAILED, ({ numbers, a }) => this.#onSendFailed(numbers[0] ?? 0, a));
    exchange.on(RECORD.OPENED, (record, from) => this.#onOpened(record, from));
    exchange.on(RECORD.CLOSED, ({ numbers }) => this.#directory.remove(numbers[0] ?? 0));
    exchange.on(RECORD.TLS, ({ numbers: [id = 0], a }) => {
      const entry = this.#directory.get(id);
      if (entry !== undefined) entry.tls = a;
    });
    exchange.on(RECORD.ALIAS, ({ numbers: [id = 0, port = 0] }) => {
      if (this.#directory.get(id) !== undefined) this.#directory.addAlias(id, port);
      else if (connections.get(id) !== undefined) connections.addAlias(id, port);
    });
    exchange.on(RECORD.END, ({ numbers: [id = 0, isAbrupt = 0] }) => {
      if (connections.get(id) !== undefined) connections.end(id, isAbrupt !== 0);
    });
    exchange.on(RECORD.LIFETIME, ({ numbers: [id = 0, lifetimeMs = 0] }) => {
      if (connections.get(id) !== undefined) connections.setLifetime(id, lifetimeMs);
    });
  }

  get size(): number {
    return this.#directory.size;
  }

  has(id: number): boolean {
    return this.#directory.get(id) !== undefined;
  }

  webSocket(ip: string, port: number): WebSocketRef | null {
    const any = { ip, port, localIp: null, localPort: 0, host: '' };
    return (
      this.#directory.find({ ...any, proto: PROTO.WS }) ?? this.#directory.find({ ...any, proto: PROTO.WSS }) ?? null
    );
  }

  send(text: string, dst: Destination, onFailed?: (error: Error) => void): boolean {
    const entry = this.#directory.get(dst.conId) ?? this.#find(dst);
    if (entry === undefined) return false;
    const flags = (dst.noConnect ? SEND_NO_CONNECT : 0) | (dst.closeAfter ? SEND_CLOSE_AFTER : 0);
    const token = onFailed === undefined ? 0 : this.#await(onFailed);
    const numbers = [dst.proto, dst.port, dst.socket?.index ?? -1, entry.id, flags, token];
    return this.#exchange.push(entry.owner, RECORD.SEND, numbers, dst.ip, dst.host, text);
  }

  tls(id: number): TlsPeerFacts | null {
    const text = this.#directory.get(id)?.tls ?? '';
    return text === '' ? null : readTlsRecord(text);
  }

  addAlias(id: number, port: number): boolean {
    return this.#tell(id, RECORD.ALIAS, port);
  }

  setLifetime(id: number, lifetimeMs: number): boolean {
    return this.#tell(id, RECORD.LIFETIME, lifetimeMs);
  }

  end(id: number, isAbrupt: boolean): boolean {
    return this.#tell(id, RECORD.END, isAbrupt ? 1 : 0);
  }

  opened(conn: Connection): void {
    const { id, proto, remoteIp, remotePort, localIp, localPort, host, tls } = describe(conn);
    this.#exchange.broadcast(RECORD.OPENED, [id, proto, remotePort, localPort], remoteIp, localIp, host);
    if (tls !== '') this.#exchange.broadcast(RECORD.TLS, [id], tls);
  }

  closed(conn: Connection): void {
    this.#exchange.broadcast(RECORD.CLOSED, [conn.id]);
  }

  aliased(conn: Connection, port: number): void {
    this.#exchange.broadcast(RECORD.ALIAS, [conn.id, port]);
  }

  /** Our open connections, for a worker that has just started. */
  list(): ConnectionList {
    return this.#connections
      .list()
      .filter((conn) => conn.state === 'open')
      .map(describe);
  }

  /** Takes another worker's list. */
  learn(list: ConnectionList): void {
    for (const entry of list) this.#directory.add({ ...entry, owner: connectionOwner(entry.id, this.#exchange.count) });
  }

  /** A worker has died, and its connections with it. */
  forget(worker: number): void {
    this.#directory.removeOwner(worker);
  }

  #find(dst: Destination): DirectoryEntry | undefined {
    const { matchLocalPort, matchTlsHost } = this.#connections.settings;
    const { proto, port, socket } = dst;
    return this.#directory.find({
      proto,
      ip: dst.ip.includes(':') ? (canonicalIp(dst.ip) ?? dst.ip) : dst.ip,
      port,
      localIp: socket === null || isAnyAddress(socket.address) ? null : socket.address,
      localPort: matchLocalPort && socket !== null ? socket.port : 0,
      host: proto === PROTO.TLS && matchTlsHost ? dst.host : '',
    });
  }

  #tell(id: number, kind: typeof RECORD.ALIAS | typeof RECORD.END | typeof RECORD.LIFETIME, value: number): boolean {
    const entry = this.#directory.get(id);
    return entry !== undefined && this.#exchange.push(entry.owner, kind, [id, value]);
  }

  /** A number by which the other worker names a send that failed. */
  #await(onFailed: (error: Error) => void): number {
    this.#lastToken = (this.#lastToken % 0x7fff_ffff) + 1;
    this.#waiting[this.#lastToken % MAX_WAITING] = { token: this.#lastToken, onFailed };
    return this.#lastToken;
  }

  #onSend({ numbers, a, b, c }: RingRecord, from: number): void {
    const [proto = 0, port = 0, socket = -1, conId = 0, flags = 0, token = 0] = numbers;
    const failed = (error: Error): void => {
      if (token !== 0) this.#exchange.push(from, RECORD.SEND_FAILED, [token], error.message);
    };
    const dst: Destination = {
      proto: proto as Proto,
      ip: a,
      port,
      socket: this.#transport().sockets[socket] ?? null,
      conId,
      noConnect: (flags & SEND_NO_CONNECT) !== 0,
      closeAfter: (flags & SEND_CLOSE_AFTER) !== 0,
      host: b,
    };
    if (this.#connections.send(c, dst, failed, true) < 0) failed(new Error('the connection is gone'));
  }

  #onSendFailed(token: number, why: string): void {
    const slot = token % MAX_WAITING;
    const waiting = this.#waiting[slot];
    if (waiting?.token !== token) return;
    this.#waiting[slot] = undefined;
    waiting.onFailed(new Error(why));
  }

  #onOpened({ numbers, a, b, c }: RingRecord, owner: number): void {
    const [id = 0, proto = 0, remotePort = 0, localPort = 0] = numbers;
    const peer = { proto: proto as Proto, remoteIp: a, remotePort, localIp: b, localPort };
    this.#directory.add({ id, owner, ...peer, host: c, aliases: [], tls: '' });
  }
}

function describe(conn: Connection): Omit<DirectoryEntry, 'owner'> {
  const { id, proto, remoteIp, remotePort, isOutgoing, aliases, rcv } = conn;
  const host = isOutgoing ? conn.host : '';
  const local = { localIp: rcv.dstIp, localPort: rcv.dstPort };
  const facts = conn.stream?.tls;
  const tls = isTlsFacts(facts) ? writeTlsRecord(facts) : '';
  return { id, proto, remoteIp, remotePort, ...local, host, aliases: [...aliases], tls };
}
