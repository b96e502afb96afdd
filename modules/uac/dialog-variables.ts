import type { ModuleContext, SipMsg } from 'strowger';
import type { DialogApi } from '../dialog/api.ts';
import type { Side } from './replace.ts';

/** What uac needs of dialog: variables of the dialog that a message belongs to. */
export interface DialogVariables {
  /** Null where the message belongs to no dialog, or that has no such variable. */
  variable(msg: SipMsg, name: string): string | null;
  /** False where the message belongs to no dialog. */
  setVariable(msg: SipMsg, name: string, value: string): boolean;
}

/** Both names of one side of a dialog. */
export interface NamePair {
  readonly uri: string;
  readonly newUri: string;
  readonly display: string;
  readonly newDisplay: string;
}

/** Kamailio's names of the variables. */
const NAMES = {
  from: { uri: '_uac_fu', newUri: '_uac_funew', display: '_uac_fdp', newDisplay: '_uac_fdpnew' },
  to: { uri: '_uac_to', newUri: '_uac_tonew', display: '_uac_tdp', newDisplay: '_uac_tdpnew' },
} as const;

/** False where the message has no dialog (yet). */
export function storePair(dialogs: DialogVariables, msg: SipMsg, side: Side, pair: NamePair): boolean {
  const names = NAMES[side];
  return (
    dialogs.setVariable(msg, names.uri, pair.uri) &&
    dialogs.setVariable(msg, names.newUri, pair.newUri) &&
    dialogs.setVariable(msg, names.display, pair.display) &&
    dialogs.setVariable(msg, names.newDisplay, pair.newDisplay)
  );
}

/** Null where nothing of this side was replaced. */
export function dialogPair(dialogs: DialogVariables, msg: SipMsg, side: Side): NamePair | null {
  const names = NAMES[side];
  const uri = dialogs.variable(msg, names.uri);
  const newUri = dialogs.variable(msg, names.newUri);
  if (uri === null || newUri === null) return null;
  const display = dialogs.variable(msg, names.display) ?? '';
  return { uri, newUri, display, newDisplay: dialogs.variable(msg, names.newDisplay) ?? '' };
}

/** Throws where dialog is not loaded. */
export function dialogVariables(ctx: ModuleContext): DialogVariables {
  const api = ctx.optionalApi<DialogApi>('dialog');
  if (api === undefined) throw new Error('uac: restore_dlg needs the module dialog');
  return {
    variable(msg, name) {
      const dialog = api.of(msg);
      return dialog === null ? null : api.variable(dialog, name);
    },
    setVariable(msg, name, value) {
      const dialog = api.of(msg);
      if (dialog !== null) api.setVariable(dialog, name, value);
      return dialog !== null;
    },
  };
}
