import {
  type Counter,
  type CounterRegistry,
  memoryUsage,
  type RpcArgs,
  RpcFault,
  RpcMany,
  type RpcMethod,
  RpcStruct,
  type RpcValue,
  type Server,
} from 'strowger';

type Method<S extends { readonly server: Server }> = RpcMethod<S>;

/** What the parameters name: `all`, `group:` or `group.`, `group:name`, `group.name`, or `name` of any group. */
function chosen(args: RpcArgs, registry: CounterRegistry, words: string): Counter[] {
  if (args.length === 0) throw new RpcFault(400, words);
  return args.all.flatMap((_, i) => named(args.str(i), registry));
}

function named(text: string, registry: CounterRegistry): Counter[] {
  if (text === 'all')
    return registry
      .groups()
      .sort()
      .flatMap((group) => sorted(registry, group));
  const match = /^([^:.]+)[:.](.*)$/.exec(text);
  if (match?.[2] === '') return sorted(registry, match[1] ?? '');
  const counter = match === null ? registry.findByName(text) : registry.find(match[1] ?? '', match[2] ?? '');
  return counter === undefined ? [] : [counter];
}

function sorted(registry: CounterRegistry, group: string): Counter[] {
  return registry.members(group).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function line({ group, name }: Counter, value: number): string {
  return `${group}:${name} = ${value}`;
}

const WHICH = 'Please provide which stats to retrieve';

function fetcher<S extends { readonly server: Server }>(doc: string, form: (value: number) => RpcValue): Method<S> {
  return {
    doc,
    params: ['statistic…'],
    run: (args, { server }) => {
      const reply = new RpcStruct();
      for (const counter of chosen(args, server.counters, WHICH)) {
        reply.add(`${counter.group}.${counter.name}`, form(counter.get()));
      }
      return reply;
    },
  };
}

/** `stats.*`: all counters of the server, as texts, as strings and as numbers. */
export function statsRpc<S extends { readonly server: Server }>(): Record<string, Method<S>> {
  return {
    'stats.get_statistics': {
      doc: 'Lists statistics, `group:name = value` each.',
      params: ['statistic…'],
      run: (args, { server }) =>
        new RpcMany(chosen(args, server.counters, WHICH).map((counter) => line(counter, counter.get()))),
    },
    'stats.fetch': fetcher('Returns statistics as strings.', String),
    'stats.fetchn': fetcher('Returns statistics as numbers.', (value) => value),
    'stats.reset_statistics': {
      scope: 'all',
      doc: 'Sets statistics to 0.',
      params: ['statistic…'],
      run: (args, { server }) => {
        for (const counter of chosen(args, server.counters, 'Please provide stats name')) counter.reset();
        return undefined;
      },
    },
    'stats.clear_statistics': {
      scope: 'all',
      merge: (replies) => replies[0],
      doc: 'Lists statistics and sets them to 0.',
      params: ['statistic…'],
      run: (args, { server }) =>
        new RpcMany(
          chosen(args, server.counters, 'Please provide stats name').map((counter) => {
            const value = counter.get();
            counter.reset();
            return line(counter, value);
          }),
        ),
    },
  };
}

/** `pkg.*`, `mod.*`: memory. The engine does not know which module holds what, so all of it is the core's. */
export function memoryRpc<S extends { readonly server: Server }>(): Record<string, Method<S>> {
  const modules: Method<S> = {
    doc: 'Returns the memory in use by module: "pkg" or "shm" or "all".',
    params: ['module', 'type'],
    run: moduleMemory,
  };
  return {
    'pkg.stats': {
      scope: 'all',
      doc: 'Returns memory use by process, of all or of the one with this pid, rank or index.',
      params: ['[pid|rank|index]', '[number]'],
      run: (args, { server }) => processMemory(args, server),
    },
    'pkg.info': {
      doc: 'Returns the memory manager.',
      run: () => ({ name: 'v8', size: memoryUsage().total }),
    },
    'mod.stats': modules,
    'mod.mem_stats': modules,
    'mod.mem_statsx': modules,
  };
}

function processMemory(args: RpcArgs, { workerIndex }: Server): RpcMany {
  const { used, free, real_used, total, fragments } = memoryUsage();
  const entry = {
    entry: workerIndex,
    pid: process.pid,
    rank: workerIndex,
    used,
    free,
    real_used,
    total_size: total,
    total_frags: fragments,
    desc: workerIndex === 0 ? 'main process - attendant' : `worker ${workerIndex}`,
  };
  if (!args.has(0)) return new RpcMany([entry]);
  const filter = args.str(0);
  if (filter !== 'pid' && filter !== 'rank' && filter !== 'index') throw new RpcFault(500, 'Invalid filter type');
  if (!args.has(1)) throw new RpcFault(500, 'One more parameter expected');
  const wanted = args.int(1);
  if ((filter === 'index' ? entry.entry : entry[filter]) === wanted) return new RpcMany([entry]);
  throw new RpcFault(500, `No such ${filter}`);
}

function moduleMemory(args: RpcArgs, { server }: { readonly server: Server }): RpcMany {
  if (!args.has(0)) throw new RpcFault(500, 'Module name or "all" needed');
  if (!args.has(1)) throw new RpcFault(500, '"pkg" or "shm" or "all" needed');
  const [name, type] = [args.str(0), args.str(1)];
  if (!['pkg', 'shm', 'all'].includes(type)) throw new RpcFault(500, '"pkg" or "shm" or "all" needed');
  const names = name === 'all' ? ['core', ...server.modules.loaded.map((module) => module.name)] : [name];
  return new RpcMany(
    names.flatMap((module): RpcValue[] => {
      const pkg = { Total: module === 'core' ? memoryUsage().used : 0 };
      return [`Module: ${module}`, ...(type === 'shm' ? [] : [pkg]), ...(type === 'pkg' ? [] : [{ Total: 0 }]), ''];
    }),
  );
}
