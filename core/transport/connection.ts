import { Timer } from '../timer/timer.ts';
import type { StreamConnection } from './drivers.ts';
import { type Destination, PROTO, type Proto, type ReceiveInfo, type SocketInfo, webSocketOf } from './socket-info.ts';
import { type FramerLimits, StreamFramer } from './stream-framer.ts';

export type ConnectionState = 'connecting' | 'open' | 'closing' | 'closed';

/** As event_route[tcp:closed], [tcp:timeout] and [tcp:reset] tell them apart. */
export type CloseReason = 'closed' | 'timeout' | 'reset';

/** A protocol between a stream and its messages (WebSocket). */
export interface StreamLayer {
  /** Bytes from the peer. */
  receive(chunk: string): void;
  /** A message to send: writes it, in its own frames, by the function that `upgrade` gave; false when it could not be. */
  send(text: string): boolean;
  /** We end the connection in an orderly way: the last moment to write. */
  ending(): void;
  /** The connection is gone. */
  closed(reason: CloseReason): void;
}

/** A message that waits for its connection to be made. */
export interface QueuedMessage {
  readonly text: string;
  readonly dst: Destination;
  readonly onFailed: ((error: Error) => void) | undefined;
}

/** What a connection asks of its table. */
export interface ConnectionOwner {
  readonly onDue: (conn: Connection) => void;
  readonly onMessage: (conn: Connection, text: string) => void;
  readonly onPing: (conn: Connection) => void;
  readonly onExpect: (conn: Connection) => void;
}

/** One stream to a peer, from the attempt to connect to the end. Fields are the table's to write, others read them. */
export class Connection {
  readonly id: number;
  /** WS and WSS once a handshake made it one. */
  proto: Proto;
  state: ConnectionState = 'connecting';
  readonly socket: SocketInfo;
  readonly remoteIp: string;
  readonly remotePort: number;
  readonly isOutgoing: boolean;
  /** The host name it was opened for (TLS server name), empty for accepted ones. */
  readonly host: string;
  /** What its messages arrived on; one object for all of them. Replaced when the protocol changes. */
  rcv: ReceiveInfo;
  stream: StreamConnection | null = null;
  /** Further ports under which it is found. */
  readonly aliases: number[] = [];
  queue: QueuedMessage[] = [];
  queuedBytes = 0;
  readonly framer: StreamFramer;
  /** Another protocol that runs on the stream: takes the bytes instead of the framer, and the messages to send. */
  layer: StreamLayer | null = null;
  readonly openedMs: number;
  lastActivityMs: number;
  /** When the message now half read began; meaningless between messages. */
  messageStartMs = 0;
  /** Messages that came whole. */
  messageCount = 0;
  hasReceived = false;
  /** This connection's own lifetime; below 0 never ends, NaN takes the setting. */
  lifetimeMs = Number.NaN;
  writtenBytes = 0;
  /** While output is queued: since when none of it was taken, and what had been taken then; -1 when none is queued. */
  stuckSinceMs = -1;
  takenBytes = 0;
  isPaused = false;
  /** Why it is being closed, for the event; the text is for the log. */
  closeReason: CloseReason | null = null;
  closeText = '';
  readonly timer: Timer<Connection>;

  constructor(
    id: number,
    socket: SocketInfo,
    peer: { ip: string; port: number; host: string; isOutgoing: boolean },
    nowMs: number,
    limits: FramerLimits,
    owner: ConnectionOwner,
  ) {
    this.id = id;
    this.proto = socket.proto;
    this.socket = socket;
    this.remoteIp = peer.ip;
    this.remotePort = peer.port;
    this.host = peer.host;
    this.isOutgoing = peer.isOutgoing;
    this.openedMs = nowMs;
    this.lastActivityMs = nowMs;
    this.rcv = this.makeRcv(socket.address, socket.port);
    this.framer = new StreamFramer(limits, {
      onMessage: (text) => owner.onMessage(this, text),
      onPing: () => owner.onPing(this),
      onExpect: () => owner.onExpect(this),
    });
    this.timer = new Timer(owner.onDue, this);
  }

  makeRcv(localIp: string, localPort: number): ReceiveInfo {
    const isWeb = this.proto === PROTO.WS || this.proto === PROTO.WSS;
    return {
      proto: this.proto,
      srcIp: this.remoteIp,
      srcPort: this.remotePort,
      dstIp: localIp,
      dstPort: localPort,
      socket: isWeb ? webSocketOf(this.socket) : this.socket,
      conId: this.id,
    };
  }
}
