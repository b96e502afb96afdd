import { memoryUsage, RpcFault, RpcMany, type RpcMethod, type RpcValue, type Server } from 'strowger';
import { aliasList, socketList } from './sockets.ts';

interface WithServer {
  readonly server: Server;
}

function logMemory({ server }: WithServer): undefined {
  const usage = Object.entries(memoryUsage());
  server.log.notice(`memory: ${usage.map(([name, value]) => `${name} ${value}`).join(', ')}`);
  return undefined;
}

/** Memory as `shm.report` gives it: the engine knows spaces, not fragments with their owners. */
function report(): RpcValue {
  const { total, free, used, real_used, max_used, fragments } = memoryUsage();
  return {
    total_size: total,
    free_size_s: free,
    used_size_s: used,
    real_used_s: real_used,
    max_used_s: max_used,
    free_frags: 0,
    used_frags: fragments,
    total_frags: fragments,
  };
}

export const COREX_RPC: Readonly<Record<string, RpcMethod<WithServer>>> = {
  'corex.list_sockets': {
    doc: 'Lists the listening sockets.',
    run: (_args, { server }) => new RpcMany(socketList(server)),
  },
  'corex.list_aliases': {
    doc: 'Lists the names that are ours.',
    run: (_args, { server }) => new RpcMany(aliasList(server)),
  },
  'corex.debug': {
    scope: 'all',
    doc: 'Returns the log level, or sets it.',
    params: ['[level]'],
    run: (args, { server: { settings } }) => {
      const old = settings.int('debug');
      if (!args.has(0)) return { debug: old };
      settings.set('debug', args.int(0));
      return { old, new: args.int(0) };
    },
  },
  'corex.shm_status': { doc: 'Logs the use of memory.', run: (_args, state) => logMemory(state) },
  'corex.shm_summary': { doc: 'Logs the use of memory.', run: (_args, state) => logMemory(state) },
  'corex.pkg_summary': {
    doc: 'Logs the use of memory of one process: pid or idx, and its number.',
    params: ['pid|idx', 'number'],
    run: (args, state) => {
      if (args.length < 2) throw new RpcFault(400, 'Selector and value not provided');
      const selector = args.str(0);
      const own = selector === 'pid' ? process.pid : selector === 'idx' ? state.server.workerIndex : null;
      if (own === null) throw new RpcFault(400, 'Invalid selector');
      return own === args.int(1) ? logMemory(state) : undefined;
    },
  },
  'shm.info': { doc: 'Returns the memory manager.', run: () => ({ name: 'v8', size: memoryUsage().total }) },
  'shm.stats': { doc: 'Returns the use of memory.', run: () => ({ ...memoryUsage() }) },
  'shm.report': { doc: 'Returns the use of memory in detail.', run: report },
};
