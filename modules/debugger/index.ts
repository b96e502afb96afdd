import {
  ANY_ROUTE,
  command,
  defineModule,
  intParam,
  LOG_LEVELS,
  listParam,
  ONREPLY_ROUTE,
  REQUEST_ROUTE,
  type Run,
  resetMessageIds,
  strParam,
} from 'strowger';
import { Debugger } from './debugger.ts';
import { facilityName, ModuleLevels, parseSetting } from './levels.ts';
import { dumpVariables } from './pv-dump.ts';
import { type DebuggerState, RPC } from './rpc.ts';
import { dumpMessage } from './sip-dump.ts';

const ALL_VARIABLES = 31;
const ONE_FACILITY = 'all lines of a server have one facility';
const NO_WAIT = 'a run that waits is told at once';

/** `L_DBG` as a level; `-1` too. Null where it is none. */
function levelOf(text: string): number | null {
  if (/^-?\d+$/.test(text)) return Number(text);
  const name = text.replace(/^L_/, '');
  return Object.hasOwn(LOG_LEVELS, name) ? LOG_LEVELS[name as keyof typeof LOG_LEVELS] : null;
}

function checkLevel(text: string | number | undefined): string | null {
  return text === undefined || levelOf(String(text)) !== null ? null : `"${text}" is no log level`;
}

function pair(value: string | number): string | null {
  return parseSetting(String(value)) === null ? `"${value}": expected module=value` : null;
}

export default defineModule<DebuggerState>({
  name: 'debugger',
  summary: 'Traces the script, and steps through it.',
  params: {
    cfgtrace: intParam({ default: 0, min: 0, max: 1, doc: '1: log each step of the script from the start.' }),
    cfgtrace_format: intParam({ default: 0, min: 0, max: 1, doc: '1: without the name of the file.' }),
    breakpoint: intParam({ default: 0, min: 0, max: 1, doc: '1: stop at each step from the start.' }),
    log_level: intParam({ default: -1, doc: 'Log level of the trace.' }),
    log_level_name: strParam({
      default: null,
      doc: 'Name of the level that stands in front of each line of the trace.',
    }),
    log_facility: strParam({ default: null, doc: 'Syslog facility of the trace.', noEffect: ONE_FACILITY }),
    log_prefix: strParam({ default: '*** cfgtrace:', doc: 'In front of each line of the trace.' }),
    log_assign: intParam({ default: 0, doc: 'Log assignments.', noEffect: 'they are steps of the trace' }),
    step_usleep: intParam({ default: 100_000, doc: 'Pause between looks for commands.', noEffect: NO_WAIT }),
    step_loops: intParam({ default: 200, doc: 'How often RPC looks for an answer.', noEffect: NO_WAIT }),
    mod_hash_size: intParam({ default: 0, min: 0, doc: 'Above 0: modules may have log levels of their own.' }),
    mod_level_mode: intParam({ default: 0, min: 0, max: 1, doc: "1: modules' own log levels count." }),
    mod_level: listParam({ doc: "A module's own log level: module=level; core is the server's.", check: pair }),
    mod_facility_mode: intParam({ default: 0, doc: "1: modules' own facilities count.", noEffect: ONE_FACILITY }),
    mod_facility: {
      ...listParam({
        doc: "A module's own facility: module=LOG_LOCAL0. It is shown by RPC.",
        check: (value) => {
          const facility = parseSetting(String(value))?.[1] ?? '';
          return facilityName(facility) === null ? `"${value}": expected module=LOG_…` : null;
        },
      }),
      noEffect: ONE_FACILITY,
    },
    reset_msgid: intParam({ default: 0, min: 0, max: 1, doc: '1: dbg.reset_msgid may be used.' }),
    cfgpkgcheck: intParam({ default: 0, doc: 'Check memory before each step.', noEffect: 'there is no such memory' }),
    cfgtest: intParam({ default: 0, doc: 'Use the module cfgt.', noEffect: 'there is no module cfgt' }),
  },
  commands: {
    dbg_breakpoint: command({
      doc: 'Stops here, until RPC lets the run go on; 0: it does not.',
      args: ['int'],
      argNames: ['mode'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: (run: Run, { debug }: DebuggerState, mode) => (mode === 0 ? 1 : debug.breakpoint(run).then(() => 1)),
    }),
    dbg_pv_dump: command({
      doc: 'Logs variables as JSON. Mask: 1 null too, 2 AVPs, 4 $var, 8 XAVPs, 16 others; level: L_DBG.',
      args: ['int?', 'str?'],
      argNames: ['mask', 'level'],
      routes: ANY_ROUTE,
      check: ([, level]) => checkLevel(level),
      run: (run: Run, { debug }: DebuggerState, mask, level) => {
        const at = levelOf(level ?? 'L_DBG') ?? LOG_LEVELS.DBG;
        if (debug.ctx.log.isEnabled(at)) debug.ctx.log.write(at, dumpVariables(run, mask ?? ALL_VARIABLES));
        return 1;
      },
    }),
    dbg_sip_msg: command({
      doc: 'Logs the message as it would leave now, and what was changed.',
      args: ['str?', 'str?'],
      argNames: ['level', 'facility'],
      routes: REQUEST_ROUTE | ONREPLY_ROUTE,
      check: ([level]) => checkLevel(level),
      run: (run: Run, { debug }: DebuggerState, level) => {
        const at = levelOf(level ?? 'L_DBG') ?? LOG_LEVELS.DBG;
        if (debug.ctx.log.isEnabled(at)) {
          for (const line of dumpMessage(run).split(/\r?\n/)) debug.ctx.log.write(at, line);
        }
        return 1;
      },
    }),
  },
  rpc: RPC,
  init(ctx) {
    const state = { debug: new Debugger(ctx), levels: new ModuleLevels(ctx), resetMessageIds };
    ctx.server.tracer = state.debug;
    state.levels.declareCfg();
    return state;
  },
  destroy({ debug, levels }, ctx) {
    debug.close();
    levels.close();
    if (ctx.server.tracer === debug) ctx.server.tracer = null;
  },
});
