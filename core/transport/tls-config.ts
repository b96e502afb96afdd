import { ipFamily } from './ip-address.ts';

/** How the certificate of the other side is treated (`verify_client`, or what verify and require together mean). */
export type TlsVerify = 'off' | 'optional' | 'on' | 'optional_no_ca';

/** What a profile may set; file names as written. Absent: not set. */
export interface TlsProfileOptions {
  method?: string;
  verifyCertificate?: boolean;
  requireCertificate?: boolean;
  verifyClient?: TlsVerify;
  verifyDepth?: number;
  privateKey?: string;
  certificate?: string;
  caList?: string;
  caPath?: string;
  crl?: string;
  cipherList?: string;
  serverName?: string;
  /** 0: the name itself; 1: it and its subdomains; 2: its subdomains only. */
  serverNameMode?: number;
  serverId?: string;
}

export interface TlsProfileConfig {
  readonly role: 'server' | 'client';
  /** `default`, `any` (whatever address, chosen by server name), or an IP literal without brackets. */
  readonly address: string;
  /** 0 with `default` and `any`. */
  readonly port: number;
  readonly options: TlsProfileOptions;
  readonly line: number;
}

interface TlsConfigError {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface TlsConfig {
  readonly profiles: readonly TlsProfileConfig[];
  readonly errors: readonly TlsConfigError[];
}

type OptionKind = 'text' | 'flag' | 'number' | 'verify' | 'method';

/** Names of options in tls.cfg, with Kamailio's older spellings. */
const OPTIONS: Readonly<Record<string, readonly [field: keyof TlsProfileOptions, kind: OptionKind]>> = {
  method: ['method', 'method'],
  tls_method: ['method', 'method'],
  verify_certificate: ['verifyCertificate', 'flag'],
  verify_cert: ['verifyCertificate', 'flag'],
  require_certificate: ['requireCertificate', 'flag'],
  require_cert: ['requireCertificate', 'flag'],
  verify_client: ['verifyClient', 'verify'],
  verify_depth: ['verifyDepth', 'number'],
  private_key: ['privateKey', 'text'],
  pkey_file: ['privateKey', 'text'],
  certificate: ['certificate', 'text'],
  cert_file: ['certificate', 'text'],
  ca_list: ['caList', 'text'],
  calist_file: ['caList', 'text'],
  ca_path: ['caPath', 'text'],
  crl: ['crl', 'text'],
  cipher_list: ['cipherList', 'text'],
  server_name: ['serverName', 'text'],
  server_name_mode: ['serverNameMode', 'number'],
  server_id: ['serverId', 'text'],
};

export const TLS_METHODS: Readonly<Record<string, readonly [min: TlsVersion, max: TlsVersion]>> = {
  'tlsv1.3+': ['TLSv1.3', 'TLSv1.3'],
  'tlsv1.3': ['TLSv1.3', 'TLSv1.3'],
  'tlsv1.2+': ['TLSv1.2', 'TLSv1.3'],
  'tlsv1.2': ['TLSv1.2', 'TLSv1.2'],
  'tlsv1.1+': ['TLSv1.1', 'TLSv1.3'],
  'tlsv1.1': ['TLSv1.1', 'TLSv1.1'],
  'tlsv1+': ['TLSv1', 'TLSv1.3'],
  'tlsv1.0+': ['TLSv1', 'TLSv1.3'],
  tlsv1: ['TLSv1', 'TLSv1'],
  'tlsv1.0': ['TLSv1', 'TLSv1'],
  sslv23: ['TLSv1', 'TLSv1.3'],
};
export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

const FLAGS = new Map([
  ['1', true],
  ['yes', true],
  ['on', true],
  ['true', true],
  ['enabled', true],
  ['0', false],
  ['no', false],
  ['off', false],
  ['false', false],
  ['disabled', false],
]);

const VERIFY = new Set(['off', 'optional', 'on', 'optional_no_ca']);

/** What is wrong with a TLS method, or null. */
export function checkTlsMethod(method: string): string | null {
  const name = method.toLowerCase();
  if (Object.hasOwn(TLS_METHODS, name)) return null;
  if (name === 'sslv2' || name === 'sslv3') return `${method} is no longer supported by the TLS library`;
  return `unknown method '${method}': TLSv1.3, TLSv1.2+, TLSv1.2, TLSv1.1+, TLSv1.1, TLSv1+, TLSv1 or SSLv23 expected`;
}

/**
 * Reads Kamailio's `tls.cfg`: `[server:ADDRESS:PORT]`, `[client:default]` … sections of `name = value` lines, `#` and
 * `;` comments, values bare or in double quotes, `\` at a line's end to go on. All errors are found in one run.
 */
export function parseTlsConfig(text: string, file: string): TlsConfig {
  return new TlsConfigParser(file).parse(text);
}

class TlsConfigParser {
  readonly #file: string;
  readonly #profiles: TlsProfileConfig[] = [];
  readonly #errors: TlsConfigError[] = [];
  #current: TlsProfileConfig | null = null;
  #isInBadSection = false;

  constructor(file: string) {
    this.#file = file;
  }

