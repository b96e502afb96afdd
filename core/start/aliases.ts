import type { Settings } from '../cfg/settings.ts';
import { protoByName } from '../parser/uri.ts';
import type { Server } from '../server.ts';
import { isLoopback } from '../transport/ip-address.ts';
import type { LocalAddresses } from '../transport/local-addresses.ts';
import { PROTO, type Proto } from '../transport/socket-info.ts';

const ALIAS = /^(?:(udp|tcp|tls|sctp|wss?):)?(\[[^\]]+\]|[^:]+)(?::(\d+))?$/i;

/** A name that is ours; port and protocol 0 match any. */
interface Alias {
  readonly host: string;
  readonly port: number;
  readonly proto: Proto;
}

/** `udp:example.org:5060`: protocol and port may be left out. What has another form is none. */
export function parseAliases(texts: readonly string[]): Alias[] {
  return texts.flatMap((text) => {
    const [, proto, host, port] = ALIAS.exec(text) ?? [];
    if (host === undefined) return [];
    return [{ host, port: Number(port ?? 0), proto: proto === undefined ? PROTO.NONE : protoByName(proto) }];
  });
}

/** The parameter `alias`, `--alias`, and names of our own. */
export function addAliases(addresses: LocalAddresses, settings: Settings, more: readonly string[] = []): void {
  for (const { host, port, proto } of parseAliases([...settings.list('alias'), ...more]))
    addresses.addAlias(host, port, proto);
}

/**
 * `auto_aliases`: the names of the listening addresses, by the hosts file and reverse DNS, become aliases with the
 * sockets' ports and protocols. Nobody waits for the answers: a name is ours from when it is known. A loopback address has
 * a name in the hosts file only.
 */
export function discoverAliases(server: Server): void {
  if (!server.settings.bool('auto_aliases')) return;
  const { sockets } = server.transport;
  for (const address of new Set(sockets.filter((socket) => !socket.isVirtual).map((socket) => socket.address))) {
    const learn = (names: readonly string[]): void => {
      for (const socket of sockets) {
        if (socket.address !== address) continue;
        for (const name of names) server.addresses.addAlias(name, socket.port, socket.proto);
      }
    };
    const local = server.resolver.hostNames(address);
    if (local.length > 0 || isLoopback(address)) {
      learn(local);
      continue;
    }
    const found = server.resolver.reverse(address);
    if (found instanceof Promise) void found.then(learn);
    else learn(found);
  }
}
