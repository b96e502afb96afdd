import { arch, pid, platform } from 'node:process';
import {
  bindSelect,
  contactExpires,
  flatCopy,
  HDR,
  KAMAILIO_VERSION,
  type PvAccessor,
  type PvDef,
  type PvUse,
  type PvValue,
  packageVersion,
  parseContacts,
  parseDeltaSeconds,
  parseSelect,
  type Run,
  readOnly,
} from 'strowger';
import { unknownKey } from './message.ts';
import type { PvState } from './state.ts';
import { parseXavpPath } from './xavp-path.ts';
import { readAll } from './xavp-vars.ts';

/** Formats, selects, statistics, configuration, constants. */
export const MISC_PVS: Readonly<Record<string, PvDef<PvState>>> = {
  _s: {
    doc: 'The text with its variables expanded.',
    name: 'required',
    bind: (use) => ({ get: use.format(use.name ?? '') }),
  },
  sel: {
    doc: 'A select, written as after the @: $sel(via[1].host).',
    name: 'required',
    bind: (use, state) => {
      const parts = parseSelect(use.name ?? '');
      if (typeof parts === 'string') return parts;
      const get = bindSelect(parts, state.ctx.server.modules.loaded);
      return typeof get === 'string' ? get : { get };
    },
  },
  stat: {
    doc: 'Value of a statistic.',
    name: 'required',
    bind: (use) => {
      const name = use.isNameDynamic ? use.nameFormat() : (use.name ?? '').trim();
      return {
        get: (run) => run.server.counters.findByName(typeof name === 'string' ? name : name(run))?.get() ?? null,
      };
    },
  },
  cnt: { doc: 'How many values an $avp(), $xavp() or $xavi() has.', name: 'required', bind: bindCount },
  ccp: {
    doc: 'Custom configuration value, group.name.',
    name: 'required',
    writable: true,
    bind: bindCustomParam,
  },
  K: {
    doc: 'Number of a protocol or address family: UDP, TCP, TLS, SCTP, WS, WSS, IPv4 (IP4), IPv6 (IP6).',
    name: 'required',
    bind: (use) => {
      const value = CONSTANTS.get(use.name ?? '');
      return value === undefined ? unknownKey(use.name, CONSTANTS.keys()) : { get: () => value };
    },
  },
  af: {
    doc: 'Address family of the source address: name (IPv4 or IPv6) or id.',
    name: 'required',
    bind: (use) => {
      if (use.name === 'name') return { get: (run) => (isIpv6(run) ? 'IPv6' : 'IPv4') };
      return use.name === 'id' ? { get: (run) => (isIpv6(run) ? 10 : 2) } : unknownKey(use.name, ['id', 'name']);
    },
  },
  version: {
    doc: 'Version: num, that of Kamailio whose scripts are followed; full; hash.',
    name: 'required',
    bind: (use) => constantOf(use, VERSIONS),
  },
  ksr: {
    doc: 'Version of Kamailio whose scripts are followed: ver as text, verval as a number.',
    name: 'required',
    bind: (use) => constantOf(use, KSR),
  },
  expires: {
    doc: 'Smallest (min) or largest (max) expiry of the contacts, from their parameter or else the Expires header.',
    name: 'required',
    bind: (use) => {
      if (use.name === 'min') return { get: (run) => expires(run, Math.min) };
      return use.name === 'max' ? { get: (run) => expires(run, Math.max) } : unknownKey(use.name, ['min', 'max']);
    },
  },
  msgbuf: {
    doc: 'The character at an index of the message; assigning replaces it in the message.',
    name: 'required',
    writable: true,
    bind: bindMessageChar,
  },
  pp: readOnly('Process id.', () => pid),
  sid: readOnly('Server id (core parameter server_id).', (run) => run.server.settings.int('server_id')),
  true: readOnly('1.', () => 1),
  En: constant('Line feed.', '\n'),
  Er: constant('Carriage return.', '\r'),
  Et: constant('Tab.', '\t'),
  Es: constant('Space.', ' '),
  Ec: constant('Comma.', ','),
  Eq: constant('Double quote.', '"'),
  Ek: constant('Single quote.', "'"),
  Ei: constant('Colon.', ':'),
  Ej: constant('Semicolon.', ';'),
  Eb: constant('Backslash.', '\\'),
  Ev: constant('Back tick.', '`'),
  'err.class': errorPv('Class'),
  'err.level': errorPv('Level'),
  'err.info': errorPv('Text'),
  'err.rcode': errorPv('Reply code'),
  'err.rreason': errorPv('Reply reason'),
};

