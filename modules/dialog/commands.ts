import { ANY_ROUTE, type CommandDef, command, REQUEST_ROUTE, type Run } from 'strowger';
import { type MsgContext, needContext } from './context.ts';
import { DFLAG, type Dialog, IFLAG, LEG, type Leg } from './dialog.ts';
import type { DialogModule } from './module.ts';

const routes = ANY_ROUTE;

/** Properties of dlg_set_property(). */
const PROPERTIES: Readonly<Record<string, number>> = {
  'ka-src': IFLAG.KA_SRC,
  'ka-dst': IFLAG.KA_DST,
  'timeout-noreset': IFLAG.TIMEOUT_NORESET,
};

/** Sides of dlg_bye(). */
const SIDES: Readonly<Record<string, readonly Leg[]>> = {
  caller: [LEG.CALLER],
  callee: [LEG.CALLEE],
  all: [LEG.CALLER, LEG.CALLEE],
};

function checkSide(values: readonly (string | number | undefined)[], allowed: readonly string[]): string | null {
  const side = values[0];
  return side === undefined || allowed.includes(String(side))
    ? null
    : `has the side "${side}"; there are ${allowed.join(', ')}`;
}

/** A number of a flag, 0 … 31, as a bit; null for anything else. */
function flagBit(flag: number): number | null {
  return flag >= 0 && flag <= 31 ? 1 << flag : null;
}

function setFlag(run: Run, module: DialogModule, flag: number, isOn: boolean): number {
  const bit = flagBit(flag);
  if (bit === null) return -1;
  const { dialogs } = module;
  const context = needContext(run.msg);
  context.sflags = isOn ? context.sflags | bit : context.sflags & ~bit;
  const dialog = dialogs.of(run.msg);
  if (dialog === null) return 1;
  dialog.sflags = isOn ? dialog.sflags | bit : dialog.sflags & ~bit;
  dialog.dflags |= DFLAG.CHANGED;
  dialogs.store?.changed(dialog);
  return 1;
}

function isFlagSet(run: Run, module: DialogModule, flag: number): number {
  const bit = flagBit(flag);
  if (bit === null) return -1;
  const sflags = module.dialogs.of(run.msg)?.sflags ?? needContext(run.msg).sflags;
  return (sflags & bit) === 0 ? -1 : 1;
}

function setProperty(run: Run, module: DialogModule, name: string, isOn: boolean): number {
  const { dialogs } = module;
  const bit = PROPERTIES[name];
  if (bit === undefined) {
    dialogs.ctx.log.error(`there is no property "${name}" of dialogs`);
    return -1;
  }
  const dialog = dialogs.of(run.msg);
  const target: Dialog | MsgContext = dialog ?? needContext(run.msg);
  target.iflags = isOn ? target.iflags | bit : target.iflags & ~bit;
  if (dialog === null) return 1;
  if (isOn) dialogs.keepalive.add(dialog);
  dialog.dflags |= DFLAG.CHANGED;
  dialogs.store?.changed(dialog);
  return 1;
}

function propertyCommand(doc: string, isOn: boolean): CommandDef<DialogModule> {
  return command({
    doc,
    args: ['str'],
    argNames: ['attr'],
    routes,
    run: (run: Run, module: DialogModule, name) => setProperty(run, module, name.trim().toLowerCase(), isOn),
  });
}

/** Sets the Request-URI to what the party that gets the request gave as its Contact. */
function setRuri(run: Run, { dialogs }: DialogModule): number {
  const { msg } = run;
  const dialog = dialogs.of(msg);
  if (dialog === null) return -1;
  const sender = dialog.senderOf(msg.fromTag, msg.toTag);
  if (sender === null) return -1;
  const contact = dialog.contact(sender === LEG.CALLER ? LEG.CALLEE : LEG.CALLER);
  if (contact === '') return -1;
  msg.newUri = contact;
  return 1;
}

