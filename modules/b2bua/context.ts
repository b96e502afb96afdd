import { cloneMsg, type Run, type SipMsg } from 'strowger';
import type { Call } from './call.ts';
import type { Leg } from './leg.ts';

/** What a route of the script is about: commands and variables of b2bua look here. */
export interface B2bContext {
  readonly call: Call;
  readonly leg: Leg;
}

const CONTEXT = {};

export function setContext(msg: SipMsg, call: Call, leg: Leg): void {
  msg.setExtension(CONTEXT, { call, leg } satisfies B2bContext);
}

/** A copy that may be about another leg. */
export function copyOf(msg: SipMsg): SipMsg {
  const copy = cloneMsg(msg);
  copy.extensions = msg.extensions?.copy() ?? null;
  return copy;
}

/** The call and leg of the message that a run is about; undefined where it is about none. */
export function contextOf(run: Run): B2bContext | undefined {
  return run.msg.extension<B2bContext>(CONTEXT);
}
