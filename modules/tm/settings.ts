import { intParam, type ModuleContext, type ParamDef, strParam } from 'strowger';
import type { TmOptions, TmTiming } from './core.ts';

/** tm's parameters (Kamailio: tm, Parameters). Times in milliseconds. */
export const TM_PARAMS: Readonly<Record<string, ParamDef>> = {
  fr_timer: intParam({
    default: 30_000,
    min: 1,
    runtime: true,
    doc: 'ms without any reply before a branch fails (timers B, F, H).',
  }),
  fr_inv_timer: intParam({
    default: 120_000,
    min: 1,
    runtime: true,
    doc: 'ms without a final reply to an INVITE after a provisional one (timer C).',
  }),
  max_inv_lifetime: intParam({
    default: 180_000,
    min: 1,
    runtime: true,
    doc: 'ms an INVITE transaction may wait in all.',
  }),
  max_noninv_lifetime: intParam({
    default: 32_000,
    min: 1,
    runtime: true,
    doc: 'ms any other transaction may wait in all.',
  }),
  wt_timer: intParam({
    default: 5000,
    min: 0,
    runtime: true,
    doc: 'ms a finished transaction is kept for late messages (timers D, I, J, K, L, M).',
  }),
  retr_timer1: intParam({ default: 500, min: 1, runtime: true, doc: 'First retransmission interval in ms (T1).' }),
  retr_timer2: intParam({ default: 4000, min: 1, runtime: true, doc: 'Largest retransmission interval in ms (T2).' }),
  auto_inv_100: intParam({
    default: 1,
    min: 0,
    max: 1,
    runtime: true,
    doc: 'Send 100 by itself on t_relay of an INVITE.',
  }),
  auto_inv_100_reason: strParam({
    default: 'trying -- your call is important to us',
    doc: 'Reason phrase of that 100.',
  }),
  aggregate_challenges: intParam({
    default: 1,
    min: 0,
    max: 1,
    runtime: true,
    doc: 'A 401 or 407 passed on carries the challenges of all branches.',
  }),
  unmatched_cancel: intParam({
    default: 0,
    min: 0,
    max: 2,
    runtime: true,
    doc: 'CANCEL nobody knows: 0 stateful, 1 stateless, 2 dropped.',
  }),
  cancel_b_method: intParam({
    default: 1,
    min: 0,
    max: 2,
    runtime: true,
    doc: 'Branches without a reply: 0 fake 487, 1 wait for a provisional, 2 CANCEL at once.',
  }),
};

export function timingOf(ctx: ModuleContext): TmTiming {
  return {
    frMs: ctx.int('fr_timer'),
    frInvMs: ctx.int('fr_inv_timer'),
    waitMs: ctx.int('wt_timer'),
    retrT1Ms: ctx.int('retr_timer1'),
    retrT2Ms: ctx.int('retr_timer2'),
    maxInvLifeMs: ctx.int('max_inv_lifetime'),
    maxNoninvLifeMs: ctx.int('max_noninv_lifetime'),
  };
}

export function optionsOf(ctx: ModuleContext): TmOptions {
  return {
    auto100: ctx.int('auto_inv_100') !== 0,
    auto100Reason: ctx.str('auto_inv_100_reason'),
    cancelMethod: ctx.int('cancel_b_method'),
    aggregateChallenges: ctx.int('aggregate_challenges') !== 0,
    pass100: false,
    disable6xxBlock: false,
    unmatchedCancel: ctx.int('unmatched_cancel'),
    localAckMode: 0,
    failureExclude: null,
    autoReason: false,
    fakedReplyPrio: 2000,
    replyPriorities: null,
    localCancelReason: true,
    e2eCancelReason: true,
    viaRowFirst: true,
    relay100: false,
    dnsFailover: true,
    maxBranches: 12,
    reparseOnFailover: true,
  };
}
