import { flatCopy, type ModuleContext, type SharedStore, sharedStore } from 'strowger';
import { DFLAG, type Dialog } from './dialog.ts';
import { ProfileCounts } from './profile-counts.ts';

/** A profile that the parameters define. */
export interface ProfileDef {
  readonly name: string;
  readonly hasValue: boolean;
}

/** A dialog's membership in a profile. */
export interface ProfileLink {
  readonly profile: ProfileDef;
  /** Null where the profile has no values. */
  readonly value: string | null;
  /** Name of this membership, unique among servers. */
  readonly puid: string;
}

/** Names in `profiles_with_value` and its kin. An error text where one can not be. */
export function parseProfileNames(text: string): string[] | string {
  const names: string[] = [];
  for (const item of text.split(';')) {
    const name = item.trim().replace(/\/[a-z]$/, '');
    if (name === '') continue;
    if (!/^[A-Za-z0-9_.-]+$/.test(name)) return `"${name}" can not be the name of a profile`;
    names.push(name);
  }
  return names;
}

/** Ms between two looks for remote items that are over. */
const SWEEP_MS = 1000;
/** Buckets of the store that one look takes at most. */
const SWEEP_BUCKETS = 4096;

/** Profiles: named sets of dialogs, with or without a value for each. */
export class Profiles {
  readonly #ctx: ModuleContext;
  readonly #byName = new Map<string, ProfileDef>();
  readonly #counts: ProfileCounts;
  /** Items that other servers told of: `profile\0value\0uid`. */
  readonly #remote: SharedStore;
  readonly #puidPrefix: string;
  #lastPuid = 0;

  constructor(ctx: ModuleContext) {
    const { server } = ctx;
    this.#ctx = ctx;
    this.#counts = new ProfileCounts(server);
    this.#remote = sharedStore(server, 'dialog.remote-profiles');
    this.#remote.onExpired = ({ key }) => this.#countRemote(key, -1);
    this.#puidPrefix = `dlgp-${server.random.uint32().toString(16)}-${server.workerIndex.toString(16)}-`;
    for (const [param, hasValue] of [
      ['profiles_with_value', true],
      ['profiles_no_value', false],
    ] as const) {
      const names = parseProfileNames(ctx.str(param));
      if (typeof names === 'string') throw new Error(`${param}: ${names}`);
      for (const name of names) {
        if (this.#byName.has(name)) throw new Error(`${param}: the profile "${name}" is defined twice`);
        this.#byName.set(name, { name, hasValue });
      }
    }
  }

  find(name: string): ProfileDef | undefined {
    return this.#byName.get(name);
  }

  /** The profile, with an error in the log where there is none. */
  need(name: string): ProfileDef | null {
    const profile = this.#byName.get(name);
    if (profile === undefined) this.#ctx.log.error(`there is no profile "${name}"`);
    return profile ?? null;
  }

  /** Forgets what is over, now and then; in one worker. Returns what ends it. */
  startSweeping(): () => void {
    const { wheel, clock } = this.#ctx.server;
    let next = 0;
    const timer = wheel.every(SWEEP_MS, () => {
      if (this.#remote.size > 0) next = this.#remote.sweep(clock.wall(), next, SWEEP_BUCKETS);
    });
    return () => wheel.cancel(timer);
  }

  /** `value` counts only in profiles with values. A dialog may be in a profile several times, as in Kamailio. */
  add(dialog: Dialog, profile: ProfileDef, value: string | null, puid?: string): void {
    const link: ProfileLink = {
      profile,
      value: profile.hasValue && value !== null ? flatCopy(value) : null,
      puid: puid ?? `${this.#puidPrefix}${(++this.#lastPuid).toString(16)}`,
    };
    // The newest first: so they are listed.
    dialog.profiles = dialog.profiles === null ? [link] : [link, ...dialog.profiles];
    dialog.dflags |= DFLAG.PROFILES_CHANGED;
    this.#counts.add(profile.name, link.value, 1);
  }

  /** False where the dialog is not in it with this value. */
  remove(dialog: Dialog, profile: ProfileDef, value: string | null): boolean {
    const at = dialog.profiles?.findIndex((link) => isLink(link, profile, value)) ?? -1;
    const link = dialog.profiles?.[at];
    if (link === undefined) return false;
    const left = dialog.profiles?.toSpliced(at, 1) ?? [];
    dialog.profiles = left.length === 0 ? null : left;
    dialog.dflags |= DFLAG.PROFILES_CHANGED;
    this.#counts.add(profile.name, link.value, -1);
    return true;
  }

  /** Takes a dialog out of all its profiles: it is over. */
  removeAll(dialog: Dialog): void {
    for (const { profile, value } of dialog.profiles ?? []) this.#counts.add(profile.name, value, -1);
    dialog.profiles = null;
  }

  /** `value` null: with whatever value. */
  isIn(dialog: Dialog, profile: ProfileDef, value: string | null): boolean {
    return dialog.profiles?.some((link) => isLink(link, profile, value)) ?? false;
  }

  /** Of all workers; `value` null: with whatever value. */
  size(profile: ProfileDef, value: string | null): number {
    return this.#counts.size(profile.name, profile.hasValue ? value : null);
  }

  /** An item of another server's dialog, until `expiresSec`. The same one twice counts once. */
  addRemote(profile: ProfileDef, value: string, uid: string, expiresSec: number): void {
    const key = remoteKey(profile, value, uid);
    let isNew = false;
    this.#remote.update(key, this.#ctx.server.clock.wall(), (old) => {
      isNew = old === undefined;
      return { value: 1, expiresMs: Math.max(1, expiresSec * 1000) };
    });
    if (isNew) this.#countRemote(key, 1);
  }

  removeRemote(profile: ProfileDef, value: string, uid: string): void {
    const key = remoteKey(profile, value, uid);
    if (this.#remote.delete(key)) this.#countRemote(key, -1);
  }

  #countRemote(key: string, delta: 1 | -1): void {
    const [name = '', value = ''] = key.split('\0');
    const profile = this.#byName.get(name);
    if (profile !== undefined) this.#counts.addRemote(name, profile.hasValue ? value : null, delta);
  }
}

function remoteKey(profile: ProfileDef, value: string, uid: string): string {
  return `${profile.name}\0${profile.hasValue ? value : ''}\0${uid}`;
}

function isLink(link: ProfileLink, profile: ProfileDef, value: string | null): boolean {
  return link.profile === profile && (value === null || !profile.hasValue || link.value === value);
}
