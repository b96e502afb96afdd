import { type CommandDef, command } from '../module/define-module.ts';
import { Extensions } from '../msg/extensions.ts';
import type { SipMsg } from '../parser/sip-msg.ts';
import type { PvAccessor } from '../pv/spec.ts';
import { ANY_ROUTE, type Run } from './run.ts';

/** Core functions on the flags of the message and of AVPs. */

function flagCommand(doc: string, apply: (msg: SipMsg, bit: number) => number): CommandDef<never> {
  return command({
    doc,
    args: ['flag'],
    argNames: ['flag'],
    routes: ANY_ROUTE,
    run: (run, _state, flag) => apply(run.msg, 1 << flag),
  });
}

function avpFlagCommand(doc: string, apply: (flags: Set<string>, flag: string) => number): CommandDef<never> {
  return command({
    doc,
    args: ['pv', 'avp-flag'],
    argNames: ['avp', 'flag'],
    routes: ANY_ROUTE,
    run: (run: Run, _state: unknown, avp: PvAccessor, flag: string) =>
      avp.get(run) === null ? -1 : apply(avpFlags(run.msg, avp.text), flag),
  });
}

/** Key of the AVP flags in `msg.extensions`. */
const AVP_FLAGS = {};

/** Flags of an AVP, by the name they were declared with; they stay with its name while the message lives. */
function avpFlags(msg: SipMsg, avp: string): Set<string> {
  msg.extensions ??= new Extensions();
  let byAvp = msg.extensions.get(AVP_FLAGS) as Map<string, Set<string>> | undefined;
  if (byAvp === undefined) msg.extensions.set(AVP_FLAGS, (byAvp = new Map()));
  let flags = byAvp.get(avp);
  if (flags === undefined) byAvp.set(avp, (flags = new Set()));
  return flags;
}

export const FLAG_COMMANDS: Readonly<Record<string, CommandDef<never>>> = {
  setflag: flagCommand('Set a flag of the message.', (msg, bit) => {
    msg.flags |= bit;
    return 1;
  }),
  resetflag: flagCommand('Take a flag of the message away.', (msg, bit) => {
    msg.flags &= ~bit;
    return 1;
  }),
  isflagset: flagCommand('True while a flag of the message is set.', (msg, bit) => ((msg.flags & bit) !== 0 ? 1 : -1)),
  setavpflag: avpFlagCommand('Set a declared flag of an AVP.', (flags, flag) => {
    flags.add(flag);
    return 1;
  }),
  resetavpflag: avpFlagCommand('Take a flag of an AVP away.', (flags, flag) => {
    flags.delete(flag);
    return 1;
  }),
  isavpflagset: avpFlagCommand('True while a flag of an AVP is set.', (flags, flag) => (flags.has(flag) ? 1 : -1)),
};