export const COMMANDS: Readonly<Record<string, CommandDef<DialogModule> | readonly CommandDef<DialogModule>[]>> = {
  dlg_manage: command({
    doc: 'Begins a dialog with this INVITE, or finds the one that this request is within.',
    args: [],
    routes: REQUEST_ROUTE,
    run: (run: Run, { dialogs }: DialogModule) =>
      run.msg.toTag === '' ? dialogs.initial.manage(run) : dialogs.within.manage(run),
  }),
  is_known_dlg: command({
    doc: 'Is the message within a dialog that is followed here?',
    args: [],
    routes,
    run: (run: Run, { dialogs }: DialogModule) => (dialogs.of(run.msg) === null ? -1 : 1),
  }),
  dlg_setflag: command({
    doc: 'Sets a flag (0 to 31) of the dialog.',
    args: ['int'],
    argNames: ['flag'],
    routes,
    run: (run: Run, module: DialogModule, flag) => setFlag(run, module, flag, true),
  }),
  dlg_resetflag: command({
    doc: 'Resets a flag of the dialog.',
    args: ['int'],
    argNames: ['flag'],
    routes,
    run: (run: Run, module: DialogModule, flag) => setFlag(run, module, flag, false),
  }),
  dlg_isflagset: command({
    doc: 'Is this flag of the dialog set?',
    args: ['int'],
    argNames: ['flag'],
    routes,
    run: (run: Run, module: DialogModule, flag) => isFlagSet(run, module, flag),
  }),
  dlg_set_property: propertyCommand('Sets a property of the dialog: ka-src, ka-dst or timeout-noreset.', true),
  dlg_reset_property: propertyCommand('Takes a property of the dialog back.', false),
  dlg_set_ruri: command({
    doc: 'Sets the Request-URI to the Contact of the party that the request is for.',
    args: [],
    routes,
    run: (run: Run, module: DialogModule) => setRuri(run, module),
  }),
  dlg_get: command({
    doc: 'Makes the dialog with this Call-ID and these tags the current one.',
    args: ['str', 'str', 'str'],
    argNames: ['callid', 'ftag', 'ttag'],
    routes,
    run: (run: Run, { dialogs }: DialogModule, callId, fromTag, toTag) => {
      const found = dialogs.table.match(callId, fromTag, toTag);
      if (found === null) return -1;
      needContext(run.msg).dialog = found.dialog;
      return 1;
    },
  }),
  dlg_set_timeout: [
    command({
      doc: 'Sets the lifetime of the dialog, seconds from now on.',
      args: ['int'],
      argNames: ['timeout'],
      routes,
      run: (run: Run, { dialogs }: DialogModule, seconds) => {
        const dialog = dialogs.of(run.msg);
        if (dialog === null || seconds <= 0) return -1;
        dialogs.setLifetime(dialog, seconds);
        return 1;
      },
    }),
    command({
      doc: 'The same for the dialog with these numbers.',
      args: ['int', 'int', 'int'],
      argNames: ['timeout', 'h_entry', 'h_id'],
      routes,
      isAsync: true,
      run: (_run: Run, module: DialogModule, seconds, hEntry, hId) => {
        if (seconds <= 0) return -1;
        const dialog = module.dialogs.table.find(hEntry, hId);
        if (dialog === null) return module.others.setLifetime(hEntry, hId, seconds);
        module.dialogs.setLifetime(dialog, seconds);
        return 1;
      },
    }),
  ],
  dlg_bye: command({
    doc: 'Ends the dialog: sends a BYE to one side or to all.',
    args: ['const-str'],
    argNames: ['side'],
    routes,
    check: (values) => checkSide(values, ['caller', 'callee', 'all']),
    run: (run: Run, { dialogs }: DialogModule, side) => {
      const dialog = dialogs.of(run.msg);
      return dialog !== null && dialogs.ending.terminate(dialog, SIDES[side] ?? [], '') ? 1 : -1;
    },
  }),
  dlg_refer: command({
    doc: 'Asks a side of the dialog to call an address instead.',
    args: ['const-str', 'str'],
    argNames: ['side', 'address'],
    routes,
    check: (values) => checkSide(values, ['caller', 'callee']),
    run: (run: Run, { dialogs }: DialogModule, side, address) => {
      const dialog = dialogs.of(run.msg);
      return dialog !== null && dialogs.ending.refer(dialog, side === 'caller' ? LEG.CALLER : LEG.CALLEE, address)
        ? 1
        : -1;
    },
  }),
  dlg_bridge: command({
    doc: 'Calls an address and refers it to another.',
    args: ['str', 'str', 'str'],
    argNames: ['from', 'to', 'op'],
    routes,
    run: (_run: Run, { bridge }: DialogModule, from, to, outboundProxy) =>
      bridge.start({ from, to, outboundProxy, body: null }) ? 1 : -1,
  }),
  dlg_db_load_callid: command({
    doc: 'Loads the dialogs with this Call-ID from the database.',
    args: ['str'],
    argNames: ['cival'],
    routes,
    isAsync: true,
    run: (_run: Run, { dialogs }: DialogModule, callId) => loaded(dialogs.store?.loadCall(callId), dialogs.ctx.log),
  }),
  dlg_db_load_extra: command({
    doc: 'Loads all dialogs from the database that are not in memory.',
    args: [],
    routes,
    isAsync: true,
    run: (_run: Run, { dialogs }: DialogModule) => loaded(dialogs.store?.loadExtra(), dialogs.ctx.log),
  }),
};

/** 1 once it is done; -1 without a database, or where it says no. */
async function loaded(work: Promise<number> | undefined, log: DialogModule['dialogs']['ctx']['log']): Promise<number> {
  if (work === undefined) {
    log.error('dialogs are not kept in a database (db_mode)');
    return -1;
  }
  try {
    await work;
    return 1;
  } catch (error) {
    log.error(`dialogs can not be loaded: ${(error as Error).message}`);
    return -1;
  }
}
