import type { StartOptions } from '../cli/start-options.ts';
import type { Log } from '../log/log.ts';
import { protoByName } from '../parser/uri.ts';
import { ipFamily } from '../transport/ip-address.ts';
import { PROTO, type Proto, type SocketInfo } from '../transport/socket-info.ts';
import type { Environment } from './environment.ts';
import type { ScriptSource } from './script.ts';

/** The sockets a script and the command line ask for. */
export function planSockets(
  source: ScriptSource,
  options: StartOptions,
  _env: Environment,
  _log: Log,
): Promise<SocketInfo[]> {
  const out: SocketInfo[] = [];
  const add = (proto: Proto, host: string, port: number | null): void => {
    out.push(socketInfo(out.length, proto, host, port ?? (proto === PROTO.TLS ? 5061 : 5060)));
  };
  for (const item of source.listens)
    for (const s of item.sockets)
      for (const proto of s.proto === null ? [PROTO.UDP, PROTO.TCP] : [protoByName(s.proto)])
        add(proto, s.host, s.port);
  for (const text of options.listens) {
    const m = /^(?:(\w+):)?([^:]+)(?::(\d+))?$/.exec(text);
    if (m !== null)
      for (const proto of m[1] === undefined ? [PROTO.UDP, PROTO.TCP] : [protoByName(m[1])])
        add(proto, m[2] as string, m[3] === undefined ? null : Number(m[3]));
  }
  return Promise.resolve(
    source.settings.bool('disable_tcp')
      ? out.filter((s) => s.proto === PROTO.UDP).map((s, i) => ({ ...s, index: i }))
      : out,
  );
}

function socketInfo(index: number, proto: Proto, host: string, port: number): SocketInfo {
  return withPort(
    {
      index,
      proto,
      family: ipFamily(host) === 6 ? 6 : 4,
      address: host,
      port,
      advertisedHost: host,
      advertisedPort: port,
      isAdvertised: false,
      name: '',
      isVirtual: false,
      uri: '',
      sentBy: '',
      isReliable: proto !== PROTO.UDP,
    },
    port,
  );
}

export function withPort(socket: SocketInfo, port: number): SocketInfo {
  const host = socket.family === 6 ? `[${socket.address}]` : socket.address;
  return {
    ...socket,
    port,
    advertisedPort: socket.isAdvertised ? socket.advertisedPort : port,
    uri: `${['', 'udp', 'tcp', 'tls', 'sctp', 'ws', 'wss'][socket.proto]}:${host}:${port}`,
    sentBy: `${host}:${port}`,
  };
}
