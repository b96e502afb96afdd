import {
  ANY_ROUTE,
  type CommandDef,
  command,
  defineModule,
  FAILURE_ROUTE,
  METHOD,
  ONREPLY_ROUTE,
  REQUEST_ROUTE,
  type Run,
} from 'strowger';
import { Dispatcher } from './dispatcher.ts';
import { MATCH } from './from-list.ts';
import { DSG, DSG_FETCH, DSG_FETCH_URI } from './group-vars.ts';
import { DS_PARAMS, OLDER_PARAMS } from './params.ts';
import { parseRules } from './routes-rules.ts';
import { DS_RPC } from './rpc.ts';
import { PUSH, type Push } from './selection.ts';
import { factsOf, parseState } from './states.ts';

const ROUTES = REQUEST_ROUTE | FAILURE_ROUTE;

/** ds_select, ds_select_dst, ds_select_domain. */
function selecting(push: Push, doc: string, routes = ROUTES): CommandDef<Dispatcher> {
  return command({
    doc,
    args: ['int', 'int', 'int?'],
    argNames: ['set', 'algorithm', 'limit'],
    routes,
    run: (run: Run, ds: Dispatcher, set, alg, limit) => ds.selection.select(run, set, alg, limit ?? 0, push),
  });
}

/** ds_next_dst, ds_next_domain, ds_set_dst, ds_set_domain. */
function taking(push: Push, isFirst: boolean, doc: string): CommandDef<Dispatcher> {
  return command({
    doc,
    args: [],
    routes: ROUTES,
    run: ({ msg }: Run, ds: Dispatcher) => ds.selection.take(msg, push, isFirst),
  });
}

const MODES: Readonly<Record<string, Push>> = {
  0: PUSH.DST_URI,
  d: PUSH.DST_URI,
  1: PUSH.RURI,
  r: PUSH.RURI,
  2: PUSH.XAVP,
  x: PUSH.XAVP,
};

const listExists: CommandDef<Dispatcher> = command({
  doc: 'Is there such a set?',
  args: ['int'],
  argNames: ['set'],
  routes: ANY_ROUTE,
  run: (_run: Run, { table }: Dispatcher, set) => (table.set(set) === undefined ? -1 : 1),
});

/** $dsv(key) */
const EVENT_KEYS = ['code', 'reason', 'flags', 'uri', 'setid'] as const;

