import { coreHash, type ModuleContext } from 'strowger';
import type { TmApi } from '../tm/api.ts';
import {
  ClientRegistration,
  REG_FLAG,
  type RegistrationParts,
  type RegistrationSettings,
  type RegistrationState,
} from './client-registration.ts';
import { Pace } from './pace.ts';
import { planOf } from './plans.ts';
import { isSameRecord, type RegRecord } from './records.ts';

/** A record and what is known of its registration. */
export interface RegEntry {
  readonly record: RegRecord;
  readonly slot: number;
  /** Seconds before its first attempt, and wall seconds at which they began. */
  readonly delaySec: number;
  readonly initSec: number;
  state: RegistrationState;
  /** In the worker that registers; null in the others. */
  client: ClientRegistration | null;
}

/** A change of the table, as workers tell each other. */
type Change =
  | { readonly op: 'all'; readonly records: readonly RegRecord[] }
  | { readonly op: 'put'; readonly record: RegRecord }
  | { readonly op: 'remove' | 'enable' | 'disable' | 'unregister'; readonly uuid: string }
  | { readonly op: 'active'; readonly mode: number }
  | { readonly op: 'state'; readonly uuid: string; readonly state: RegistrationState };

interface Snapshot {
  readonly active: number;
  readonly entries: readonly {
    readonly record: RegRecord;
    readonly state: RegistrationState;
    readonly delaySec: number;
    readonly initSec: number;
  }[];
}

const TOPIC = 'uac.registrations';
/** Attributes that records are found by (Kamailio: uac.reg_info). */
export const FILTERS = {
  l_uuid: (record: RegRecord): string => record.uuid,
  l_username: (record: RegRecord): string => record.localUser,
  r_username: (record: RegRecord): string => record.remoteUser,
  auth_username: (record: RegRecord): string => record.authUser,
} as const;
export type FilterName = keyof typeof FILTERS;

/**
 * The records of uacreg in memory. Every worker has them all; the first worker registers, and tells the others how it
 * goes. What any worker is asked to change it changes for itself and tells the others.
 */
export class Registrations {
  readonly #ctx: ModuleContext;
  readonly #parts: RegistrationParts;
  readonly #settings: RegistrationSettings;
  readonly #entries = new Map<string, RegEntry>();
  /** By local user, newest first. */
  readonly #byUser = new Map<string, RegEntry[]>();
  readonly #slots: number;
  /** reg_active: 0 or 1. */
  #active: number;
  #isOwner = false;

