import type { Log, Random, SocketInfo, XavpFields } from 'strowger';
import {
  type Dest,
  type DestEntry,
  Dest as Destination,
  DS_FLAG,
  SKIP_BITS,
  STATE_BITS,
  splitDestUri,
} from './destination.ts';
import { LatencyStats } from './latency.ts';
import { type DsSettings, XAVP_MODE } from './params.ts';
import { DsSet } from './sets.ts';

/** What the table needs of the server. */
interface TableParts {
  readonly settings: DsSettings;
  readonly random: Random;
  readonly log: Log;
  findSocket(text: string): SocketInfo | null;
  /** Sockets of destinations that name none: attribute values, '' where not set. */
  readonly defaultSocket: string;
  readonly defaultSockname: string;
  /** Of pings. */
  readonly defaultPingSocket: string;
}

/** How a destination's usability has changed: the event to run, or null. */
export type StateEvent = 'dst-down' | 'dst-up' | null;

/** A destination that can not be used, and why. */
interface Rejected {
  readonly entry: DestEntry;
  readonly why: string;
}

/** All sets of one server. Loading replaces them; every change of a state goes through `update`. */
export class DsTable {
  /** Told of each state that `update` changed, and of each measurement. */
  onState: (dest: Dest) => void = () => {};
  readonly #parts: TableParts;
  #sets: ReadonlyMap<number, DsSet> = new Map();
  /** Counts loads: what was looked up in an older table is void. */
  generation = 0;

  constructor(parts: TableParts) {
    this.#parts = parts;
  }

  set(id: number): DsSet | undefined {
    return this.#sets.get(id);
  }

