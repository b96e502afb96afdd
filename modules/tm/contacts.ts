import { type PvValue, parseUri, type Random, type Run, varsOf, XavpList } from 'strowger';
import type { TmCore } from './core.ts';
import { addBranch, ruriTarget, type Target, targetsOf, useAsRuri } from './targets.ts';

/** Results of t_next_contacts and t_next_contact_flow. */
const NOTHING_LEFT = -2;

/**
 * t_load_contacts: moves the destination set into the XAVP `contacts_avp`, in the order in which it is to be tried
 * (Kamailio: tm, Serial Forking Based on Q Value). 1 done or nothing to do, -1 not.
 */
export function loadContacts(run: Run, tm: TmCore, mode: number): number {
  const { contactsAvp } = tm.settings;
  const { msg } = run;
  if (contactsAvp === '') {
    tm.server.log.error('tm: t_load_contacts() needs the parameter contacts_avp');
    return -1;
  }
  const targets = targetsOf(msg);
  // One target alone needs no order.
  if (targets.length < 2) return 1;
  const groups = mode === 1 ? byWeight(targets, tm.server.random) : byQ(targets);
  const { xavps } = varsOf(msg);
  xavps.removeAll(contactsAvp);
  const attributes = takeAttributes(xavps, tm.settings.xavpContact, targets);
  // The last of a group says so: t_next_contacts stops there.
  for (const group of groups) {
    for (const [at, target] of group.entries()) {
      const contact = contactOf(target, at === group.length - 1 && group !== groups.at(-1));
      const own = attributes.get(target);
      if (own !== undefined) contact.push(tm.settings.xavpContact, own);
      xavps.append(contactsAvp, contact);
    }
  }
  msg.branches = null;
  return 1;
}

/** Takes the attributes of contacts, one XAVP for each target in the same order, out of the list (Kamailio: tm, xavp_contact). */
function takeAttributes(xavps: XavpList, name: string, targets: readonly Target[]): Map<Target, XavpList> {
  const attributes = new Map<Target, XavpList>();
  if (name === '') return attributes;
  for (const [at, { value }] of xavps.all(name).entries()) {
    const target = targets[at];
    if (target !== undefined && value instanceof XavpList) attributes.set(target, value);
  }
  xavps.removeAll(name);
  return attributes;
}

/** Puts the attributes of the contacts in front of those that are there. */
function giveAttributes(xavps: XavpList, name: string, contacts: readonly XavpList[]): void {
  if (name === '') return;
  const own = contacts.flatMap((contact) => contact.list(name) ?? []);
  xavps.prepend(own.map((value) => ({ name, value })));
}

/** Groups of one q, the highest first; an unspecified q is the lowest. Within one the last comes first, as in Kamailio. */
function byQ(targets: readonly Target[]): Target[][] {
  const sorted = targets.map((target, at) => ({ target, at })).sort((a, b) => b.target.q - a.target.q || b.at - a.at);
  const groups: Target[][] = [];
  for (const { target } of sorted) {
    const last = groups.at(-1);
    if (last?.[0]?.q === target.q) last.push(target);
    else groups.push([target]);
  }
  return groups;
}

/** One at a time, drawn with q as the weight; those without weight come last. */
function byWeight(targets: readonly Target[], random: Random): Target[][] {
  const order: Target[] = [];
  const left = targets.filter((target) => target.q > 0);
  while (left.length > 0) {
    let drawn = random.int(left.reduce((sum, target) => sum + target.q, 0));
    const at = left.findIndex((target) => (drawn -= target.q) < 0);
    order.push(...left.splice(at, 1));
  }
  return [...order, ...targets.filter((target) => target.q <= 0)].map((target) => [target]);
}

/** `q_flag` of the last of a group, when another group follows. */
const LAST_OF_GROUP = 4;

function contactOf(target: Target, isLast: boolean): XavpList {
  const fields: [string, PvValue][] = [
    ['uri', target.uri],
    ['q_flag', isLast ? LAST_OF_GROUP : 0],
    ['dst_uri', target.dstUri],
    ['path', target.path],
    ['sock', target.socket?.uri ?? ''],
    ['instance', target.instance],
    ['flags', target.flags],
    ['q', target.q],
    ['ruid', target.ruid],
    ['ua', target.userAgent],
    ['reg_id', target.regId],
  ];
  const list = new XavpList();
  for (const [name, value] of fields) if (value !== '') list.append(name, value);
  return list;
}

