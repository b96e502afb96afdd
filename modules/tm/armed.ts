import type { SipMsg } from 'strowger';
import type { TmCallback, TmEvent } from './callbacks.ts';
import type { Transaction } from './transaction.ts';

/** Key under which a message keeps what is set before its transaction exists. */
export const ARMED = { name: 'tm: for the transaction to come' };

/** Routes, timers and switches that a script set on a message that has no transaction yet. */
export class ArmedRoutes {
  onFailure = '';
  onReply = '';
  onBranch = '';
  onBranchFailure = '';
  frTimeoutMs = 0;
  frInvTimeoutMs = 0;
  retrT1Ms = 0;
  retrT2Ms = 0;
  maxInvLifeMs = 0;
  maxNoninvLifeMs = 0;
  /** T_FLAG bits to set, and to clear. */
  flagsOn = 0;
  flagsOff = 0;
  callbacks: (readonly [TmEvent, TmCallback])[] | null = null;

  setFlag(bit: number, isOn: boolean): void {
    this.flagsOn = isOn ? this.flagsOn | bit : this.flagsOn & ~bit;
    this.flagsOff = isOn ? this.flagsOff & ~bit : this.flagsOff | bit;
  }

  applyTo(t: Transaction): void {
    t.onFailure = this.onFailure;
    t.onReply = this.onReply;
    t.onBranch = this.onBranch;
    t.onBranchFailure = this.onBranchFailure;
    if (this.frTimeoutMs !== 0) t.frTimeoutMs = this.frTimeoutMs;
    if (this.frInvTimeoutMs !== 0) t.frInvTimeoutMs = this.frInvTimeoutMs;
    if (this.retrT1Ms !== 0) t.retrT1Ms = this.retrT1Ms;
    if (this.retrT2Ms !== 0) t.retrT2Ms = this.retrT2Ms;
    const lifeMs = t.isInvite ? this.maxInvLifeMs : this.maxNoninvLifeMs;
    if (lifeMs !== 0) t.endOfLifeMs = t.createdMs + lifeMs;
    t.flags = (t.flags | this.flagsOn) & ~this.flagsOff;
    for (const [event, callback] of this.callbacks ?? []) t.on(event, callback);
  }
}

/** What is armed for a message without a transaction, made on first use. */
export function armedOf(msg: SipMsg): ArmedRoutes {
  let armed = msg.note<ArmedRoutes>(ARMED);
  if (armed === undefined) msg.setNote(ARMED, (armed = new ArmedRoutes()));
  return armed;
}
