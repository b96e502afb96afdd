import { canonicalIp, flatCopy, type ModuleContext, parseUri, type SharedMap, type SipMsg, sharedMap } from 'strowger';
import type { Ucontact, UsrlocApi } from '../usrloc/api.ts';
import type { Target } from './dial.ts';
import type { Limits } from './limits.ts';
import { addressOf, PeerAddresses } from './peer-addresses.ts';
import type { PeerDef } from './peer-def.ts';
import { PeerRegistrations } from './peer-registration.ts';
import { PeerSource } from './peer-source.ts';
import { NEW_PEER, type PeerState } from './peer-state.ts';

/** Name of the limit that counts a peer's calls; its key is the peer. */
export const PEER_LIMIT = 'peer';
/** usrloc's table with the contacts of peers that register here. */
const LOCATION = 'location';

const NAMED = {};

/** The peer that a route is about: set by b2b_is_peer(), b2b_peer() and the event routes of peers. */
export function setPeer(msg: SipMsg, peer: PeerDef): void {
  msg.setExtension(NAMED, peer);
}

export function peerOfMessage(msg: SipMsg): PeerDef | undefined {
  return msg.extension<PeerDef>(NAMED);
}

/** The peers of a server: who they are, how they do, and who sent a message. */
export class Peers {
  readonly #source: PeerSource;
  readonly #usrloc: UsrlocApi | undefined;
  readonly #limits: Limits;
  readonly registrations: PeerRegistrations;
  readonly #states: SharedMap<PeerState>;
  #byName: ReadonlyMap<string, PeerDef> = new Map();
  #addresses = new PeerAddresses([]);
  /** Those that register here, by the user of their address of record. */
  #byUser: ReadonlyMap<string, PeerDef> = new Map();
  /** Told when the table was read. */
  onLoaded: (() => void) | null = null;

  constructor(ctx: ModuleContext, limits: Limits) {
    this.#source = new PeerSource(ctx);
    this.#usrloc = ctx.optionalApi<UsrlocApi>('usrloc');
    this.#limits = limits;
    this.registrations = new PeerRegistrations(ctx);
    this.#states = sharedMap(ctx.server, 'b2bua.peers');
  }

  /** Reads the table, and swaps it at once; rejects with what is wrong, and the old one stays. */
  async load(): Promise<void> {
    const peers = await this.#source.load();
    const registering = [...peers.values()].filter((peer) => peer.register === 'server');
    const [first] = registering;
    if (first !== undefined && this.#usrloc === undefined)
      throw new Error(`peer ${first.name}: that it registers here needs the module usrloc`);
    const error = this.registrations.check(peers.values());
    if (error !== null) throw new Error(error);
    this.#byName = peers;
    this.#addresses = new PeerAddresses(peers.values());
    this.#byUser = new Map(registering.map((peer) => [userOf(peer.aor), peer]));
    // Tables are read before childInit where usrloc is told of them in time.
    if (first !== undefined) this.#usrloc?.domain(LOCATION);
    this.registrations.changed(this);
    this.onLoaded?.();
  }

  get isSourceChanged(): boolean {
    return this.#source.isChanged;
  }

  get size(): number {
    return this.#byName.size;
  }

  [Symbol.iterator](): IterableIterator<PeerDef> {
    return this.#byName.values();
  }

  get(name: string): PeerDef | undefined {
    return this.#byName.get(name);
  }

  /** In the order in which they are configured. */
  ofGroup(group: string): PeerDef[] {
    return [...this].filter((peer) => peer.group === group);
  }

  state(name: string): PeerState {
    return this.#states.get(name) ?? NEW_PEER;
  }

  setState(name: string, state: PeerState): void {
    this.#states.set(name, state);
  }

  /** Calls of a peer now, in and out, over all workers. */
  calls(name: string): number {
    return this.#limits.count(PEER_LIMIT, name);
  }

  hasRoom({ name, limit }: PeerDef): boolean {
    return limit === 0 || this.calls(name) < limit;
  }

  /** Counts a call of the peer's until `holder` (a leg) releases it; false beyond the peer's limit. */
  take(holder: object, { name, limit }: PeerDef): boolean {
    return this.#limits.take(holder, PEER_LIMIT, limit === 0 ? Number.POSITIVE_INFINITY : limit, name);
  }

  // ---- where they are

  /** Where a peer is called, `user` where its URI has none; empty where it is not registered. */
  targets(peer: PeerDef, user: string): Target[] | Promise<Target[]> {
    if (peer.register !== 'server') return [{ ...staticTarget(peer, user), peer: peer.name }];
    const contacts = this.contacts(peer);
    const made = (found: readonly Ucontact[]): Target[] =>
      found.map((contact) => ({ ...this.#contactTarget(contact), peer: peer.name }));
    return contacts instanceof Promise ? contacts.then(made) : made(contacts);
  }

  /** Where a peer is that registers here. */
  contacts(peer: PeerDef): readonly Ucontact[] | Promise<readonly Ucontact[]> {
    const usrloc = this.#usrloc;
    if (usrloc === undefined) return [];
    return usrloc.domain(LOCATION).lookup(usrloc.useDomain ? peer.aor : userOf(peer.aor));
  }

  /** Where a user is registered; empty where there is no usrloc. */
  located(user: string): Target[] | Promise<Target[]> {
    const usrloc = this.#usrloc;
    if (usrloc === undefined) return [];
    const found = usrloc.domain(LOCATION).lookup(usrloc.useDomain ? user : userOf(user));
    const made = (contacts: readonly Ucontact[]): Target[] =>
      contacts.map((contact) => ({ ...this.#contactTarget(contact), peer: userOf(user) }));
    return found instanceof Promise ? found.then(made) : made(found);
  }

  #contactTarget(contact: Ucontact): Target {
    return {
      uri: contact.contact,
      nextHop: contact.received,
      socket: this.#usrloc?.socketOf(contact) ?? null,
      routes: contact.path === '' ? [] : splitRoutes(contact.path),
    };
  }

  // ---- who sent a message

  /** The peer that a request comes from, by its address and port, or by where it is registered. */
  ofMessage(msg: SipMsg): PeerDef | null | Promise<PeerDef | null> {
    const found = this.#addresses.sender(msg);
    if (found !== null) return found;
    const source = canonicalIp(msg.rcv.srcIp);
    const registered = this.#byUser.get(msg.from?.uri?.user ?? '');
    if (registered === undefined) return null;
    const contacts = this.contacts(registered);
    const isThere = (list: readonly Ucontact[]): PeerDef | null =>
      list.some((contact) => addressOf(contact.received || contact.contact) === source) ? registered : null;
    return contacts instanceof Promise ? contacts.then(isThere) : isThere(contacts);
  }

  close(): Promise<void> {
    this.registrations.close();
    return this.#source.close();
  }
}

function staticTarget(peer: PeerDef, user: string): Target {
  const uri = parseUri(peer.uri);
  const withUser =
    uri === null || uri.user !== '' || user === '' ? peer.uri : peer.uri.replace(/^(sips?:)/i, `$1${flatCopy(user)}@`);
  return { uri: withUser, nextHop: peer.proxy, socket: null };
}

function userOf(aor: string): string {
  const user = aor.replace(/^sips?:/i, '');
  const at = user.indexOf('@');
  return at < 0 ? user : user.slice(0, at);
}

/** Route values of a Path: commas stand between their brackets. */
function splitRoutes(path: string): string[] {
  return path
    .split(/,(?=\s*(?:"[^"]*"|[^<>",]*)\s*<)/)
    .map((route) => route.trim())
    .filter((route) => route !== '');
}
