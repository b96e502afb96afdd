import type { RelayUrl } from 'strowger';

/** Reads `udp:host:port`, `udp6:host:port`, `ws://host:port/path`, `wss://…`. A text says what is wrong. */
export function nodeAddress(url: string): Pick<RelayUrl, 'host' | 'port' | 'family'> | string {
  if (isWebSocket(url)) return webSocketAddress(url);
  const match = /^(?:(udp6?):)?(?:\[([^\]]+)\]|(.+?)):(\d{1,5})$/.exec(url);
  if (match === null) return `"${url}" is not udp:host:port or udp6:host:port`;
  const [, scheme, bracketed, plain = '', port] = match;
  if (Number(port) < 1 || Number(port) > 65_535) return `"${url}": ${port} is no port`;
  return { host: bracketed ?? plain, port: Number(port), family: scheme === 'udp6' ? 6 : 4 };
}

/** True for a node that is asked over WebSocket. */
export function isWebSocket(url: string): boolean {
  return /^wss?:/.test(url);
}

function webSocketAddress(text: string): Pick<RelayUrl, 'host' | 'port' | 'family'> | string {
  const url = URL.parse(text);
  if (url === null || url.hostname === '' || url.hash !== '') return `"${text}" is not ws://host:port/path`;
  const port = url.port === '' ? (url.protocol === 'wss:' ? 443 : 80) : Number(url.port);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port, family: url.hostname.startsWith('[') ? 6 : 4 };
}
