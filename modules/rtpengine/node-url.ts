import type { RelayUrl } from 'strowger';

/** Reads `udp:host:port`, `udp6:host:port`. A text says what is wrong. */
export function nodeAddress(url: string): Pick<RelayUrl, 'host' | 'port' | 'family'> | string {
  if (/^wss?:/.test(url)) return `"${url}": rtpengine is reached over UDP here (see the README)`;
  const match = /^(?:(udp6?):)?(?:\[([^\]]+)\]|(.+?)):(\d{1,5})$/.exec(url);
  if (match === null) return `"${url}" is not udp:host:port or udp6:host:port`;
  const [, scheme, bracketed, plain = '', port] = match;
  if (Number(port) < 1 || Number(port) > 65_535) return `"${url}": ${port} is no port`;
  return { host: bracketed ?? plain, port: Number(port), family: scheme === 'udp6' ? 6 : 4 };
}
