import type { Log } from '../log/log.ts';
import { ctime } from '../pv/strftime.ts';
import { PROTO_NAMES } from '../transport/socket-info.ts';
import { memoryUsage, scaled, scaleOf } from './memory.ts';
import { mergeSum } from './merge.ts';
import { RpcFault, RpcMany, type RpcMethod, type RpcReply, RpcStruct, type RpcValue } from './registry.ts';
import type { RpcEnvironment } from './rpc-environment.ts';

/** Registers `system.*` and `core.*` (names, parameters and reply shapes are Kamailio's). */
export function registerCoreRpc(env: RpcEnvironment): void {
  const { rpc, log } = env.server;
  rpc.onError = (name, error) => reportBug(log, name, error);
  rpc.limitReloads(
    () => env.server.clock.now(),
    () => env.server.settings.int('rpc_exec_delta'),
  );
  for (const [name, method] of Object.entries(CORE_RPC)) rpc.register(name, method, env);
}

function reportBug(log: Log, name: string, error: unknown): void {
  log.error(`RPC method ${name} failed`, { err: error });
}

type CoreMethod = RpcMethod<RpcEnvironment>;

const SYSTEM: Readonly<Record<string, CoreMethod>> = {
  'system.listMethods': {
    doc: 'Lists all RPC methods.',
    run: (_args, { server }) => new RpcMany(server.rpc.names().sort()),
  },
  'system.methodHelp': {
    doc: 'Says what a method does.',
    params: ['name'],
    run: (args, { server }) => {
      const method = server.rpc.find(args.str(0));
      if (method === undefined) throw new RpcFault(400, 'command not found');
      return method.doc;
    },
  },
  'system.methodSignature': {
    doc: 'Names the parameters of a method.',
    params: ['name'],
    run: (args, { server }) => {
      const method = server.rpc.find(args.str(0));
      if (method === undefined) throw new RpcFault(400, 'command not found');
      return [args.str(0), ...(method.params ?? [])].join(' ');
    },
  },
};

const ECHO: Readonly<Record<string, CoreMethod>> = {
  'core.prints': {
    doc: 'Returns back its parameters, which are text.',
    params: ['text…'],
    run: (args) => new RpcMany(args.all.map((_, i) => args.str(i))),
  },
  'core.printi': {
    doc: 'Returns back its parameters, which are numbers.',
    params: ['number…'],
    run: (args) => new RpcMany(args.all.map((_, i) => args.int(i))),
  },
  'core.echo': {
    doc: 'Returns back its parameters.',
    params: ['value…'],
    run: (args) => new RpcMany(args.all.map((_, i) => args.str(i))),
  },
};

const ABOUT: Readonly<Record<string, CoreMethod>> = {
  'core.version': { doc: 'Returns the version of the server.', run: (_args, env) => versionText(env) },
  'core.flags': { doc: 'Returns what was built in.', run: (_args, env) => flags(env) },
  'core.info': {
    doc: 'Returns version and build.',
    run: (_args, env) => ({
      version: `${env.name} ${env.version}`,
      id: '',
      compiler: `node ${process.version}`,
      compiled: '',
      flags: flags(env),
    }),
  },
  'core.runinfo': {
    doc: 'Returns version, build and times.',
    run: (_args, env) => {
      const { clock, startedWallMs } = env.server;
      const uptimeSec = Math.floor((clock.wall() - startedWallMs) / 1000);
      return {
        name: env.name,
        version: env.version,
        sourceid: '',
        compiler: `node ${process.version}`,
        compiled: '',
        time_now: ctime(clock.wall()),
        time_started: ctime(startedWallMs),
        uptime_secs: uptimeSec,
        utime_days: days(uptimeSec),
      };
    },
  },
  'core.uptime': {
    doc: 'Returns uptime of SIP server.',
    run: (_args, { server }) => ({
      now: ctime(server.clock.wall()),
      up_since: ctime(server.startedWallMs),
      uptime: Math.floor((server.clock.wall() - server.startedWallMs) / 1000),
    }),
  },
  'core.pwd': { doc: 'Returns the working folder.', run: () => process.cwd() },
  'core.arg': { doc: 'Returns the command line.', run: (_args, { argv }) => new RpcMany(argv) },
  'core.modules': {
    doc: 'Lists the loaded modules, the last loaded first.',
    run: (_args, { server }) => new RpcMany(server.modules.loaded.map(({ name }) => name).reverse()),
  },
  'core.ppdefines': {
    doc: 'Lists the names the preprocessor knows.',
    run: (_args, { defines }) => new RpcMany(defines().map(({ name }) => name)),
  },
  'core.ppdefines_full': {
    doc: 'Lists the names the preprocessor knows, with their values.',
    run: (_args, { defines }) =>
      new RpcMany(defines().map(({ name, value }) => ({ name, type: 0, value: value ?? 'none' }))),
  },
  'core.reload': {
    doc: 'Compiles the script anew and switches to it; errors leave the old one running.',
    isReload: true,
    run: async (_args, { server }) => {
      const { ok, messages, unchanged } = await server.reload();
      if (!ok) throw new RpcFault(500, messages.join('\n'));
      return { messages: [...messages], unchanged: [...unchanged] };
    },
  },
};