  /** By id, lowest first. */
  get sets(): DsSet[] {
    return [...this.#sets.values()].sort((a, b) => a.id - b.id);
  }

  get setCount(): number {
    return this.#sets.size;
  }

  *dests(): Generator<Dest> {
    for (const set of this.#sets.values()) yield* set.dests;
  }

  findSocket(text: string): SocketInfo | null {
    return this.#parts.findSocket(text);
  }

  /** The first destination of a set with this URI. */
  find(setId: number, uri: string): Dest | undefined {
    return this.#sets.get(setId)?.dests.find((dest) => dest.uri === uri);
  }

  /**
   * Takes a new list. A destination that was there before, by set and URI, keeps its state (unless its flags in the list
   * are others now), latency and load. Returns those that can not be used.
   */
  load(entries: readonly DestEntry[]): Rejected[] {
    const rejected: Rejected[] = [];
    const bySet = new Map<number, Dest[]>();
    for (const entry of entries) {
      const dest = this.#make(entry);
      if (typeof dest === 'string') rejected.push({ entry, why: dest });
      else {
        this.#keepState(dest);
        const dests = bySet.get(dest.setId);
        if (dests === undefined) bySet.set(dest.setId, [dest]);
        else dests.push(dest);
      }
    }
    if (rejected.length > 0 && this.#parts.settings.isStrict) return rejected;
    const sets = new Map<number, DsSet>();
    for (const [id, dests] of bySet) sets.set(id, this.#newSet(id, dests));
    this.#sets = sets;
    this.generation++;
    return rejected;
  }

  /** Adds one destination behind those of its priority. An error text, or null. */
  add(entry: DestEntry): string | null {
    const dest = this.#make(entry);
    if (typeof dest === 'string') return dest;
    const present = this.#sets.get(entry.setId)?.dests.toReversed() ?? [];
    this.#replace(entry.setId, [dest, ...present]);
    return null;
  }

  /** Removes all of a set with this URI; false when there is none. */
  remove(setId: number, uri: string): boolean {
    const present = this.#sets.get(setId)?.dests ?? [];
    const left = present.filter((dest) => dest.uri !== uri);
    if (left.length === present.length) return false;
    this.#replace(setId, left.toReversed());
    return true;
  }

  /**
   * Gives a destination a state (DS_FLAG bits). Trying becomes inactive once it has come `ds_probing_threshold` times;
   * what is inactive becomes active only when that was asked `ds_inactive_threshold` times, and never trying. Returns the
   * event to run.
   */
  update(dest: Dest, asked: number): StateEvent {
    const { settings } = this.#parts;
    const old = dest.flags;
    const wasInactive = (old & DS_FLAG.INACTIVE) !== 0;
    let state = asked & STATE_BITS;
    if ((state & DS_FLAG.DISABLED) !== 0) state = DS_FLAG.DISABLED;
    if ((state & DS_FLAG.TRYING) !== 0) {
      const isDown = wasInactive || (state & DS_FLAG.INACTIVE) !== 0 || ++dest.count >= settings.probingThreshold;
      if (isDown) {
        state = (state & ~DS_FLAG.TRYING) | DS_FLAG.INACTIVE;
        dest.count = 0;
      }
    } else if (wasInactive && (state & SKIP_BITS) === 0) {
      if (++dest.count < settings.inactiveThreshold) state |= DS_FLAG.INACTIVE;
      else dest.count = 0;
    } else dest.count = 0;
    dest.flags = (old & ~STATE_BITS) | state;
    return dest.flags === old ? null : this.#changed(dest, old);
  }

  /** Sets a state at once, as an administrator does: nothing is counted and no event runs. */
  force(dest: Dest, asked: number): void {
    const state = (asked & DS_FLAG.DISABLED) !== 0 ? DS_FLAG.DISABLED : asked & STATE_BITS;
    dest.flags = (dest.flags & ~STATE_BITS) | state;
    dest.count = 0;
    this.#sets.get(dest.setId)?.stateChanged();
  }

  /** Takes the state that another worker has found. */
  adopt(dest: Dest, flags: number, count: number): void {
    dest.flags = flags;
    dest.count = count;
    this.#sets.get(dest.setId)?.stateChanged();
  }

  /** The congestion of a destination was measured anew. */
  measured(dest: Dest): void {
    if (dest.attrs.hasCongestionControl) this.#sets.get(dest.setId)?.stateChanged();
    this.onState(dest);
  }

  #changed(dest: Dest, old: number): StateEvent {
    this.#sets.get(dest.setId)?.stateChanged();
    this.onState(dest);
    const was = (old & SKIP_BITS) === 0;
    if (was === dest.isUsable) return null;
    return was ? 'dst-down' : 'dst-up';
  }

  #replace(id: number, dests: readonly Dest[]): void {
    const sets = new Map(this.#sets);
    if (dests.length === 0) sets.delete(id);
    else sets.set(id, this.#newSet(id, dests));
    this.#sets = sets;
    this.generation++;
  }

  #newSet(id: number, dests: readonly Dest[]): DsSet {
    const set = new DsSet(id, dests, (below) => this.#parts.random.int(below));
    const old = this.#sets.get(id);
    if (old !== undefined && old.dests.length === set.dests.length) set.continueFrom(old);
    return set;
  }

  #keepState(dest: Dest): void {
    const old = this.find(dest.setId, dest.uri);
    if (old === undefined) return;
    dest.latency = old.latency;
    dest.addresses = old.addresses;
    dest.overload = old.overload;
    if (old.attrs.duid === dest.attrs.duid) dest.load = old.load;
    if (old.loadedFlags !== dest.loadedFlags) return;
    dest.flags = old.flags;
    dest.count = old.count;
  }

  /** An error text where the entry can not be used. */
  #make(entry: DestEntry): Dest | string {
    const { settings } = this.#parts;
    const uri = splitDestUri(entry.uri);
    if (uri === null) return `"${entry.uri}" is no SIP URI`;
    const { defaultSocket, defaultSockname, defaultPingSocket } = this.#parts;
    const { sockname, socket: named, pingSocket: forPings } = entry.attrs;
    const socket = this.#socket(sockname || named || defaultSockname || defaultSocket);
    if (typeof socket === 'string') return socket;
    const pingSocket = this.#socket(forPings || defaultPingSocket);
    if (typeof pingSocket === 'string') return pingSocket;
    const attrs = settings.attrsNone && entry.attrs.body === '' ? { ...entry.attrs, body: 'none=yes' } : entry.attrs;
    const read = attrs === entry.attrs ? entry : { ...entry, attrs };
    const fields = fieldsOf(read, socket, settings);
    return new Destination(read, uri, socket, pingSocket ?? socket, fields, new LatencyStats(attrs.latencyMs));
  }

  /** Null where none is named, an error text where there is no such socket. */
  #socket(text: string): SocketInfo | string | null {
    if (text === '') return null;
    return this.#parts.findSocket(text) ?? `this server has no socket "${text}"`;
  }
}

/** What the XAVP of a destination holds, newest field first. */
function fieldsOf(entry: DestEntry, socket: SocketInfo | null, settings: DsSettings): XavpFields {
  const { attrs } = entry;
  const mode = settings.xavpDstMode;
  const fields: { name: string; value: string | number }[] = [];
  if (socket !== null) fields.push({ name: 'sock', value: socket.uri });
  if ((mode & XAVP_MODE.SOCKNAME) !== 0 && attrs.sockname !== '')
    fields.push({ name: 'sockname', value: attrs.sockname });
  if ((mode & XAVP_MODE.SOCKET) !== 0 && attrs.socket !== '') fields.push({ name: 'socket', value: attrs.socket });
  if ((mode & XAVP_MODE.NO_ATTRS) === 0 && attrs.body !== '') fields.push({ name: 'attrs', value: attrs.body });
  fields.push({ name: 'grp', value: entry.setId }, { name: 'uri', value: entry.uri });
  return fields;
}
