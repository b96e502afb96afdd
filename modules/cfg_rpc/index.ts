import {
  type CfgGroups,
  type CfgValue,
  defineModule,
  parseGroupName,
  type RpcArgs,
  RpcFault,
  RpcMany,
  type RpcMethod,
  RpcStruct,
  type Server,
} from 'strowger';

/** The groups of a server, with those of its modules brought up to date. */
type State = Server;
type Method = RpcMethod<State>;

const SYNTAX = 'Wrong group syntax. Use "group[id]"';

const listMethods: Readonly<Record<string, Method>> = {
  'cfg.list': {
    doc: 'Lists the variables of all groups, or of one.',
    params: ['[group]'],
    run: (args, server) => {
      const groups = current(server);
      const names = args.has(0) ? [args.str(0)] : groups.names();
      return new RpcMany(names.flatMap((group) => groups.vars(group).map(({ name }) => `${group}: ${name}`)));
    },
  },
  'cfg.get': {
    doc: 'Returns a variable, or all of a group.',
    params: ['group', '[name]'],
    run: (args, server) => {
      if (!args.has(0)) throw new RpcFault(500, 'Failed to get the parameters');
      const groups = current(server);
      const { group, id } = groupOf(args, 'Failed to get the variable');
      if (args.has(1)) return valueOf(groups.get(group, id, args.str(1)), 'Failed to get the variable');
      if (id !== null && !groups.hasInstance(group, id)) throw new RpcFault(400, 'Failed to get the variable');
      const all = new RpcStruct();
      for (const { name } of groups.vars(group)) all.add(name, valueOf(groups.get(group, id, name), ''));
      return all;
    },
  },
  'cfg.help': {
    doc: 'Describes a variable.',
    params: ['group', 'name'],
    run: (args, server) => {
      const found = current(server).find(args.str(0), args.str(1));
      if (found === undefined) throw new RpcFault(400, 'Failed to get the variable description');
      return new RpcMany([found.doc, `(parameter type is ${found.type === 'int' ? 'integer' : 'string'})`]);
    },
  },
  'cfg.diff': {
    doc: 'Lists the changes that wait for cfg.commit.',
    run: (_args, server) => {
      const groups = current(server);
      return new RpcMany(
        groups.waiting().map(({ group, id, name, value }) => {
          const entry = new RpcStruct().add('group name', group);
          if (id !== null) entry.add('group id', id);
          return entry
            .add('variable name', name)
            .add('old value', groups.get(group, id, name) ?? null)
            .add('new value', value ?? groups.get(group, null, name) ?? null);
        }),
      );
    },
  },
};

const changeMethods: Readonly<Record<string, Method>> = {
  'cfg.set': setter('Sets a variable, number or text.', valueArg),
  'cfg.set_now_int': setter('Sets a variable to a number.', (args) => args.int(2)),
  'cfg.seti': setter('Sets a variable to a number.', (args) => args.int(2)),
  'cfg.set_now_string': setter('Sets a variable to a text.', (args) => args.str(2)),
  'cfg.sets': setter('Sets a variable to a text.', (args) => args.str(2)),
  'cfg.set_delayed': delayer('Prepares a change, number or text, for cfg.commit.', valueArg),
  'cfg.set_delayed_int': delayer('Prepares a change to a number for cfg.commit.', (args) => args.int(2)),
  'cfg.set_delayed_string': delayer('Prepares a change to a text for cfg.commit.', (args) => args.str(2)),
  'cfg.del': {
    doc: "Takes an instance's own value of a variable away.",
    params: ['group[id]', 'name'],
    run: (args, server) => {
      const { group, id } = instanceOf(args);
      refuse(server, current(server).unset(group, id, args.str(1)), 'Failed to delete the value');
      return undefined;
    },
  },
  'cfg.del_delayed': {
    doc: "Prepares to take an instance's own value of a variable away.",
    params: ['group[id]', 'name'],
    run: (args, server) => {
      const { group, id } = instanceOf(args);
      const error = current(server).delay({ group, id, name: args.str(1), value: null });
      refuse(server, error, 'Failed to delete the value');
      return undefined;
    },
  },
  'cfg.commit': {
    doc: 'Applies the prepared changes.',
    run: (_args, server) => {
      const errors = current(server).commit();
      for (const error of errors) server.log.warn(`cfg.commit: ${error}`);
      if (errors.length > 0) throw new RpcFault(400, 'Failed to commit the changes');
      return undefined;
    },
  },
  'cfg.rollback': {
    doc: 'Drops the prepared changes.',
    run: (_args, server) => {
      current(server).rollback();
      return undefined;
    },
  },
  'cfg.reset': {
    doc: 'Puts the variables of a group back to their values at the start.',
    params: ['group'],
    run: (args, server) => {
      current(server).reset(args.str(0));
      return undefined;
    },
  },
  'cfg.add_group_inst': {
    doc: 'Adds an instance to a group.',
    params: ['group[id]'],
    run: (args, server) => {
      const { group, id } = instanceOf(args);
      if (!current(server).addInstance(group, id)) throw new RpcFault(400, 'Failed to add the group instance');
      return undefined;
    },
  },
  'cfg.del_group_inst': {
    doc: 'Removes an instance of a group.',
    params: ['group[id]'],
    run: (args, server) => {
      const { group, id } = instanceOf(args);
      if (!current(server).removeInstance(group, id)) throw new RpcFault(400, 'Failed to delete the group instance');
      return undefined;
    },
  },
};

