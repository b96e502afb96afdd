import { firstNameAddr, flatCopy, HDR, type SipMsg, type SipUri, unescapePercent } from 'strowger';
import type { Transaction } from '../tm/api.ts';
import { bridge, joinAnswered } from './bridge.ts';
import type { Call } from './call.ts';
import type { DialResult } from './dial.ts';
import { LEG, type Leg } from './leg.ts';
import { refuse, relayRequest } from './relay.ts';
import type { ReferMode } from './settings.ts';
import { reasonOf } from './status.ts';

/** What is asked of us by a REFER (RFC 3515, RFC 3891, RFC 3892). */
export interface ReferTarget {
  readonly uri: string;
  /** `call-id;to-tag=…;from-tag=…` of the call to take the place of; '' for a blind transfer. */
  readonly replaces: string;
}

/** Null where the request has no Refer-To, or more than one, or it is no URI that can be called. */
export function referTarget(msg: SipMsg): ReferTarget | null {
  const row = msg.findHdr(HDR.REFERTO);
  const value = row < 0 || msg.findHdr(HDR.REFERTO, row + 1) >= 0 ? null : firstNameAddr(msg, HDR.REFERTO);
  const uri = value?.uri ?? null;
  if (uri === null || uri.host === '') return null;
  return { uri: flatCopy(withoutHeaders(value?.uriText ?? '')), replaces: replacesOf(uri) };
}

function withoutHeaders(uri: string): string {
  const at = uri.indexOf('?');
  return at < 0 ? uri : uri.slice(0, at);
}

function replacesOf(uri: SipUri): string {
  for (const pair of uri.headers.split('&')) {
    const equals = pair.indexOf('=');
    if (pair.slice(0, equals).toLowerCase() === 'replaces') return flatCopy(unescapePercent(pair.slice(equals + 1)));
  }
  return '';
}

/** What event_route[b2bua:refer] decided. */
export interface ReferDecision {
  readonly mode: ReferMode;
  /** Where the call goes instead; '' for where the REFER says. */
  readonly uri: string;
  /** Of a refusal. */
  readonly code: number;
}

/**
 * b2b_transfer: the other side of `leg` leaves, and `leg` talks to the target, or to the other side of the call that is
 * taken over. Where REFER passes, `leg` is asked to do it by itself.
 */
export function transfer(call: Call, leg: Leg, uri: string, other: Leg | null): boolean {
  const transferor = leg.peer;
  if (leg.state !== LEG.CONFIRMED || transferor === null || call.transfer !== null || call.isEnded) return false;
  if (call.options.referMode === 'pass') {
    leg.isReferred = true;
    leg.send('REFER', {
      headers: `Refer-To: <${uri}${other === null ? '' : replacesPart(other)}>\r\nReferred-By: ${transferor.dialog.remote}\r\n`,
    });
    return true;
  }
  const referral = new Referral(transferor, 0, true);
  call.transfer = transferor;
  const referredBy = transferor.dialog.remote;
  if (other !== null) void attended(call, leg, transferor, other, referral);
  else void blind(call, leg, transferor, { uri, replaces: '' }, referredBy, referral);
  return true;
}

/** The dialog of a leg as its other side's user agent names it for whom it asks to take its place. */
function replacesPart({ dialog }: Leg): string {
  const value = `${dialog.callId};to-tag=${dialog.remoteTag};from-tag=${dialog.localTag}`;
  return `?Replaces=${encodeURIComponent(value)}`;
}

/** A transfer that a leg asked for: tells it how it goes (RFC 3515 §2.4.5) until it is decided. */
class Referral {
  readonly leg: Leg;
  readonly #id: number;
  readonly #isSilent: boolean;
  #isOver = false;
  #last = 0;

  constructor(leg: Leg, id: number, isSilent: boolean) {
    this.leg = leg;
    this.#id = id;
    this.#isSilent = isSilent;
  }