export default defineModule<Dispatcher>({
  name: 'dispatcher',
  summary: 'Spreads requests over sets of destinations and watches which of them live.',
  depends: ['tm?', 'db_sqlite?', 'db_mysql?', 'db_postgres?', 'db_text?'],
  params: DS_PARAMS,
  olderParams: OLDER_PARAMS,
  commands: {
    ds_select: selecting(PUSH.XAVP, 'Selects destinations and keeps them in the XAVP only.', ANY_ROUTE),
    ds_select_dst: selecting(PUSH.DST_URI, 'Selects a destination and sends there by $du.'),
    ds_select_domain: selecting(PUSH.RURI, 'Selects a destination and sets host and port of the Request-URI to it.'),
    ds_select_routes: command({
      doc: 'Selects from several sets, each by its own algorithm: `set=algorithm;…`.',
      args: ['str', 'str', 'int?'],
      argNames: ['rules', 'mode', 'limit'],
      routes: ANY_ROUTE,
      check: ([rules, mode]) => {
        const error = rules === undefined ? [] : parseRules(String(rules));
        if (typeof error === 'string') return error;
        if (mode === undefined || modeOf(String(mode)) !== undefined) return null;
        return `"${mode}" is no mode: d (destination URI), r (Request-URI) or x (XAVP only)`;
      },
      run: (run: Run, ds: Dispatcher, text, mode, limit) => {
        const rules = parseRules(text);
        const push = modeOf(mode);
        if (typeof rules !== 'string' && push !== undefined)
          return ds.selection.selectMany(run, rules, limit ?? 0, push);
        ds.ctx.log.error(`ds_select_routes: ${typeof rules === 'string' ? rules : `"${mode}" is no mode`}`);
        return -1;
      },
    }),
    ds_next_dst: taking(PUSH.DST_URI, false, 'Sends to the next destination by $du; false when there is no more.'),
    ds_next_domain: taking(PUSH.RURI, false, 'Sends to the next destination by the Request-URI.'),
    ds_set_dst: taking(PUSH.DST_URI, true, 'Sets $du to the present destination.'),
    ds_set_domain: taking(PUSH.RURI, true, 'Sets host and port of the Request-URI to the present destination.'),
    ds_mark_dst: command({
      doc: 'Sets the state of the present destination: letters of a, i, t, d and p; i where there are none.',
      args: ['const-str?'],
      argNames: ['state'],
      routes: ROUTES | ONREPLY_ROUTE,
      isAsync: true,
      check: ([state]) =>
        state === undefined || parseState(String(state)) !== null ? null : `"${state}" is no state: a, i, t, d and p`,
      run: (run: Run, ds: Dispatcher, state) => ds.mark(run, state ?? 'i'),
    }),
    ds_mark_addr: command({
      doc: 'Sets the state of a destination, as ds_mark_dst() does.',
      args: ['str', 'int', 'str'],
      argNames: ['state', 'set', 'uri'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: (run: Run, ds: Dispatcher, state, set, uri) => ds.markAddress(run, state, set, uri),
    }),
    ds_oc_set_attrs: command({
      doc: 'Overload control (RFC 7339): of a hundred selections by algorithm 64 so many pass the destination over, for so many ms.',
      args: ['int', 'str', 'int', 'int', 'int'],
      argNames: ['set', 'uri', 'rate', 'validity', 'seq'],
      routes: ANY_ROUTE,
      run: (_run: Run, ds: Dispatcher, set, uri, rate, validity, seq) => ds.setOverload(set, uri, rate, validity, seq),
    }),
    ds_dsg_fetch: DSG_FETCH,
    ds_dsg_fetch_uri: DSG_FETCH_URI,
    ds_list_exist: listExists,
    ds_list_exists: listExists,
    ds_is_from_list: command({
      doc: 'Does the message, or the URI, come from a destination? Mode: 1 any port, 2 any protocol, 4 only active ones, 8 of the socket, 16 the closest.',
      args: ['int?', 'int?', 'str?'],
      argNames: ['set', 'mode', 'uri'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: (run: Run, ds: Dispatcher, set, mode, uri) =>
        ds.isFromList(run, set ?? -1, mode ?? MATCH.NO_PROTO, uri ?? ''),
    }),
    ds_is_active: command({
      doc: 'Is a destination of the set active, or the one with this URI?',
      args: ['int', 'str?'],
      argNames: ['set', 'uri'],
      routes: ANY_ROUTE,
      run: (_run: Run, ds: Dispatcher, set, uri) => (ds.isActive(set, uri ?? '') ? 1 : -1),
    }),
    ds_load_update: command({
      doc: 'For algorithm 10: BYE and CANCEL end a call, a 2xx to INVITE confirms it.',
      args: [],
      routes: ANY_ROUTE,
      run: ({ msg }: Run, { loads }: Dispatcher) => {
        const callId = msg.callId ?? '';
        if (msg.isRequest) {
          if ((msg.method & (METHOD.BYE | METHOD.CANCEL)) !== 0) loads.remove(callId);
        } else if (msg.methodBit === METHOD.INVITE && msg.status >= 200 && msg.status < 300) loads.confirm(callId);
        return 1;
      },
    }),
    ds_load_unset: command({
      doc: 'For algorithm 10: the call no longer counts.',
      args: [],
      routes: ANY_ROUTE,
      run: ({ msg }: Run, { loads }: Dispatcher) => {
        loads.remove(msg.callId ?? '');
        return 1;
      },
    }),
    ds_reload: command({
      doc: 'Loads the destination sets anew.',
      args: [],
      routes: ANY_ROUTE,
      isAsync: true,
      run: async (_run: Run, ds: Dispatcher) => {
        const error = await ds.reload();
        if (error !== null) ds.ctx.log.error(`ds_reload: ${error}`);
        return error === null ? 1 : -1;
      },
    }),
  },
  pseudoVariables: {
    dsg: DSG,
    dsv: {
      doc: 'In an event route, about the ping: code, reason, flags (1: there was a reply); uri and setid of the destination.',
      name: 'required',
      bind: ({ name }) => {
        const key = EVENT_KEYS.find((known) => known === name);
        if (key === undefined) return `$dsv(${name}): expected one of ${EVENT_KEYS.join(', ')}`;
        return { get: (run) => factsOf(run)?.[key] ?? null };
      },
    },
  },
  eventRoutes: {
    'dst-down': { doc: 'A destination was found dead or marked so: it is $ru (or $du, where the script marked it).' },
    'dst-up': { doc: 'A destination lives again.' },
    'ds-down': { doc: 'As dst-down, where that is not defined.' },
    'ds-up': { doc: 'As dst-up, where that is not defined.' },
  },
  rpc: DS_RPC,
  async init(ctx) {
    const ds = new Dispatcher(ctx);
    ds.declareCfg();
    await ds.start();
    return ds;
  },
  childInit(ds) {
    ds.checkVariables();
    ds.startTimers();
  },
  destroy: (ds) => ds.close(),
});

function modeOf(text: string): Push | undefined {
  return MODES[text.slice(0, 1).toLowerCase()];
}
