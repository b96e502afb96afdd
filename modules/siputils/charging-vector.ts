/** P-Charging-Vector (RFC 7315 §5.6): sip_p_charging_vector and $pcv. */

import {
  appendHeader,
  findParam,
  type Lump,
  type PvDef,
  type PvUse,
  type Run,
  removeHeaderRow,
  type SipMsg,
} from 'strowger';

const NAME = 'P-Charging-Vector';

/** What was done to the header; void once the message is another text (msg_apply_changes). */
interface Edited {
  readonly buf: string;
  /** The value that was written, null where the header was only removed. */
  readonly value: string | null;
  readonly lump: Lump | null;
}

/** sip_p_charging_vector: `r` removes, `g` generates where there is none, `f` does both. */
export function chargingVector(run: Run, key: object, flags: string): number {
  const { msg } = run;
  const removes = flags === 'r' || flags === 'f';
  if (!removes && flags !== 'g') return -1;
  if (removes) remove(msg, key);
  if (flags === 'r' || current(msg, key) !== null) return 1;
  const icid = Buffer.from(run.server.random.bytes(16)).toString('hex').toUpperCase();
  const value = `icid-value=${icid}; icid-generated-at=${msg.rcv.dstIp}`;
  const lump = appendHeader(msg, `${NAME}: ${value}\r\n`);
  msg.setExtension(key, { buf: msg.buf, value, lump } satisfies Edited);
  return 1;
}

function remove(msg: SipMsg, key: object): void {
  const edited = editedOf(msg, key);
  if (edited === null)
    for (let row = msg.findHdrByName(NAME); row >= 0; row = msg.findHdrByName(NAME, row + 1)) removeHeaderRow(msg, row);
  else if (edited.lump !== null) edited.lump.isCancelled = true;
  msg.setExtension(key, { buf: msg.buf, value: null, lump: null } satisfies Edited);
}

function editedOf(msg: SipMsg, key: object): Edited | null {
  const edited = msg.extension<Edited>(key);
  return edited?.buf === msg.buf ? edited : null;
}

/** The value now: what was generated, else what was received. */
function current(msg: SipMsg, key: object): string | null {
  const edited = editedOf(msg, key);
  if (edited !== null) return edited.value;
  const row = msg.findHdrByName(NAME);
  return row < 0 ? null : msg.hdrValue(row);
}

const FIELDS: Readonly<Record<string, string>> = {
  value: 'icid-value',
  genaddr: 'icid-generated-at',
  orig: 'orig-ioi',
  term: 'term-ioi',
};

/** $pcv(all), $pcv(value), $pcv(genaddr), $pcv(orig), $pcv(term). */
export const PCV: PvDef<object> = {
  doc: 'P-Charging-Vector: all, value, genaddr, orig, term.',
  name: 'required',
  bind: (use: PvUse, key) => {
    const name = use.name?.trim() ?? '';
    if (name === 'all') return { get: (run) => current(run.msg, key) };
    const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (field === undefined) return `'${name}' is none of all, value, genaddr, orig, term`;
    return {
      get: (run) => {
        const value = current(run.msg, key);
        return value === null ? null : findParam(`;${value}`, 0, value.length + 1, field);
      },
    };
  },
};