export default defineModule<State>({
  name: 'cfg_rpc',
  summary: 'Reads and changes settings while the server runs.',
  rpc: { ...listMethods, ...everywhere(changeMethods) },
  init: (ctx) => ctx.server,
});

/** What is changed is changed on all workers. */
function everywhere(methods: Readonly<Record<string, Method>>): Record<string, Method> {
  return Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, { ...method, scope: 'all' }]));
}

function setter(doc: string, read: (args: RpcArgs) => CfgValue): Method {
  return {
    doc,
    params: ['group', 'name', 'value'],
    run: (args, server) => {
      const { group, id } = groupOf(args, 'Failed to set the variable');
      refuse(server, current(server).set(group, id, args.str(1), read(args)), 'Failed to set the variable');
      return undefined;
    },
  };
}

function delayer(doc: string, read: (args: RpcArgs) => CfgValue): Method {
  return {
    doc,
    params: ['group', 'name', 'value'],
    run: (args, server) => {
      const { group, id } = groupOf(args, 'Failed to set the variable');
      const error = current(server).delay({ group, id, name: args.str(1), value: read(args) });
      refuse(server, error, 'Failed to set the variable');
      return undefined;
    },
  };
}

/** A number where one was given as a number. */
function valueArg(args: RpcArgs): CfgValue {
  return typeof args.all[2] === 'number' ? args.int(2) : args.str(2);
}

/** The reason goes to the log; the caller gets Kamailio's words. */
function refuse(server: Server, error: string | null, words: string): void {
  if (error === null) return;
  server.log.notice(`cfg: ${error}`);
  throw new RpcFault(400, words);
}

function groupOf(args: RpcArgs, words: string): { group: string; id: number | null } {
  const parsed = parseGroupName(args.str(0));
  if (parsed === null) throw new RpcFault(400, words);
  return parsed;
}

function instanceOf(args: RpcArgs): { group: string; id: number } {
  const parsed = parseGroupName(args.str(0));
  if (parsed === null || parsed.id === null) throw new RpcFault(400, SYNTAX);
  return { group: parsed.group, id: parsed.id };
}

function valueOf(value: CfgValue | undefined, words: string): CfgValue | null {
  if (value === undefined && words !== '') throw new RpcFault(400, words);
  return value ?? null;
}

/** The groups; one for each module with runtime parameters is there, also when it was loaded by a reload. */
function current(server: Server): CfgGroups {
  const { modules, settings } = server;
  const byModule = new Map<string, string[]>();
  for (const { module, name } of modules.runtimeParams()) {
    const names = byModule.get(module);
    if (names === undefined) byModule.set(module, [name]);
    else names.push(name);
  }
  for (const [module, names] of byModule) {
    if (settings.groups.vars(module).length === 0) declareModule(settings.groups, modules, module, names);
  }
  return settings.groups;
}

function declareModule(groups: CfgGroups, modules: Server['modules'], module: string, names: readonly string[]): void {
  const params = modules.loaded.find(({ name }) => name === module)?.def.params ?? {};
  const vars = names.map((name) => ({
    name,
    type: params[name]?.type === 'int' ? ('int' as const) : ('string' as const),
    doc: params[name]?.doc ?? null,
  }));
  groups.declare(module, vars, {
    get: (name) => {
      const value = modules.param(module, name);
      return typeof value === 'string' || typeof value === 'number' ? value : undefined;
    },
    set: (name, value) => modules.setParam(module, name, value),
  });
}
