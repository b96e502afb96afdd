import type { RelayUrl } from 'strowger';

/** The port of a URL that names none (rtpproxy's own default). */
const DEFAULT_PORT = 22_222;

/** Reads `udp:host[:port]`, `udp6:host[:port]`, `unix:path` or a path. A text says what is wrong. */
export function nodeAddress(url: string): Pick<RelayUrl, 'host' | 'port' | 'family'> | string {
  const udp = /^(udp6?):(?:\[([^\]]+)\]|(.+?))(?::(\d{1,5}))?$/.exec(url);
  if (udp === null) {
    const path = url.startsWith('unix:') ? url.slice(5) : url;
    if (!path.startsWith('/')) return `"${url}" is neither udp:host:port nor unix:/path`;
    return { host: path, port: 0, family: 4 };
  }
  const [, scheme, bracketed, plain = '', digits] = udp;
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  if (port < 1 || port > 65_535) return `"${url}": ${port} is no port`;
  return { host: bracketed ?? plain, port, family: scheme === 'udp6' ? 6 : 4 };
}
