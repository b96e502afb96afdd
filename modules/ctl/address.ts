/** Where ctl listens, as the parameters `binrpc` and `fifo` say it. */
export type ListenAddress =
  | { readonly type: 'unix_stream' | 'unix_dgram' | 'fifo'; readonly path: string }
  | { readonly type: 'tcp' | 'udp'; readonly host: string; readonly port: number };

/** kamcmd's default port. */
const DEFAULT_PORT = 2049;
const TYPES: ReadonlyMap<string, ListenAddress['type']> = new Map([
  ['unix', 'unix_stream'],
  ['unixs', 'unix_stream'],
  ['unixd', 'unix_dgram'],
  ['fifo', 'fifo'],
  ['tcp', 'tcp'],
  ['udp', 'udp'],
]);

/**
 * Reads `[protocol:]path` or `[protocol:]address[:port]`. Without a protocol a path is `unprefixed` (a Unix stream or
 * a FIFO) and anything else UDP. A host of `*` or none is every IPv4 address. An error text where it is neither.
 */
export function parseAddress(text: string, unprefixed: 'unix_stream' | 'fifo'): ListenAddress | string {
  const colon = text.indexOf(':');
  const named = colon < 0 ? undefined : TYPES.get(text.slice(0, colon).toLowerCase());
  const rest = named === undefined ? text : text.slice(colon + 1);
  const type = named ?? (rest.includes('/') ? unprefixed : 'udp');
  if (type === 'tcp' || type === 'udp') return hostAndPort(type, rest);
  return rest === '' ? `no path in "${text}"` : { type, path: rest };
}

function hostAndPort(type: 'tcp' | 'udp', text: string): ListenAddress | string {
  if (/^\d+$/.test(text)) return withPort(type, '0.0.0.0', text);
  const match = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(text);
  if (match === null) return `"${text}" is no address`;
  const host = match[1] ?? match[2] ?? '';
  return withPort(type, host === '' || host === '*' ? '0.0.0.0' : host, match[3] ?? String(DEFAULT_PORT));
}

function withPort(type: 'tcp' | 'udp', host: string, port: string): ListenAddress | string {
  return Number(port) > 65535 ? `"${port}" is no port` : { type, host, port: Number(port) };
}

/** `unix_stream:/run/x`, `tcp:127.0.0.1:2049`: for messages. */
export function addressText(address: ListenAddress): string {
  return 'path' in address ? `${address.type}:${address.path}` : `${address.type}:${address.host}:${address.port}`;
}