  parse(text: string): TlsConfig {
    const lines = text.split(/\r?\n/);
    for (let i = 0; i < lines.length; i++) {
      const first = i;
      let line = stripComment(lines[i] ?? '');
      while (line.endsWith('\\') && i + 1 < lines.length) line = line.slice(0, -1) + stripComment(lines[++i] ?? '');
      this.#line(line, first + 1);
    }
    this.#checkTogether();
    return { profiles: this.#profiles, errors: this.#errors };
  }

  #line(line: string, number: number): void {
    const start = line.search(/\S/);
    if (start < 0) return;
    if (line[start] === '[') this.#section(line, number, start);
    else this.#option(line, number, start);
  }

  #section(line: string, number: number, start: number): void {
    this.#current = null;
    this.#isInBadSection = true;
    const match = /^\s*\[\s*(\w+)\s*:\s*(\[[^\]]*\]|[^:\]\s]*)\s*(?::\s*([^\]\s]*)\s*)?\]\s*$/.exec(line);
    if (match === null) {
      this.#error(number, start, 'section expected: [server:default], [client:any] or [server:ADDRESS:PORT]');
      return;
    }
    const [, role = '', rawAddress = '', rawPort] = match;
    const addressAt = line.indexOf(rawAddress, line.indexOf(':') + 1);
    const kind = role.toLowerCase();
    if (kind !== 'server' && kind !== 'client') {
      this.#error(number, line.indexOf(role), `unknown section type '${role}': server or client expected`);
      return;
    }
    const address = rawAddress.replace(/^\[|\]$/g, '').toLowerCase();
    const isNamed = address === 'default' || address === 'any';
    if (!isNamed && ipFamily(address) === 0) {
      this.#error(number, addressAt, `'${rawAddress}' is no IP address: default, any or an address expected`);
      return;
    }
    const port = rawPort === undefined || isNamed ? 0 : Number(rawPort);
    if (!Number.isInteger(port) || port < 0 || port > 65535 || rawPort === '') {
      this.#error(number, line.lastIndexOf(':') + 1, `'${rawPort ?? ''}' is no port`);
      return;
    }
    this.#isInBadSection = false;
    this.#current = { role: kind, address, port, options: {}, line: number };
    this.#profiles.push(this.#current);
  }

  #option(line: string, number: number, start: number): void {
    const match = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (match === null) {
      this.#error(number, start, "'name = value' expected");
      return;
    }
    const [, name = '', raw = ''] = match;
    const valueAt = line.length - line.slice(line.indexOf('=') + 1).trimStart().length;
    if (this.#current === null) {
      if (!this.#isInBadSection) this.#error(number, start, `'${name}' stands before the first section`);
      return;
    }
    const known = Object.hasOwn(OPTIONS, name.toLowerCase()) ? OPTIONS[name.toLowerCase()] : undefined;
    if (known === undefined) {
      this.#error(number, start, `unknown option '${name}'`);
      return;
    }
    const quoted = /^"(.*)"$/.exec(raw);
    if (quoted === null && raw.startsWith('"')) {
      this.#error(number, valueAt, 'the closing quote is missing');
      return;
    }
    const value = convert(known[1], quoted?.[1] ?? raw);
    if (typeof value === 'object') this.#error(number, valueAt, value.error);
    else Object.assign(this.#current.options, { [known[0]]: value });
  }

  /** Only one default of each role; profiles for the same address need server names to be told apart. */
  #checkTogether(): void {
    const seen = new Map<string, TlsProfileConfig>();
    for (const profile of this.#profiles) {
      const key = `${profile.role}:${profile.address}:${profile.port}`;
      const earlier = seen.get(key);
      if (earlier !== undefined) {
        if (profile.address === 'default') {
          this.#error(profile.line, 0, `second [${profile.role}:default] (the first is in line ${earlier.line})`);
        } else if (!isNamedProfile(profile)) {
          this.#error(profile.line, 0, `second profile for [${key}] without server_name or server_id`);
        }
      }
      seen.set(key, profile);
      if (profile.address === 'any' && !isNamedProfile(profile)) {
        this.#error(
          profile.line,
          0,
          `[${profile.role}:any] needs a server_name${profile.role === 'client' ? ' or a server_id' : ''}`,
        );
      }
    }
  }

  #error(line: number, index: number, message: string): void {
    this.#errors.push({ file: this.#file, line, column: Math.max(0, index) + 1, message });
  }
}

function isNamedProfile(profile: TlsProfileConfig): boolean {
  const { serverName, serverId } = profile.options;
  return (serverName ?? '') !== '' || (profile.role === 'client' && (serverId ?? '') !== '');
}

/** Cuts a comment off, but not inside quotes. */
function stripComment(line: string): string {
  let isQuoted = false;
  for (let i = 0; i < line.length; i++) {
    const char = line[i];
    if (char === '"') isQuoted = !isQuoted;
    else if (!isQuoted && (char === '#' || (char === ';' && line.slice(0, i).trim() === ''))) return line.slice(0, i);
  }
  return line;
}

function convert(kind: OptionKind, text: string): string | number | boolean | { error: string } {
  switch (kind) {
    case 'text':
      return text;
    case 'number':
      return /^\d{1,9}$/.test(text) ? Number(text) : { error: `'${text}' is no number` };
    case 'flag':
      return FLAGS.get(text.toLowerCase()) ?? { error: `'${text}': yes or no expected` };
    case 'verify':
      return VERIFY.has(text.toLowerCase())
        ? text.toLowerCase()
        : { error: `'${text}': off, on, optional or optional_no_ca expected` };
    case 'method': {
      const error = checkTlsMethod(text);
      return error === null ? text : { error };
    }
  }
}