const PROCESSES: Readonly<Record<string, CoreMethod>> = {
  'core.ps': {
    doc: 'Returns number and description of each process.',
    run: (_args, env) => new RpcMany(env.processes().flatMap(({ pid, description }) => [pid, description])),
  },
  'core.psx': {
    doc: 'Returns the processes as structs.',
    run: (_args, env) =>
      new RpcMany(env.processes().map(({ index, pid, description }) => ({ IDX: index, PID: pid, DSC: description }))),
  },
  'core.psa': {
    doc: 'Returns all that is known of the processes.',
    run: (_args, env) => new RpcMany(env.processes().map((info) => ({ ...info }))),
  },
  'core.kill': {
    doc: 'Sends a signal to the server, 15 where none is given.',
    params: ['[signal]'],
    run: (args, env) => {
      const signal = args.int(0, 15);
      if (signal < 0 || signal > 64) throw new RpcFault(400, 'bad signal number');
      env.kill(signal);
      return undefined;
    },
  },
  'core.shmmem': {
    doc: 'Returns memory use. Unit: b, k, m or g.',
    params: ['[unit]'],
    run: (args) => {
      const scale = scaleOf(args.str(0, 'b'));
      if (scale === null) throw new RpcFault(500, "bad param, use 'b', 'k', 'm' or 'g'");
      return scaled(memoryUsage(), scale);
    },
  },
  'core.sfmalloc': {
    doc: 'Returns statistics of the sf allocator.',
    run: () => {
      throw new RpcFault(500, 'the sf_malloc allocator is not in use');
    },
  },
};

/** What Linux gives datagrams, and `core.udp4_raw_info` says for -1. */
const SYSTEM_TTL = 64;

const NETWORK: Readonly<Record<string, CoreMethod>> = {
  'core.tcp_info': {
    doc: 'Returns counts of stream connections.',
    scope: 'all',
    merge: mergeTcpInfo,
    run: (_args, env) => {
      const connections = env.connections();
      return {
        readers: connections.length > 0 || hasStreams(env) ? 1 : 0,
        max_connections: env.server.settings.int('tcp_max_connections'),
        max_tls_connections: env.server.settings.int('tls_max_connections'),
        opened_connections: connections.length,
        opened_tls_connections: connections.filter(({ type }) => type === 'TLS' || type === 'WSS').length,
        write_queued_bytes: env.queuedBytes(),
      };
    },
  },
  'core.tcp_options': { doc: 'Returns the TCP settings.', run: (_args, env) => tcpOptions(env) },
  'core.tcp_list': {
    doc: 'Lists the stream connections.',
    scope: 'all',
    run: (_args, env) =>
      new RpcMany(
        env.connections().map((connection) => ({
          id: connection.id,
          type: connection.type,
          state: connection.state,
          timeout: connection.timeoutSec,
          lifetime: connection.lifetimeSec,
          ref_count: connection.refCount,
          src_ip: connection.srcIp,
          src_port: connection.srcPort,
          dst_ip: connection.dstIp,
          dst_port: connection.dstPort,
        })),
      ),
  },
  'core.udp4_raw_info': {
    doc: 'Returns the raw socket settings.',
    run: (_args, { server }) => ({
      udp4_raw: 0,
      udp4_raw_mtu: server.settings.int('udp4_raw_mtu'),
      udp4_raw_ttl: server.settings.int('udp4_raw_ttl') === -1 ? SYSTEM_TTL : server.settings.int('udp4_raw_ttl'),
    }),
  },
  'core.aliases_list': {
    doc: 'Lists the names that are ours.',
    run: (_args, { server }) => ({
      myself_callbacks: server.addresses.hasClaims ? 'yes' : 'no',
      aliases: server.addresses.aliases.map(({ host, port, proto }) => ({
        alias: {
          proto: proto === 0 ? '*' : (PROTO_NAMES[proto] ?? '*'),
          address: host,
          port: port === 0 ? '*' : port,
        },
      })),
    }),
  },
  'core.sockets_list': {
    doc: 'Lists the listening sockets.',
    run: (_args, { server }): RpcValue =>
      server.transport.sockets.map((socket) => {
        const info = new RpcStruct()
          .add('proto', PROTO_NAMES[socket.proto])
          .add('address', socket.address)
          .add('port', String(socket.port));
        if (socket.isAdvertised) info.add('advertise', advertised(socket.advertisedHost, socket.advertisedPort));
        if (socket.name !== '') info.add('name', socket.name);
        return {
          socket: info
            .add('mcast', isMulticast(socket.address) ? 'yes' : 'no')
            .add('mhomed', 'no')
            .add('virtual', socket.isVirtual ? 'yes' : 'no'),
        };
      }),
  },
};

