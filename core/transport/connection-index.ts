import type { Connection } from './connection.ts';
import type { Proto } from './socket-info.ts';

/** Kamailio's TCP_MAX_ALIASES: ports under which one connection can be found. */
const MAX_ALIASES = 12;

/** Connections by id, by peer (protocol, address, port, aliases too), and their number by address. */
export class ConnectionIndex {
  readonly #byId = new Map<number, Connection>();
  /** Newest last. */
  readonly #byPeer = new Map<string, Connection[]>();
  /** Accepted connections by source address. */
  readonly #acceptedFrom = new Map<string, number>();

  get size(): number {
    return this.#byId.size;
  }

  get(id: number): Connection | undefined {
    return this.#byId.get(id);
  }

  list(): Connection[] {
    return [...this.#byId.values()];
  }

  countFrom(ip: string): number {
    return this.#acceptedFrom.get(ip) ?? 0;
  }

  add(conn: Connection): void {
    this.#byId.set(conn.id, conn);
    for (const port of [conn.remotePort, ...conn.aliases]) this.#addKey(peerKey(conn.proto, conn.remoteIp, port), conn);
    if (!conn.isOutgoing) this.#acceptedFrom.set(conn.remoteIp, this.countFrom(conn.remoteIp) + 1);
  }

  remove(conn: Connection): void {
    if (!this.#byId.delete(conn.id)) return;
    for (const port of [conn.remotePort, ...conn.aliases])
      this.#removeKey(peerKey(conn.proto, conn.remoteIp, port), conn);
    if (conn.isOutgoing) return;
    const count = this.countFrom(conn.remoteIp) - 1;
    if (count > 0) this.#acceptedFrom.set(conn.remoteIp, count);
    else this.#acceptedFrom.delete(conn.remoteIp);
  }

  /** The newest usable connection to a peer; a local address, a port above 0 and a host name must match where given. */
  find(
    proto: Proto,
    ip: string,
    port: number,
    localIp: string | null,
    localPort: number,
    host = '',
  ): Connection | undefined {
    const found = this.#byPeer.get(peerKey(proto, ip, port));
    if (found === undefined) return undefined;
    for (let i = found.length - 1; i >= 0; i--) {
      const conn = found[i];
      if (conn === undefined || conn.state === 'closing') continue;
      if (localIp !== null && conn.socket.address !== localIp && conn.rcv.dstIp !== localIp) continue;
      if (host !== '' && conn.isOutgoing && conn.host !== host) continue;
      if (localPort > 0 && conn.rcv.dstPort !== localPort) continue;
      return conn;
    }
    return undefined;
  }

  addAlias(conn: Connection, port: number): boolean {
    if (port === conn.remotePort || conn.aliases.includes(port)) return true;
    const key = peerKey(conn.proto, conn.remoteIp, port);
    if (conn.aliases.length >= MAX_ALIASES || this.#byPeer.has(key)) return false;
    conn.aliases.push(port);
    this.#addKey(key, conn);
    return true;
  }

  #addKey(key: string, conn: Connection): void {
    const list = this.#byPeer.get(key);
    if (list === undefined) this.#byPeer.set(key, [conn]);
    else list.push(conn);
  }

  #removeKey(key: string, conn: Connection): void {
    const list = this.#byPeer.get(key);
    const at = list?.indexOf(conn) ?? -1;
    if (list === undefined || at < 0) return;
    list.splice(at, 1);
    if (list.length === 0) this.#byPeer.delete(key);
  }
}

/** Key of a peer in tables of connections. */
export function peerKey(proto: Proto, ip: string, port: number): string {
  return `${proto}|${ip}|${port}`;
}
