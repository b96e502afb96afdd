import type { PvAccessor, PvDef, PvValue, Run } from 'strowger';
import { contextOf, type MsgContext, needContext } from './context.ts';
import { type Dialog, LEG } from './dialog.ts';
import type { DialogModule } from './module.ts';

type Bound = Omit<PvAccessor, 'text'>;

/** Attributes of `$dlg(…)`. */
const ATTRIBUTES: Readonly<Record<string, (dialog: Dialog, run: Run) => PvValue>> = {
  h_id: (dialog) => dialog.hId,
  h_entry: (dialog) => dialog.hEntry,
  ref: (dialog) => referencesOf(dialog) + 1,
  state: (dialog) => dialog.state,
  to_rs: (dialog) => dialog.routeSet(LEG.CALLEE) || null,
  from_rs: (dialog) => dialog.routeSet(LEG.CALLER) || null,
  dflags: (dialog) => dialog.dflags,
  sflags: (dialog) => dialog.sflags,
  callid: (dialog) => dialog.callId,
  to_uri: (dialog) => dialog.toUri || null,
  to_tag: (dialog) => dialog.toTag || null,
  toroute: (dialog, run) => routeNumber(run, dialog.timeoutRoute),
  lifetime: (dialog) => dialog.lifetimeSec,
  start_ts: (dialog) => dialog.startSec,
  from_cseq: (dialog) => String(dialog.callerCseq),
  to_cseq: (dialog) => (dialog.startSec === 0 ? null : String(dialog.calleeCseq)),
  from_uri: (dialog) => dialog.fromUri || null,
  from_tag: (dialog) => dialog.fromTag || null,
  from_contact: (dialog) => dialog.contact(LEG.CALLER) || null,
  to_contact: (dialog) => dialog.contact(LEG.CALLEE) || null,
  from_bindaddr: (dialog) => dialog.callerSocket?.uri ?? null,
  to_bindaddr: (dialog) => dialog.calleeSocket?.uri ?? null,
};

/** Who has a dialog, as Kamailio counts it while no message is worked on: the table, and the timer of answered ones. */
export function referencesOf(dialog: Dialog): number {
  return dialog.timeoutSec > 0 ? 2 : 1;
}

/** A route block's number, 0 for none. */
function routeNumber(run: Run, name: string): number {
  return name === '' ? 0 : [...run.program.routes.keys()].indexOf(name) + 1;
}

interface ContextAttribute {
  get(run: Run, context: MsgContext | undefined, module: DialogModule): PvValue;
  set?(run: Run, context: MsgContext, value: PvValue): boolean;
}

function number(value: PvValue): number {
  return typeof value === 'number' ? value : Number.parseInt(value ?? '', 10) || 0;
}

function numeric(name: 'on' | 'dir' | 'timeout' | 'timeoutBye'): ContextAttribute {
  return {
    get: (_run, context) => context?.[name] ?? 0,
    set: (_run, context, value) => {
      context[name] = number(value);
      return true;
    },
  };
}

/** Attributes of `$dlg_ctx(…)`. */
const CONTEXT_ATTRIBUTES: Readonly<Record<string, ContextAttribute>> = {
  set: { get: (run, _context, { dialogs }) => (dialogs.of(run.msg) === null ? 0 : 1), set: () => false },
  on: numeric('on'),
  dir: numeric('dir'),
  timeout: numeric('timeout'),
  timeout_bye: numeric('timeoutBye'),
  timeout_route: {
    get: (_run, context) => context?.timeoutRoute || null,
    set: (run, context, value) => {
      const name = value === null || value === 0 ? '' : String(value);
      if (name !== '' && !run.program.routes.has(name)) return false;
      context.timeoutRoute = name;
      return true;
    },
  },
  timeout_route_id: {
    get: (run, context) => routeNumber(run, context?.timeoutRoute ?? ''),
    set: (run, context, value) => {
      const id = number(value);
      context.timeoutRoute = [...run.program.routes.keys()][id - 1] ?? '';
      return true;
    },
  },
};

function getVariable(run: Run, { dialogs }: DialogModule, name: string): PvValue {
  const dialog = dialogs.of(run.msg);
  return dialog === null ? (contextOf(run.msg)?.vars?.get(name) ?? null) : dialog.variable(name);
}

function setVariable(run: Run, { dialogs }: DialogModule, name: string, value: PvValue): boolean {
  if (typeof value === 'number') {
    dialogs.ctx.log.error(`$dlg_var(${name}): only text can be assigned`);
    return false;
  }
  const dialog = dialogs.of(run.msg);
  if (dialog !== null) dialogs.setVariable(dialog, name, value);
  else if (value === null) contextOf(run.msg)?.vars?.delete(name);
  else (needContext(run.msg).vars ??= new Map()).set(name, value);
  return true;
}

/** The dialog of a request within it, once it has been found. */
function sequential(run: Run): Dialog | null {
  const context = contextOf(run.msg);
  return context?.isSequential === true ? context.dialog : null;
}

function readOnly(doc: string, get: (run: Run, module: DialogModule) => PvValue): PvDef<DialogModule> {
  return { doc, name: 'none', bind: (_use, module) => ({ get: (run) => get(run, module) }) };
}

export const VARIABLES: Readonly<Record<string, PvDef<DialogModule>>> = {
  DLG_count: readOnly('Calls that are answered and not over, of all workers.', (_run, { dialogs }) =>
    dialogs.ctx.counter('active_dialogs').get(),
  ),
  DLG_status: readOnly(
    'State of the dialog that this request is within; null where it is in none.',
    (run) => sequential(run)?.state ?? null,
  ),
  DLG_lifetime: readOnly('Seconds since that dialog was answered.', (run, { dialogs }) => {
    const dialog = sequential(run);
    return dialog === null ? null : dialog.durationSec(dialogs.nowSec);
  }),
  dlg: {
    doc: 'An attribute of the dialog: state, callid, from_uri …',
    name: 'required',
    bind(use, module): Bound | string {
      const get = ATTRIBUTES[use.name?.trim() ?? ''];
      if (get === undefined) return `${use.text}: there is no such attribute of dialogs`;
      return {
        get: (run) => {
          const dialog = module.dialogs.of(run.msg);
          return dialog === null ? null : get(dialog, run);
        },
      };
    },
  },
  dlg_ctx: {
    doc: 'What holds for this message, and for the dialog that it begins: timeout_bye, timeout_route …',
    name: 'required',
    writable: true,
    bind(use, module): Bound | string {
      const attribute = CONTEXT_ATTRIBUTES[use.name?.trim() ?? ''];
      if (attribute === undefined) return `${use.text}: there is no such attribute`;
      return {
        get: (run) => attribute.get(run, contextOf(run.msg), module),
        set: (run, value) => attribute.set?.(run, needContext(run.msg), value) ?? false,
      };
    },
  },
  dlg_var: {
    doc: 'A text that is kept with the dialog.',
    name: 'required',
    writable: true,
    bind(use, module): Bound {
      const name = use.isNameDynamic ? use.nameFormat() : (use.name ?? '').trim();
      const nameOf = typeof name === 'function' ? name : () => name;
      return {
        get: (run) => getVariable(run, module, nameOf(run)),
        set: (run, value) => setVariable(run, module, nameOf(run), value),
      };
    },
  },
};
