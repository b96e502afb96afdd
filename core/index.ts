/** The public surface: what modules import as `strowger`. */
export * from './counters/counters.ts';
export * from './events/hooks.ts';
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
export * from './msg/dset.ts';
export * from './msg/lumps.ts';
export * from './parser/hf.ts';
export * from './parser/methods.ts';
export * from './parser/name-addr.ts';
export * from './parser/params.ts';
export * from './parser/sip-msg.ts';
export * from './parser/uri.ts';
export * from './parser/via.ts';
export * from './pv/msg-vars.ts';
export * from './pv/spec.ts';
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
export type * from './server.ts';
export type * from './timer/clock.ts';
export * from './transport/socket-info.ts';
export type * from './transport/transport.ts';
export * from './values.ts';
