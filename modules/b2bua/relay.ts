import { HDR, METHOD, type SipMsg } from 'strowger';
import type { Transaction } from '../tm/api.ts';
import type { Call } from './call.ts';
import { inviteRows } from './invite-facts.ts';
import { USAGE } from './invite-usage.ts';
import { contentTypeOf, LEG, type Leg } from './leg.ts';
import { outward } from './reply-map.ts';
import { reasonOf } from './status.ts';
import { referRows } from './topology.ts';

/** A request in one leg's dialog goes to the other leg; its reply comes back. BYE is answered at once and ends the call. */
export function relayRequest(call: Call, leg: Leg, msg: SipMsg, t: Transaction): void {
  if (msg.method === METHOD.BYE) return bye(call, leg, msg, t);
  if (leg.isReferred && msg.methodName === 'NOTIFY' && isOfRefer(msg)) return leg.reply(t, 200, 'OK');
  const peer = leg.peer ?? call.earlyPeer(leg);
  if (peer === null || peer.isEnded || call.isEnded) return refuse(call, t, leg, 481);
  if (msg.method === METHOD.INVITE) return reinvite(call, leg, peer, msg, t);
  const { settings } = call;
  if (msg.method === METHOD.UPDATE && msg.body === '' && leg.timer !== null && settings.allowsUpdate)
    return refreshed(call, leg, t);
  if (!settings.relayedMethods.has(msg.methodName)) return refuseMethod(call, t, leg);
  const isSent = peer.send(msg.methodName, {
    body: msg.body,
    contentType: contentTypeOf(msg),
    headers:
      call.options.policy.rows(msg) + (msg.method === METHOD.REFER ? referRows(call.calls, call, peer, msg) : ''),
    onFinal: (code, reply) => call.post(() => seen(call, peer, reply, () => answer(call, leg, t, code, reply))),
  });
  if (!isSent) pending(call, leg, t);
}

/**
 * The other side is asked something else at this time: who asks us meanwhile is told to try again (RFC 3261 §14.2, RFC 3311
 * §5.2).
 */
function pending(call: Call, leg: Leg, t: Transaction): void {
  call.calls.stats.count('glare');
  refuse(call, t, leg, 491);
}

/** An UPDATE that only refreshes the session of its side. */
function refreshed(call: Call, leg: Leg, t: Transaction): void {
  const rows = leg.timer?.answerRows(t.request) ?? '';
  call.note(leg, '> 200 OK (UPDATE)');
  call.tm.reply(t.request, 200, 'OK', `Contact: ${leg.contact}\r\n${rows}`);
}

function bye(call: Call, leg: Leg, msg: SipMsg, t: Transaction): void {
  call.tm.reply(t.request, 200, 'OK');
  call.note(leg, '> 200 OK (BYE)');
  // What it asked for is answered still (RFC 3261 §15.1.2), a first INVITE, too (RFC 5407 appendix A).
  leg.refuse(487, reasonOf(487));
  leg.end();
  // Who transferred its call, or was replaced, leaves: those who are joined talk on.
  const isSomebodyLeft = call.legs.some((each) => each.state === LEG.CONFIRMED);
  if (isSomebodyLeft && (call.transfer === leg || leg.peer?.peer !== leg)) return;
  call.end('bye', reasonRows(msg));
}

/** The re-INVITE of one side becomes one of the other's; refused when it can not be, and the session stays as it was. */
function reinvite(call: Call, leg: Leg, peer: Leg, msg: SipMsg, t: Transaction): void {
  const back = (reply: SipMsg): void => {
    if (leg.isEnded) return peer.ack();
    const edited = call.edited(reply);
    leg.answer(reply.status, reply.reason, call.options.policy.rows(edited), edited.body, contentTypeOf(edited));
  };
  const isSent = peer.sendInvite({
    body: msg.body,
    contentType: contentTypeOf(msg),
    headers: inviteRows(call, msg),
    onProvisional: (reply) =>
      call.post(() => {
        if (!leg.isEnded)
          leg.progress(reply.status, reply.reason, call.options.policy.rows(reply), reply.body, contentTypeOf(reply));
      }),
    onOk: (reply) => call.post(() => seen(call, peer, reply, () => back(reply))),
    onFinal: (code, reply) => call.post(() => seen(call, peer, reply, () => refusedBy(call, leg, code, reply))),
  });
  if (!isSent) pending(call, leg, t);
}

function refusedBy(call: Call, leg: Leg, code: number, reply: SipMsg | null): void {
  if (leg.usage !== USAGE.RECEIVED) return;
  const shown = outward(call, code, reply?.reason ?? reasonOf(code));
  leg.refuse(shown.code, shown.reason, reply === null ? '' : call.options.policy.rows(call.edited(reply)));
}

/** event_route[b2bua:reply] sees what comes back. */
function seen(call: Call, peer: Leg, reply: SipMsg | null, then: () => void): void | Promise<void> {
  const waits = reply === null ? false : call.fire('reply', peer, reply);
  return waits instanceof Promise ? waits.then(then) : then();
}

function answer(call: Call, leg: Leg, t: Transaction, code: number, reply: SipMsg | null): void {
  // Who hung up meanwhile hears that, too: nobody else would end its transaction (RFC 3261 §15.1.2).
  if (leg.isEnded) return refuse(call, t, leg, 487);
  if (reply === null) return refuse(call, t, leg, code);
  const edited = call.edited(reply);
  const isUpdate = t.request.method === METHOD.UPDATE;
  const timer = isUpdate && code < 300 ? (leg.timer?.answerRows(t.request) ?? '') : '';
  const contact = isUpdate ? `Contact: ${leg.contact}\r\n${timer}` : '';
  const shown = outward(call, code, reply.reason);
  call.note(leg, `> ${shown.code} ${shown.reason} (${t.request.methodName})`);
  leg.reply(
    t,
    shown.code,
    shown.reason,
    `${contact}${call.options.policy.rows(edited)}`,
    edited.body,
    contentTypeOf(edited),
  );
}

/** Answers a request of a leg's with a negative reply of ours. */
export function refuse(call: Call, t: Transaction, leg: Leg, code: number): void {
  if (t.request.method === METHOD.INVITE) return leg.refuse(code, reasonOf(code));
  call.note(leg, `> ${code} (${t.request.methodName})`);
  call.tm.reply(t.request, code, reasonOf(code));
}

/** A method that does not pass (RFC 3261 §8.2.1, §21.5.2). */
function refuseMethod(call: Call, t: Transaction, leg: Leg): void {
  const { unknownMethod: code, relayedMethods } = call.settings;
  const allow = `Allow: ${['INVITE', 'ACK', 'CANCEL', 'BYE', ...relayedMethods].join(', ')}\r\n`;
  call.note(leg, `> ${code} (${t.request.methodName})`);
  call.tm.reply(t.request, code, reasonOf(code), allow);
}

/** A NOTIFY of the subscription that our REFER made (RFC 3515 §2.4.4). */
function isOfRefer(msg: SipMsg): boolean {
  return /^\s*refer\s*(?:;|$)/i.test(msg.header(HDR.EVENT) ?? '');
}

/** Why a side hung up goes along (RFC 3326). */
function reasonRows(msg: SipMsg): string {
  let rows = '';
  for (const row of rowsOf(msg)) rows += row;
  return rows;
}

function rowsOf(msg: SipMsg): string[] {
  const rows: string[] = [];
  for (let row = 0; row < msg.hdrCount; row++)
    if (msg.hdrName(row).toLowerCase() === 'reason') rows.push(msg.buf.slice(msg.hdrStart(row), msg.hdrEnd(row)));
  return rows;
}
