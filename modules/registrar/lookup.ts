import { type Branch, METHOD, parseUri, type Run, type SipMsg, type SipUri, varsOf, XavpList } from 'strowger';
import type { Ucontact, Udomain } from '../usrloc/api.ts';
import { aorOf, gruuOf } from './aor.ts';
import { takesMethod } from './contacts.ts';
import { routeOf } from './path.ts';
import { awaited, type Registrar } from './registrar.ts';
import { bareInstance, secondsLeft } from './reply.ts';
import { LOOKUP_FILTER, RCD_SKIP } from './settings.ts';

/** What `lookup()` returns. */
const LOOKUP = { FOUND: 1, NONE: -1, METHOD: -2, ERROR: -3 } as const;

/** Where the contacts go: `ruri` makes the first the Request-URI, `dset` adds all as branches. */
type Mode = 'ruri' | 'dset';

/** lookup(), lookup_to_dset(). `uriText` stands for the Request-URI; null takes that. */
export function lookup(
  run: Run,
  reg: Registrar,
  table: Udomain,
  uriText: string | null,
  mode: Mode,
): number | Promise<number> {
  const uri = uriText === null ? run.msg.ruri : parseUri(uriText);
  return find(reg, table, uri, (contacts) => use(run, reg, contacts, mode));
}

/** Finds the contacts of a URI, AOR or GRUU (RFC 5627 §5.5), and hands them on. */
function find(
  reg: Registrar,
  table: Udomain,
  uri: SipUri | null,
  take: (contacts: readonly Ucontact[]) => number,
): number | Promise<number> {
  const aor = aorOf(uri, reg.aorRules());
  if (uri === null || typeof aor !== 'string') {
    reg.ctx.log.debug('no address of record', { uri: uri?.text ?? '' });
    return uri === null ? LOOKUP.ERROR : LOOKUP.NONE;
  }
  const target = gruuOf(uri);
  switch (target.kind) {
    case 'none':
      return awaited(reg.contactsOf(table, aor), take, reg, LOOKUP.ERROR);
    case 'public':
      return awaited(
        reg.contactsOf(table, aor),
        (contacts) => {
          const own = contacts.find(({ instance }) => bareInstance(instance) === target.instance);
          return own === undefined ? LOOKUP.NONE : take([own]);
        },
        reg,
        LOOKUP.ERROR,
      );
    case 'temporary':
      return awaited(
        table.byRuid(target.ruid),
        (contact) => {
          const isUsable = contact?.isValid(reg.ul.nowSec()) === true || reg.settings.usesExpired;
          return contact === null || !isUsable ? LOOKUP.NONE : take([contact]);
        },
        reg,
        LOOKUP.ERROR,
      );
    case 'invalid':
      reg.ctx.log.error('not a temporary GRUU of this server', { uri: uri.text });
      return LOOKUP.ERROR;
    default:
      return target satisfies never;
  }
}

/** Makes contacts the destination set. */
function use(run: Run, reg: Registrar, contacts: readonly Ucontact[], mode: Mode): number {
  const { msg } = run;
  if (contacts.length === 0) return LOOKUP.NONE;
  const { settings } = reg;
  const filtersMethod = settings.isMethodFiltered && msg.toTag === '';
  const filter = settings.lookupFilter;
  let found = 0;
  let refused = 0;
  for (let i = 0; i < contacts.length; i++) {
    const contact = contacts[i] as Ucontact;
    if (filter !== 0 && !passes(run, reg, contact, filter)) continue;
    if (filtersMethod && !takesMethod(contact.methods, methodOf(msg))) {
      refused++;
      continue;
    }
    if (found++ === 0 && mode === 'ruri') useAsRuri(run, reg, contact);
    else if ((msg.branches?.length ?? 0) < run.server.settings.int('max_branches') - 1) addBranch(run, reg, contact);
    else {
      reg.ctx.log.warn('more contacts than max_branches', { aor: contact.aor });
      break;
    }
    if (!settings.appendsBranches && mode === 'ruri') break;
  }
  if (found > 0) return LOOKUP.FOUND;
  return refused > 0 ? LOOKUP.METHOD : LOOKUP.NONE;
}

function methodOf(msg: SipMsg): number {
  return msg.method === METHOD.UNDEF ? METHOD.OTHER : msg.method;
}

/** lookup_filter_mode */
function passes(run: Run, reg: Registrar, contact: Ucontact, filter: number): boolean {
  if ((filter & LOOKUP_FILTER.BFLAGS) !== 0) {
    const flags = reg.cfgInt(run.msg, 'rlf_bflags');
    if (flags !== null && flags !== 0 && (contact.cflags & flags) === 0) return false;
  }
  if ((filter & LOOKUP_FILTER.CONNECTION) === 0) return true;
  const { connections } = run.server;
  const id = contact.tcpconnId;
  return id <= 0 || connections.get(id) !== undefined || connections.remote?.has(id) === true;
}

function useAsRuri(run: Run, reg: Registrar, contact: Ucontact): void {
  const { msg } = run;
  const { path, dstUri } = nextHop(run, reg, contact);
  msg.newUri = contact.contact;
  msg.dstUri = dstUri;
  msg.pathVec = path;
  msg.ruriQ = contact.q;
  msg.bflags |= contact.cflags;
  msg.instance = contact.instance;
  msg.regId = contact.regId;
  msg.ruid = contact.ruid;
  msg.locationUa = contact.userAgent;
  const socket = reg.ul.socketOf(contact);
  if (socket !== null) msg.forceSocket = socket;
  tellRecord(reg, msg, contact);
  restoreXavp(reg, msg, contact);
}

function addBranch(run: Run, reg: Registrar, contact: Ucontact): void {
  fillBranch(run, reg, run.msg.appendBranch(contact.contact), contact);
}

