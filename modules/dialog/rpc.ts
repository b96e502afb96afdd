import { writeFileSync } from 'node:fs';
import {
  compilePosix,
  mergeSum,
  type RpcArgs,
  RpcFault,
  RpcMany,
  type RpcMethod,
  type RpcReply,
  RpcStruct,
} from 'strowger';
import { DFLAG, type Dialog, LEG } from './dialog.ts';
import type { Dialogs } from './dialogs.ts';
import { isLocal } from './ending.ts';
import { type DialogState, isActive, STATE } from './fsm.ts';
import type { DialogModule } from './module.ts';
import type { ProfileDef } from './profiles.ts';
import { briefStruct, DUMP_TOPIC, dialogStruct, dumpText } from './rpc-format.ts';

type Method = RpcMethod<DialogModule>;

/** Parameters that must be there. */
function needed<T>(code: number, fault: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof RpcFault ? new RpcFault(code, fault) : error;
  }
}

/** As Kamailio's ctl says it where any type would do. */
function any(args: RpcArgs, index: number): string {
  if (!args.has(index))
    throw new RpcFault(400, `error at parameter ${index}: expected any type but end of packet encountered`);
  return args.str(index);
}

/** Dialogs of all workers by their entry. */
function mergeByEntry(replies: readonly RpcReply[]): RpcReply {
  const all = replies.flatMap((reply) => (reply instanceof RpcMany ? reply.values : []));
  const entryOf = (value: unknown): number => (value instanceof RpcStruct ? Number(value.entries[0]?.[1] ?? 0) : 0);
  return new RpcMany(all.toSorted((a, b) => entryOf(a) - entryOf(b)));
}

function listed(dialogs: Dialogs, found: Iterable<Dialog>, withContext: boolean): RpcMany {
  return new RpcMany([...found].map((dialog) => dialogStruct(dialogs, dialog, withContext)));
}

function listing(doc: string, withContext: boolean): Method {
  return {
    doc,
    scope: 'all',
    merge: mergeByEntry,
    run: (_args, { dialogs }) => listed(dialogs, dialogs.table.all(), withContext),
  };
}

function ofCall(doc: string, withContext: boolean): Method {
  return {
    doc,
    params: ['callid', '[from_tag]'],
    scope: 'all',
    merge: mergeByEntry,
    run: (args, { dialogs }) => {
      const callId = any(args, 0);
      const fromTag = args.str(1, '');
      const found: Dialog[] = [];
      for (let at = dialogs.table.ofCall(callId); at !== null; at = at.sameCall)
        if (fromTag === '' || at.fromTag === fromTag) found.push(at);
      return listed(dialogs, found, withContext);
    },
  };
}

/** What dlg.list_match compares. */
const MATCH_KEYS: Readonly<Record<string, (dialog: Dialog) => string | number>> = {
  ruri: (dialog) => dialog.requestUri,
  furi: (dialog) => dialog.fromUri,
  turi: (dialog) => dialog.toUri,
  callid: (dialog) => dialog.callId,
  start_ts: (dialog) => dialog.startSec,
};
const OPERATORS = ['eq', 're', 'sw', 'gt', 'lt'];

function matcher(key: string, operator: string, wanted: string): (dialog: Dialog) => boolean {
  const get = MATCH_KEYS[key];
  if (get === undefined) throw new RpcFault(500, 'Invalid matching key parameter');
  if (!OPERATORS.includes(operator)) throw new RpcFault(500, 'Invalid matching operator parameter');
  const isNumeric = operator === 'gt' || operator === 'lt';
  if (key === 'start_ts') {
    if (!isNumeric) throw new RpcFault(500, 'Matching operator not supported with start_ts key');
    const limit = Number.parseInt(wanted, 10) || 0;
    return (dialog) => (operator === 'gt' ? dialog.startSec > limit : dialog.startSec < limit);
  }
  if (isNumeric) throw new RpcFault(500, 'Invalid parameters');
  if (operator === 'eq') return (dialog) => get(dialog) === wanted;
  if (operator === 'sw') return (dialog) => String(get(dialog)).startsWith(wanted);
  const regex = compilePosix(wanted);
  if (typeof regex === 'string') throw new RpcFault(500, 'Invalid matching value parameter');
  return (dialog) => regex.test(String(get(dialog)));
}

