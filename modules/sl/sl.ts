import {
  type Counter,
  forwardReply,
  METHOD,
  type ModuleContext,
  ROUTE,
  RpcStruct,
  type RpcValue,
  type Run,
  type Server,
  type SipMsg,
} from 'strowger';
import type { TmApi } from '../tm/api.ts';
import type { SlApi } from './api.ts';

/** Codes with a statistic of their own. */
const COUNTED = new Set([200, 202, 300, 301, 302, 400, 401, 403, 404, 407, 408, 483, 500]);
/** What sl.stats shows, in its order. */
const CODES_SHOWN = '200 202 2xx 300 301 302 3xx 400 401 403 404 407 408 483 4xx 500 5xx 6xx xxx'.split(' ');

export class SlModule {
  readonly #server: Server;
  readonly #ctx: ModuleContext;
  readonly #counters = new Map<string, Counter>();
  readonly #byCode = new Map<number, readonly Counter[]>();
  readonly #sent: Counter;
  readonly #failures: Counter;
  #tm: TmApi | undefined;

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
    this.#server = ctx.server;
    this.#sent = ctx.counter('sent_replies');
    this.#failures = ctx.counter('failures');
    this.#tm = ctx.int('bind_tm') === 0 ? undefined : ctx.optionalApi<TmApi>('tm');
    this.#server.hooks.requestIn.add((msg) => this.#filterAck(msg));
  }

  /** sl_send_reply: 1 sent, -1 not. A reply to ACK is refused (RFC 3261 §17.1). */
  sendReply(run: Run, code: number, reason: string): number {
    const msg = run.msg;
    if (!msg.isRequest || msg.method === METHOD.ACK) return -1;
    const status = code >= 100 && code <= 699 ? code : this.#ctx.int('default_code');
    const sent = this.#server.replies.send(
      msg,
      status,
      reason === '' ? this.#ctx.str('default_reason') : reason,
      this.#redirectContacts(msg, status),
    );
    if (sent < 0) {
      this.#failures.value++;
      return -1;
    }
    this.#count(status);
    if (this.#server.program.event.has('sl:local-response')) void this.#server.runEventRoute('sl:local-response', msg);
    return 1;
  }

  /** Contacts of a 3xx: the destination set, as Kamailio puts them. */
  #redirectContacts(msg: SipMsg, status: number): string {
    if (status < 300 || status > 399) return '';
    const rich = this.#ctx.int('rich_redirect');
    const items: string[] = [];
    if (msg.newUri !== null) items.push(contact(msg.newUri, msg.ruriQ, msg.bflags, msg.pathVec, rich));
    for (const branch of msg.branches ?? []) items.push(contact(branch.uri, branch.q, branch.flags, branch.path, rich));
    return items.length === 0 ? '' : `Contact: ${items.join(', ')}\r\n`;
  }

  sendReplyAnyhow(run: Run, code: number, reason: string): number {
    const msg = run.routeType === ROUTE.TM_ONREPLY || run.routeType === ROUTE.CORE_ONREPLY ? null : run.msg;
    if (msg !== null && this.#tm !== undefined && this.#tm.hasTransaction(msg))
      return this.#tm.reply(msg, code, reason);
    return this.sendReply(run, code, reason);
  }

  sendReplyMode(run: Run, code: number, reason: string, mode: number): number {
    if (
      this.#tm !== undefined &&
      (mode & 1) !== 0 &&
      !this.#tm.hasTransaction(run.msg) &&
      this.#tm.newTransaction(run) < 0
    )
      return -1;
    return this.sendReplyAnyhow(run, code, reason);
  }

  /** `$ltt(form)`; a transaction knows its own tag. */
  static localTag(run: Run, form: string | null): string | null {
    const t = run.msg.transaction as { localTag(): string } | null | undefined;
    if (form !== 's' && t !== null && t !== undefined) return t.localTag();
    return form === 't' ? null : run.server.replies.tagFor(run.msg);
  }

  /** The reply to a processing error: why relaying failed, else 500. */
  replyError(run: Run): number {
    const [code, reason] = this.#tm?.errorReply(run.msg, 'SL') ?? [
      500,
      "I'm terribly sorry, server error occurred (1/SL)",
    ];
    return this.sendReplyAnyhow(run, code, reason);
  }

  forwardReply(run: Run, code: number | undefined, reason: string | undefined): number {
    const msg = run.msg;
    if (msg.isRequest) return -1;
    // `SIP/2.0 ` is eight chars: what follows is the status and the reason.
    if (code !== undefined || reason !== undefined)
      msg.lumps.del(8, msg.uriEnd - 8).insertAfter(`${code ?? msg.status} ${reason ?? msg.reason}`);
    return forwardReply(this.#server, msg) ? 1 : -1;
  }

  /** ACKs to our stateless replies end here: their To tag is ours (RFC 3261 §17.1.1.3). */
  #filterAck(msg: SipMsg): boolean {
    if (msg.method !== METHOD.ACK || !msg.toTag.startsWith(this.#server.replies.tagPrefix)) return true;
    this.#counter('received_ACKs').value++;
    if (this.#server.program.event.has('sl:filtered-ack')) void this.#server.runEventRoute('sl:filtered-ack', msg);
    return false;
  }

  #count(code: number): void {
    this.#sent.value++;
    const counters = this.#byCode.get(code) ?? this.#countersOf(code);
    for (let i = 0; i < counters.length; i++) (counters[i] as Counter).value++;
  }

  /**
   * The counters that a reply of this code raises, found once per code. As in Kamailio, what has a counter of its own is not
   * in that of its class, and provisional replies are among the others; they are in that of their class, too.
   */
  #countersOf(code: number): readonly Counter[] {
    const isOther = code < 200 || code >= 700;
    const counters = [
      this.#counter(COUNTED.has(code) ? `${code}_replies` : `${isOther ? 'x' : Math.floor(code / 100)}xx_replies`),
      ...(code < 200 ? [this.#counter('1xx_replies')] : []),
      ...(code >= 400 ? [this.#counter('sent_err_replies')] : []),
    ];
    this.#byCode.set(code, counters);
    return counters;
  }

  #counter(name: string): Counter {
    let counter = this.#counters.get(name);
    if (counter === undefined) this.#counters.set(name, (counter = this.#ctx.counter(name)));
    return counter;
  }

  /** Kamailio's `sl.stats`: one struct, by code. */
  rpcStats(): RpcValue {
    const get = (name: string): number => this.#counter(name).value;
    // A plain object would begin with the names that are numbers.
    const reply = new RpcStruct();
    for (const code of CODES_SHOWN) reply.add(code, get(`${code}_replies`));
    return reply;
  }

  api(): SlApi {
    return {
      sendReply: (run, code, reason) => this.sendReplyAnyhow(run, code, reason),
      sendStateless: (run, code, reason) => this.sendReply(run, code, reason),
      tagFor: (msg) => this.#server.replies.tagFor(msg),
    };
  }
}

/** One Contact of a 3xx; `rich` has the bits of rich_redirect. */
function contact(uri: string, q: number, flags: number, path: string, rich: number): string {
  const route = (rich & 2) !== 0 && path !== '' ? `?Route=${encodeURIComponent(path)}` : '';
  const flagText = (rich & 1) !== 0 && flags !== 0 ? `;flags=${flags}` : '';
  return `<${uri}${route}>${q < 0 ? '' : `;q=${qText(q)}`}${flagText}`;
}

/** A q value of thousandths as RFC 3261 §25.1 writes it. */
function qText(q: number): string {
  return q >= 1000 ? '1' : `0.${String(q).padStart(3, '0').replace(/0+$/, '') || '0'}`;
}
