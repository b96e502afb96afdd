import type { Run, SipMsg } from 'strowger';

/** What other modules use to answer: `ctx.api<SlApi>('sl')` (types only: `import type`). */
export interface SlApi {
  /** As `send_reply` in the script. 1 sent, -1 not. */
  sendReply(run: Run, code: number, reason: string): number;
  /** As `sl_send_reply`: without the transaction. */
  sendStateless(run: Run, code: number, reason: string): number;
  tagFor(msg: SipMsg): string;
}
