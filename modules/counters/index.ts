import {
  type Counter,
  type CounterRegistry,
  command,
  defineModule,
  FAILURE_ROUTE,
  listParam,
  ONREPLY_ROUTE,
  ONSEND_ROUTE,
  REQUEST_ROUTE,
  type RpcArgs,
  RpcFault,
  RpcMany,
  type RpcMethod,
  RpcStruct,
  strParam,
} from 'strowger';

interface CountersState {
  readonly registry: CounterRegistry;
  /** Group of names written without one. */
  readonly group: string;
}

const ROUTES = REQUEST_ROUTE | ONREPLY_ROUTE | FAILURE_ROUTE | ONSEND_ROUTE;

/** `[group.]name[( |:)description]`; null when it is not of that form. */
export function parseCounter(text: string, standardGroup: string): { group: string; name: string; doc: string } | null {
  const match = /^(?:([^.\s:]+)\.)?([^.\s:]+)(?:[\s:]+(.*))?$/.exec(text);
  if (match?.[2] === undefined) return null;
  return { group: match[1] ?? standardGroup, name: match[2], doc: match[3] ?? 'custom script counter' };
}

const groups: RpcMethod<CountersState> = {
  doc: 'Lists the groups of counters.',
  run: (_args, { registry }) => new RpcMany(registry.groups().sort()),
};
const names: RpcMethod<CountersState> = {
  doc: 'Lists the counters of a group.',
  params: ['group'],
  run: (args, { registry }) => new RpcMany(members(registry, args.str(0)).map(({ name }) => name)),
};
const values: RpcMethod<CountersState> = {
  doc: 'Returns all counters of a group.',
  params: ['group'],
  run: (args, { registry }) => {
    const all = new RpcStruct();
    for (const counter of members(registry, args.str(0))) all.add(counter.name, counter.get());
    return all;
  },
};

export default defineModule<CountersState>({
  name: 'counters',
  summary: "Counters of the script's own, and RPC for all counters.",
  params: {
    script_cnt_grp_name: strParam({ default: 'script', doc: 'Group of counters declared without one.' }),
    script_counter: listParam({
      doc: 'Declares a counter: [group.]name[ description].',
      check: (value) => (parseCounter(String(value), 'x') === null ? '[group.]name[ description] expected' : null),
    }),
  },
  commands: {
    cnt_inc: command({
      doc: 'Adds one to a counter.',
      args: ['const-str'],
      argNames: ['[group.]name'],
      routes: ROUTES,
      check: known,
      run: (_run, state, name) => {
        find(state, name).inc();
        return 1;
      },
    }),
    cnt_add: command({
      doc: 'Adds a number to a counter.',
      args: ['const-str', 'int'],
      argNames: ['[group.]name', 'number'],
      routes: ROUTES,
      check: known,
      run: (_run, state, name, delta) => {
        find(state, name).add(delta);
        return 1;
      },
    }),
    cnt_reset: command({
      doc: 'Sets a counter to 0.',
      args: ['const-str'],
      argNames: ['[group.]name'],
      routes: ROUTES,
      check: known,
      run: (_run, state, name) => {
        find(state, name).reset();
        return 1;
      },
    }),
  },
  rpc: {
    'cnt.get': {
      doc: 'Returns a counter.',
      params: ['group', 'name'],
      run: (args, { registry }) => asked(args, registry).get(),
    },
    'cnt.get_raw': {
      doc: 'Returns a counter as it is kept, without what is computed from it.',
      params: ['group', 'name'],
      run: (args, { registry }) => {
        const counter = asked(args, registry);
        return counter.value + counter.others;
      },
    },
    'cnt.reset': {
      scope: 'all',
      doc: 'Sets a counter to 0.',
      params: ['group', 'name'],
      run: (args, { registry }) => {
        asked(args, registry).reset();
        return undefined;
      },
    },
    'cnt.help': {
      doc: 'Describes a counter.',
      params: ['group', 'name'],
      run: (args, { registry }) => asked(args, registry).doc || 'no description',
    },
    'cnt.list_groups': groups,
    'cnt.grps_list': groups,
    'cnt.list_vars': names,
    'cnt.var_list': names,
    'cnt.get_vars': values,
    'cnt.grp_get_all': values,
  },
  init(ctx) {
    const registry = ctx.server.counters;
    const group = ctx.str('script_cnt_grp_name');
    for (const text of ctx.list('script_counter')) {
      const parsed = parseCounter(text, group);
      if (parsed === null) throw new Error(`script_counter "${text}": [group.]name[ description] expected`);
      registry.register(parsed.group, parsed.name, parsed.doc);
    }
    return { registry, group };
  },
});

/** Sorted by name, as Kamailio lists them. */
function members(registry: CounterRegistry, group: string): Counter[] {
  return registry.members(group).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function asked(args: RpcArgs, registry: CounterRegistry): Counter {
  const [group, name] = [args.str(0), args.str(1)];
  const counter = registry.find(group, name);
  if (counter === undefined) throw new RpcFault(400, `non-existent counter ${group}.${name}\n`);
  return counter;
}

function lookUp({ registry, group }: CountersState, text: string): Counter | undefined {
  const dot = text.indexOf('.');
  return dot < 0 ? registry.find(group, text) : registry.find(text.slice(0, dot), text.slice(dot + 1));
}

/** The checker has seen that it exists. */
function find(state: CountersState, text: string): Counter {
  const counter = lookUp(state, text);
  if (counter === undefined) throw new Error(`there is no counter "${text}"`);
  return counter;
}

/** Without state (`strowger check` starts no module) nothing is known to be missing. */
function known([name]: readonly (string | number | undefined)[], state: CountersState): string | null {
  if (
    (state as CountersState | undefined) === undefined ||
    name === undefined ||
    lookUp(state, String(name)) !== undefined
  )
    return null;
  return `there is no counter "${name}": declare it with modparam("counters", "script_counter", "${name}")`;
}
