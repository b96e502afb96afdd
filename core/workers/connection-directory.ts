import { peerKey } from '../transport/connection-index.ts';
import type { Proto } from '../transport/socket-info.ts';

/** An open stream connection of another worker. */
export interface DirectoryEntry {
  readonly id: number;
  readonly owner: number;
  readonly proto: Proto;
  readonly remoteIp: string;
  readonly remotePort: number;
  /** Address and port of our end. */
  readonly localIp: string;
  readonly localPort: number;
  /** The host name it was opened for (TLS), '' for accepted ones. */
  readonly host: string;
  readonly aliases: number[];
  /** Text of tls-record.ts, '' where it is no TLS. */
  tls: string;
}

/** How a connection is chosen: an empty host, a null address and a port of 0 fit any. */
interface DirectoryQuery {
  readonly proto: Proto;
  readonly ip: string;
  readonly port: number;
  readonly localIp: string | null;
  readonly localPort: number;
  readonly host: string;
}

/** The open connections of all other workers, by id and by peer: a replica, as old as the last turn of their loops. */
export class ConnectionDirectory {
  readonly #byId = new Map<number, DirectoryEntry>();
  /** Newest last. */
  readonly #byPeer = new Map<string, DirectoryEntry[]>();

  get size(): number {
    return this.#byId.size;
  }

  get(id: number): DirectoryEntry | undefined {
    return this.#byId.get(id);
  }

  /** Adds an entry, or replaces the one with its id. */
  add(entry: DirectoryEntry): void {
    this.remove(entry.id);
    this.#byId.set(entry.id, entry);
    for (const port of [entry.remotePort, ...entry.aliases]) this.#addKey(entry, port);
  }

  addAlias(id: number, port: number): void {
    const entry = this.#byId.get(id);
    if (entry === undefined || entry.aliases.includes(port)) return;
    entry.aliases.push(port);
    this.#addKey(entry, port);
  }

  remove(id: number): void {
    const entry = this.#byId.get(id);
    if (entry === undefined) return;
    this.#byId.delete(id);
    for (const port of [entry.remotePort, ...entry.aliases]) {
      const key = peerKey(entry.proto, entry.remoteIp, port);
      const left = (this.#byPeer.get(key) ?? []).filter((other) => other !== entry);
      if (left.length > 0) this.#byPeer.set(key, left);
      else this.#byPeer.delete(key);
    }
  }

  /** Forgets a worker's connections: it has died. */
  removeOwner(owner: number): void {
    for (const entry of this.#byId.values()) if (entry.owner === owner) this.remove(entry.id);
  }

  /** The newest that fits. */
  find(query: DirectoryQuery): DirectoryEntry | undefined {
    return this.#byPeer.get(peerKey(query.proto, query.ip, query.port))?.findLast((entry) => {
      if (query.localIp !== null && entry.localIp !== query.localIp) return false;
      if (query.localPort !== 0 && entry.localPort !== query.localPort) return false;
      return query.host === '' || entry.host === '' || entry.host === query.host;
    });
  }

  #addKey(entry: DirectoryEntry, port: number): void {
    const key = peerKey(entry.proto, entry.remoteIp, port);
    const found = this.#byPeer.get(key);
    if (found === undefined) this.#byPeer.set(key, [entry]);
    else found.push(entry);
  }
}
