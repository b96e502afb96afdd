import { SipMsg, type SocketInfo } from 'strowger';
import { Call } from './call.ts';
import type { CallRecord, LegRecord } from './call-record.ts';
import type { Calls } from './calls.ts';
import { HeaderPolicy } from './headers.ts';
import { USAGE, USAGE_EVENT } from './invite-usage.ts';
import { LEG, Leg } from './leg.ts';
import { SessionTimer } from './session-timer.ts';
import { UaDialog } from './ua-dialog.ts';

/** CSeq numbers that may have been used since a record was written. */
const CSEQ_GAP = 20;
const LOST = 'Reason: SIP;cause=503;text="Transfer lost"\r\n';

/**
 * The call that a record tells of goes on here: legs answer in their dialogs, timers, limit slots, media, parking and the
 * CDR go on. `isExact`: the record was made just now, by another worker.
 */
export function adoptCall(calls: Calls, record: CallRecord, isExact: boolean): Call {
  const { clock } = calls.server;
  const offsetMs = clock.now() - clock.wall();
  // 0 means that it has not been.
  const local = (wallMs: number): number => (wallMs === 0 ? 0 : wallMs + offsetMs || 1);
  const call = new Call(calls, record.id, { ...record.options, policy: policyOf(calls, record) });
  call.startedMs = local(record.startedMs);
  call.answeredMs = local(record.answeredMs);
  call.status = record.status;
  call.legCount = record.legCount;
  call.continuedIn = record.continuedIn;
  call.limit = record.limit;
  call.isConfirmed = record.isConfirmed;
  call.timerMode = record.timerMode;
  call.timerPolicy = record.timerPolicy;
  call.request = requestOf(calls, record);
  for (const [name, value] of record.variables) call.variables.set(name, value);
  for (const [from, to] of record.replyMap) call.replyMap.set(from, to);
  call.addedRows.push(...record.addedRows);
  call.credentials.push(...record.credentials);
  calls.limits.restore(call, record.slots);
  calls.addCall(call);
  const legs = new Map<string, Leg>();
  for (const each of record.legs) legs.set(each.id, adoptLeg(call, each, local, isExact ? 0 : CSEQ_GAP));
  for (const each of record.legs) {
    const leg = legs.get(each.id) as Leg;
    leg.peer = legs.get(each.joined) ?? null;
    leg.source = legs.get(each.source) ?? null;
  }
  if (record.dueMs !== 0) call.limitDuration(Math.max(0, (local(record.dueMs) - clock.now()) / 1000));
  call.media?.resume(record.mediaFirst);
  for (const { slot, leg, from, fromHop, fromSocket, dueMs } of record.parked) {
    const parked = legs.get(leg);
    const target = { uri: from, nextHop: fromHop, socket: socketOf(calls, fromSocket) };
    if (parked !== undefined) calls.parking.resume(slot, parked, target, local(dueMs));
  }
  if (!isExact) afterRestart(call, record);
  return call;
}

/** What was under way is not any more. */
function afterRestart(call: Call, record: CallRecord): void {
  call.note(null, 'goes on after a restart');
  const isAlone = call.legs.every((leg) => leg.isEnded || leg.peer === null);
  if (record.isTransferring && isAlone) call.post(() => call.end('transfer lost by a restart', LOST));
}

function adoptLeg(call: Call, record: LegRecord, local: (wallMs: number) => number, gap: number): Leg {
  const { calls, server, tm, options } = call;
  const { callId, localTag, remote, target, localCseq, timer } = record;
  const dialog = new UaDialog(callId, record.local, localTag, remote, target, localCseq + gap);
  dialog.remoteTag = record.remoteTag;
  dialog.remoteCseq = record.remoteCseq;
  dialog.routeSet = record.routes;
  dialog.flow = record.flow;
  const socket = socketOf(calls, record.socket);
  const leg = new Leg(call, server, tm, record.id, record.role, dialog, socket, options);
  leg.state = record.isEnded ? LEG.ENDED : LEG.CONFIRMED;
  leg.usage = USAGE.NONE;
  leg.status = record.status;
  leg.startedMs = local(record.startedMs);
  leg.answeredMs = local(record.answeredMs);
  leg.endedMs = local(record.endedMs);
  leg.peerName = record.peer;
  leg.allowsUpdate = record.allowsUpdate;
  leg.remoteSdp = record.remoteSdp;
  leg.localSdp = record.localSdp;
  leg.isHeld = record.isHeld;
  leg.isOnHold = record.isOnHold;
  leg.isReferred = record.isReferred;
  leg.hosts.push(...record.hosts);
  leg.origin.state = record.origin;
  leg.lastAck = record.lastAck;
  call.legs.push(leg);
  if (record.isEnded) {
    leg.step(USAGE_EVENT.BYE);
    return leg;
  }
  calls.limits.restore(leg, record.slots);
  calls.addLeg(leg);
  if (timer === null) return leg;
  leg.useTimer(timer.policy);
  if (leg.timer instanceof SessionTimer) {
    leg.timer.expiresS = timer.expiresS;
    leg.timer.isRefresher = timer.isRefresher;
    leg.timer.wantedS = timer.wantedS;
    leg.timer.wantedMinS = timer.wantedMinS;
    if (timer.dueMs !== 0) leg.timer.resume(local(timer.dueMs));
  }
  return leg;
}

function policyOf(calls: Calls, { policy }: CallRecord): HeaderPolicy {
  if (policy === null) return calls.settings.policy;
  const { passed, dropped, pattern } = policy;
  return new HeaderPolicy(passed, dropped, pattern === '' ? null : new RegExp(pattern, 'i'));
}

function requestOf(calls: Calls, { request }: CallRecord): SipMsg | null {
  const socket = request === null ? null : (socketOf(calls, request.socket) ?? calls.server.transport.sockets[0]);
  if (request === null || socket == null) return null;
  const { text, proto, srcIp, srcPort, dstIp, dstPort } = request;
  return new SipMsg(text, { proto, srcIp, srcPort, dstIp, dstPort, socket, conId: 0 });
}

function socketOf(calls: Calls, uri: string): SocketInfo | null {
  return uri === '' ? null : calls.server.transport.findSocket(uri);
}
