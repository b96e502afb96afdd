import {
  newBranch,
  type Run,
  rewriteUri,
  type SipMsg,
  type SocketInfo,
  varsOf,
  type Xavp,
  type XavpFields,
  XavpList,
} from 'strowger';
import {
  ALG,
  type AlgorithmParts,
  isAlgorithm,
  latencyOrder,
  movesRoundRobin,
  startIndex,
  turnOrPriority,
} from './algorithms.ts';
import type { CallLoads } from './call-load.ts';
import { Dest } from './destination.ts';
import { CTX_MODE_NO_CNT } from './params.ts';
import type { DsSet } from './sets.ts';
import type { DsTable } from './table.ts';

/** Where the selected destination goes: `$du`, the host of the Request-URI, or the XAVP alone. */
export const PUSH = { DST_URI: 0, RURI: 1, XAVP: 2 } as const;
export type Push = (typeof PUSH)[keyof typeof PUSH];

/** The XAVP of one destination; with dstid where the call is counted for it (algorithm 10). */
function xavpOf(name: string, dest: Dest, isCounted: boolean): Xavp {
  const fields = isCounted ? [{ name: 'dstid', value: dest.attrs.duid }, ...dest.fields] : dest.fields;
  return { name, value: new XavpList(fields, dest) };
}

/** What selecting works with. */
interface SelectionParts extends AlgorithmParts {
  readonly table: DsTable;
  readonly loads: CallLoads;
  /** Ms since 1970. */
  wallMs(): number;
  warn(text: string): void;
  error(text: string): void;
}

/** Selects destinations and hands them out one after the other. One for a server. */
export class Selection {
  readonly #parts: SelectionParts;
  readonly #hasContext: boolean;
  /** Fields of the XAVP that counts what was found, by the count. */
  readonly #counts: XavpFields[] = [];

  constructor(parts: SelectionParts) {
    const { xavpCtx, xavpCtxMode } = parts.settings;
    this.#parts = parts;
    this.#hasContext = xavpCtx !== '' && (xavpCtxMode & CTX_MODE_NO_CNT) === 0;
  }

