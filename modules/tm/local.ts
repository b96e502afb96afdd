import {
  buildRequest,
  type Destination,
  type DestinationResult,
  type DestinationSet,
  isDestination,
  type ReceiveInfo,
  ROUTE,
  RUN_DROP,
  SipMsg,
  type SocketInfo,
} from 'strowger';
import type { TmCore } from './core.ts';
import { ClientBranch, T_FLAG, Transaction } from './transaction.ts';

/** A request of our own (Kamailio's uac_req): dispatcher pings, registrations, notifications, RPC. */
export interface LocalRequest {
  readonly method: string;
  readonly uri: string;
  /** Next hop URI; the Request-URI where absent or ''. */
  readonly nextHop?: string;
  /** Whole values, with tags where the caller keeps them: `<sip:a@example.org>`. A missing From tag is added. */
  readonly from: string;
  readonly to: string;
  readonly callId?: string;
  readonly cseq?: number;
  /** Further rows, each with CRLF. */
  readonly headers?: string;
  readonly body?: string;
  readonly socket?: SocketInfo | null;
  /** ms; the module's fr_timer and fr_inv_timer where absent. */
  readonly frTimeoutMs?: number;
  readonly frInvTimeoutMs?: number;
  /** Called once: with the final reply, or with null and 408, 503 or 478 when there is none. */
  readonly onReply?: (reply: SipMsg | null, code: number, t: Transaction) => void;
  readonly onProvisional?: (reply: SipMsg) => void;
}

/** Sends requests that the server makes itself, each in a transaction of its own. */
export class LocalRequests {
  readonly #tm: TmCore;

  constructor(tm: TmCore) {
    this.#tm = tm;
  }

  /** Starts a request. The transaction is returned at once, or null where no socket fits; `onReply` tells how it ended. */
  send(request: LocalRequest): Transaction | null {
    const socket =
      request.socket ?? this.#tm.server.transport.sockets.find((candidate) => !candidate.isVirtual) ?? null;
    if (socket === null) return null;
    const msg = new SipMsg(textOf(request, this.#tm), receivedBySelf(socket));
    const t = this.#tm.begin(msg, this.#tm.server.program, T_FLAG.LOCAL);
    if (request.frTimeoutMs !== undefined) t.frTimeoutMs = request.frTimeoutMs;
    if (request.frInvTimeoutMs !== undefined) t.frInvTimeoutMs = request.frInvTimeoutMs;
    t.onLocalReply = (_t, code, reply) => request.onReply?.(reply, code, t);
    t.onLocalProvisional = request.onProvisional ?? null;
    msg.dstUri = request.nextHop ?? '';
    msg.forceSocket = request.socket ?? null;
    const event = this.#tm.server.runEventRouteOn('tm:local-request', msg, ROUTE.LOCAL);
    if (typeof event === 'number') this.#go(t, event);
    else void event.then((bits) => this.#go(t, bits));
    return t;
  }

  #go(t: Transaction, bits: number): void {
    if ((bits & RUN_DROP) !== 0) return this.#fail(t, 0);
    const msg = t.request;
    const found = this.#tm.server.destinations.resolve(msg.dstUri !== '' ? msg.dstUri : msg.uri, msg.forceSocket);
    const start = (result: DestinationResult): void => {
      if (isDestination(result)) this.#start(t, result);
      else this.#fail(t, result.code);
    };
    if (found instanceof Promise) void found.then(start);
    else start(found);
  }

  #start(t: Transaction, found: DestinationSet): void {
    const dst: Destination = found.first;
    if (dst.socket === null) return this.#fail(t, 503);
    const branch = new ClientBranch(t, t.branches.length, t.request.uri, dst);
    branch.targets = found;
    t.branches.push(branch);
    t.emit('localRequestOut', null, 0, branch.index);
    const text = buildRequest(t.request, {
      uri: t.request.uri,
      branchId: this.#tm.branchId(t, branch.index),
      outgoing: dst.socket,
      branchLumps: null,
      pathVec: '',
      conId: 0,
    });
    branch.start(text);
  }

  /** Ends a request that was never sent. */
  #fail(t: Transaction, code: number): void {
    t.status = code === 0 ? 408 : code;
    t.linger();
    const tell = t.onLocalReply;
    t.onLocalReply = null;
    tell?.(t, t.status, null);
  }

  /** CANCEL of an INVITE of our own. */
  cancel(t: Transaction, headers = ''): void {
    for (const branch of t.branches) this.#tm.cancels.branch(branch, headers);
    t.flags |= T_FLAG.CANCELED;
  }

  /** The local transaction of a call, for `tm.cancel`. */
  find(callId: string, cseq: number): Transaction | null {
    for (const t of this.#tm.table.all())
      if (t.isLocal && t.request.callId === callId && t.request.cseqNumber === cseq) return t;
    return null;
  }
}

function textOf(request: LocalRequest, tm: TmCore): string {
  const { random } = tm.server;
  const from = /;\s*tag=/i.test(request.from) ? request.from : `${bracketed(request.from)};tag=${random.token(20)}`;
  const body = request.body ?? '';
  let out = `${request.method} ${request.uri} SIP/2.0\r\n`;
  out += `To: ${bracketed(request.to)}\r\nFrom: ${from}\r\nCSeq: ${request.cseq ?? 10} ${request.method}\r\n`;
  out += `Call-ID: ${request.callId ?? `${random.token(16)}-${random.token(8)}@${tm.server.transport.sockets[0]?.advertisedHost ?? 'localhost'}`}\r\n`;
  if (!/^max-forwards:/im.test(request.headers ?? '')) out += 'Max-Forwards: 70\r\n';
  if (tm.server.userAgentHeader !== '') out += `User-Agent: ${tm.server.userAgentHeader}\r\n`;
  out += request.headers ?? '';
  return `${out}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** A bare URI gets its brackets. */
function bracketed(value: string): string {
  return value.includes('<') ? value : `<${value}>`;
}

/** A local request looks as if it came from our own socket. */
function receivedBySelf(socket: SocketInfo): ReceiveInfo {
  return {
    proto: socket.proto,
    srcIp: socket.address,
    srcPort: socket.port,
    dstIp: socket.address,
    dstPort: socket.port,
    socket,
    conId: 0,
  };
}
