import type { Settings } from '../cfg/settings.ts';
import { protoByName } from '../parser/uri.ts';
import type { Server } from '../server.ts';
import { isLoopback } from '../transport/ip-address.ts';
import type { LocalAddresses } from '../transport/local-addresses.ts';

const ALIAS = /^(?:(udp|tcp|tls|sctp|wss?):)?(\[[^\]]+\]|[^:]+)(?::(\d+))?$/i;

/** `alias=udp:example.org:5060`, `--alias`: protocol and port may be left out, and then match any. */
export function addAliases(addresses: LocalAddresses, settings: Settings, more: readonly string[] = []): void {
  for (const text of [...settings.list('alias'), ...more]) {
    const match = ALIAS.exec(text);
    if (match === null) continue;
    addresses.addAlias(
      match[2] as string,
      match[3] === undefined ? 0 : Number(match[3]),
      match[1] === undefined ? 0 : protoByName(match[1]),
    );
  }
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
