import type { RelayUrl } from 'strowger';

/** The port of a URL that names none (rtpproxy's own default). */
const DEFAULT_PORT = 22_222;

/** Reads `udp:host[:port]`, `udp6:host[:port]`, `unix:path` or a path, each with `=weight`. A string says what is wrong. */
export function parseNodeUrl(text: string): RelayUrl | string {
  const equals = text.lastIndexOf('=');
  const url = equals < 0 ? text : text.slice(0, equals);
  const weight = equals < 0 ? '1' : text.slice(equals + 1);
  if (!/^\d{1,6}$/.test(weight)) return `"${text}": the weight is no number`;
  const udp = /^(udp6?):(?:\[([^\]]+)\]|(.+?))(?::(\d{1,5}))?$/.exec(url);
  if (udp === null) {
    const path = url.startsWith('unix:') ? url.slice(5) : url;
    if (!path.startsWith('/')) return `"${text}" is neither udp:host:port nor unix:/path`;
    return { url, host: path, port: 0, family: 4, weight: Number(weight) };
  }
  const [, scheme, bracketed, plain = '', port] = udp;
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  if (number < 1 || number > 65_535) return `"${text}": ${number} is no port`;
  return { url, host: bracketed ?? plain, port: number, family: scheme === 'udp6' ? 6 : 4, weight: Number(weight) };
}

/** One value of `rtpproxy_sock`: nodes of a set, the set 0 where none is named. */
export function parseSock(text: string): { readonly setId: number; readonly nodes: readonly RelayUrl[] } | string {
  const match = /^\s*(\d{1,9})\s*==\s*([^]*)$/.exec(text);
  const nodes: RelayUrl[] = [];
  for (const word of (match?.[2] ?? text).split(/\s+/)) {
    if (word === '') continue;
    const node = parseNodeUrl(word);
    if (typeof node === 'string') return node;
    nodes.push(node);
  }
  return { setId: match === null ? 0 : Number(match[1]), nodes };
}
