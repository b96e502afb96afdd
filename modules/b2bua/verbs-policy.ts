import { command, EVENT_ROUTE, REQUEST_ROUTE, type Run } from 'strowger';
import type { Call } from './call.ts';
import type { Calls } from './calls.ts';
import { callOf } from './commands-call.ts';
import { HeaderPolicy } from './headers.ts';
import { canBecome } from './reply-map.ts';

const CALL_ROUTES = REQUEST_ROUTE | EVENT_ROUTE;

/** Whom rows that the script adds are for: a side, or a leg by its id. */
export interface AddedRow {
  readonly leg: string;
  readonly name: string;
  readonly row: string;
}

function edit(run: Run, calls: Calls, change: (call: Call) => boolean): number {
  const about = callOf(run, calls);
  return about !== null && !about.call.isEnded && change(about.call) ? 1 : -1;
}

function names(list: string): string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** Commands that set how one call is passed on. */
export const POLICY_COMMANDS = {
  b2b_hdr_pass: command({
    doc: 'Lets headers pass from one side of this call to the other, names with commas.',
    args: ['str'],
    argNames: ['names'],
    routes: CALL_ROUTES,
    run: (run, calls: Calls, list) =>
      edit(run, calls, ({ options }) => {
        const { passed, dropped, pattern } = options.policy;
        const added = names(list).map((name) => name.toLowerCase());
        const rest = [...dropped].filter((name) => !added.includes(name));
        options.policy = new HeaderPolicy([...passed, ...added], rest, pattern);
        return true;
      }),
  }),
  b2b_hdr_drop: command({
    doc: 'Keeps headers from passing from one side of this call to the other, names with commas; `*`: all.',
    args: ['str'],
    argNames: ['names'],
    routes: CALL_ROUTES,
    run: (run, calls: Calls, list) =>
      edit(run, calls, ({ options }) => {
        const { passed, dropped, pattern } = options.policy;
        const added = names(list).map((name) => name.toLowerCase());
        const rest = [...passed].filter((name) => !added.includes(name));
        options.policy = new HeaderPolicy(rest, [...dropped, ...added], pattern);
        return true;
      }),
  }),
  b2b_hdr_set: command({
    doc: 'A header of ours in every INVITE, UPDATE and reply to them that a leg (a, b, or its id) gets; an empty value takes it back.',
    args: ['str', 'str', 'str'],
    argNames: ['leg', 'name', 'value'],
    routes: CALL_ROUTES,
    run: (run, calls: Calls, leg, name, value) => {
      if (!/^[\w.!%*+`'~-]+$/.test(name) || /[\r\n]/.test(value)) return -1;
      return edit(run, calls, (call) => {
        const who = leg === 'caller' ? 'a' : leg === 'callee' ? 'b' : leg;
        const lower = name.toLowerCase();
        const at = call.addedRows.findIndex((row) => row.leg === who && row.name === lower);
        if (at >= 0) call.addedRows.splice(at, 1);
        if (value !== '') call.addedRows.push({ leg: who, name: lower, row: `${name}: ${value}\r\n` });
        return true;
      });
    },
  }),
  b2b_map_reply: command({
    doc: 'A status of one side of this call is another on the other side: 1xx stay 1xx, refusals refusals.',
    args: ['int', 'int'],
    argNames: ['from', 'to'],
    routes: CALL_ROUTES,
    run: (run, calls: Calls, from, to) =>
      !canBecome(from, to) ? -1 : edit(run, calls, (call) => call.replyMap.set(from, to).size > 0),
  }),
  b2b_auth: command({
    doc: 'Credentials that answer the challenges to this call, before those of auth_source; without a realm for any.',
    args: ['str', 'str', 'str?'],
    argNames: ['user', 'password', 'realm'],
    routes: CALL_ROUTES,
    run: (run, calls: Calls, user, password, realm) =>
      user === ''
        ? -1
        : edit(run, calls, (call) => call.credentials.unshift({ user, password, realm: realm ?? '' }) > 0),
  }),
};
