import type { ReceiveInfo, SipMsg } from 'strowger';
import type { Call, CallOptions } from './call.ts';
import type { Credential } from './credentials.ts';
import { LEG, type Leg } from './leg.ts';
import type { Limits } from './limits.ts';
import type { OriginState } from './sdp-origin.ts';
import type { TimerPolicy } from './session-timer.ts';
import type { TimerMode } from './settings.ts';
import type { AddedRow } from './verbs-policy.ts';

/** Of another version nothing is read. */
const RECORD_VERSION = 1;

/** A leg as text that another process can go on with. Times are wall time, ms; 0: not yet. */
export interface LegRecord {
  readonly id: string;
  readonly role: 'uas' | 'uac';
  readonly isEnded: boolean;
  readonly status: number;
  readonly startedMs: number;
  readonly answeredMs: number;
  readonly endedMs: number;
  /** URI of our socket; '' for any. */
  readonly socket: string;
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  readonly local: string;
  readonly remote: string;
  readonly localCseq: number;
  readonly remoteCseq: number;
  readonly target: string;
  readonly routes: readonly string[];
  readonly flow: string;
  /** Ids of legs; '' for none. */
  readonly joined: string;
  readonly source: string;
  readonly peer: string;
  readonly allowsUpdate: boolean;
  readonly remoteSdp: string;
  readonly localSdp: string;
  readonly isHeld: boolean;
  readonly isOnHold: boolean;
  readonly isReferred: boolean;
  readonly hosts: readonly string[];
  readonly origin: OriginState | null;
  readonly lastAck: Leg['lastAck'];
  readonly timer: TimerRecord | null;
  readonly slots: readonly string[];
}

interface TimerRecord {
  readonly policy: TimerPolicy;
  readonly expiresS: number;
  readonly isRefresher: boolean;
  readonly wantedS: number;
  readonly wantedMinS: number;
  readonly dueMs: number;
}

/** A place in the parking lot. */
export interface ParkedRecord {
  readonly slot: string;
  readonly leg: string;
  readonly from: string;
  readonly fromHop: string;
  readonly fromSocket: string;
  /** When it is given back; 0: never. */
  readonly dueMs: number;
}

/** The first INVITE, with where it came from. */
interface RequestRecord extends Omit<ReceiveInfo, 'socket' | 'conId'> {
  readonly text: string;
  readonly socket: string;
}

/** A call in which nothing is under way, as text that another process can go on with. */
export interface CallRecord {
  readonly version: number;
  readonly id: string;
  readonly startedMs: number;
  readonly answeredMs: number;
  /** b2b_max_duration; 0 for none. */
  readonly dueMs: number;
  readonly status: number;
  readonly legCount: number;
  readonly continuedIn: string;
  readonly limit: string;
  readonly isConfirmed: boolean;
  /** Somebody waits for a transfer, which is lost. */
  readonly isTransferring: boolean;
  readonly request: RequestRecord | null;
  /** Null where headers pass as the parameters say. */
  readonly policy: {
    readonly passed: readonly string[];
    readonly dropped: readonly string[];
    readonly pattern: string;
  } | null;
  readonly options: Omit<CallOptions, 'policy'>;
  readonly timerMode: TimerMode;
  readonly timerPolicy: TimerPolicy;
  readonly variables: readonly (readonly [string, string | number])[];
  readonly replyMap: readonly (readonly [number, number])[];
  readonly addedRows: readonly AddedRow[];
  readonly credentials: readonly Credential[];
  readonly mediaFirst: string;
  readonly slots: readonly string[];
  readonly parked: readonly ParkedRecord[];
  readonly legs: readonly LegRecord[];
}

