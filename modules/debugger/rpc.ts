import { type RpcArgs, RpcFault, RpcMany, type RpcMethod } from 'strowger';
import { type Debugger, type Held, SET, STATE, showHeld } from './debugger.ts';
import { facilityName, type ModuleLevels } from './levels.ts';

/** What the RPC methods work on. */
export interface DebuggerState {
  readonly debug: Debugger;
  readonly levels: ModuleLevels;
  resetMessageIds(): void;
}

type Method = RpcMethod<DebuggerState>;

const DONE = '200 ok';

/** The pid given; undefined where none is. A fault where neither this worker nor a run of its has it. */
function pidOf(args: RpcArgs, index: number, debug: Debugger): number | undefined {
  if (!args.has(index)) return undefined;
  const pid = args.int(index);
  if (!debug.knows(pid)) throw new RpcFault(500, 'No such pid');
  return pid;
}

/** The held run that a command is about; undefined where the worker has none. */
function heldOf(args: RpcArgs, debug: Debugger): Held | undefined {
  const pid = pidOf(args, 1, debug);
  if (pid === undefined) throw new RpcFault(500, 'Missing pid parameter');
  return debug.find(pid);
}

/** Commands of dbg.bp. */
const BREAKPOINTS: Readonly<Record<string, (args: RpcArgs, debug: Debugger) => string>> = {
  on(args, debug) {
    pidOf(args, 1, debug);
    debug.set |= SET.BREAK;
    return DONE;
  },
  off(args, debug) {
    pidOf(args, 1, debug);
    debug.stopBreaking();
    return DONE;
  },
  release(args, debug) {
    pidOf(args, 1, debug);
    debug.stopBreaking();
    return DONE;
  },
  keep(args, debug) {
    if (!args.has(1)) throw new RpcFault(500, 'Missing pid parameter');
    if (!debug.knows(args.int(1))) debug.stopBreaking();
    return DONE;
  },
  next(args, debug) {
    const held = heldOf(args, debug);
    if (held === undefined) return DONE;
    debug.resume(held, true);
    return showHeld('exec', held);
  },
  move(args, debug) {
    const held = heldOf(args, debug);
    debug.stopBreaking();
    if (held !== undefined) debug.resume(held, false);
    return DONE;
  },
  show(args, debug) {
    const held = heldOf(args, debug);
    return held === undefined ? DONE : showHeld('at bkp', held);
  },
  eval(args, debug) {
    const held = heldOf(args, debug);
    return held === undefined ? DONE : evaluate(args, debug, held);
  },
  log(args, debug) {
    const held = heldOf(args, debug);
    if (held !== undefined) debug.log(`breakpoint eval: ${evaluate(args, debug, held)}`);
    return DONE;
  },
};

function evaluate(args: RpcArgs, debug: Debugger, held: Held): string {
  if (!args.has(2)) throw new RpcFault(500, 'pv param missing');
  try {
    return debug.evaluate(held, args.str(2));
  } catch (error) {
    throw new RpcFault(500, (error as Error).message);
  }
}

function list(args: RpcArgs, debug: Debugger): RpcMany {
  const pid = pidOf(args, 0, debug);
  const entry = debug.ctx.server.workerIndex;
  const row = (id: number, state: number): { [name: string]: number } => ({
    entry,
    pid: id,
    set: debug.set,
    state,
    'in.pid': 0,
    'in.cmd': 0,
  });
  const [first, ...more] = debug.held;
  const rows = [row(debug.pid, first?.state ?? STATE.RUNNING), ...more.map(({ id, state }) => row(id, state))];
  if (pid === undefined || pid === debug.pid) return new RpcMany(pid === undefined ? rows : rows.slice(0, 1));
  return new RpcMany([row(pid, debug.find(pid)?.state ?? STATE.RUNNING)]);
}

function words(args: RpcArgs, count: number): readonly string[] {
  if (args.length < count) throw new RpcFault(500, 'invalid parameters');
  return Array.from({ length: count }, (_, i) => args.str(i));
}

export const RPC: Readonly<Record<string, Method>> = {
  'dbg.ls': {
    doc: 'Lists workers, and the runs that wait at breakpoints.',
    params: ['[pid]'],
    scope: 'all',
    run: (args, { debug }) => list(args, debug),
  },
  'dbg.trace': {
    doc: 'Switches the trace: on, off.',
    params: ['command', '[pid]'],
    scope: 'all',
    run: (args, { debug }) => {
      const command = args.str(0, '');
      if (command === '') throw new RpcFault(500, 'Config trace command missing');
      if (command !== 'on' && command !== 'off') throw new RpcFault(500, 'Unknown trace command');
      pidOf(args, 1, debug);
      if (command === 'on') debug.set |= SET.TRACE;
      else debug.set &= ~SET.TRACE;
      return DONE;
    },
  },
  'dbg.bp': {
    doc: 'Breakpoints: on, off, release, keep, and for a run that waits next, move, show, eval, log.',
    params: ['command', '[pid]', '[variable]'],
    scope: 'all',
    run: (args, { debug }) => {
      const command = args.str(0, '');
      if (command === '') throw new RpcFault(500, 'Config breakpoint command missing');
      const act = Object.hasOwn(BREAKPOINTS, command) ? BREAKPOINTS[command] : undefined;
      if (act === undefined) throw new RpcFault(500, 'Unknown inner command');
      return act(args, debug);
    },
  },
  'dbg.set_mod_level': {
    doc: "Sets a module's log level; core is the server's own.",
    params: ['module', 'level'],
    scope: 'all',
    run: (args, { levels }) => {
      const [module = ''] = words(args, 2);
      levels.setLevel(module, args.int(1));
      return DONE;
    },
  },
  'dbg.get_mod_level': {
    doc: "Shows a module's log level.",
    params: ['module'],
    run: (args, { levels }) => levels.level(words(args, 1)[0] ?? ''),
  },
  'dbg.set_mod_facility': {
    doc: "Sets a module's syslog facility, which is shown but does not count.",
    params: ['module', 'facility'],
    scope: 'all',
    run: (args, { levels }) => {
      const [module = '', text = ''] = words(args, 2);
      const facility = facilityName(text);
      if (facility === null) throw new RpcFault(500, 'facility not found');
      levels.setFacility(module, facility);
      return DONE;
    },
  },
  'dbg.get_mod_facility': {
    doc: "Shows a module's syslog facility.",
    params: ['module'],
    run: (args, { levels }) => levels.facility(words(args, 1)[0] ?? ''),
  },
  'dbg.reset_msgid': {
    doc: 'Lets $mi count from 1 again; needs the parameter reset_msgid.',
    scope: 'all',
    run: (_args, state) => {
      if (state.debug.ctx.int('reset_msgid') !== 1) throw new RpcFault(500, 'reset_msgid is 0. Set it to 1 to enable.');
      state.resetMessageIds();
      return DONE;
    },
  },
};
