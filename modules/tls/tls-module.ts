import { hostname, networkInterfaces } from 'node:os';
import {
  type Connection,
  type Destination,
  hostPort,
  ipFamily,
  isTlsFacts,
  loadTlsProfile,
  type ModuleContext,
  PROTO,
  type PvValue,
  parseTlsConfig,
  ROUTE,
  RUN_DROP,
  Run,
  resolveFile,
  type Server,
  SipMsg,
  type SocketInfo,
  StrowgerError,
  streamSocketOptions,
  TlsDriver,
  type TlsPeerFacts,
  type TlsProfile,
  type TlsProfileConfig,
  type TlsProfileOptions,
  TlsProfiles,
  type TlsSessionOptions,
} from 'strowger';
import { configTexts, fileReader } from './config-files.ts';
import { type CertificateSubject, makeMissingCertificate } from './make-certificate.ts';

/** TLS of one server: its profiles, and what the script says of single connections. */
export class TlsModule {
  readonly #ctx: ModuleContext;
  #driver: TlsDriver | null = null;
  /** For the next connection opened (`tls_set_connect_server_id`). */
  nextServerId = '';

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
  }

  /** Null where `enable_tls` is not set. */
  get driver(): TlsDriver | null {
    return this.#driver;
  }

  get context(): ModuleContext {
    return this.#ctx;
  }

  /** Reads the profiles and becomes the server's way to TLS. Rejects with `TLS_CONFIG` and all that is wrong. */
  async start(): Promise<void> {
    const { server, log } = this.#ctx;
    if (server.settings.bool('disable_tls')) {
      log.notice('TLS is off: set enable_tls=yes to have it');
      return;
    }
    const driver = new TlsDriver({
      clock: server.clock,
      profiles: new TlsProfiles([]),
      socketOptions: streamSocketOptions(server.settings),
      handshakeTimeoutMs: server.settings.int('tcp_connect_timeout') * 1000 || 10_000,
      session: this.#session(),
    });
    if (this.#ctx.int('make_certificate') !== 0) await this.#makeCertificates();
    driver.setProfiles(this.#profiles());
    this.#driver = driver;
    const table = server.connections;
    table.setDriver(PROTO.TLS, driver);
    table.settings.tlsFirstLifetimeMs = () => this.#ctx.int('connection_timeout') * 1000;
    table.tlsTarget = (dst) => this.#target(dst);
    table.mayUseOpened = (conn, text) => this.#mayUse(conn, text);
  }

  /** Reads `config`, or without it the files of the parameters, again; open connections keep what they have. Throws `TLS_CONFIG` and leaves the old profiles. */
  reload(): void {
    if (this.#driver === null) throw new StrowgerError('TLS_CONFIG', 'TLS is off');
    this.#driver.setProfiles(this.#profiles());
  }

  stop(): void {
    if (this.#driver === null) return;
    const table = this.#ctx.server.connections;
    table.tlsTarget = null;
    table.mayUseOpened = null;
  }

  /** What is known of the TLS connection a message came on; null on any other. */
  facts(run: Run): TlsPeerFacts | null {
    const tls = this.#ctx.server.connections.tls(run.msg.rcv.conId);
    return isTlsFacts(tls) ? tls : null;
  }

  #session(): TlsSessionOptions {
    return {
      sessionId: this.#ctx.int('session_cache') === 0 ? null : this.#ctx.str('session_id'),
      allowRenegotiation: this.#ctx.int('renegotiation') !== 0,
      maxSendFragment: Math.max(0, this.#ctx.int('ssl_max_send_fragment')),
    };
  }

  #profiles(): TlsProfiles {
    const reader = fileReader(this.#ctx.server.scriptFolder);
    const errors: string[] = [];
    const profiles: TlsProfile[] = [];
    for (const config of this.#configs(errors)) {
      const profile = loadTlsProfile(config, reader);
      if ('name' in profile) profiles.push(profile);
      else errors.push(...profile);
    }
    const all = new TlsProfiles(profiles);
    if (errors.length === 0) errors.push(...this.#withoutProfile(all));
    if (errors.length > 0) throw new StrowgerError('TLS_CONFIG', errors.join('\n'));
    return all;
  }

  /** Sockets that could not shake hands, an error each; of profiles that no socket takes the log is told. */
  #withoutProfile({ all }: TlsProfiles): string[] {
    const sockets = this.#ctx.server.transport.sockets.filter(({ proto }) => proto === PROTO.TLS);
    const isOf = (profile: TlsProfile, socket: SocketInfo): boolean =>
      profile.address === 'default' ||
      profile.address === 'any' ||
      ((isWildcard(socket) || profile.address === socket.address) &&
        (profile.port === 0 || profile.port === socket.port));
    const servers = all.filter(({ role }) => role === 'server');
    for (const profile of servers)
      if (
        !sockets.some((socket) => isOf(profile, socket)) &&
        profile.address !== 'default' &&
        profile.address !== 'any'
      )
        this.#ctx.log.warn(`no TLS socket is at the address of [server:${hostPort(profile.address, profile.port)}]`);
    return sockets
      .filter((socket) => !servers.some((profile) => isOf(profile, socket)))
      .map(({ uri }) => `${uri} has no certificate: there is no [server:default], nor one with its address`);
  }

  /** `make_certificate`: for the names and addresses this server knows of itself. */
  async #makeCertificates(): Promise<void> {
    const { server, log } = this.#ctx;
    for (const { role, options } of this.#configs([])) {
      const { certificate = '', privateKey = certificate } = options;
      if (role !== 'server' || certificate === '' || privateKey.startsWith('/engine:')) continue;
      const files = {
        certificate: resolveFile(certificate, server.scriptFolder),
        privateKey: resolveFile(privateKey, server.scriptFolder),
      };
      try {
        if (await makeMissingCertificate(files, subjectOf(server, options.serverName), server))
          log.notice(`made a self-signed certificate: ${files.certificate}`);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw new StrowgerError('TLS_CONFIG', `make_certificate: ${files.certificate}: ${why}`, error);
      }
    }
  }

  /** The profiles of `config`, else two made from the parameters. A client default is there in any case. */
  #configs(errors: string[]): Omit<TlsProfileConfig, 'line'>[] {
    const name = this.#ctx.str('config');
    const found: Omit<TlsProfileConfig, 'line'>[] = [];
    if (name === '') {
      found.push({ role: 'server', address: 'default', port: 0, options: this.#serverOptions() });
      found.push({ role: 'client', address: 'default', port: 0, options: this.#clientOptions() });
      return found;
    }
    try {
      for (const { path, text } of configTexts(name, this.#ctx.server.scriptFolder)) {
        const parsed = parseTlsConfig(text, path);
        found.push(...parsed.profiles);
        errors.push(...parsed.errors.map((e) => `${e.file}:${e.line}:${e.column}: ${e.message}`));
      }
    } catch (error) {
      errors.push(`config: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (!found.some((each) => each.role === 'client' && each.address === 'default')) {
      found.push({ role: 'client', address: 'default', port: 0, options: {} });
    }
    return found;
  }

  #serverOptions(): TlsProfileOptions {
    const options = this.#clientOptions();
    options.certificate = this.#ctx.str('certificate');
    if (this.#ctx.str('private_key') !== '') options.privateKey = this.#ctx.str('private_key');
    options.requireCertificate = this.#ctx.int('require_certificate') !== 0;
    const verify = this.#ctx.str('verify_client');
    if (verify === 'off' || verify === 'on' || verify === 'optional' || verify === 'optional_no_ca') {
      options.verifyClient = verify;
    }
    return options;
  }

  #clientOptions(): TlsProfileOptions {
    const options: TlsProfileOptions = {
      method: this.#ctx.str('tls_method'),
      verifyCertificate: this.#ctx.int('verify_certificate') !== 0,
      verifyDepth: this.#ctx.int('verify_depth'),
    };
    const texts = [
      ['caList', 'ca_list'],
      ['caPath', 'ca_path'],
      ['crl', 'crl'],
      ['cipherList', 'cipher_list'],
      ['serverName', 'server_name'],
    ] as const;
    for (const [field, param] of texts) if (this.#ctx.str(param) !== '') options[field] = this.#ctx.str(param);
    return options;
  }

  /** How to connect, by `xavp_cfg` of the message and `tls_set_connect_server_id`. */
  #target(dst: Destination): { tlsServerName?: string; tlsServerId?: string } {
    const name = this.#ctx.str('xavp_cfg');
    const list = name === '' ? undefined : dst.vars?.xavps.list(name);
    const serverName = text(list?.value('server_name'));
    const serverId = text(list?.value('server_id')) || this.nextServerId;
    this.nextServerId = '';
    return {
      ...(serverName === '' ? {} : { tlsServerName: serverName }),
      ...(serverId === '' ? {} : { tlsServerId: serverId }),
    };
  }

  /** event_route[tls:connection-out]: its `drop` keeps everything off the connection just opened. */
  #mayUse(conn: Connection, firstText: string): boolean {
    const { server, log } = this.#ctx;
    const route = conn.proto === PROTO.TLS ? server.program.event.get('tls:connection-out') : undefined;
    if (route === undefined) return true;
    const run = new Run(server, server.program, new SipMsg(firstText, conn.rcv), ROUTE.EVENT);
    run.sending = { text: firstText, ip: conn.remoteIp, port: conn.remotePort, proto: PROTO.TLS };
    try {
      const bits = route(run);
      if (typeof bits === 'number') return (bits & RUN_DROP) === 0;
      bits.catch(() => {});
      log.error('event_route[tls:connection-out] called a command that waits: its drop comes too late');
    } catch (error) {
      log.crit('event_route[tls:connection-out] failed', { err: error });
    }
    return true;
  }
}

function isWildcard({ address }: SocketInfo): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** The server name of the profile, aliases, this host's names and addresses. */
function subjectOf(server: Server, serverName = ''): CertificateSubject {
  const sockets = server.transport.sockets.flatMap((socket) => [socket.advertisedHost, socket.address]);
  const isAny = sockets.some((host) => host === '0.0.0.0' || host === '::');
  const own = isAny
    ? Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((each) => each.address))
    : [];
  const aliases = server.addresses.aliases.map(({ host }) => host.replace(/^\[|\]$/g, ''));
  const all = [serverName, ...aliases, ...sockets, ...own, hostname(), 'localhost'];
  const hosts = [...new Set(all.map((host) => host.toLowerCase()))].filter(
    (host) => host !== '' && host !== '0.0.0.0' && host !== '::' && (ipFamily(host) !== 0 || /^[\w.-]+$/.test(host)),
  );
  return { name: hosts.find((host) => ipFamily(host) === 0) ?? 'localhost', hosts };
}

function text(value: PvValue | undefined): string {
  return value === null || value === undefined ? '' : String(value);
}
