import type { IncomingMessage } from 'node:http';
import { type CloseReason, flatCopy, type ModuleContext, MSG_FLAG, PROTO, type Run, type SipMsg } from 'strowger';
import { WebSocketServer } from 'ws';
import { ConnectionDuplex } from './duplex.ts';
import { type Handshake, readHandshake } from './handshake.ts';
import { WebSocketCounters } from './stats.ts';
import { SipWebSocket, type WebSocketOwner } from './web-socket.ts';

/** Values of keepalive_mechanism. */
const KEEPALIVE_PING = 1;
const KEEPALIVE_PONG = 2;
/** Fragments of one message, and pieces of the stream that hold it; more end the connection. */
const MAX_FRAGMENTS = 1024;
const MAX_BUFFERED_CHUNKS = 16_384;
/** Bytes of a close frame's reason (RFC 6455 §5.5). */
const MAX_REASON_BYTES = 123;
/** Bytes of a control frame (RFC 6455 §5.5). */
const MAX_CONTROL_BYTES = 125;

/** Key under which the message of event_route[websocket:closed] has its connection. */
const CLOSED = {};

/** Topic on which workers ask each other to close a connection. */
const CLOSE_TOPIC = 'websocket:close';

/** The WebSockets of one server. */
export class WebSocketModule {
  readonly ctx: ModuleContext;
  readonly sockets = new Map<number, SipWebSocket>();
  readonly gauges = { current: 0, max: 0 };
  /** False after ws.disable. */
  isEnabled = true;
  readonly #counters: WebSocketCounters;
  readonly #server: WebSocketServer;
  readonly #owner: WebSocketOwner;
  readonly #pingData: string;
  #stopListening: () => void = () => {};