function targetOf(list: XavpList, run: Run): Target {
  const text = (name: string): string => String(list.value(name) ?? '');
  const number = (name: string, fallback: number): number => {
    const value = list.value(name);
    return typeof value === 'number' ? value : fallback;
  };
  const socket = text('sock');
  return {
    uri: text('uri'),
    dstUri: text('dst_uri'),
    path: text('path'),
    q: number('q', -1),
    flags: number('flags', 0),
    socket: socket === '' ? null : run.server.transport.findSocket(socket),
    instance: text('instance'),
    ruid: text('ruid'),
    regId: number('reg_id', 0),
    userAgent: text('ua'),
  };
}

/**
 * t_next_contacts: makes the next group of `contacts_avp` the destination set, one contact an instance; further ones of
 * the same instance wait in `contact_flows_avp`. 1 done, -2 none left, -1 not.
 */
export function nextContacts(run: Run, tm: TmCore): number {
  const { contactsAvp, flowsAvp } = tm.settings;
  if (contactsAvp === '') {
    tm.server.log.error('tm: t_next_contacts() needs the parameter contacts_avp');
    return -1;
  }
  const { msg } = run;
  const xavps = msg.vars?.xavps;
  if (xavps === undefined || xavps.get(contactsAvp) === undefined) return NOTHING_LEFT;
  if (flowsAvp !== '') xavps.removeAll(flowsAvp);
  const group = takeGroup(xavps, contactsAvp);
  const used: XavpList[] = [];
  const instances = new Set<string>();
  msg.branches = null;
  for (const list of group) {
    const target = targetOf(list, run);
    if (target.instance !== '' && flowsAvp !== '' && instances.has(target.instance)) {
      xavps.append(flowsAvp, list);
      continue;
    }
    if (target.instance !== '') instances.add(target.instance);
    used.push(list);
    if (used.length === 1) useAsRuri(msg, target);
    else addBranch(msg, target);
  }
  giveAttributes(xavps, tm.settings.xavpContact, used);
  return 1;
}

/** Takes the contacts of the first group out. */
function takeGroup(xavps: XavpList, name: string): XavpList[] {
  const group: XavpList[] = [];
  for (;;) {
    const item = xavps.get(name);
    if (item === undefined) return group;
    xavps.remove(item);
    if (!(item.value instanceof XavpList)) continue;
    group.push(item.value);
    if (item.value.value('q_flag') === LAST_OF_GROUP) return group;
  }
}

/**
 * t_next_contact_flow: makes another flow of the instance whose branch failed the Request-URI (RFC 5626 §7). 1 done, -2 none
 * left, -1 not.
 */
export function nextContactFlow(run: Run, tm: TmCore): number {
  const { flowsAvp } = tm.settings;
  if (flowsAvp === '') {
    tm.server.log.error('tm: t_next_contact_flow() needs the parameter contact_flows_avp');
    return -1;
  }
  const t = tm.of(run.msg);
  const failed = t?.branches[run.branch >= 0 ? run.branch : t.winner];
  const xavps = run.msg.vars?.xavps;
  if (xavps === undefined || failed === undefined) return NOTHING_LEFT;
  for (const item of xavps.all(flowsAvp)) {
    if (!(item.value instanceof XavpList) || item.value.value('instance') !== failed.instance) continue;
    xavps.remove(item);
    useAsRuri(run.msg, targetOf(item.value, run));
    giveAttributes(xavps, tm.settings.xavpContact, [item.value]);
    return 1;
  }
  return NOTHING_LEFT;
}

/** Makes a copy of the failed branch the Request-URI, to be tried again (tmx: t_reuse_branch). False when it has none. */
export function reuseBranch(run: Run, tm: TmCore): boolean {
  const branch = tm.of(run.msg)?.branches[run.branch];
  if (branch === undefined || parseUri(branch.uri) === null) return false;
  const { msg } = run;
  useAsRuri(msg, {
    ...ruriTarget(msg),
    uri: branch.uri,
    dstUri: branch.dstUri,
    path: branch.pathVec,
    flags: branch.flags,
    instance: branch.instance,
    ruid: branch.ruid,
  });
  return true;
}