function fillBranch(run: Run, reg: Registrar, branch: Branch, contact: Ucontact): void {
  const { path, dstUri } = nextHop(run, reg, contact);
  branch.uri = contact.contact;
  branch.dstUri = dstUri;
  branch.path = path;
  branch.q = contact.q;
  branch.flags = contact.cflags;
  branch.socket = reg.ul.socketOf(contact);
  branch.instance = contact.instance;
  branch.regId = contact.regId;
  branch.ruid = contact.ruid;
  branch.userAgent = contact.userAgent;
  restoreXavp(reg, run.msg, contact);
}

/** The Path's first hop, else the address behind the NAT (RFC 3327 §5.3). */
function nextHop(run: Run, reg: Registrar, contact: Ucontact): { path: string; dstUri: string } {
  if (contact.path !== '') {
    const route = routeOf(contact.path, run.server, reg.settings.checksLocalPath);
    if (route.path !== '') return route;
  }
  return { path: '', dstUri: contact.received };
}

/** `$xavp(xavp_rcd=>…)`: what the location table says of the contact that was found. */
function tellRecord(reg: Registrar, msg: SipMsg, contact: Ucontact): void {
  const { xavpRcd, xavpRcdMask: skipped } = reg.settings;
  if (xavpRcd === '') return;
  const record = new XavpList();
  if ((skipped & RCD_SKIP.RUID) === 0) record.append('ruid', contact.ruid);
  if ((skipped & RCD_SKIP.CONTACT) === 0) record.append('contact', contact.contact);
  if ((skipped & RCD_SKIP.EXPIRES) === 0) record.append('expires', secondsLeft(contact, reg.ul.nowSec()));
  if (contact.received !== '' && (skipped & RCD_SKIP.RECEIVED) === 0) record.append('received', contact.received);
  if (contact.path !== '' && (skipped & RCD_SKIP.PATH) === 0) record.append('path', contact.path);
  const { xavps } = varsOf(msg);
  xavps.removeAll(xavpRcd);
  xavps.push(xavpRcd, record);
}

/** Gives back what `save()` has stored of `$xavp(xavp_contact)`. */
function restoreXavp(reg: Registrar, msg: SipMsg, contact: Ucontact): void {
  if (contact.xavp !== null && reg.ul.xavpContact !== '')
    varsOf(msg).xavps.append(reg.ul.xavpContact, contact.xavp.clone());
}

/** lookup_branches(): of the Request-URI, and of each branch that is nothing but a URI. */
export function lookupBranches(run: Run, reg: Registrar, table: Udomain): number | Promise<number> {
  const { msg } = run;
  const plain = (msg.branches ?? []).filter(isPlain);
  let result: number | Promise<number> = lookup(run, reg, table, null, 'ruri');
  for (const branch of plain) result = after(result, (before) => lookupBranch(run, reg, table, branch, before));
  return result;
}

function lookupBranch(
  run: Run,
  reg: Registrar,
  table: Udomain,
  branch: Branch,
  before: number,
): number | Promise<number> {
  const found = find(reg, table, parseUri(branch.uri), (contacts) => {
    const [first, ...others] = contacts;
    if (first === undefined) return LOOKUP.NONE;
    fillBranch(run, reg, branch, first);
    tellRecord(reg, run.msg, first);
    return others.length === 0 || !reg.settings.appendsBranches ? LOOKUP.FOUND : use(run, reg, others, 'dset');
  });
  return after(found, (result) => (before > 0 ? before : result));
}

function after(
  value: number | Promise<number>,
  next: (value: number) => number | Promise<number>,
): number | Promise<number> {
  return value instanceof Promise ? value.then(next) : next(value);
}

function isPlain(branch: Branch): boolean {
  return (
    branch.dstUri === '' && branch.path === '' && branch.flags === 0 && branch.socket === null && branch.ruid === ''
  );
}

/** Bits of the third argument of `registered()`. */
const MATCH = { CALLID: 1, RECEIVED: 2, CONTACT: 4 } as const;
/** Bits of its fourth. */
const ACTION = { RESTORE_XAVP: 1, NO_RECORD: 2 } as const;

/** registered(): 1 where the AOR has a contact (that fits), else -1. `uriText` null: Request-URI, or To URI of a reply. */
export function registered(
  run: Run,
  reg: Registrar,
  table: Udomain,
  uriText: string | null,
  options: number,
  actions: number,
): number | Promise<number> {
  const { msg } = run;
  const uri = uriText === null ? (msg.isRequest ? msg.ruri : (msg.to?.uri ?? null)) : parseUri(uriText);
  const found = find(reg, table, uri, (contacts) => {
    const contact = contacts.find((each) => fits(reg, msg, each, options));
    if (contact === undefined) return -1;
    if ((actions & ACTION.RESTORE_XAVP) !== 0) restoreXavp(reg, msg, contact);
    if ((actions & ACTION.NO_RECORD) === 0) tellRecord(reg, msg, contact);
    return 1;
  });
  return after(found, (result) => (result > 0 ? 1 : -1));
}

/** What is not set in the XAVP is not asked for. */
function fits(reg: Registrar, msg: SipMsg, contact: Ucontact, options: number): boolean {
  const asks = (bit: number, name: string, value: string): boolean => {
    const wanted = (options & bit) === 0 ? '' : reg.cfgText(msg, name);
    return wanted === '' || wanted === value;
  };
  return (
    asks(MATCH.CALLID, 'match_callid', contact.callid) &&
    asks(MATCH.RECEIVED, 'match_received', contact.received) &&
    asks(MATCH.CONTACT, 'match_contact', contact.contact)
  );
}
