import {
  buildRequest,
  type Destination,
  type DestinationResult,
  type DestinationSet,
  isDestination,
  ROUTE,
  RUN_DROP,
  receivedBySelf,
  type ScriptRoute,
  SipMsg,
  type SocketInfo,
} from 'strowger';
import { ClientBranch } from './branch.ts';
import type { TmCore } from './core.ts';
import { T_FLAG, type Transaction } from './transaction.ts';

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
  /**
   * Of an INVITE: called with every 2xx, those of other branches of a fork and repeated ones too; who gives it sends the
   * ACKs. Without it tm acknowledges each 2xx.
   */
  readonly onAnswer?: (reply: SipMsg) => void;
}

/** Sends requests that the server makes itself, each in a transaction of its own. */
export class LocalRequests {
  readonly #tm: TmCore;

  constructor(tm: TmCore) {
    this.#tm = tm;
  }

  /** Starts a request. The transaction is returned at once, or null where no socket fits; `onReply` tells how it ended. */
  send(request: LocalRequest): Transaction | null {
    const { server } = this.#tm;
    const socket = request.socket ?? server.transport.sockets.find((candidate) => !candidate.isVirtual) ?? null;
    if (socket === null) return null;
    const msg = new SipMsg(textOf(request, this.#tm, socket), receivedBySelf(socket));
    const t = this.#tm.begin(msg, server.program, T_FLAG.LOCAL);
    if (request.frTimeoutMs !== undefined) t.frTimeoutMs = request.frTimeoutMs;
    if (request.frInvTimeoutMs !== undefined) t.frInvTimeoutMs = request.frInvTimeoutMs;
    t.onLocalReply = (_t, code, reply) => request.onReply?.(reply, code, t);
    t.onLocalProvisional = request.onProvisional ?? null;
    t.onLocalAnswer = request.onAnswer ?? null;
    msg.dstUri = request.nextHop ?? '';
    msg.forceSocket = request.socket ?? null;
    const event = server.program.event.get('tm:local-request');
    if (event === undefined) this.#go(t, 0);
    else this.#throughRoute(t, event);
    return t;
  }

  /** Sends a request that has no transaction, which is the ACK of a 2xx. False where no socket fits. */
  sendAlone(request: LocalRequest): boolean {
    const { server, branchPrefix } = this.#tm;
    const socket = request.socket ?? server.transport.sockets.find((candidate) => !candidate.isVirtual) ?? null;
    if (socket === null) return false;
    const msg = new SipMsg(textOf(request, this.#tm, socket), receivedBySelf(socket));
    const nextHop = request.nextHop ?? '';
    const send = (found: DestinationResult): void => {
      if (!isDestination(found)) return;
      const outgoing = found.first.socket ?? socket;
      const branchId = `${branchPrefix}a${server.random.token(12)}`;
      const form = { uri: msg.uri, branchId, outgoing, branchLumps: null, pathVec: '', conId: 0 };
      server.transport.send(buildRequest(msg, form), found.first);
    };
    const found = server.destinations.resolve(nextHop === '' ? msg.uri : nextHop, request.socket ?? null);
    if (found instanceof Promise) void found.then(send);
    else send(found);
    return true;
  }

  #throughRoute(t: Transaction, route: ScriptRoute): void {
    const result = this.#tm.server.runRoute(route, t.request, ROUTE.LOCAL, 0, t.program);
    if (typeof result === 'number') this.#go(t, result);
    else void result.then((bits) => this.#go(t, bits));
  }

  #go(t: Transaction, bits: number): void {
    if (t.hasFlag(T_FLAG.FREED)) return;
    if ((bits & RUN_DROP) !== 0 || t.isCanceled) return this.#fail(t, t.isCanceled ? 487 : 408);
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
    if (dst.socket === null || t.isCanceled || t.hasFlag(T_FLAG.FREED)) return this.#fail(t, t.isCanceled ? 487 : 503);
    const branch = new ClientBranch(t, t.branches.length, t.request.uri, dst);
    branch.targets = found;
    t.addBranch(branch);
    const text = buildRequest(t.request, {
      uri: t.request.uri,
      branchId: this.#tm.branchId(t, branch.index),
      outgoing: dst.socket,
      branchLumps: null,
      pathVec: t.request.pathVec,
      conId: 0,
    });
    branch.start(text);
    t.emit('localRequestOut', null, 0, branch.index);
  }

  /** Ends a request that was never sent, after the caller has what `send` returns. */
  #fail(t: Transaction, code: number): void {
    queueMicrotask(() => this.#end(t, code, null));
  }

  /** A branch of a request of our own is settled. */
  final(t: Transaction, branch: ClientBranch, reply: SipMsg | null, code: number): void {
    // Every 2xx is acknowledged, repeated ones too (RFC 3261 §13.2.2.4).
    if (t.isInvite && reply !== null && code < 300) {
      if (t.onLocalAnswer === null) this.#tm.requests.ack2xx(branch, reply);
      else t.onLocalAnswer(reply);
    }
    if (t.isAnswered || (code >= 300 && t.hasOpenBranch)) return;
    const best = code < 300 ? branch : (this.#tm.failures.best(t) ?? branch);
    const route = code < 300 || !this.#tm.settings.enableUacFr ? undefined : t.program.failure.get(t.onFailure);
    if (route === undefined) return this.#end(t, best.status, best.reply, best.index);
    t.onFailure = '';
    const count = t.branches.length;
    t.winner = best.index;
    this.#tm.failures.run(t, route, ROUTE.FAILURE, best, () => {
      if (t.branches.length === count || !t.hasOpenBranch) this.#end(t, best.status, best.reply, best.index);
    });
  }

  #end(t: Transaction, code: number, reply: SipMsg | null, branch = -1): void {
    if (t.isAnswered || t.hasFlag(T_FLAG.FREED)) return;
    t.status = code;
    this.#tm.stats.completed(code);
    t.winner = branch;
    t.linger();
    t.emit('localCompleted', reply, code, branch);
    const tell = t.onLocalReply;
    t.onLocalReply = null;
    t.onLocalProvisional = null;
    if (!t.isInvite) t.onLocalAnswer = null;
    tell?.(t, code, reply);
  }

  /** CANCEL of an INVITE of our own. `rows` are Reason headers. */
  cancel(t: Transaction, rows = ''): void {
    this.#tm.cancels.byServer(t, rows);
  }

  /** The local transaction of a call, for `tm.cancel`. */
  find(callId: string, cseq: number): Transaction | null {
    for (const t of this.#tm.table.live())
      if (t.isLocal && t.request.callId === callId && t.request.cseqNumber === cseq) return t;
    return null;
  }
}

/** The request in Kamailio's order of headers, without the Via, which its branch gets. */
function textOf(request: LocalRequest, tm: TmCore, socket: SocketInfo): string {
  const { server } = tm;
  const { random } = server;
  const from = /;\s*tag=/i.test(request.from) ? request.from : `${bracketed(request.from)};tag=${random.token(20)}`;
  const body = request.body ?? '';
  const headers = request.headers ?? '';
  let out = `${request.method} ${request.uri} SIP/2.0\r\n`;
  out += `To: ${bracketed(request.to)}\r\nFrom: ${from}\r\nCSeq: ${request.cseq ?? 10} ${request.method}\r\n`;
  out += `Call-ID: ${request.callId ?? `${random.token(24)}@${socket.advertisedHost}`}\r\n`;
  if (!/^max-forwards\s*:/im.test(headers)) out += 'Max-Forwards: 70\r\n';
  if (!/^(?:content-length|l)\s*:/im.test(headers)) out += `Content-Length: ${body.length}\r\n`;
  if (server.userAgentHeader !== '') out += `User-Agent: ${server.userAgentHeader}\r\n`;
  return `${out}${headers}\r\n${body}`;
}

/** A bare URI gets its brackets. */
function bracketed(value: string): string {
  return value.includes('<') ? value : `<${value}>`;
}
