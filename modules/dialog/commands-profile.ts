import { ANY_ROUTE, type CommandDef, command, type PvAccessor, ROUTE, type Run } from 'strowger';
import { needContext } from './context.ts';
import type { DialogModule } from './module.ts';

const routes = ANY_ROUTE;

function setProfile(run: Run, { dialogs }: DialogModule, name: string, value: string | null): number {
  const profile = dialogs.profiles.need(name);
  if (profile === null) return -1;
  if (profile.hasValue && (value === null || value === '')) {
    dialogs.ctx.log.error(`the profile "${name}" needs a value`);
    return -1;
  }
  const dialog = dialogs.of(run.msg);
  if (dialog === null) {
    // For the dialog that this INVITE is going to begin.
    const context = needContext(run.msg);
    if (run.routeType !== ROUTE.REQUEST || context.isSequential) return -1;
    (context.profiles ??= []).push([profile, value]);
    return 1;
  }
  dialogs.profiles.add(dialog, profile, value);
  dialogs.store?.changed(dialog);
  return 1;
}

function unsetProfile(run: Run, { dialogs }: DialogModule, name: string, value: string | null): number {
  const profile = dialogs.profiles.need(name);
  if (profile === null) return -1;
  if (run.routeType === ROUTE.REQUEST) {
    dialogs.ctx.log.error('a dialog can not leave a profile in a request route');
    return -1;
  }
  const dialog = dialogs.of(run.msg);
  if (dialog === null || !dialogs.profiles.remove(dialog, profile, value)) return -1;
  dialogs.store?.changed(dialog);
  return 1;
}

function isInProfile(run: Run, { dialogs }: DialogModule, name: string, value: string | null): number {
  const profile = dialogs.profiles.need(name);
  const dialog = profile === null ? null : dialogs.of(run.msg);
  return profile !== null && dialog !== null && dialogs.profiles.isIn(dialog, profile, value) ? 1 : -1;
}

function profileSize(
  run: Run,
  { dialogs }: DialogModule,
  name: string,
  value: string | null,
  size: PvAccessor,
): number {
  const profile = dialogs.profiles.need(name);
  if (profile === null) return -1;
  return size.set?.(run, dialogs.profiles.size(profile, value)) === false ? -1 : 1;
}

function setTimeoutByProfile(module: DialogModule, name: string, value: string | null, seconds: number): number {
  const profile = module.dialogs.profiles.need(name);
  if (profile === null || seconds <= 0) return -1;
  module.others.setTimeoutByProfile(name, value, seconds);
  return 1;
}

function remoteProfile(
  { dialogs }: DialogModule,
  cmd: string,
  name: string,
  value: string,
  uid: string,
  expiresSec: number,
): number {
  const profile = dialogs.profiles.need(name);
  if (profile === null) return -1;
  if (cmd === 'add') dialogs.profiles.addRemote(profile, value, uid, expiresSec);
  else if (cmd === 'rm') dialogs.profiles.removeRemote(profile, value, uid);
  else {
    dialogs.ctx.log.error(`dlg_remote_profile: there is no command "${cmd}"`);
    return -1;
  }
  return 1;
}

type OfProfile = (run: Run, module: DialogModule, name: string, value: string | null) => number;

/** A command on a profile, with or without a value. */
function profileCommands(doc: string, run: OfProfile): readonly CommandDef<DialogModule>[] {
  return [
    command({
      doc,
      args: ['str'],
      argNames: ['profile'],
      routes,
      run: (at: Run, module: DialogModule, name) => run(at, module, name, null),
    }),
    command({
      doc,
      args: ['str', 'str'],
      argNames: ['profile', 'value'],
      routes,
      run: (at: Run, module: DialogModule, name, value) => run(at, module, name, value),
    }),
  ];
}

export const PROFILE_COMMANDS: Readonly<
  Record<string, CommandDef<DialogModule> | readonly CommandDef<DialogModule>[]>
> = {
  set_dlg_profile: profileCommands('Puts the dialog into a profile.', setProfile),
  unset_dlg_profile: profileCommands('Takes the dialog out of a profile.', unsetProfile),
  is_in_profile: profileCommands('Is the dialog in a profile?', isInProfile),
  get_profile_size: [
    command({
      doc: 'Counts the dialogs in a profile.',
      args: ['str', 'pvw'],
      argNames: ['profile', 'size'],
      routes,
      run: (run: Run, module: DialogModule, name, size) => profileSize(run, module, name, null, size),
    }),
    command({
      doc: 'Counts the dialogs in a profile that have this value.',
      args: ['str', 'str', 'pvw'],
      argNames: ['profile', 'value', 'size'],
      routes,
      run: (run: Run, module: DialogModule, name, value, size) => profileSize(run, module, name, value, size),
    }),
  ],
  dlg_set_timeout_by_profile: [
    command({
      doc: 'Sets the lifetime of all dialogs in a profile, seconds from now on.',
      args: ['str', 'int'],
      argNames: ['profile', 'timeout'],
      routes,
      run: (_run: Run, module: DialogModule, name, seconds) => setTimeoutByProfile(module, name, null, seconds),
    }),
    command({
      doc: 'Sets the lifetime of all dialogs in a profile that have this value.',
      args: ['str', 'str', 'int'],
      argNames: ['profile', 'value', 'timeout'],
      routes,
      run: (_run: Run, module: DialogModule, name, value, seconds) =>
        setTimeoutByProfile(module, name, value === '' ? null : value, seconds),
    }),
  ],
  dlg_remote_profile: command({
    doc: 'Adds a dialog of another server to a profile (add), until a time in seconds, or takes it out (rm).',
    args: ['str', 'str', 'str', 'str', 'int'],
    argNames: ['cmd', 'profile', 'value', 'uid', 'expires'],
    routes,
    run: (_run: Run, module: DialogModule, cmd, name, value, uid, expires) =>
      remoteProfile(module, cmd, name, value, uid, expires),
  }),
};