/** The call as it is: legs that were not answered are left out, for they do not outlive a process. */
export function recordOf(call: Call): CallRecord {
  const { calls, options, server } = call;
  const wall = wallOf(server.clock);
  const { policy, ...rest } = options;
  const isUsual = policy === calls.settings.policy;
  return {
    version: RECORD_VERSION,
    id: call.id,
    startedMs: wall(call.startedMs),
    answeredMs: wall(call.answeredMs),
    dueMs: wall(call.dueMs),
    status: call.status,
    legCount: call.legCount,
    continuedIn: call.continuedIn,
    limit: call.limit,
    isConfirmed: call.isConfirmed,
    isTransferring: call.transfer !== null,
    request: call.request === null ? null : requestRecord(call.request),
    policy: isUsual
      ? null
      : { passed: [...policy.passed], dropped: [...policy.dropped], pattern: policy.pattern?.source ?? '' },
    options: rest,
    timerMode: call.timerMode,
    timerPolicy: call.timerPolicy,
    variables: [...call.variables],
    replyMap: [...call.replyMap],
    addedRows: call.addedRows,
    credentials: call.credentials,
    mediaFirst: call.media?.first ?? '',
    slots: calls.limits.of(call),
    parked: calls.parking.of(call).map(({ slot, leg, from, timer }) => ({
      slot,
      leg: leg.id,
      from: from.uri,
      fromHop: from.nextHop,
      fromSocket: from.socket?.uri ?? '',
      dueMs: timer === null ? 0 : wall(timer.dueMs),
    })),
    legs: call.legs.filter((leg) => leg.state !== LEG.EARLY).map((leg) => legRecord(leg, calls.limits, wall)),
  };
}

function legRecord(leg: Leg, limits: Limits, wall: (ms: number) => number): LegRecord {
  const { dialog, timer, isEnded } = leg;
  return {
    id: leg.id,
    role: leg.role,
    isEnded,
    status: leg.status,
    startedMs: wall(leg.startedMs),
    answeredMs: wall(leg.answeredMs),
    endedMs: wall(leg.endedMs),
    socket: leg.socket?.uri ?? '',
    callId: dialog.callId,
    localTag: dialog.localTag,
    remoteTag: dialog.remoteTag,
    local: dialog.local,
    remote: dialog.remote,
    localCseq: dialog.localCseq,
    remoteCseq: dialog.remoteCseq,
    target: dialog.remoteTarget,
    routes: dialog.routeSet,
    flow: dialog.flow,
    joined: leg.peer?.id ?? '',
    source: leg.source?.id ?? '',
    peer: leg.peerName,
    allowsUpdate: leg.allowsUpdate,
    // What an ended one said is of no use any more.
    remoteSdp: isEnded ? '' : leg.remoteSdp,
    localSdp: isEnded ? '' : leg.localSdp,
    isHeld: leg.isHeld,
    isOnHold: leg.isOnHold,
    isReferred: leg.isReferred,
    hosts: leg.hosts,
    origin: isEnded ? null : leg.origin.state,
    lastAck: isEnded ? null : leg.lastAck,
    timer:
      timer === null || isEnded
        ? null
        : {
            policy: timer.policy,
            expiresS: timer.expiresS,
            isRefresher: timer.isRefresher,
            wantedS: timer.wantedS,
            wantedMinS: timer.wantedMinS,
            dueMs: wall(timer.dueMs),
          },
    slots: limits.of(leg),
  };
}

function requestRecord({ buf, rcv }: SipMsg): RequestRecord {
  const { proto, srcIp, srcPort, dstIp, dstPort, socket } = rcv;
  return { text: buf, proto, srcIp, srcPort, dstIp, dstPort, socket: socket.uri };
}

/** Times of a clock that counts from anywhere as wall time; 0 stays 0. */
function wallOf(clock: { now(): number; wall(): number }): (ms: number) => number {
  const wallMs = clock.wall() - clock.now();
  return (ms) => (ms === 0 ? 0 : ms + wallMs);
}

/** In ASCII: messages hold any byte, databases do not take all. */
export function textOf(record: CallRecord): string {
  return JSON.stringify(record).replace(
    /[\u007f-\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Null for what is no record of this version. */
export function parseRecord(text: string): CallRecord | null {
  try {
    const record = JSON.parse(text) as CallRecord | null;
    return record?.version === RECORD_VERSION ? record : null;
  } catch {
    return null;
  }
}
