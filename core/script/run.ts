import type { SipMsg } from '../parser/sip-msg.ts';
import type { Server } from '../server.ts';
import type { PvValue } from '../values.ts';
import type { ScriptProgram } from './program.ts';

/**
 * Kinds of route, as bits: where a command is allowed, and what a run is in (Kamailio's route types,
 * `$rt`-like checks, `allowed routes` of the module documents).
 */
export const ROUTE = {
  REQUEST: 1,
  FAILURE: 2,
  /** onreply_route[x], run by tm for a branch's reply. */
  TM_ONREPLY: 4,
  BRANCH: 8,
  ONSEND: 16,
  ERROR: 32,
  LOCAL: 64,
  /** reply_route / onreply_route without a name, run by the core. */
  CORE_ONREPLY: 128,
  /** Branch failure: event_route[tm:branch-failure:x]. */
  BRANCH_FAILURE: 256,
  EVENT: 512,
} as const;

export const REQUEST_ROUTE = ROUTE.REQUEST;
export const FAILURE_ROUTE = ROUTE.FAILURE;
export const ONREPLY_ROUTE = ROUTE.TM_ONREPLY | ROUTE.CORE_ONREPLY;
export const BRANCH_ROUTE = ROUTE.BRANCH;
export const ONSEND_ROUTE = ROUTE.ONSEND;
export const LOCAL_ROUTE = ROUTE.LOCAL;
export const EVENT_ROUTE = ROUTE.EVENT;
export const ANY_ROUTE = 1023;
/** What Kamailio refuses in an onsend_route: there it is settled what is sent, and where. */
export const NOT_ONSEND = ANY_ROUTE & ~ONSEND_ROUTE;

/** How a route ended; bits of what `ScriptRoute` returns. 0 is a plain end or `return`. */
export const RUN_EXIT = 1;
/** `drop` (which also ends the run, so EXIT is set with it). */
export const RUN_DROP = 2;

/**
 * One execution of the script for one message: `$var`s, `$rc`, where it stands. Routes run from inside a command
 * (branch, onsend, local-request) share the run of the command.
 */
export class Run {
  readonly server: Server;
  readonly program: ScriptProgram;
  msg: SipMsg;
  /** One of ROUTE. */
  routeType: number;
  /** `$var(x)` values by slot; null until the first assignment (reads give 0, as Kamailio's do). */
  vars: PvValue[] | null;
  /** `$rc`: the code the last command or route returned, 0 before the first; when a run has ended, the code it ended with. */
  rc: number;
  /** Where the script stands, for errors, `$cfg(line)` and the stall watch: an index into `program.positions`. */
  position: number;
  /** Depth of route() calls; bounded by `max_recursive_level`. */
  depth: number;
  /** The branch a branch, onsend or onreply route is about; -1 in a request route. */
  branch: number;
  /** Set once the run must not go on: its transaction was cancelled while it waited. */
  aborted: boolean;
  /** `setsflag` bits 0-31: flags of the script, not of the message. */
  scriptFlags: number;
  /** What a command keeps for the run between its calls (ds iterators, `$x_` caches): by module-owned key. */
  locals: Map<object, unknown> | null;
  /** What is being sent, in an onsend_route: `$snd(…)`. */
  sending: { readonly text: string; readonly ip: string; readonly port: number; readonly proto: number } | null;

  constructor(server: Server, program: ScriptProgram, msg: SipMsg, routeType: number) {
    this.server = server;
    this.program = program;
    this.msg = msg;
    this.routeType = routeType;
    this.vars = null;
    this.rc = 0;
    this.position = 0;
    this.depth = 0;
    this.branch = -1;
    this.aborted = false;
    this.scriptFlags = 0;
    this.locals = null;
    this.sending = null;
  }

  /** The slots of variables, all null when it is first asked for them. */
  slots(): PvValue[] {
    this.vars ??= new Array<PvValue>(this.program.varSlots.size).fill(null);
    return this.vars;
  }
}
