import type { RpcValue } from 'strowger';
import type { Call } from './call.ts';
import { statusOf } from './cdr.ts';
import { LEG, type Leg } from './leg.ts';

const STATES = ['early', 'confirmed', 'ended'] as const;

export function stateOf(call: Call): string {
  if (call.isEnded) return 'ended';
  return call.answeredMs !== 0 ? 'confirmed' : 'early';
}

/** One line of `b2bua.list`. */
export function summaryOf(call: Call): { readonly [name: string]: RpcValue } {
  const now = call.endedMs || call.server.clock.now();
  return {
    id: call.id,
    state: stateOf(call),
    caller: call.request?.from?.uriText ?? '',
    callee: call.request?.to?.uriText ?? '',
    age: Math.floor((now - call.startedMs) / 1000),
    duration: call.answeredMs === 0 ? 0 : Math.floor((now - call.answeredMs) / 1000),
    legs: call.legs.filter((leg) => !leg.isEnded).length,
  };
}

/** All of a call (`b2bua.get`). */
export function detailsOf(call: Call): { readonly [name: string]: RpcValue } {
  return {
    ...summaryOf(call),
    status: statusOf(call),
    cause: call.cause,
    limit: call.limit,
    setup_ms: call.answeredMs === 0 ? 0 : call.answeredMs - call.startedMs,
    vars: Object.fromEntries(call.variables),
    legs: call.legs.map(legDetails),
  };
}

function legDetails(leg: Leg): { readonly [name: string]: RpcValue } {
  const { dialog, timer } = leg;
  return {
    id: leg.id,
    dir: leg.role === 'uas' ? 'in' : 'out',
    state: STATES[leg.state],
    status: leg.status,
    uri: dialog.remote,
    target: dialog.remoteTarget,
    callid: dialog.callId,
    local_tag: dialog.localTag,
    remote_tag: dialog.remoteTag,
    contact: leg.contact,
    local_cseq: dialog.localCseq,
    remote_cseq: dialog.remoteCseq,
    joined: leg.peer?.id ?? '',
    peer: leg.peerName,
    hold: leg.isHeld ? 1 : 0,
    session_expires: leg.state === LEG.CONFIRMED ? (timer?.expiresS ?? 0) : 0,
  };
}

/** What `b2bua.dump` adds: what is inside, for looking for a defect. */
export function insideOf(call: Call): { readonly [name: string]: RpcValue } {
  return {
    ...detailsOf(call),
    mailbox: call.mailbox.size,
    transfer: call.transfer?.id ?? '',
    continued_in: call.continuedIn,
    inside: call.legs.map((leg) => ({
      id: leg.id,
      usage: leg.usage,
      routes: [...leg.dialog.routeSet],
      flow: leg.dialog.flow,
      remote_sdp: leg.remoteSdp,
      local_sdp: leg.localSdp,
    })),
    history: historyOf(call),
  };
}

/** Lines of a call's history: seconds since its start, leg, what. */
export function historyOf(call: Call): string[] {
  return call.history.map(({ atMs, leg, what }) =>
    `${((atMs - call.startedMs) / 1000).toFixed(3)} ${leg === '' ? '-' : leg} ${what}`.trimEnd(),
  );
}
