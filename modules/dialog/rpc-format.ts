import { RpcElement, RpcStruct, type RpcValue } from 'strowger';
import { type Dialog, LEG, type Leg } from './dialog.ts';
import type { Dialogs } from './dialogs.ts';
import { STATE } from './fsm.ts';
import { referencesOf } from './variables.ts';

/** A dialog as dlg.list shows it; `withContext`: with what other modules have to say. */
export function dialogStruct(dialogs: Dialogs, dialog: Dialog, withContext: boolean): RpcStruct {
  const shown = new RpcStruct();
  const members: readonly (readonly [string, RpcValue])[] = [
    ['h_entry', dialog.hEntry],
    ['h_id', dialog.hId],
    ['ref', referencesOf(dialog)],
    ['call-id', dialog.callId],
    ['from_uri', dialog.fromUri],
    ['to_uri', dialog.toUri],
    ['state', dialog.state],
    ['start_ts', dialog.startSec],
    ['init_ts', dialog.initSec],
    ['end_ts', dialog.endSec],
    ['duration', dialog.durationSec(dialogs.nowSec)],
    ['timeout', dialog.timeoutSec],
    ['lifetime', dialog.lifetimeSec],
    ['dflags', dialog.dflags],
    ['sflags', dialog.sflags],
    ['iflags', dialog.iflags],
    ['caller', legStruct(dialog, LEG.CALLER)],
    ['callee', legStruct(dialog, LEG.CALLEE)],
    ['profiles', profileList(dialog)],
    ['variables', variablesOf(dialog).map(([name, value]) => RpcElement.of({ [name]: value }))],
  ];
  for (const [name, value] of members) shown.add(name, value);
  if (withContext) dialogs.events.emit('rpcContext', dialog, { context: shown });
  return shown;
}

/** Nothing is known of the callee before the answer. */
function legStruct(dialog: Dialog, leg: Leg): RpcValue {
  if (leg === LEG.CALLEE && dialog.startSec === 0)
    return { tag: null, contact: null, cseq: null, route_set: null, socket: null };
  return {
    tag: dialog.tag(leg),
    contact: dialog.contact(leg),
    cseq: String(dialog.cseq(leg)),
    route_set: dialog.routeSet(leg),
    socket: dialog.socket(leg)?.uri ?? null,
  };
}

function profileList({ profiles }: Dialog): RpcValue {
  return (profiles ?? []).map(({ profile, value }) =>
    value === null ? profile.name : RpcElement.of({ [profile.name]: value }),
  );
}

/** The newest first; none of a call that is over, as in Kamailio. */
function variablesOf({ vars, state }: Dialog): readonly (readonly [string, string])[] {
  return state === STATE.DELETED ? [] : [...(vars ?? [])].toReversed();
}

/** Bus topic: what dlg.dump_file writes of another worker. */
export const DUMP_TOPIC = 'dialog.dump';

/** All dialogs of this worker, a line for each. */
export function dumpText(dialogs: Dialogs): string {
  let text = '';
  for (const dialog of dialogs.table.all()) text += `${dialogJson(dialog)}\n`;
  return text;
}

/** One line of dlg.dump_file. */
function dialogJson(dialog: Dialog): string {
  const leg = (which: Leg): object => ({
    tag: dialog.tag(which),
    contact: dialog.contact(which),
    cseq: String(dialog.cseq(which)),
    route_set: dialog.routeSet(which),
    socket: dialog.socket(which)?.uri ?? '',
  });
  return JSON.stringify({
    h_entry: dialog.hEntry,
    h_id: dialog.hId,
    ref: referencesOf(dialog),
    call_id: dialog.callId,
    from_uri: dialog.fromUri,
    to_uri: dialog.toUri,
    state: dialog.state,
    start_ts: dialog.startSec,
    init_ts: dialog.initSec,
    end_ts: dialog.endSec,
    timeout: dialog.timeoutSec,
    lifetime: dialog.lifetimeSec,
    dflags: dialog.dflags,
    sflags: dialog.sflags,
    iflags: dialog.iflags,
    caller: leg(LEG.CALLER),
    ...(dialog.state === STATE.UNCONFIRMED || dialog.state === STATE.EARLY ? {} : { callee: leg(LEG.CALLEE) }),
    profiles: Object.fromEntries((dialog.profiles ?? []).map(({ profile, value }) => [profile.name, value ?? ''])),
    variables: Object.fromEntries(variablesOf(dialog)),
  });
}

/** Attributes of dlg.briefing by their letters. */
const BRIEF: readonly (readonly [letter: string, name: string, get: (dialog: Dialog) => RpcValue])[] = [
  ['f', 'from_uri', (dialog) => dialog.fromUri],
  ['t', 'to_uri', (dialog) => dialog.toUri],
  ['c', 'call-id', (dialog) => dialog.callId],
  ['F', 'from_tag', (dialog) => dialog.fromTag],
  ['T', 'to_tag', (dialog) => dialog.toTag],
  ['I', 'init_ts', (dialog) => dialog.initSec],
  ['S', 'start_ts', (dialog) => dialog.startSec],
  ['E', 'end_ts', (dialog) => dialog.endSec],
  ['s', 'state', (dialog) => dialog.state],
];

/** A dialog as dlg.briefing shows it. */
export function briefStruct(dialog: Dialog, letters: string): RpcStruct {
  const shown = new RpcStruct().add('h_entry', dialog.hEntry).add('h_id', dialog.hId);
  for (const [letter, name, get] of BRIEF) if (letters.includes(letter)) shown.add(name, get(dialog));
  return shown;
}