const CORE_RPC: Readonly<Record<string, CoreMethod>> = { ...SYSTEM, ...ECHO, ...ABOUT, ...PROCESSES, ...NETWORK };

/** Connections are each worker's own, their bounds are not. */
function mergeTcpInfo(replies: readonly RpcReply[]): RpcReply {
  const total = mergeSum(replies) as Readonly<Record<string, RpcValue>>;
  const { max_connections = 0, max_tls_connections = 0 } = replies[0] as Readonly<Record<string, RpcValue>>;
  return { ...total, max_connections, max_tls_connections };
}

function versionText({ name, version }: RpcEnvironment): string {
  return `${name} ${version} (${process.arch}/${process.platform})`;
}

function flags({ server }: RpcEnvironment): string {
  const { settings } = server;
  const built = ['USE_UDP', ...(settings.bool('disable_tcp') ? [] : ['USE_TCP', 'USE_TLS'])];
  if (settings.bool('use_dns_cache')) built.push('USE_DNS_CACHE');
  return [...built, 'USE_DNS_FAILOVER', 'USE_NAPTR', 'USE_DST_BLOCKLIST', `V8_${process.versions.v8}`].join(', ');
}

function hasStreams({ server }: RpcEnvironment): boolean {
  return server.transport.sockets.some(({ isReliable }) => isReliable);
}

/** Names of `core.tcp_options`, in its order; those in `tcp` of the cfg framework but for the two soft limits. */
const TCP_OPTIONS =
  'connect_timeout send_timeout connection_lifetime max_connections max_tls_connections no_connect fd_cache async ' +
  'connect_wait conn_wq_max wq_max defer_accept delayed_ack syncnt linger2 keepalive keepidle keepintvl keepcnt ' +
  'crlf_ping accept_aliases alias_flags new_conn_alias_flags';

function tcpOptions({ server }: RpcEnvironment): RpcStruct {
  const options = new RpcStruct();
  for (const name of TCP_OPTIONS.split(' ')) {
    const isSoft = name === 'max_connections' || name === 'max_tls_connections';
    options.add(isSoft ? `${name}(soft)` : name, server.settings.groups.get('tcp', null, name) ?? 0);
  }
  return options;
}

function advertised(host: string, port: number): string {
  return `${host}:${port}`;
}

export function isMulticast(address: string): boolean {
  const first = Number(/^(\d+)\.\d+\.\d+\.\d+$/.exec(address)?.[1] ?? 0);
  return (first >= 224 && first <= 239) || /^ff/i.test(address);
}

function days(seconds: number): string {
  const part = (size: number, below: number): number => Math.floor(seconds / size) % below;
  return `${Math.floor(seconds / 86400)}d ${part(3600, 24)}h ${part(60, 60)}m ${seconds % 60}s`;
}