  notify(code: number, reason: string): void {
    if (this.#isOver || this.leg.isEnded || this.#isSilent || code === this.#last) return;
    this.#last = code;
    this.#isOver = code >= 200;
    const state = this.#isOver ? 'terminated;reason=noresource' : 'active;expires=60';
    this.leg.send('NOTIFY', {
      body: `SIP/2.0 ${code} ${reason}\r\n`,
      contentType: 'message/sipfrag;version=2.0',
      headers: `Event: refer;id=${this.#id}\r\nSubscription-State: ${state}\r\n`,
    });
  }
}

/** A REFER in a leg's dialog, after event_route[b2bua:refer]. */
export function refer(call: Call, leg: Leg, msg: SipMsg, t: Transaction): void | Promise<void> {
  const decision = call.referDecision ?? { mode: call.options.referMode, uri: '', code: 603 };
  call.referDecision = null;
  if (decision.mode === 'pass') return relayRequest(call, leg, msg, t);
  if (decision.mode === 'reject') return refuse(call, t, leg, decision.code);
  const target = decision.uri === '' ? referTarget(msg) : { uri: decision.uri, replaces: '' };
  if (target === null) return refuse(call, t, leg, 400);
  const transferee = leg.peer;
  if (transferee === null || transferee.state !== LEG.CONFIRMED || leg.state !== LEG.CONFIRMED)
    return refuse(call, t, leg, 481);
  if (call.transfer !== null) return refuse(call, t, leg, 491);
  // norefersub (RFC 4488): who does not want to be told is not.
  const row = msg.findHdrByName('refer-sub');
  const isSilent = row >= 0 && /^\s*false/i.test(msg.hdrValue(row));
  const referSub = isSilent ? 'Refer-Sub: false\r\n' : '';
  call.tm.reply(t.request, 202, 'Accepted', `Contact: ${leg.contact}\r\n${referSub}`);
  const referral = new Referral(leg, msg.cseqNumber, isSilent);
  call.transfer = leg;
  referral.notify(100, 'Trying');
  if (target.replaces !== '') {
    const { others } = call.calls;
    const other = call.calls.legOfReplaces(target.replaces);
    if (other !== null) return attended(call, transferee, leg, other, referral);
    if (others.areThere) return attendedElsewhere(call, transferee, leg, target, msg.header(HDR.REFERREDBY), referral);
  }
  return blind(call, transferee, leg, target, msg.header(HDR.REFERREDBY), referral);
}

/** The transferee is joined with a new leg to the target; when that can not be had, everything stays as it was. */
function blind(
  call: Call,
  transferee: Leg,
  leg: Leg,
  target: ReferTarget,
  referredBy: string | null,
  referral: Referral,
): Promise<void> | void {
  const extra =
    (referredBy === null ? '' : `Referred-By: ${referredBy}\r\n`) +
    (target.replaces === '' ? '' : `Replaces: ${target.replaces}\r\n`);
  const done = (result: DialResult): void => {
    if (result.leg === null || result.reply === null || transferee.isEnded) {
      result.leg?.hangup();
      return settle(call, referral, transferee.isEnded ? 481 : result.code);
    }
    void joined(call, transferee, leg, result.leg, result.reply.body, referral);
  };
  const { remoteSdp: body } = transferee;
  const onProvisional = ({ status, reason }: SipMsg): void => referral.notify(status, reason);
  const form = { body, headers: extra, onProvisional };
  return call.dialFor(transferee, [{ uri: target.uri, nextHop: '', socket: null }], form, done);
}

async function joined(
  call: Call,
  transferee: Leg,
  leg: Leg,
  answered: Leg,
  answer: string,
  referral: Referral,
): Promise<void> {
  const isJoined = await joinAnswered(transferee, answered, answer);
  call.post(() => {
    if (!isJoined) {
      answered.hangup();
      return settle(call, referral, 488);
    }
    settle(call, referral, 200);
    leg.hangup(TRANSFERRED);
  });
}

/** The other call may be one of another worker: it is fetched; where it is nobody's here, the target is called with Replaces. */
async function attendedElsewhere(
  call: Call,
  transferee: Leg,
  leg: Leg,
  target: ReferTarget,
  referredBy: string | null,
  referral: Referral,
): Promise<void> {
  await call.calls.others.fetch('replaces', target.replaces);
  const other = call.calls.legOfReplaces(target.replaces);
  if (other !== null) return attended(call, transferee, leg, other, referral);
  return blind(call, transferee, leg, target, referredBy, referral);
}

/** The transferee is joined with the other side of the transferor's other call; the transferor's legs end. */
async function attended(call: Call, transferee: Leg, leg: Leg, other: Leg, referral: Referral): Promise<void> {
  const target = other.peer;
  if (target === null || target.state !== LEG.CONFIRMED) return settle(call, referral, 481);
  const second = other.owner as Call;
  call.mailbox.yields();
  if (second !== call) second.mailbox.yields();
  const isJoined = await bridge(transferee, target);
  if (!isJoined) return settle(call, referral, 488);
  settle(call, referral, 200);
  other.peer = null;
  leg.peer = null;
  if (second !== call) {
    call.adopt(target);
    second.end('transferred', TRANSFERRED);
  } else other.hangup(TRANSFERRED);
  leg.hangup(TRANSFERRED);
}

const TRANSFERRED = 'Reason: SIP;cause=200;text="Call transferred"\r\n';

/** Tells the transferor how it ended; a call whose transferor left meanwhile ends when nobody is left to talk to. */
function settle(call: Call, referral: Referral, code: number): void {
  const wasOpen = call.transfer !== null;
  call.transfer = null;
  call.calls.stats.count(code === 200 ? 'transfers' : 'transfers_failed');
  referral.notify(code, code === 200 ? 'OK' : reasonOf(code));
  if (wasOpen && code !== 200 && referral.leg.isEnded) call.end(`transfer failed: ${code}`);
}
