import type { Connection } from './connection.ts';
import type { Destination, Proto } from './socket-info.ts';

/** An open WebSocket connection, wherever it is. */
export interface WebSocketRef {
  readonly id: number;
  readonly proto: Proto;
}

/**
 * The stream connections that other workers hold, as the connection table sees them: sockets can not pass between threads,
 * so what concerns one of theirs goes to its worker.
 */
export interface RemoteConnections {
  /** How many are open. */
  readonly size: number;
  has(id: number): boolean;
  /** A WebSocket to this peer, over TCP or TLS; null where there is none. */
  webSocket(ip: string, port: number): WebSocketRef | null;
  /** Sends on the connection `dst.conId`, else on one to that peer. False when there is none such elsewhere. */
  send(text: string, dst: Destination, onFailed?: (error: Error) => void): boolean;
  /** What `StreamConnection.tls` is on one of them; null where it is not TLS. */
  tls(id: number): unknown;
  addAlias(id: number, port: number): boolean;
  setLifetime(id: number, lifetimeMs: number): boolean;
  end(id: number, isAbrupt: boolean): boolean;
  /** One of ours is open, under this protocol; again where the protocol has changed. */
  opened(conn: Connection): void;
  closed(conn: Connection): void;
  /** One of ours has a further port. */
  aliased(conn: Connection, port: number): void;
}
