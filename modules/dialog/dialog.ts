import { flatCopy, type SocketInfo, type Timer } from 'strowger';
import { type DialogState, STATE } from './fsm.ts';
import type { ProfileLink } from './profiles.ts';

/** Sides of a call: who sent the INVITE, and who answered. */
export const LEG = { CALLER: 0, CALLEE: 1 } as const;
export type Leg = (typeof LEG)[keyof typeof LEG];

/** Bits of `dflags`, as Kamailio shows them. */
export const DFLAG = {
  /** Answered and not in the database. */
  NEW: 1,
  CHANGED: 2,
  HAS_BYE: 4,
  /** We have sent a BYE to this side alone. */
  CALLER_BYE: 16,
  CALLEE_BYE: 32,
  VARS_CHANGED: 128,
  /** A transaction carries it. */
  TM: 512,
  PROFILES_CHANGED: 1024,
} as const;

/** Bits of `iflags`, which outlive a restart. */
export const IFLAG = { TIMEOUT_BYE: 1, KA_SRC: 2, KA_DST: 4, TIMEOUT_NORESET: 8 } as const;

/** Separates the parts of a packed text; neither URIs nor Route values can hold it. */
const SEPARATOR = '\n';
/** Parts of a target: Contact and Route values. */
const TARGET_PARTS = 2;

/** A text that can be one of several: of a folded header without its line ends. */
function onePart(text: string): string {
  return text.includes(SEPARATOR) ? text.replaceAll(/[\r\n]+\s*/g, ' ') : text;
}

/** A part of those that begin at `from`. */
function part(text: string, index: number, from = 0): string {
  let start = from;
  for (let i = 0; i < index; i++) {
    const at = text.indexOf(SEPARATOR, start);
    if (at < 0) return '';
    start = at + 1;
  }
  const end = text.indexOf(SEPARATOR, start);
  return end < 0 ? text.slice(start) : text.slice(start, end);
}

/** What a dialog begins with. */
export interface DialogStart {
  readonly hEntry: number;
  readonly hId: number;
  readonly callId: string;
  readonly fromTag: string;
  readonly fromUri: string;
  readonly toUri: string;
  readonly requestUri: string;
  /** URI of the caller's Contact, and Route values to it, separated by commas. */
  readonly callerContact: string;
  readonly callerRoutes: string;
  readonly initSec: number;
  readonly lifetimeSec: number;
}

/**
 * One call that passes through: Kamailio's dlg_cell. There may be a million of them, so texts that are seldom looked at are
 * packed together, and what few dialogs have is null.
 */
export class Dialog {
  readonly hEntry: number;
  readonly hId: number;
  readonly callId: string;
  readonly fromTag: string;
  /** The callee's; '' until it has answered. */
  toTag = '';
  state: DialogState = STATE.UNCONFIRMED;
  dflags = 0;
  sflags = 0;
  iflags = 0;
  /** Seconds of the wall clock: creation, answer and end; 0 before. */
  readonly initSec: number;
  startSec = 0;
  endSec = 0;
  lifetimeSec: number;
  /** When its time is over, seconds; 0 while nothing is due. */
  timeoutSec = 0;
  callerCseq = 0;
  calleeCseq = 0;
  callerSocket: SocketInfo | null = null;
  calleeSocket: SocketInfo | null = null;
  /** `$dlg_ctx(timeout_route)`: the route to run when the time is over. */
  timeoutRoute = '';
  vars: Map<string, string> | null = null;
  profiles: ProfileLink[] | null = null;
  timer: Timer<Dialog> | null = null;
  /** Transactions that carry it: it is kept as long as one of them lives. */
  holders = 0;
  /** Has it been told that it ends? */
  isTerminated = false;
  /** Is there a row of it in the database? */
  isStored = false;
  /** Its neighbours in its entry of the table, and the next dialog of the same Call-ID. */
  next: Dialog | null = null;
  previous: Dialog | null = null;
  sameCall: Dialog | null = null;
  /** Call-ID and From tag, then the caller's target and the URIs: one copy of all that the INVITE said. */
  readonly #text: string;
  /** Contact and Route values; what may follow does not count. */
  #callerTarget: string;
  #calleeTarget = '';