  /**
   * Selects from one set and keeps what is left for failover. `limit` is how many are kept in all, 0 or less for any
   * number. Returns 1, or -1 when there is nothing to select.
   */
  select(run: Run, setId: number, alg: number, limit: number, push: Push): number {
    if (!this.#mayPush(run.msg, push)) return -1;
    const found = this.#begin();
    if (!this.#fromSet(run, setId, alg, limit, push, found)) return -1;
    this.#keep(run.msg, found);
    return 1;
  }

  /** As `select`, over several sets; true for the first that has one is enough. */
  selectMany(run: Run, rules: readonly (readonly [set: number, alg: number])[], limit: number, push: Push): number {
    if (!this.#mayPush(run.msg, push)) return -1;
    const found = this.#begin();
    let isPushed = false;
    for (const [setId, alg] of rules)
      if (this.#fromSet(run, setId, alg, limit, isPushed ? PUSH.XAVP : push, found)) isPushed = true;
    if (!isPushed) return -1;
    this.#keep(run.msg, found);
    return 1;
  }

  /** Goes to the next destination kept, or with `isFirst` takes the present one again. Returns 1, or -1 without one. */
  take(msg: SipMsg, push: Push, isFirst: boolean): number {
    const { settings } = this.#parts;
    if (!settings.hasFailover) {
      if (!isFirst) this.#parts.warn('failover support is off: it needs bit 2 of the parameter flags, and xavp_dst');
      return -1;
    }
    const xavps = msg.vars?.xavps;
    const present = xavps?.get(settings.xavpDst);
    if (xavps === undefined || present === undefined) return -1;
    if (isFirst) return this.#pushKept(msg, present, push, null);
    xavps.remove(present);
    const next = xavps.get(settings.xavpDst);
    return next === undefined ? -1 : this.#pushKept(msg, next, push, present);
  }

  /** The destination that the message is being sent to: the first kept. */
  current(msg: SipMsg): Dest | null {
    const value = msg.vars?.xavps.get(this.#parts.settings.xavpDst)?.value;
    if (!(value instanceof XavpList)) return null;
    const { source } = value;
    if (source instanceof Dest && value.untouched !== null)
      return this.#parts.table.find(source.setId, source.uri) ?? null;
    const group = value.value('grp');
    const uri = value.value('uri');
    return typeof group === 'number' && typeof uri === 'string' ? (this.#parts.table.find(group, uri) ?? null) : null;
  }

  #mayPush(msg: SipMsg, push: Push): boolean {
    if (push !== PUSH.DST_URI || this.#parts.settings.forceDst || msg.dstUri === '') return true;
    this.#parts.error('the destination URI is set already, and force_dst is 0');
    return false;
  }

  #fromSet(run: Run, setId: number, asked: number, limit: number, push: Push, found: Xavp[]): boolean {
    const set = this.#parts.table.set(setId);
    if (set === undefined) {
      this.#parts.error(`there is no destination set ${setId}`);
      return false;
    }
    const alg = asked === ALG.TURN_OR_PRIORITY ? turnOrPriority(set) : asked;
    if (alg === ALG.PARALLEL) return this.#fork(run.msg, set, push);
    if (!isAlgorithm(alg)) this.#parts.warn(`there is no algorithm ${alg}: the first destination is taken`);
    const { usesDefault, hasFailover } = this.#parts.settings;
    const count = usesDefault && set.dests.length > 1 ? set.dests.length - 1 : set.dests.length;
    const isCounting = alg === ALG.CALL_LOAD && this.#isCounted(run.msg);
    const order = alg === ALG.LATENCY ? latencyOrder(set, count) : null;
    const chosen =
      order !== null ? (order[0] ?? -1) : isCounting ? leastLoaded(set, count) : this.#pointedAt(run, alg, set, count);
    if (chosen === NOTHING_TO_HASH) return false;
    if (chosen < 0 && !(usesDefault && set.dests.at(-1)?.isUsable === true)) return false;
    const index = chosen < 0 ? set.dests.length - 1 : chosen;
    if (movesRoundRobin(alg, run)) set.roundRobin = (index + 1) % count;
    const dest = set.dests[index] as Dest;
    const isCounted = isCounting && this.#count(run.msg, dest);
    if (push !== PUSH.XAVP) this.#push(run.msg, dest.uri, dest.hostPart, dest.socket, push);
    if (hasFailover) this.#collect(set, index, count, order, limit, isCounted, found);
    return true;
  }

  #pointedAt(run: Run, alg: number, set: DsSet, count: number): number {
    const start = startIndex(alg, set, run, count, this.#parts);
    if (start >= 0 && alg === ALG.OVERLOAD) return usableFrom(set, start, count, this.#parts.wallMs());
    if (start >= 0) return usableFrom(set, start, count);
    this.#parts.error(`algorithm ${alg} finds nothing to hash in the message`);
    return NOTHING_TO_HASH;
  }

  /** The selected destination, then the others from behind it round, then the default one. */
  #collect(
    set: DsSet,
    first: number,
    count: number,
    order: readonly number[] | null,
    limit: number,
    isCounted: boolean,
    found: Xavp[],
  ): void {
    const name = this.#parts.settings.xavpDst;
    const { dests } = set;
    const most = limit > 0 ? limit + (this.#hasContext ? 1 : 0) : Number.MAX_SAFE_INTEGER;
    found.push(xavpOf(name, dests[first] as Dest, isCounted));
    for (let i = 1; i < (order?.length ?? count) && found.length < most; i++) {
      const index = order === null ? (first + i) % count : (order[i] as number);
      const dest = dests[index] as Dest;
      if (index !== first && dest.isUsable && !(isCounted && isFull(dest))) found.push(xavpOf(name, dest, isCounted));
    }
    if (count < dests.length && first < count && found.length < most)
      found.push(xavpOf(name, dests[count] as Dest, isCounted));
  }

  /** Every usable destination at once: the first as destination, the others as branches. */
  #fork(msg: SipMsg, set: DsSet, push: Push): boolean {
    const usable = set.dests.filter((dest) => dest.isUsable);
    const [first, ...others] = usable;
    if (first === undefined) return false;
    const uri = msg.uri;
    if (push === PUSH.RURI) for (const dest of others) addRuriBranch(msg, dest);
    this.#push(msg, first.uri, first.hostPart, first.socket, push);
    if (push !== PUSH.RURI)
      for (const dest of others) {
        const branch = newBranch(uri);
        branch.dstUri = dest.uri;
        branch.socket = dest.socket;
        (msg.branches ??= []).push(branch);
      }
    return true;
  }

  /** What is found is kept behind the XAVP that counts it. */
  #begin(): Xavp[] {
    return this.#hasContext ? [{ name: this.#parts.settings.xavpCtx, value: null }] : [];
  }

  #keep(msg: SipMsg, found: Xavp[]): void {
    const context = this.#hasContext ? found[0] : undefined;
    if (context !== undefined) context.value = new XavpList(this.#countFields(found.length - 1));
    varsOf(msg).xavps.prepend(found);
  }

  #countFields(count: number): XavpFields {
    this.#counts[count] ??= [{ name: 'cnt', value: count }];
    return this.#counts[count];
  }

  #pushKept(msg: SipMsg, kept: Xavp, push: Push, before: Xavp | null): number {
    const list = kept.value;
    if (!(list instanceof XavpList)) return -1;
    const { source } = list;
    if (source instanceof Dest && list.untouched === source.fields)
      return this.#push(msg, source.uri, source.hostPart, source.socket, push);
    this.#moveLoad(msg, list, before);
    const uri = list.value('uri');
    if (typeof uri !== 'string') return -1;
    const socket = list.value('sock');
    const hostPart = uri.slice(Math.max(uri.indexOf(':'), uri.indexOf('@')) + 1);
    const found = typeof socket === 'string' ? (this.#parts.table.findSocket(socket) ?? null) : null;
    return this.#push(msg, uri, hostPart, found, push);
  }

  /** A destination without a socket leaves the one that is set. */
  #push(msg: SipMsg, uri: string, hostPart: string, socket: SocketInfo | null, push: Push): number {
    if (push === PUSH.RURI) {
      const rewritten = withHost(msg, hostPart);
      if (rewritten === null) return -1;
      rewriteUri(msg, rewritten);
    } else if (push === PUSH.DST_URI) msg.dstUri = uri;
    if (socket !== null && push !== PUSH.XAVP) msg.forceSocket = socket;
    return 1;
  }

  /** Calls are INVITEs; other requests are sent without being counted. */
  #isCounted(msg: SipMsg): boolean {
    return this.#parts.settings.countsCalls && msg.isRequest && msg.methodName === 'INVITE';
  }

  #count(msg: SipMsg, dest: Dest): boolean {
    const why = this.#parts.loads.add(msg.callId ?? '', dest);
    if (why !== null) this.#parts.error(`the call is not counted: ${why}`);
    return why === null;
  }

