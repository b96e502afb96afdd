import type { ParsedScript } from '../../routing-lang/index.ts';
import type { StartOptions } from '../cli/start-options.ts';
import { StrowgerError } from '../errors.ts';
import { hostPort } from '../transport/ip-address.ts';
import {
  type ListenError,
  type ListenSpec,
  makeSocketInfo,
  parseListenOption,
  planSockets as plan,
} from '../transport/listen.ts';
import { PROTO_NAMES, type SocketInfo } from '../transport/socket-info.ts';
import type { Environment } from './environment.ts';
import type { ScriptSource } from './script.ts';

interface PlannedSockets {
  readonly sockets: readonly SocketInfo[];
  /** Host names that `listen` lines gave instead of addresses: they are ours too. */
  readonly hostNames: readonly string[];
}

/**
 * The sockets a script and the command line ask for. Rejects with `LISTEN` and a line for each item that cannot be,
 * with its place in the script.
 */
export async function planSockets(
  source: ScriptSource,
  options: StartOptions,
  env: Environment,
): Promise<PlannedSockets> {
  const { settings } = source;
  const problems: string[] = [];
  const specs: ListenSpec[] = [...source.listens];
  for (const text of options.listens) {
    const spec = parseListenOption(text);
    if (typeof spec === 'string') problems.push(`-l ${spec}`);
    else specs.push(spec);
  }
  const { plans, errors, ignored } = await plan(specs, {
    port: settings.int('port') || 5060,
    tlsPort: settings.int('tls_port_no') || 5061,
    isTcpEnabled: !settings.bool('disable_tcp'),
    isTlsEnabled: !settings.bool('disable_tls'),
    withIpv6: settings.bool('auto_bind_ipv6'),
    withLinkLocal: settings.int('bind_ipv6_link_local') === 1,
    interfaces: env.interfaces(),
    lookup: (host) => env.lookupHost(host),
  });
  for (const item of ignored) options.log.warn(describe(item, source.parsed));
  for (const error of errors) problems.push(describe(error, source.parsed));
  if (problems.length > 0) throw new StrowgerError('LISTEN', problems.join('\n'));
  return {
    sockets: plans.map((each, index) => makeSocketInfo(each, index, each.port)),
    hostNames: [...new Set(plans.map((each) => each.hostName))].filter((name) => name !== ''),
  };
}

/** Items of the command line have no place. */
function describe({ message, span }: ListenError, parsed: ParsedScript): string {
  if (span === null || span.end === 0) return `listen: ${message}`;
  const { file, line, column } = parsed.source.locate(span.start);
  return `${file}:${line}:${column}: listen: ${message}`;
}

/** The socket with the port it got. */
export function withPort(socket: SocketInfo, port: number): SocketInfo {
  // Where nothing else is advertised, or only an address, the port shown is the one bound.
  const isOwnPort = socket.advertisedPort === socket.port;
  const advertisedPort = isOwnPort ? port : socket.advertisedPort;
  return {
    ...socket,
    port,
    advertisedPort,
    uri: `${PROTO_NAMES[socket.proto]}:${hostPort(socket.address, port)}`,
    sentBy: hostPort(socket.advertisedHost, advertisedPort),
  };
}
