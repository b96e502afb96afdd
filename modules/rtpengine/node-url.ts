import type { RelayUrl } from 'strowger';

/** Reads `udp:host:port`, `udp6:host:port`, either with `=weight`. */
export function parseNodeUrl(text: string): RelayUrl | string {
  const equals = text.lastIndexOf('=');
  const url = equals < 0 ? text : text.slice(0, equals);
  const weightText = equals < 0 ? '1' : text.slice(equals + 1);
  if (!/^\d{1,6}$/.test(weightText)) return `"${text}": the weight is no number`;
  if (/^wss?:/.test(url)) return `"${text}": rtpengine is reached over UDP here (see the README)`;
  const match = /^(?:(udp6?):)?(?:\[([^\]]+)\]|(.+?)):(\d{1,5})$/.exec(url);
  if (match === null) return `"${text}" is not udp:host:port or udp6:host:port`;
  const [, scheme, bracketed, plain = '', port] = match;
  if (Number(port) < 1 || Number(port) > 65_535) return `"${text}": ${port} is no port`;
  return {
    url,
    host: bracketed ?? plain,
    port: Number(port),
    family: scheme === 'udp6' ? 6 : 4,
    weight: Number(weightText),
  };
}

/** One value of `rtpengine_sock`: nodes of a set, the set 0 where none is named. A string says what is wrong. */
export function parseSock(text: string): { readonly setId: number; readonly nodes: readonly RelayUrl[] } | string {
  const match = /^\s*(\d{1,9})\s*==\s*([^]*)$/.exec(text);
  const setId = match === null ? 0 : Number(match[1]);
  const nodes: RelayUrl[] = [];
  for (const word of (match?.[2] ?? text).split(/\s+/)) {
    if (word === '') continue;
    const node = parseNodeUrl(word);
    if (typeof node === 'string') return node;
    nodes.push(node);
  }
  return { setId, nodes };
}
