import { firstNameAddr, HDR, type PvDef, type PvValue, type SipMsg } from 'strowger';
import type { Calls } from './calls.ts';
import { referTarget } from './refer.ts';

/** `$refer(key)`: what a REFER, or an INVITE that takes the place of another, asks for. */
const REFER_FACTS: Readonly<Record<string, (msg: SipMsg) => PvValue>> = {
  to: (msg) => referTarget(msg)?.uri ?? null,
  replaces: (msg) => msg.header(HDR.REPLACES) ?? (referTarget(msg)?.replaces || null),
  by: (msg) => firstNameAddr(msg, HDR.REFERREDBY)?.uriText ?? null,
};

export const REFER_VARIABLES: Readonly<Record<string, PvDef<Calls>>> = {
  refer: {
    doc: 'What the REFER at hand asks for, `$refer(key)`: to (URI of Refer-To, without headers), replaces (the dialog whose place is to be taken, also of an INVITE with Replaces), by (URI of Referred-By).',
    name: 'required',
    bind(use) {
      const key = use.name?.trim() ?? '';
      const read = Object.hasOwn(REFER_FACTS, key) ? REFER_FACTS[key] : undefined;
      if (read === undefined) return `$refer has no '${key}': one of ${Object.keys(REFER_FACTS).join(', ')}`;
      return { get: (run) => read(run.msg) };
    },
  },
};
