/** The public surface: what modules import as `strowger`. */
export * from './counters/counters.ts';
export { type DestinationResult, type DestinationSet, isDestination, type NoDestination } from './destination.ts';
export * from './events/hooks.ts';
export {
  applySendFlags,
  forwardReply,
  forwardRequest,
  forwardTo,
  loopHash,
  nextHopUri,
  replyDestination,
  replyToRequest,
} from './forward.ts';
export * from './log/log.ts';
export * from './module/context.ts';
export {
  type ArgSpec,
  type ArgType,
  type ArgTypes,
  type ArgValues,
  type CommandDef,
  type CommandResult,
  command,
  defineModule,
  intParam,
  listParam,
  type ModuleDef,
  type ParamDef,
  type ParamType,
  strParam,
} from './module/define-module.ts';
export { cloneMsg, copyState } from './msg/clone.ts';
export * from './msg/dset.ts';
export { HASH_START, hashSpan, hashText, mixHash } from './msg/hash.ts';
export * from './msg/lumps.ts';
export {
  BRANCH_MAGIC,
  buildForwardedReply,
  buildReply,
  buildRequest,
  mergeSorted,
  viaRow,
} from './msg/msg-translator.ts';
export * from './msg/rewrite-uri.ts';
export * from './parser/hf.ts';
export * from './parser/methods.ts';
export * from './parser/name-addr.ts';
export * from './parser/params.ts';
export * from './parser/sip-msg.ts';
export * from './parser/uri.ts';
export * from './parser/via.ts';
export * from './pv/convert.ts';
export * from './pv/msg-vars.ts';
export * from './pv/registry.ts';
export * from './pv/spec.ts';
export * from './pv/strftime.ts';
export * from './pv/transform-args.ts';
export * from './rpc/registry.ts';
export type * from './script/posix-regex.ts';
export type * from './script/program.ts';
export {
  ANY_ROUTE,
  BRANCH_ROUTE,
  EVENT_ROUTE,
  FAILURE_ROUTE,
  LOCAL_ROUTE,
  ONREPLY_ROUTE,
  ONSEND_ROUTE,
  REQUEST_ROUTE,
  ROUTE,
  RUN_DROP,
  RUN_EXIT,
  Run,
} from './script/run.ts';
export { type ReloadResult, Server } from './server.ts';
export type * from './timer/clock.ts';
export { Timer } from './timer/timer.ts';
export { TimerWheel } from './timer/wheel.ts';
export * from './transport/socket-info.ts';
export type * from './transport/transport.ts';
export * from './values.ts';
