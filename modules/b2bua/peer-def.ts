import { parseUri } from 'strowger';
import { parseMatch } from './peer-addresses.ts';

/** How a peer and this server know where the other is. */
export type PeerRegister = '' | 'client' | 'server';

/** A peer as it is configured: a parameter `peer`, a line of a file, a row of a table. */
export interface PeerDef {
  readonly name: string;
  /** Where it is reached; '' for one that registers here. */
  readonly uri: string;
  /** URI of the next hop; '' for the host of `uri`. */
  readonly proxy: string;
  /** Credentials for its challenges, and for registering there; '' for none. */
  readonly user: string;
  readonly password: string;
  /** The realm the credentials are for; '' for any. */
  readonly realm: string;
  readonly group: string;
  /** Calls at once, in and out together; 0: no limit. */
  readonly limit: number;
  /** Seconds between two OPTIONS; 0: none; -1: `qualify_interval`. */
  readonly qualify: number;
  /** `client`: we register there; `server`: it registers here. */
  readonly register: PeerRegister;
  /** Of one that registers here: its address of record, `user@domain`; `name` where not given. */
  readonly aor: string;
  /** Of one that we register at: for how long, in seconds. */
  readonly expires: number;
  /** Addresses that its requests come from, beside that of `uri`; with a port from that alone. */
  readonly match: readonly string[];
}

/** Names of all attributes, in the order of the table's columns. */
export const PEER_KEYS = [
  'name',
  'uri',
  'proxy',
  'user',
  'password',
  'realm',
  'group',
  'limit',
  'qualify',
  'register',
  'aor',
  'expires',
  'match',
] as const;
export type PeerKey = (typeof PEER_KEYS)[number];

/** Largest number of seconds or calls. */
const MAX_NUMBER = 0x7fffffff;

/**
 * Reads `name=trunk1;uri=<sip:10.0.0.1;transport=tcp>;limit=10`: attributes with `;` between; a value that holds one is
 * in `<>` or in quotes. Returns an error text where it can not be read.
 */
export function parsePeer(text: string): PeerDef | string {
  const values = new Map<PeerKey, string>();
  for (const part of splitAttributes(text)) {
    const equals = part.indexOf('=');
    const key = PEER_KEYS.find((known) => known === part.slice(0, equals).trim());
    if (equals < 0 || key === undefined) return `"${part.slice(0, 40)}" is none of ${PEER_KEYS.join('=, ')}=`;
    if (values.has(key)) return `${key} is given twice`;
    values.set(key, unquoted(part.slice(equals + 1).trim()));
  }
  return peerOf(values);
}

/** A peer of attributes as text; an error text where they are none. */
export function peerOf(values: ReadonlyMap<PeerKey, string>): PeerDef | string {
  const text = (key: PeerKey): string => values.get(key) ?? '';
  const name = text('name');
  if (!/^[\w.+-]{1,64}$/.test(name)) return `"${name}" is no name of a peer`;
  const register = text('register');
  if (register !== '' && register !== 'client' && register !== 'server')
    return `${name}: register is client or server, not "${register}"`;
  const error = uriError(name, text('uri'), register) ?? uriError(name, text('proxy'), 'server');
  if (error !== null) return error;
  const limit = numberOf(text('limit'), 0);
  const qualify = numberOf(text('qualify'), -1);
  const expires = numberOf(text('expires'), 3600);
  if (limit === null || qualify === null || expires === null || expires < 1)
    return `${name}: limit, qualify and expires are numbers`;
  if (register === 'client' && text('user') === '') return `${name}: to register there needs user and password`;
  const match = text('match')
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '');
  const wrong = match.find((address) => parseMatch(address) === null);
  if (wrong !== undefined) return `${name}: match is addresses, with a port or without, not "${wrong}"`;
  return {
    name,
    uri: text('uri'),
    proxy: text('proxy'),
    user: text('user'),
    password: text('password'),
    realm: text('realm'),
    group: text('group'),
    limit,
    qualify,
    register,
    aor: text('aor') || name,
    expires,
    match,
  };
}

function uriError(name: string, uri: string, register: PeerRegister): string | null {
  if (uri === '') return register === 'server' ? null : `${name} has no uri`;
  const parsed = parseUri(uri);
  return parsed === null || parsed.host === '' ? `${name}: "${uri}" is no SIP URI` : null;
}

function numberOf(text: string, none: number): number | null {
  if (text === '') return none;
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return number <= MAX_NUMBER ? number : null;
}

function splitAttributes(text: string): string[] {
  const parts: string[] = [];
  let closing = '';
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i] ?? '';
    if (closing !== '') {
      if (c === closing) closing = '';
    } else if (c === '<') closing = '>';
    else if (c === '"' || c === "'") closing = c;
    else if (c === ';') {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

function unquoted(value: string): string {
  return /^(?:<.*>|".*"|'.*')$/s.test(value) ? value.slice(1, -1) : value;
}
