import type { TlsProfileConfig, TlsProfileOptions, TlsVerify, TlsVersion } from './tls-config.ts';
import { TLS_METHODS } from './tls-config.ts';

/** A profile with its files read: what a handshake is made from. Immutable; a reload makes new ones. */
export interface TlsProfile {
  readonly role: 'server' | 'client';
  readonly address: string;
  readonly port: number;
  /** `server:127.0.0.1:5061`, for logs and `tls.options`. */
  readonly name: string;
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** PEM texts; null where not set. */
  readonly certificate: string | null;
  readonly privateKey: string | null;
  /** Trusted authorities; with none, nothing verifies. */
  readonly ca: readonly string[];
  readonly crl: string | null;
  readonly cipherList: string;
  readonly verify: TlsVerify;
  /** Certificates between the peer's and the trusted one, at most. */
  readonly verifyDepth: number;
  readonly serverName: string;
  readonly serverNameMode: number;
  readonly serverId: string;
  /** The settings as they were given, for `tls.options`. */
  readonly options: Readonly<TlsProfileOptions>;
}

/** Reads files for profiles. Throws with the reason; the path is resolved by its rules (Kamailio: relative to the script). */
export interface TlsFileReader {
  readonly file: (path: string) => string;
  /** The certificates of a folder, for `ca_path`. */
  readonly folder: (path: string) => readonly string[];
}

/** Kamailio's default of `verify_depth`. */
export const DEFAULT_VERIFY_DEPTH = 9;
/** Without a `method`; Kamailio's documented default, TLS 1.0 alone, is refused by today's peers (RFC 8996). */
export const DEFAULT_TLS_METHOD = 'TLSv1.2+';

/** Reads a profile's files. Returns it, or what is wrong with each file. */
export function loadTlsProfile(
  config: Omit<TlsProfileConfig, 'line'>,
  reader: TlsFileReader,
): TlsProfile | readonly string[] {
  const { role, address, port, options } = config;
  const name = address === 'default' || address === 'any' ? `${role}:${address}` : `${role}:${address}:${port}`;
  const errors: string[] = [];
  const read = (what: string, path: string | undefined): string | null => {
    if (path === undefined || path === '') return null;
    try {
      return reader.file(path);
    } catch (error) {
      errors.push(`[${name}]: ${what}: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  };
  const certificate = read('certificate', options.certificate);
  // As in Kamailio the key may stand in the certificate's file.
  const privateKey = options.privateKey === undefined ? certificate : read('private_key', options.privateKey);
  const caList = read('ca_list', options.caList);
  const crl = read('crl', options.crl);
  let ca = caList === null ? [] : [caList];
  if (options.caPath !== undefined && options.caPath !== '') {
    try {
      ca = [...ca, ...reader.folder(options.caPath)];
    } catch (error) {
      errors.push(`[${name}]: ca_path: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (role === 'server' && certificate === null && errors.length === 0) {
    errors.push(`[${name}]: a server needs a certificate`);
  }
  if (errors.length > 0) return errors;
  const [minVersion, maxVersion] = TLS_METHODS[(options.method ?? DEFAULT_TLS_METHOD).toLowerCase()] ?? [
    'TLSv1.2',
    'TLSv1.3',
  ];
  return {
    role,
    address,
    port,
    name,
    minVersion,
    maxVersion,
    certificate,
    privateKey,
    ca,
    crl,
    cipherList: options.cipherList ?? '',
    verify: verifyMode(options),
    verifyDepth: options.verifyDepth ?? DEFAULT_VERIFY_DEPTH,
    serverName: (options.serverName ?? '').toLowerCase(),
    serverNameMode: options.serverNameMode ?? 0,
    serverId: options.serverId ?? '',
    options,
  };
}

/** `verify_client`, or by the table of its documentation what `verify_certificate` and `require_certificate` mean. */
function verifyMode(options: TlsProfileOptions): TlsVerify {
  if (options.verifyClient !== undefined) return options.verifyClient;
  if (options.requireCertificate === true) return options.verifyCertificate === false ? 'optional_no_ca' : 'on';
  return options.verifyCertificate === true ? 'optional' : 'off';
}

/** The profiles of a server, by Kamailio's order: address and port, `any`, `default`. */
export class TlsProfiles {
  readonly all: readonly TlsProfile[];

  constructor(all: readonly TlsProfile[]) {
    this.all = all;
  }

  /** For a connection accepted at this address, whose client named `serverName` (empty: nothing yet, or none). */
  server(ip: string, port: number, serverName: string): TlsProfile | null {
    return this.#find('server', ip, port, serverName);
  }

  /** True when a profile that this listener may take asks clients for a certificate. */
  asksClients(ip: string, port: number): boolean {
    return this.all.some(
      (p) =>
        p.role === 'server' &&
        p.verify !== 'off' &&
        (isAt(p, ip, port) || p.address === 'any' || p.address === 'default'),
    );
  }

  /** For a connection to this peer; `serverId` goes before address and name. */
  client(ip: string, port: number, serverName: string, serverId: string): TlsProfile | null {
    if (serverId !== '') {
      const byId = this.all.find((profile) => profile.role === 'client' && profile.serverId === serverId);
      if (byId !== undefined) return byId;
    }
    return this.#find('client', ip, port, serverName);
  }

  #find(role: TlsProfile['role'], ip: string, port: number, serverName: string): TlsProfile | null {
    const name = serverName.toLowerCase();
    let byAddress: TlsProfile | null = null;
    let byDefault: TlsProfile | null = null;
    for (const profile of this.all) {
      if (profile.role !== role) continue;
      if (profile.address === 'default') {
        byDefault ??= profile;
        continue;
      }
      const isHere = isAt(profile, ip, port);
      if (name !== '' && (isHere || profile.address === 'any') && matchesName(profile, name)) return profile;
      if (isHere) byAddress ??= profile;
    }
    return byAddress ?? byDefault;
  }
}

function isAt(profile: TlsProfile, ip: string, port: number): boolean {
  return profile.address === ip && (profile.port === 0 || profile.port === port);
}

function matchesName(profile: TlsProfile, name: string): boolean {
  const { serverName, serverNameMode } = profile;
  if (serverName === '') return false;
  const isSubdomain = name.endsWith(`.${serverName}`);
  if (serverNameMode === 1) return isSubdomain || name === serverName;
  return serverNameMode === 2 ? isSubdomain : name === serverName;
}