  constructor(ctx: ModuleContext, parts: RegistrationParts, settings: RegistrationSettings) {
    const { bus } = ctx.server;
    this.#ctx = ctx;
    this.#parts = parts;
    this.#settings = settings;
    this.#slots = 2 ** ctx.int('reg_hash_size');
    this.#active = ctx.int('reg_active');
    bus.on(TOPIC, (change) => this.#apply(change as Change));
    bus.replicate(TOPIC, {
      snapshot: () => this.#snapshot(),
      restore: (value) => this.#restore(value as Snapshot),
    });
  }

  get size(): number {
    return this.#entries.size;
  }

  get active(): number {
    return this.#active;
  }

  /** How many have this bit. */
  count(flag: number): number {
    let count = 0;
    for (const { state } of this.#entries.values()) if ((state.flags & flag) !== 0) count++;
    return count;
  }

  get(uuid: string): RegEntry | undefined {
    return this.#entries.get(uuid);
  }

  /** In Kamailio's order: by the slots of its hash table, newest first in each. */
  all(): RegEntry[] {
    return [...this.#entries.values()].reverse().sort((a, b) => a.slot - b.slot);
  }

  find(name: FilterName, value: string): RegEntry | undefined {
    if (name === 'l_uuid') return this.get(value);
    return this.all().find(({ record }) => FILTERS[name](record) === value);
  }

  /** By local user, and domain unless it is ''. */
  byLocalUser(user: string, domain: string): RegEntry | undefined {
    const lower = domain.toLowerCase();
    return this.#byUser.get(user)?.find(({ record }) => lower === '' || record.localDomain.toLowerCase() === lower);
  }

  /** This worker registers from now on. */
  own(): void {
    this.#isOwner = true;
    for (const entry of this.#entries.values()) this.#begin(entry);
  }

  /** What was there and is not among them goes; what has not changed stays registered. */
  replaceAll(records: readonly RegRecord[]): void {
    this.#do({ op: 'all', records });
  }

  /** Adds a record; one of the same uuid goes. */
  put(record: RegRecord): void {
    this.#do({ op: 'put', record });
  }

  remove(uuid: string): void {
    this.#do({ op: 'remove', uuid });
  }

  enable(uuid: string): void {
    this.#do({ op: 'enable', uuid });
  }

  disable(uuid: string): void {
    this.#do({ op: 'disable', uuid });
  }

  unregister(uuid: string): void {
    this.#do({ op: 'unregister', uuid });
  }

  setActive(mode: number): void {
    this.#do({ op: 'active', mode });
  }

  close(): void {
    for (const { client } of this.#entries.values()) client?.close();
    this.#entries.clear();
    this.#byUser.clear();
  }

  #do(change: Change): void {
    this.#apply(change);
    this.#ctx.server.bus.publish(TOPIC, change);
  }

  #apply(change: Change): void {
    switch (change.op) {
      case 'all':
        return this.#applyAll(change.records);
      case 'put':
        return this.#applyPut(change.record);
      case 'remove':
        return this.#drop(change.uuid);
      case 'active':
        return this.#applyActive(change.mode);
      case 'state': {
        const entry = this.#entries.get(change.uuid);
        if (entry !== undefined && !this.#isOwner) entry.state = change.state;
        return;
      }
      case 'enable':
      case 'disable':
      case 'unregister':
        return this.#applySwitch(change.op, change.uuid);
    }
  }

  #applyAll(records: readonly RegRecord[]): void {
    const wanted = new Set(records.map(({ uuid }) => uuid));
    for (const uuid of this.#entries.keys()) if (!wanted.has(uuid)) this.#drop(uuid);
    for (const record of records) {
      const present = this.#entries.get(record.uuid);
      if (present === undefined || !isSameRecord(present.record, record)) this.#applyPut(record);
    }
  }

  #applyPut(record: RegRecord): void {
    this.#drop(record.uuid);
    const { clock, random } = this.#parts;
    const maxRandom = this.#ctx.int('reg_random_delay');
    const delaySec = record.delaySec === 0 && maxRandom > 0 ? random.int(maxRandom) + 1 : record.delaySec;
    this.#add({
      record,
      state: { flags: record.isDisabled ? REG_FLAG.DISABLED : 0, timerExpires: 0, expiresSec: record.expiresSec },
      delaySec,
      initSec: Math.floor(clock.wall() / 1000),
    });
  }

  #add(entry: Omit<RegEntry, 'slot' | 'client'>): void {
    const slot = coreHash(entry.record.uuid, this.#slots);
    const added: RegEntry = { ...entry, slot, client: null };
    const { uuid, localUser } = entry.record;
    this.#entries.set(uuid, added);
    this.#byUser.set(localUser, [added, ...(this.#byUser.get(localUser) ?? [])]);
    if (this.#isOwner) this.#begin(added);
  }

  #drop(uuid: string): void {
    const entry = this.#entries.get(uuid);
    if (entry === undefined) return;
    entry.client?.close();
    this.#entries.delete(uuid);
    const { localUser } = entry.record;
    const others = this.#byUser.get(localUser)?.filter((each) => each !== entry) ?? [];
    if (others.length === 0) this.#byUser.delete(localUser);
    else this.#byUser.set(localUser, others);
  }

  #begin(entry: RegEntry): void {
    const plan = planOf(this.#ctx, entry.record);
    const onChange = (state: RegistrationState): void => {
      entry.state = state;
      this.#ctx.server.bus.publish(TOPIC, { op: 'state', uuid: entry.record.uuid, state } satisfies Change);
    };
    entry.client = new ClientRegistration(this.#parts, this.#settings, plan, onChange, entry.state);
    const waitedMs = this.#parts.clock.wall() - entry.initSec * 1000;
    entry.client.begin(Math.max(0, entry.delaySec * 1000 - waitedMs));
  }

  #applyActive(mode: number): void {
    const wasActive = this.#active !== 0;
    this.#active = mode;
    if (mode !== 0 && !wasActive) for (const { client } of this.#entries.values()) client?.wake();
  }

  #applySwitch(op: 'enable' | 'disable' | 'unregister', uuid: string): void {
    const entry = this.#entries.get(uuid);
    if (entry === undefined) return;
    if (entry.client !== null) return entry.client[op]();
    const { flags } = entry.state;
    const isDisabled = op !== 'enable';
    entry.state = { ...entry.state, flags: isDisabled ? flags | REG_FLAG.DISABLED : flags & ~REG_FLAG.DISABLED };
  }

  #snapshot(): Snapshot {
    const entries = [...this.#entries.values()].map(({ record, state, delaySec, initSec }) => ({
      record,
      state,
      delaySec,
      initSec,
    }));
    return { active: this.#active, entries };
  }

  #restore({ active, entries }: Snapshot): void {
    this.close();
    this.#active = active;
    for (const entry of entries) this.#add(entry);
  }
}

export function registrationParts(ctx: ModuleContext, tm: TmApi, isActive: () => boolean): RegistrationParts {
  const { clock, wheel, random } = ctx.server;
  return {
    tm,
    clock,
    wheel,
    random,
    pace: new Pace(wheel),
    isActive,
    onFailure: (name, why) => ctx.log.error(`${name} is not registered: ${why}`),
  };
}
