import type { Settings } from '../cfg/settings.ts';
import { protoByName } from '../parser/uri.ts';
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