function matching(doc: string, withContext: boolean): Method {
  return {
    doc,
    params: ['mkey', 'mop', 'mval', '[limit]'],
    scope: 'all',
    merge: mergeByEntry,
    run: (args, { dialogs }) => {
      const [key, operator, wanted] = needed(
        500,
        'Invalid parameters',
        () => [args.str(0), args.str(1), args.str(2)] as const,
      );
      const matches = matcher(key, operator, wanted);
      const limit = Number.parseInt(args.str(3, '0'), 10) || 0;
      const found: Dialog[] = [];
      for (const dialog of dialogs.table.all()) {
        if (matches(dialog)) found.push(dialog);
        if (limit > 0 && found.length >= limit) break;
      }
      if (found.length === 0) throw new RpcFault(404, 'Not found');
      return listed(dialogs, found, withContext);
    },
  };
}

function profileOf({ dialogs }: DialogModule, name: string): ProfileDef {
  const profile = dialogs.profiles.find(name);
  if (profile === undefined) throw new RpcFault(404, `Profile not found: ${name}`);
  return profile;
}

/** The dialog with these tags; before the answer, any is the callee's. */
function byTags({ dialogs }: DialogModule, callId: string, fromTag: string, toTag: string): Dialog | null {
  return dialogs.table.match(callId, fromTag, toTag)?.dialog ?? null;
}

function endDialog(dialogs: Dialogs, dialog: Dialog, headers: string): undefined {
  const rows = headers === '' || headers.endsWith('\r\n') ? headers : `${headers}\r\n`;
  if (!dialogs.ending.terminate(dialog, [LEG.CALLER, LEG.CALLEE], rows)) throw new RpcFault(500, 'Operation failed');
  return undefined;
}

/** Another state by hand: nobody is told, nothing is sent. */
function setState(dialogs: Dialogs, dialog: Dialog, state: DialogState): void {
  const { state: before } = dialog;
  if (before === STATE.EARLY) dialogs.early--;
  if (isActive(before)) dialogs.active--;
  dialog.state = state;
  if (state === STATE.EARLY) dialogs.early++;
  if (isActive(state)) dialogs.active++;
  if (state === STATE.DELETED) {
    dialog.endSec = dialogs.nowSec;
    dialogs.empty(dialog);
  }
  dialog.dflags |= DFLAG.CHANGED;
  dialogs.lifetimes.arm(dialog);
}