const CONSTANTS: ReadonlyMap<string, number> = new Map([
  ['UDP', 1],
  ['TCP', 2],
  ['TLS', 3],
  ['SCTP', 4],
  ['WS', 5],
  ['WSS', 6],
  ['IPv4', 2],
  ['IPv6', 10],
  // As SDP names them; Kamailio since 6.0.
  ['IP4', 2],
  ['IP6', 10],
]);

const VERSIONS: ReadonlyMap<string, () => PvValue> = new Map([
  ['num', () => KAMAILIO_VERSION],
  ['full', () => `strowger ${packageVersion()} (${arch}/${platform}) for scripts of kamailio ${KAMAILIO_VERSION}`],
  ['hash', () => 'unknown'],
]);

const KSR: ReadonlyMap<string, () => PvValue> = new Map<string, () => PvValue>([
  ['ver', () => KAMAILIO_VERSION],
  ['verval', () => KAMAILIO_VERSION.split('.').reduce((sum, part) => sum * 1000 + Number(part), 0)],
]);

function constantOf(use: PvUse, values: ReadonlyMap<string, () => PvValue>): Omit<PvAccessor, 'text'> | string {
  const make = values.get(use.name ?? '');
  if (make === undefined) return unknownKey(use.name, values.keys());
  const value = make();
  return { get: () => value };
}

/** A character that is awkward to write within a string. */
function constant(what: string, text: string): PvDef<PvState> {
  return readOnly(what, () => text);
}

/** Kamailio fills these in error_route, which it never runs; here a broken message is refused before any route. */
function errorPv(what: string): PvDef<PvState> {
  return readOnly(`${what} of a parse error; null in every route of this server.`, () => null);
}

function isIpv6(run: Run): boolean {
  return run.msg.rcv.srcIp.includes(':');
}

/** Null where no contact and no header says when it ends. A contact without a parameter takes the header's value. */
function expires(run: Run, choose: (...values: number[]) => number): PvValue {
  const { msg } = run;
  const text = msg.header(HDR.EXPIRES);
  const fromHeader = text === null ? null : parseDeltaSeconds(text);
  const values: number[] = [];
  for (const contact of parseContacts(msg).values) {
    const own = contactExpires(contact);
    if (own !== null && own >= 0) values.push(own);
    else if (fromHeader !== null) values.push(fromHeader);
  }
  if (values.length === 0) return fromHeader;
  return values.reduce((a, b) => choose(a, b));
}

function bindCount(use: PvUse): Omit<PvAccessor, 'text'> | string {
  const text = (use.name ?? '').trim();
  const match = /^\$\(?(xavp|xavi)\((.*?)\)\)?$/s.exec(text);
  if (match !== null) {
    const isFolded = match[1] === 'xavi';
    const path = parseXavpPath(match[2] ?? '', use, isFolded ? (name) => name.toLowerCase() : undefined);
    if (typeof path === 'string') return path;
    const key = isFolded ? 'xavis' : 'xavps';
    return { get: (run) => readAll(run.msg.vars, key, path, run).length };
  }
  if (!/^\$\(?avp\(/.test(text)) return `$cnt() counts $avp(), $xavp() and $xavi(), not '${text}'`;
  const { getAll } = use.pv(text);
  return getAll === undefined ? `'${text}' can not be counted` : { get: (run) => getAll(run).length };
}

function bindCustomParam(use: PvUse): Omit<PvAccessor, 'text'> | string {
  const match = /^\s*([\w-]+)\.([\w-]+)\s*$/.exec(use.name ?? '');
  if (match === null) return `'${use.name ?? ''}' is not of the form group.name`;
  const [, group = '', name = ''] = match;
  return {
    get: (run) => run.server.settings.custom.get(group)?.get(name) ?? null,
    set: (run, value) => {
      const values = run.server.settings.custom.get(group);
      if (value === null || values?.has(name) !== true) return false;
      values.set(name, typeof value === 'string' ? flatCopy(value) : value);
      return true;
    },
  };
}

function bindMessageChar(use: PvUse): Omit<PvAccessor, 'text'> | string {
  const name = (use.name ?? '').trim();
  if (!name.startsWith('$') && !/^\d{1,9}$/.test(name)) return `'${name}' is no index: a number or a variable`;
  const at: (run: Run) => PvValue = name.startsWith('$') ? use.pv(name).get : () => Number(name);
  const indexIn = (run: Run): number => {
    const index = at(run);
    return typeof index === 'number' && index >= 0 && index < run.msg.buf.length ? index : -1;
  };
  return {
    get: (run) => {
      const index = indexIn(run);
      return index < 0 ? null : run.msg.buf.charAt(index);
    },
    set: (run, value) => {
      const index = indexIn(run);
      if (index < 0 || typeof value !== 'string' || value === '') return false;
      const { buf } = run.msg;
      return run.msg.replaceText(buf.slice(0, index) + value.charAt(0) + buf.slice(index + 1));
    },
  };
}