  constructor(ctx: ModuleContext) {
    this.ctx = ctx;
    this.#counters = new WebSocketCounters(ctx);
    const { server } = ctx;
    this.#pingData = (ctx.str('ping_application_data') || server.serverHeader).slice(0, MAX_CONTROL_BYTES);
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: server.connections.settings.framer.maxMessageBytes,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_BUFFERED_CHUNKS,
      handleProtocols: () => 'sip',
    });
    this.#owner = {
      now: () => server.wheel.now(),
      onMessage: (socket, text) => this.#onMessage(socket, text),
      onControl: (_socket, frames) =>
        this.#counters.countControl(frames === 'received' ? 'received_frames' : 'transmitted_frames'),
      onSent: (isMessage) => {
        if (isMessage) this.#counters.count('transmitted_frames');
        else this.#counters.countControl('transmitted_frames');
      },
      onDue: (socket) => this.#onTimer(socket),
      onClosing: (socket) => this.#onClosing(socket),
      onClosed: (socket, reason) => this.#onClosed(socket, reason),
      onError: (socket, error) =>
        ctx.log.info(`WebSocket ${socket.conn.id} from ${socket.conn.remoteIp}: ${error.message}`),
    };
    this.#stopListening = server.bus.on(CLOSE_TOPIC, (value) => {
      const { id, code, reason } = value as { id: number; code: number; reason: string };
      this.sockets.get(id)?.close(code, reason);
    });
  }

  stop(): void {
    this.#stopListening();
    for (const { timer } of this.sockets.values()) this.ctx.server.wheel.cancel(timer);
    this.#server.close();
  }

  // ---- handshake

  /** `ws_handle_handshake()`: 1 when the connection is a WebSocket now, 0 (which ends the script) when it was refused. */
  handleHandshake({ msg, server }: Run): number {
    if (!msg.isHttp) {
      this.ctx.log.error('ws_handle_handshake: not an HTTP request');
      return 0;
    }
    if (!this.isEnabled) return this.#refuse(msg, 503, 'Service Unavailable', '');
    const handshake = readHandshake(msg);
    if ('code' in handshake) return this.#refuse(msg, handshake.code, handshake.reason, handshake.headers);
    const conn = server.connections.get(msg.rcv.conId);
    if (conn === undefined || conn.state !== 'open' || conn.layer !== null) {
      this.#counters.failedHandshakes.inc();
      return 0;
    }
    const { id } = conn;
    let isGone = false;
    const duplex = new ConnectionDuplex(conn, (isAbrupt) => {
      if (!isGone) server.connections.end(id, isAbrupt);
      isGone ||= isAbrupt;
    });
    const socket = new SipWebSocket(conn, duplex, this.#owner);
    return this.#upgrade(msg, handshake, socket, duplex) ? 1 : 0;
  }

  #refuse(msg: SipMsg, code: number, reason: string, headers: string): number {
    this.#counters.failedHandshakes.inc();
    msg.msgFlags |= MSG_FLAG.REPLY_CLOSE;
    this.ctx.server.replies.send(msg, code, reason, headers);
    return 0;
  }

  #upgrade(msg: SipMsg, handshake: Handshake, socket: SipWebSocket, duplex: ConnectionDuplex): boolean {
    const { server } = this.ctx;
    const { conn } = socket;
    const proto = conn.socket.proto === PROTO.TLS ? PROTO.WSS : PROTO.WS;
    const write = server.connections.upgrade(conn.id, proto, socket);
    if (write === null) return false;
    duplex.writeBytes = write;
    msg.msgFlags |= MSG_FLAG.FINAL_REPLY_SENT;
    const request = {
      method: 'GET',
      url: msg.originalUri,
      headers: {
        upgrade: 'websocket',
        connection: 'upgrade',
        'sec-websocket-key': handshake.key,
        'sec-websocket-version': '13',
        'sec-websocket-protocol': 'sip',
      },
    };
    const rows = this.#replyRows(msg, handshake);
    const addRows = (headers: string[]): void => void headers.push(...rows);
    this.#server.once('headers', addRows);
    this.#server.handleUpgrade(request as unknown as IncomingMessage, duplex, Buffer.alloc(0), (ws) => {
      socket.start(ws);
      this.#opened(socket);
    });
    this.#server.off('headers', addRows);
    return socket.isOpen;
  }

  /** What the 101 has beside the library's rows: Kamailio's Via, CORS, what the script appended. */
  #replyRows(msg: SipMsg, { origin }: Handshake): string[] {
    const { serverHeader } = this.ctx.server;
    const cors = this.ctx.int('cors_mode');
    const allowed = cors === 1 ? '*' : cors === 2 ? origin : '';
    return [
      msg.via1At < 0 ? '' : `Sia: ${msg.hdrValue(msg.via1At)}`,
      allowed === '' ? '' : `Access-Control-Allow-Origin: ${allowed}`,
      ...(msg.replyLumps ?? []).flatMap((rows) => rows.split('\r\n')),
      serverHeader === '' ? '' : `Server: ${serverHeader}`,
    ].filter((row) => row !== '');
  }

  #opened(socket: SipWebSocket): void {
    this.#counters.count('successful_handshakes');
    this.sockets.set(socket.conn.id, socket);
    this.gauges.current = this.sockets.size;
    this.gauges.max = Math.max(this.gauges.max, this.sockets.size);
    this.#armKeepAlive(socket);
  }

  // ---- messages

  #onMessage(socket: SipWebSocket, text: string): void {
    this.#counters.count('received_frames');
    // A keep-alive of RFC 5626 §3.5.1 in a frame of its own.
    if (text === '\r\n\r\n' || text === '\r\n') socket.send('\r\n');
    else this.ctx.server.receive(text, socket.conn.rcv);
  }

  // ---- keep-alive

  #armKeepAlive(socket: SipWebSocket): void {
    const { server } = this.ctx;
    const mechanism = this.ctx.int('keepalive_mechanism');
    if (mechanism !== KEEPALIVE_PING && mechanism !== KEEPALIVE_PONG) return;
    const dueMs = socket.lastUsedMs + this.ctx.int('keepalive_timeout') * 1000;
    server.wheel.arm(socket.timer, Math.max(1, dueMs - server.wheel.now()));
  }

  #onTimer(socket: SipWebSocket): void {
    const { server, log } = this.ctx;
    if (socket.closer !== 'nobody') {
      server.connections.end(socket.conn.id, true);
      return;
    }
    const idleMs = server.wheel.now() - socket.lastUsedMs;
    if (idleMs >= this.ctx.int('keepalive_timeout') * 1000) {
      if (socket.isAwaitingPong) {
        log.info(`WebSocket ${socket.conn.id} from ${socket.conn.remoteIp}: no pong, closed`);
        socket.closer = 'local';
        this.#counters.count('local_closed_connections');
        server.connections.end(socket.conn.id, true);
        return;
      }
      socket.keepAlive(this.ctx.int('keepalive_mechanism') === KEEPALIVE_PING ? 'ping' : 'pong', this.#pingData);
    }
    this.#armKeepAlive(socket);
  }

  /** ws.ping, ws.pong: false when there is no such connection here. */
  sendControl(id: number, kind: 'ping' | 'pong'): boolean {
    const socket = this.sockets.get(id);
    socket?.keepAlive(kind, this.#pingData);
    return socket !== undefined;
  }

  // ---- end

  /** `ws_close(status, reason, id)`: 1 when it is on its way, -1 where there is no such connection. */
  close(id: number, code: number, reason: string): number {
    const { log, server } = this.ctx;
    if (!isCloseCode(code)) {
      log.error('ws_close: a status of 1000 to 1014 (but 1004 to 1006) or 3000 to 4999 is needed', { status: code });
      return -1;
    }
    const text = reason.slice(0, MAX_REASON_BYTES);
    const socket = this.sockets.get(id);
    if (socket !== undefined) socket.close(code, text);
    else if (server.connections.remote?.has(id) === true)
      server.bus.publish(CLOSE_TOPIC, { id, code, reason: flatCopy(text) });
    else return -1;
    return 1;
  }

  /** The closing handshake, or the end of the stream, may take `rm_delay_interval`. */
  #onClosing(socket: SipWebSocket): void {
    const { closer } = socket;
    this.#counters.count(
      closer === 'local'
        ? 'local_closed_connections'
        : closer === 'remote'
          ? 'remote_closed_connections'
          : 'failed_connections',
    );
    this.ctx.server.wheel.arm(socket.timer, this.ctx.int('rm_delay_interval') * 1000);
  }

  #onClosed(socket: SipWebSocket, _reason: CloseReason): void {
    const { server } = this.ctx;
    const { conn } = socket;
    server.wheel.cancel(socket.timer);
    if (!this.sockets.delete(conn.id)) return;
    this.gauges.current = this.sockets.size;
    if (!server.program.event.has('websocket:closed')) return;
    const msg = server.fakeMessage();
    if (msg === null) return;
    msg.rcv = { ...conn.rcv, proto: conn.socket.proto, socket: conn.socket, conId: 0 };
    msg.setExtension(CLOSED, conn.id);
    void server.runEventRoute('websocket:closed', msg);
  }

  /** `$ws_conid` */
  connectionId({ msg }: Run): number | null {
    const closed = msg.extension<number>(CLOSED);
    if (closed !== undefined) return closed;
    const { proto, conId } = msg.rcv;
    return proto === PROTO.WS || proto === PROTO.WSS ? conId : null;
  }
}

/** Codes that an endpoint may send (RFC 6455 §7.4). */
function isCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1014 && !(code >= 1004 && code <= 1006)) || (code >= 3000 && code <= 4999);
}
