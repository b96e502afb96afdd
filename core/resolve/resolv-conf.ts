/** `/etc/resolv.conf` and `/etc/hosts`, read as libc reads them (resolv.conf(5), hosts(5)). */

import { canonicalIp, ipFamily } from '../transport/ip-address.ts';
import { normalizeName } from './dns-records.ts';

export interface DnsServerAddress {
  readonly ip: string;
  readonly port: number;
}

export interface ResolvConf {
  readonly servers: readonly DnsServerAddress[];
  readonly search: readonly string[];
  /** A name with at least this many dots is tried as it is before the search list. */
  readonly ndots: number;
  readonly timeoutSec: number;
  /** Rounds over all servers. */
  readonly attempts: number;
  /** Each query starts with the next server. */
  readonly isRotating: boolean;
  /** TCP from the start. */
  readonly usesTcp: boolean;
}

const MAX_SERVERS = 3;
const MAX_SEARCH = 32;

/** Never fails: what it does not understand is left out, and without a server there is 127.0.0.1, as in libc. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: DnsServerAddress[] = [];
  let search: string[] = [];
  const options = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [keyword, ...words] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    const first = words[0];
    if (keyword === 'nameserver' && first !== undefined) {
      const server = parseServer(first);
      if (server !== null && servers.length < MAX_SERVERS) servers.push(server);
    } else if (keyword === 'search' || keyword === 'domain') {
      search = words
        .map(normalizeName)
        .filter((name) => name !== null)
        .slice(0, keyword === 'domain' ? 1 : MAX_SEARCH);
    } else if (keyword === 'options') {
      for (const option of words) {
        const [name = '', value] = option.split(':');
        options.set(name, value === undefined ? 1 : Number(value));
      }
    }
  }
  return {
    servers: servers.length > 0 ? servers : [{ ip: '127.0.0.1', port: 53 }],
    search,
    ndots: bounded(options.get('ndots'), 1, 0, 15),
    timeoutSec: bounded(options.get('timeout'), 5, 1, 30),
    attempts: bounded(options.get('attempts'), 2, 1, 5),
    isRotating: options.has('rotate'),
    usesTcp: options.has('use-vc'),
  };
}

/** An address, or `[address]:port` as OpenBSD and systemd write it. */
function parseServer(text: string): DnsServerAddress | null {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text);
  const ip = canonicalIp(bracketed?.[1] ?? text);
  return ip === null ? null : { ip, port: Number(bracketed?.[2] ?? 53) };
}

function bounded(value: number | undefined, fallback: number, min: number, max: number): number {
  if (value === undefined || Number.isNaN(value)) return fallback;
  return Math.min(max, Math.max(min, Math.trunc(value)));
}

/** Addresses by name, in the order of the file. */
export function parseHosts(text: string): Map<string, string[]> {
  const hosts = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const ip = canonicalIp(address);
    if (ip === null || ipFamily(ip) === 0) continue;
    for (const word of names) {
      const name = normalizeName(word);
      if (name === null) continue;
      const list = hosts.get(name);
      if (list === undefined) hosts.set(name, [ip]);
      else if (!list.includes(ip)) list.push(ip);
    }
  }
  return hosts;
}
