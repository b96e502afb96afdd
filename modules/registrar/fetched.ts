import {
  coreHash,
  indexOf,
  type MsgVars,
  type PvAccessor,
  type PvUse,
  type PvValue,
  type Run,
  type SipMsg,
  varsOf,
} from 'strowger';
import type { Ucontact } from '../usrloc/api.ts';

/** Contacts that reg_fetch_contacts has put under a name; they go with the message and its transaction. */
export class FetchedContacts {
  readonly #byMessage = new WeakMap<MsgVars, Map<string, readonly Ucontact[]>>();

  set(msg: SipMsg, profile: string, contacts: readonly Ucontact[]): void {
    const vars = varsOf(msg);
    let profiles = this.#byMessage.get(vars);
    if (profiles === undefined) this.#byMessage.set(vars, (profiles = new Map()));
    profiles.set(profile, contacts);
  }

  get(msg: SipMsg, profile: string): readonly Ucontact[] | null {
    return msg.vars === null ? null : (this.#byMessage.get(msg.vars)?.get(profile) ?? null);
  }

  free(msg: SipMsg, profile: string): void {
    if (msg.vars !== null) this.#byMessage.get(msg.vars)?.delete(profile);
  }
}

/** Attributes of `$ulc(profile=>attr)`, as Kamailio writes them. */
const ATTRIBUTES: Readonly<Record<string, (contact: Ucontact, all: readonly Ucontact[]) => PvValue>> = {
  aor: ({ aor }) => aor,
  domain: ({ domain }) => domain,
  aorhash: ({ aor }) => coreHash(aor) | 0,
  addr: ({ contact }) => contact,
  path: ({ path }) => path,
  received: ({ received }) => received,
  expires: ({ expires }) => expires,
  callid: ({ callid }) => callid,
  q: ({ q }) => q,
  cseq: ({ cseq }) => cseq,
  flags: ({ flags }) => flags,
  cflags: ({ cflags }) => cflags,
  user_agent: ({ userAgent }) => userAgent,
  socket: ({ socket }) => socket || null,
  modified: ({ lastModified }) => lastModified,
  methods: ({ methods }) => methods,
  count: (_contact, all) => all.length,
  ruid: ({ ruid }) => ruid,
  regid: ({ regId }) => regId,
  instance: ({ instance }) => instance || null,
  conid: ({ tcpconnId }) => (tcpconnId > 0 ? tcpconnId : null),
  server_id: ({ serverId }) => serverId,
};

/** `$ulc(profile=>attr)`, `$(ulc(profile=>attr)[n])`. */
export function bindUlc(use: PvUse, fetched: () => FetchedContacts): Omit<PvAccessor, 'text'> | string {
  const [profile = '', name = '', ...more] = (use.name ?? '').split('=>').map((part) => part.trim());
  const read = Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name] : undefined;
  if (profile === '' || more.length > 0) return 'its name is profile=>attribute';
  if (read === undefined) return `has no attribute "${name}"`;
  const get = (run: Run): PvValue => {
    const contacts = fetched().get(run.msg, profile);
    const index = indexOf(use.index, run);
    if (contacts === null || typeof index !== 'number') return null;
    const contact = contacts[index < 0 ? 0 : index];
    return contact === undefined ? null : read(contact, contacts);
  };
  return { get, set: () => false };
}