export const RPC: Readonly<Record<string, Method>> = {
  'dlg.list': listing('Shows all dialogs.', false),
  'dlg.list_ctx': listing('Shows all dialogs, with what other modules keep for them.', true),
  'dlg.dlg_list': ofCall('Shows the dialogs of a call.', false),
  'dlg.dlg_list_ctx': ofCall('Shows the dialogs of a call, with what other modules keep for them.', true),
  'dlg.list_match': matching(
    'Shows dialogs that match: ruri, furi, turi, callid (eq, re, sw), start_ts (gt, lt).',
    false,
  ),
  'dlg.list_match_ctx': matching('The same, with what other modules keep for them.', true),
  'dlg.briefing': {
    doc: 'Shows some attributes of all dialogs, each named by a letter.',
    params: ['[attrs]'],
    scope: 'all',
    merge: mergeByEntry,
    run: (args, { dialogs }) => {
      const letters = args.str(0, 'ftcFT');
      return new RpcMany([...dialogs.table.all()].map((dialog) => briefStruct(dialog, letters)));
    },
  },
  'dlg.dump_file': {
    doc: 'Writes all dialogs to a file, each as a line of JSON.',
    params: ['file'],
    run: async (args, { dialogs }) => {
      const file = any(args, 0);
      const others = await dialogs.ctx.server.bus.ask(DUMP_TOPIC, null);
      const text = [dumpText(dialogs), ...others.map((other) => (typeof other === 'string' ? other : ''))].join('');
      try {
        writeFileSync(file, text, 'latin1');
      } catch (error) {
        dialogs.ctx.log.error(`dlg.dump_file: ${(error as Error).message}`);
        throw new RpcFault(500, 'Failed to write the file');
      }
      return undefined;
    },
  },
  'dlg.end_dlg': {
    doc: 'Ends a dialog: both sides get a BYE.',
    params: ['h_entry', 'h_id', '[headers]'],
    scope: 'all',
    run: (args, { dialogs }) => {
      const [hEntry, hId] = needed(500, 'Invalid parameters', () => [args.int(0), args.int(1)] as const);
      const dialog = dialogs.table.find(hEntry, hId);
      if (dialog === null) throw new RpcFault(404, 'Dialog not found');
      return endDialog(dialogs, dialog, args.str(2, ''));
    },
  },
  'dlg.terminate_dlg': {
    doc: 'Ends a dialog: both sides get a BYE.',
    params: ['callid', 'from_tag', 'to_tag'],
    scope: 'all',
    run: (args, module) => {
      const tags = needed(
        400,
        'Need a Callid ,from tag ,to tag',
        () => [args.str(0), args.str(1), args.str(2)] as const,
      );
      const dialog = byTags(module, ...tags);
      if (dialog === null) throw new RpcFault(500, 'Couldnt find callid in dialog');
      return endDialog(module.dialogs, dialog, '');
    },
  },
  'dlg.set_state': {
    doc: 'Sets the state of a dialog, 1 to 5; nobody is told.',
    params: ['callid', 'from_tag', 'to_tag', 'state'],
    scope: 'all',
    run: (args, module) => {
      const [callId, fromTag, toTag, state] = needed(
        400,
        'Need the callid, from tag,to tag and state',
        () => [args.str(0), args.str(1), args.str(2), args.int(3)] as const,
      );
      if (state < STATE.UNCONFIRMED || state > STATE.DELETED) throw new RpcFault(500, 'Invalid state value');
      const dialog = byTags(module, callId, fromTag, toTag);
      if (dialog === null) throw new RpcFault(500, 'Dialog not found');
      setState(module.dialogs, dialog, state as DialogState);
      return 'Done';
    },
  },
  'dlg.is_alive': {
    doc: 'Is this dialog answered and not over?',
    params: ['callid', 'from_tag', 'to_tag'],
    scope: 'all',
    run: (args, module) => {
      const tags = needed(
        400,
        'Too few parameters (required callid, from-tag, to-tag)',
        () => [args.str(0), args.str(1), args.str(2)] as const,
      );
      const dialog = byTags(module, ...tags);
      if (dialog === null) throw new RpcFault(404, 'Dialog not found');
      if (dialog.state !== STATE.CONFIRMED) throw new RpcFault(500, 'Dialog not in confirmed state');
      return 'Alive';
    },
  },
  'dlg.profile_get_size': {
    doc: 'Counts the dialogs in a profile.',
    params: ['profile', '[value]'],
    run: (args, module) => {
      const profile = profileOf(module, any(args, 0));
      return module.dialogs.profiles.size(profile, args.has(1) ? args.str(1) : null);
    },
  },
  'dlg.profile_list': {
    doc: 'Shows the dialogs in a profile.',
    params: ['profile', '[value]'],
    scope: 'all',
    merge: mergeByEntry,
    run: (args, module) => {
      const { dialogs } = module;
      const profile = profileOf(module, any(args, 0));
      const value = args.has(1) ? args.str(1) : null;
      const found: Dialog[] = [];
      for (const dialog of dialogs.table.all()) if (dialogs.profiles.isIn(dialog, profile, value)) found.push(dialog);
      return listed(dialogs, found, false);
    },
  },
  'dlg.bridge_dlg': {
    doc: 'Calls an address and refers it to another.',
    params: ['from', 'to', '[op]', '[body]'],
    run: (args, { bridge }) => {
      const [from, to] = needed(500, 'Invalid parameters', () => [args.str(0), args.str(1)] as const);
      const outboundProxy = args.str(2, '.');
      const body = args.str(3, '.');
      const call = { from, to, outboundProxy: outboundProxy === '.' ? '' : outboundProxy };
      if (!bridge.start({ ...call, body: body === '.' ? null : body === '_' ? '' : body }))
        throw new RpcFault(500, 'Failure');
      return undefined;
    },
  },
  'dlg.stats_active': {
    doc: 'Counts dialogs by state; 1: only those whose sockets are ours.',
    params: ['[local_only]'],
    scope: 'all',
    merge: mergeSum,
    run: (args, { dialogs }) => {
      const isLocalOnly = args.int(0, 0) !== 0;
      const counts = [0, 0, 0, 0, 0, 0];
      for (const dialog of dialogs.table.all())
        if (!isLocalOnly || isLocal(dialog) || !isActive(dialog.state))
          counts[dialog.state] = (counts[dialog.state] ?? 0) + 1;
      const [, starting = 0, connecting = 0, answering = 0, ongoing = 0] = counts;
      return { starting, connecting, answering, ongoing, all: starting + connecting + answering + ongoing };
    },
  },
};
