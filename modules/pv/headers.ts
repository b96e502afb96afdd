import {
  equalsLower,
  HDR,
  headerKindOf,
  indexOf,
  type ListValue,
  listValues,
  METHOD,
  type PvDef,
  type PvIndex,
  type PvUse,
  type PvValue,
  parseContacts,
  type Run,
  readOnly,
  type SipMsg,
  stringToInt,
} from 'strowger';
import type { PvState } from './state.ts';

/** $hdr(…) and its kin, and the headers that have a variable of their own. */
export const HEADER_PVS: Readonly<Record<string, PvDef<PvState>>> = {
  hdr: headerPv(
    'Value of a header: the first, or the one the index names; [*] joins all by commas.',
    rowValue,
    joinRows,
  ),
  hdrc: countPv('Number of headers of a name.', (msg, name) => countRows(msg, name)),
  hfl: headerPv(
    'As $hdr(), but lists (Contact, Record-Route, Route, Via) are counted value by value.',
    listValue,
    joinRows,
  ),
  hflc: countPv('Number of values of a header, lists counted value by value.', countValues),
  ci: readOnly('Call-ID.', (run) => run.msg.callId),
  cs: readOnly('Number in CSeq.', (run) => (run.msg.cseqNumber < 0 ? null : String(run.msg.cseqNumber))),
  csb: readOnly('CSeq: number and method.', (run) => {
    const msg = run.msg;
    return msg.cseqNumber < 0 ? null : `${msg.cseqNumber} ${msg.cseqMethod}`;
  }),
  cl: readOnly('Content-Length.', (run) => {
    const text = run.msg.header(HDR.CONTENTLENGTH);
    return text === null ? null : stringToInt(text);
  }),
  cT: readOnly('Content-Type.', (run) => run.msg.header(HDR.CONTENTTYPE)),
  ct: readOnly('First Contact header.', (run) => run.msg.header(HDR.CONTACT)),
  ctu: readOnly('URI of the first contact.', (run) => parseContacts(run.msg).values[0]?.uriText ?? null),
  cts: readOnly('1 when Contact is *, else 0.', (run) => (parseContacts(run.msg).isStar ? 1 : 0)),
  ua: readOnly('User-Agent.', (run) => run.msg.header(HDR.USERAGENT)),
  rm: readOnly('Method; on a reply that of CSeq.', (run) => run.msg.methodName || null),
  rmid: readOnly("Method as Kamailio's number.", (run) => run.msg.methodBit || METHOD.OTHER),
};

/** Which rows a use is about: by kind, by name, or all. */
interface RowMatch {
  first(msg: SipMsg, from: number): number;
  /** Kind of a header whose values $hfl() counts one by one, else OTHER. */
  readonly listKind: number;
}

function rowMatch(name: string): RowMatch {
  if (name === '*') return { first: (msg, from) => (from < msg.hdrCount ? from : -1), listKind: HDR.OTHER };
  const kind = headerKindOf(name);
  if (kind === HDR.OTHER) {
    const lower = name.toLowerCase();
    return { first: (msg, from) => rowByName(msg, from, lower), listKind: HDR.OTHER };
  }
  const isList = kind === HDR.CONTACT || kind === HDR.RECORDROUTE || kind === HDR.ROUTE || kind === HDR.VIA;
  return { first: (msg, from) => msg.findHdr(kind, from), listKind: isList ? kind : HDR.OTHER };
}

/** As `findHdrByName`, of a name that no kind has and that is known beforehand: names are compared in place. */
function rowByName(msg: SipMsg, from: number, lower: string): number {
  const { buf } = msg;
  for (let row = msg.findHdr(HDR.OTHER, from); row >= 0; row = msg.findHdr(HDR.OTHER, row + 1)) {
    const start = msg.hdrStart(row);
    if (!equalsLower(buf, start, lower)) continue;
    const c = buf.charCodeAt(start + lower.length);
    if (c === COLON || c === SPACE || c === TAB) return row;
  }
  return -1;
}

const COLON = 58;
const SPACE = 32;
const TAB = 9;

function countRows(msg: SipMsg, match: RowMatch): number {
  let n = 0;
  for (let row = match.first(msg, 0); row >= 0; row = match.first(msg, row + 1)) n++;
  return n;
}

type PickValue = (msg: SipMsg, match: RowMatch, index: number) => PvValue;

function rowValue(msg: SipMsg, match: RowMatch, index: number): PvValue {
  let left = index < 0 ? index + countRows(msg, match) : index;
  if (left < 0) return null;
  for (let row = match.first(msg, 0); row >= 0; row = match.first(msg, row + 1))
    if (left-- === 0) return msg.hdrValue(row);
  return null;
}

function listValue(msg: SipMsg, match: RowMatch, index: number): PvValue {
  if (match.listKind === HDR.OTHER) return rowValue(msg, match, index);
  const value = valuesOf(msg, match.listKind).at(index);
  return value === undefined ? null : msg.buf.slice(value.start, value.end);
}

/** `Contact: *` is no value. */
function valuesOf(msg: SipMsg, kind: number): ListValue[] {
  const values = listValues(msg, kind);
  return kind === HDR.CONTACT ? values.filter(({ start, end }) => msg.buf.slice(start, end) !== '*') : values;
}

function countValues(msg: SipMsg, match: RowMatch): number {
  return match.listKind === HDR.OTHER ? countRows(msg, match) : valuesOf(msg, match.listKind).length;
}

function allRows(msg: SipMsg, match: RowMatch): string[] {
  const values: string[] = [];
  for (let row = match.first(msg, 0); row >= 0; row = match.first(msg, row + 1)) values.push(msg.hdrValue(row));
  return values;
}

function joinRows(msg: SipMsg, match: RowMatch): PvValue {
  const values = allRows(msg, match);
  return values.length === 0 ? null : values.join(',');
}

function headerPv(doc: string, pick: PickValue, join: (msg: SipMsg, match: RowMatch) => PvValue): PvDef<PvState> {
  return {
    doc,
    name: 'required',
    indexed: true,
    bind: (use) => {
      const at = matchOf(use);
      if (typeof at === 'string') return at;
      return { get: getter(at, use.index, pick, join), getAll: (run) => allRows(run.msg, at(run)) };
    },
  };
}

function getter(
  at: (run: Run) => RowMatch,
  index: PvIndex,
  pick: PickValue,
  join: (msg: SipMsg, match: RowMatch) => PvValue,
): (run: Run) => PvValue {
  if (index === '*') return (run) => join(run.msg, at(run));
  if (typeof index === 'function')
    return (run) => {
      const n = indexOf(index, run);
      return typeof n === 'number' ? pick(run.msg, at(run), n) : null;
    };
  const n = index ?? 0;
  return (run) => pick(run.msg, at(run), n);
}

function countPv(doc: string, count: (msg: SipMsg, match: RowMatch) => number): PvDef<PvState> {
  return {
    doc,
    name: 'required',
    bind: (use) => {
      const at = matchOf(use);
      return typeof at === 'string' ? at : { get: (run) => count(run.msg, at(run)) };
    },
  };
}

function matchOf(use: PvUse): ((run: Run) => RowMatch) | string {
  if (use.isNameDynamic) {
    const name = use.nameFormat();
    return (run) => rowMatch(name(run));
  }
  const name = (use.name ?? '').trim();
  if (name === '') return 'the name of the header is missing';
  const match = rowMatch(name);
  return () => match;
}
