import { type Log, listValueEnd, parseNameAddr, type Server, SipMsg } from 'strowger';
import type { LocalRequest, Transaction } from '../tm/api.ts';
import type { EventPackage } from './api.ts';
import type { PresSettings } from './params.ts';
import { factsOf, type Subscription, type SubsFacts } from './subscription.ts';

/** What of tm's api is needed. */
interface NotifySender {
  send(request: LocalRequest): Transaction | null;
}

/** What `$subs` and `$notify_reply` show in the routes of a NOTIFY. */
interface NotifyFacts {
  readonly subs: SubsFacts;
  /** Null until there is one. */
  readonly reply: SipMsg | null;
}

/** Key of the NotifyFacts on a message. */
const FACTS: object = { name: 'presence-notify' };

interface NotifierParts {
  readonly server: Server;
  readonly log: Log;
  readonly sender: NotifySender;
  readonly settings: PresSettings;
  /** Wall time in seconds. */
  readonly now: () => number;
  /** The watcher is not there any more: the subscription is to be removed. */
  readonly onGone: (sub: Subscription) => void;
}

const EVENT_ROUTE = 'presence:notify-reply';
const GONE: ReadonlySet<number> = new Set([404, 481]);

/** Sends NOTIFYs within the dialogs of subscriptions (RFC 6665 §4.2.2). */
export class Notifier {
  readonly #parts: NotifierParts;
  /** Of the NOTIFY that tm is given just now, for event_route[tm:local-request]. */
  #sending: NotifyFacts | null = null;

  constructor(parts: NotifierParts) {
    this.#parts = parts;
  }

  /** The facts that a run on this message sees; null outside the routes of a NOTIFY. */
  factsFor(msg: SipMsg): NotifyFacts | null {
    return msg.extension<NotifyFacts>(FACTS) ?? this.#sending;
  }

  /** Sends one; counts CSeq and version of the subscription on. `body` is null for none. */
  send(sub: Subscription, event: EventPackage, body: string | null): void {
    const { sender, log, settings, now } = this.#parts;
    const facts = factsOf(sub, now());
    sub.localCseq++;
    if (body !== null && event.personalize !== undefined) body = event.personalize(body, sub.version);
    sub.version++;
    const request = this.#request(sub, event, body, facts.remainingSec);
    const onReply = (reply: SipMsg | null, code: number, t: Transaction): void => {
      this.#answered(sub, facts, t.request, reply, code).catch((err: unknown) => log.error('after a NOTIFY', { err }));
    };
    this.#sending = { subs: facts, reply: null };
    let t: Transaction | null = null;
    try {
      t = sender.send({ ...request, onReply });
      t?.request.setExtension(FACTS, this.#sending);
    } finally {
      this.#sending = null;
    }
    const target = { to: sub.contact, presentity: sub.presUri, event: sub.event, callId: sub.callId };
    if (t === null) log.error('no socket for a NOTIFY', target);
    else if (log.isEnabled(settings.logLevel)) log.write(settings.logLevel, `NOTIFY ${sub.status}`, target);
  }

  #request(sub: Subscription, event: EventPackage, body: string | null, remainingSec: number): LocalRequest {
    const routes = routeSet(sub.recordRoute);
    const first = routes[0] ?? '';
    const next = first === '' ? null : parseNameAddr(first, 0, first.length);
    // A router that knows no loose routing wants itself in the Request-URI (RFC 3261 §12.2.1.1).
    const isStrict = next?.uri?.param('lr') === null;
    const rows = isStrict ? [...routes.slice(1), `<${sub.contact}>`] : routes;
    const id = sub.eventId === '' ? '' : `;id=${sub.eventId}`;
    let headers = rows.length === 0 ? '' : `Route: ${rows.join(', ')}\r\n`;
    headers += `Max-Forwards: 70\r\nEvent: ${sub.event}${id}\r\nContact: <${sub.localContact}>\r\n`;
    headers += `Subscription-State: ${stateHeader(sub, remainingSec)}\r\n`;
    if (body !== null) headers += `Content-Type: ${event.contentType}\r\n`;
    return {
      method: 'NOTIFY',
      uri: isStrict && next !== null ? next.uriText : sub.contact,
      ...(next === null || isStrict ? {} : { nextHop: next.uriText }),
      from: `<${addressOf(sub.toUser, sub.toDomain)}>;tag=${sub.toTag}`,
      to: `<${addressOf(sub.fromUser, sub.fromDomain)}>;tag=${sub.fromTag}`,
      callId: sub.callId,
      cseq: sub.localCseq,
      headers,
      body: body ?? '',
      socket: this.#parts.server.transport.findSocket(sub.socket),
    };
  }

  async #answered(
    sub: Subscription,
    subs: SubsFacts,
    request: SipMsg,
    reply: SipMsg | null,
    code: number,
  ): Promise<void> {
    const { server, settings, onGone } = this.#parts;
    let asksToDelete = false;
    if (server.program.event.has(EVENT_ROUTE)) {
      request.setExtension(FACTS, { subs, reply: reply ?? fakeReply(request, code) } satisfies NotifyFacts);
      await server.runEventRoute(EVENT_ROUTE, request);
      asksToDelete = Number(xavpValue(request, settings.xavp, 'delete_subscription') ?? 0) === 1;
    }
    const isGone = GONE.has(code) || (code === 408 && settings.removesOnTimeout);
    if (isGone || asksToDelete) onGone(sub);
  }
}

/** A field of the XAVP that xavp_cfg names; undefined where there is none. */
export function xavpValue(msg: SipMsg, xavp: string, field: string): string | number | null | undefined {
  return xavp === '' ? undefined : msg.vars?.xavps.list(xavp)?.value(field);
}

/** Subscription-State (RFC 6665 §8.2.3). */
function stateHeader({ status, reason }: Subscription, remainingSec: number): string {
  if (status === 'terminated') return reason === '' ? 'terminated' : `terminated;reason=${reason}`;
  return `${status === 'active' ? 'active' : 'pending'};expires=${remainingSec}`;
}

export function addressOf(user: string, domain: string): string {
  return user === '' ? `sip:${domain}` : `sip:${user}@${domain}`;
}

/** Values of Record-Route rows. */
export function routeSet(text: string): string[] {
  const values: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = listValueEnd(text, at, text.length);
    const value = text.slice(at, end).trim();
    if (value !== '') values.push(value);
    at = end + 1;
  }
  return values;
}

/** What `$notify_reply` shows of a NOTIFY that nobody answered. */
function fakeReply(request: SipMsg, code: number): SipMsg {
  const rows = ['via', 'from', 'to', 'call-id'].flatMap((name) => {
    const row = request.findHdrByName(name);
    return row < 0 ? [] : [`${name}: ${request.hdrValue(row)}\r\n`];
  });
  const reason = code === 408 ? 'TIMEOUT' : 'ERROR';
  const text = `SIP/2.0 ${code} ${reason}\r\n${rows.join('')}CSeq: ${request.cseqNumber} NOTIFY\r\nContent-Length: 0\r\n\r\n`;
  return new SipMsg(text, request.rcv);
}