  constructor(start: DialogStart) {
    this.hEntry = start.hEntry;
    this.hId = start.hId;
    const { callId, fromTag } = start;
    const target = `${onePart(start.callerContact)}\n${onePart(start.callerRoutes)}`;
    const uris = `${onePart(start.fromUri)}\n${onePart(start.toUri)}\n${onePart(start.requestUri)}`;
    this.#text = flatCopy(`${callId}${fromTag}${target}\n${uris}`);
    this.callId = this.#text.slice(0, callId.length);
    this.fromTag = this.#text.slice(callId.length, callId.length + fromTag.length);
    this.#callerTarget = this.#text.slice(callId.length + fromTag.length);
    this.initSec = start.initSec;
    this.lifetimeSec = start.lifetimeSec;
  }

  #uri(index: number): string {
    return part(this.#text, index + TARGET_PARTS, this.callId.length + this.fromTag.length);
  }

  get fromUri(): string {
    return this.#uri(0);
  }
  get toUri(): string {
    return this.#uri(1);
  }
  get requestUri(): string {
    return this.#uri(2);
  }

  tag(leg: Leg): string {
    return leg === LEG.CALLER ? this.fromTag : this.toTag;
  }

  cseq(leg: Leg): number {
    return leg === LEG.CALLER ? this.callerCseq : this.calleeCseq;
  }

  setCseq(leg: Leg, cseq: number): void {
    if (leg === LEG.CALLER) this.callerCseq = cseq;
    else this.calleeCseq = cseq;
  }

  socket(leg: Leg): SocketInfo | null {
    return leg === LEG.CALLER ? this.callerSocket : this.calleeSocket;
  }

  /** The URI of a side's Contact; '' where it gave none. */
  contact(leg: Leg): string {
    return part(leg === LEG.CALLER ? this.#callerTarget : this.#calleeTarget, 0);
  }

  /** Route values from here to a side, separated by commas. */
  routeSet(leg: Leg): string {
    return part(leg === LEG.CALLER ? this.#callerTarget : this.#calleeTarget, 1);
  }

  /** What the answer says of the callee. */
  setCallee(toTag: string, contact: string, routeSet: string): void {
    const text = flatCopy(`${toTag}${onePart(contact)}\n${onePart(routeSet)}`);
    this.toTag = text.slice(0, toTag.length);
    this.#calleeTarget = text.slice(toTag.length);
  }

  setTarget(leg: Leg, contact: string, routeSet: string): void {
    const target = contact === '' && routeSet === '' ? '' : flatCopy(`${onePart(contact)}\n${onePart(routeSet)}`);
    if (leg === LEG.CALLER) this.#callerTarget = target;
    else this.#calleeTarget = target;
  }

  setContact(leg: Leg, contact: string): void {
    if (contact !== '' && contact !== this.contact(leg)) this.setTarget(leg, contact, this.routeSet(leg));
  }

  hasProperty(bit: number): boolean {
    return (this.iflags & bit) !== 0;
  }

  /** Seconds since the answer; 0 before. */
  durationSec(nowSec: number): number {
    return this.startSec === 0 ? 0 : (this.endSec > 0 ? this.endSec : nowSec) - this.startSec;
  }

  variable(name: string): string | null {
    return this.vars?.get(name) ?? null;
  }

  /** Null removes it. */
  setVariable(name: string, value: string | null): void {
    if (value === null) {
      if (this.vars?.delete(name) !== true) return;
      if (this.vars.size === 0) this.vars = null;
    } else {
      // What is set anew is the newest again: lists show the newest first.
      const key = flatCopy(name);
      this.vars ??= new Map();
      this.vars.set(key, flatCopy(value));
    }
    this.dflags |= DFLAG.VARS_CHANGED;
  }

  /**
   * The side that a message with these tags comes from; null where it is none of this dialog's. Before the answer any tag may
   * be the callee's, and none is one too.
   */
  senderOf(fromTag: string, toTag: string): Leg | null {
    const { toTag: ours } = this;
    if (fromTag === this.fromTag && (ours === '' || toTag === '' || toTag === ours)) return LEG.CALLER;
    if (toTag === this.fromTag && (ours === '' || fromTag === ours)) return LEG.CALLEE;
    return null;
  }
}

/** The other side. */
export function otherLeg(leg: Leg): Leg {
  return leg === LEG.CALLER ? LEG.CALLEE : LEG.CALLER;
}