  /** A call that goes on to another destination counts there. */
  #moveLoad(msg: SipMsg, to: XavpList, before: Xavp | null): void {
    const duid = before === null ? undefined : to.value('dstid');
    const group = to.value('grp');
    if (typeof duid === 'string' && typeof group === 'number') this.#parts.loads.move(msg.callId ?? '', group, duid);
  }
}

function addRuriBranch(msg: SipMsg, dest: Dest): void {
  const uri = withHost(msg, dest.hostPart);
  if (uri === null) return;
  const branch = newBranch(uri);
  branch.socket = dest.socket;
  (msg.branches ??= []).push(branch);
}

/** The Request-URI with everything behind its user replaced; null where it can not be read. */
function withHost(msg: SipMsg, hostPart: string): string | null {
  const uri = msg.ruri;
  if (uri === null) return null;
  const scheme = uri.host === '' ? 'sip' : uri.schemeText;
  const user = uri.user === '' ? '' : `${uri.user}${uri.password === '' ? '' : `:${uri.password}`}@`;
  return `${scheme}:${user}${hostPart}`;
}

const NOTHING_TO_HASH = -2;

/** The first usable index from `start` on, round; -1 where there is none. `wallMs`: as overload control lets it, now. */
function usableFrom(set: DsSet, start: number, count: number, wallMs?: number): number {
  for (let i = 0; i < count; i++) {
    const index = (start + i) % count;
    const dest = set.dests[index] as Dest;
    if (dest.isUsable && !(wallMs !== undefined && dest.overload.skips(wallMs))) return index;
  }
  return -1;
}

function isFull(dest: Dest): boolean {
  return dest.attrs.maxLoad > 0 && dest.load >= dest.attrs.maxLoad;
}

/** The usable destination with the fewest calls that has room; -1 where there is none. */
function leastLoaded(set: DsSet, count: number): number {
  let best = -1;
  for (let index = 0; index < count; index++) {
    const dest = set.dests[index] as Dest;
    if (!dest.isUsable || isFull(dest)) continue;
    if (best < 0 || dest.load < (set.dests[best] as Dest).load) best = index;
  }
  return best;
}
