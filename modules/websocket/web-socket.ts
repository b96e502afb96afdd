import { isUtf8 } from 'node:buffer';
import { type CloseReason, type Connection, type StreamLayer, Timer } from 'strowger';
import type { WebSocket } from 'ws';
import type { ConnectionDuplex } from './duplex.ts';

/** What a WebSocket asks of the module. */
export interface WebSocketOwner {
  readonly now: () => number;
  readonly onMessage: (socket: SipWebSocket, text: string) => void;
  readonly onControl: (socket: SipWebSocket, frames: 'received' | 'answered') => void;
  readonly onSent: (isMessage: boolean) => void;
  readonly onClosing: (socket: SipWebSocket) => void;
  readonly onClosed: (socket: SipWebSocket, reason: CloseReason) => void;
  readonly onError: (socket: SipWebSocket, error: Error) => void;
  /** The timer is due. */
  readonly onDue: (socket: SipWebSocket) => void;
}

/** Who closed a connection first. */
type Closer = 'nobody' | 'local' | 'remote' | 'failure';

const STATES = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'] as const;

/** One SIP connection over WebSocket: each message is one message of the other protocol (RFC 7118 §5.1). */
export class SipWebSocket implements StreamLayer {
  readonly conn: Connection;
  /** When a frame last came or went, milliseconds of the wheel. */
  lastUsedMs: number;
  /** A ping is out that no pong has answered. */
  isAwaitingPong = false;
  closer: Closer = 'nobody';
  /** For the keep-alive, and for the end once it is closing. */
  readonly timer: Timer<SipWebSocket>;
  readonly #duplex: ConnectionDuplex;
  readonly #owner: WebSocketOwner;
  #ws: WebSocket | null = null;

  constructor(conn: Connection, duplex: ConnectionDuplex, owner: WebSocketOwner) {
    this.conn = conn;
    this.#duplex = duplex;
    this.#owner = owner;
    this.timer = new Timer<SipWebSocket>(owner.onDue, this);
    this.lastUsedMs = owner.now();
  }

  get isOpen(): boolean {
    return this.#ws?.readyState === 1;
  }

  /** For ws.dump. */
  get state(): string {
    return STATES[this.#ws?.readyState ?? 3];
  }

  /** The handshake has been answered. */
  start(ws: WebSocket): void {
    this.#ws = ws;
    ws.on('message', (data) => {
      this.lastUsedMs = this.#owner.now();
      // Without fragments ws gives one buffer, with them it joins them.
      this.#owner.onMessage(this, (data as Buffer).latin1Slice());
    });
    ws.on('ping', () => this.#onControl(true));
    ws.on('pong', () => {
      this.isAwaitingPong = false;
      this.#onControl(false);
    });
    ws.on('error', (error) => {
      this.#closing('failure');
      this.#owner.onError(this, error);
    });
    ws.on('close', () => this.#closing('remote'));
  }

  #onControl(isAnswered: boolean): void {
    this.lastUsedMs = this.#owner.now();
    this.#owner.onControl(this, 'received');
    if (isAnswered) this.#owner.onControl(this, 'answered');
  }

  receive(chunk: string): void {
    this.#duplex.receive(chunk);
  }

  /** One frame: text where the message is UTF-8, else binary. */
  send(text: string): boolean {
    const ws = this.#ws;
    if (ws?.readyState !== 1) return false;
    const bytes = Buffer.from(text, 'latin1');
    ws.send(bytes, { binary: !isUtf8(bytes) });
    this.lastUsedMs = this.#owner.now();
    this.#owner.onSent(true);
    return true;
  }

  /** A ping, whose answer is then waited for, or a pong that asks for none. */
  keepAlive(kind: 'ping' | 'pong', data: string): void {
    const ws = this.#ws;
    if (ws?.readyState !== 1) return;
    if (kind === 'ping') this.isAwaitingPong = true;
    ws[kind](Buffer.from(data, 'latin1'));
    this.lastUsedMs = this.#owner.now();
    this.#owner.onSent(false);
  }

  /** Begins the closing handshake (RFC 6455 §7). The reason may have 123 bytes. */
  close(code: number, reason: string): void {
    if (this.#ws?.readyState !== 1) return;
    this.#closing('local');
    this.#ws.close(code, Buffer.from(reason, 'latin1'));
    this.#owner.onSent(false);
  }

  ending(): void {
    this.close(1000, 'Normal closure');
  }

  closed(reason: CloseReason): void {
    this.#closing(reason === 'timeout' ? 'local' : 'remote');
    this.#duplex.destroy();
    this.#owner.onClosed(this, reason);
  }

  #closing(by: Closer): void {
    if (this.closer !== 'nobody') return;
    this.closer = by;
    this.#owner.onClosing(this);
  }
}
