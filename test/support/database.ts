import { generateKeyPairSync } from 'node:crypto';
import { chownSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { CryptoRandom } from '../../core/timer/random.ts';
import { RealClock } from '../../core/timer/real-clock.ts';
import { type CertificateSubject, selfSigned } from '../../modules/tls/make-certificate.ts';
import { ChildGroup, type ChildOptions } from './child-group.ts';
import { freePort } from './strowger-process.ts';

/** How long making a server's files may take, ms. */
const PATIENCE_MS = 60_000;

interface Kind {
  /** Makes the files of a new server. */
  readonly init: (folder: string) => readonly string[];
  readonly serve: (folder: string, port: number) => readonly string[];
  readonly ready: RegExp;
  /** Ends it as a crash does. */
  readonly crash: NodeJS.Signals;
  /** More of `serve` for a server that takes connections over TLS, with the files of `writeTlsFiles`. */
  readonly tls: (folder: string) => readonly string[];
  url(port: number, database: string): string;
}

/** Who may connect to PostgreSQL with TLS: `plain` without it, `certified` with a certificate, everyone else with it. */
const HBA = `hostnossl all plain 127.0.0.1/32 trust
hostssl all plain 127.0.0.1/32 reject
hostssl all certified 127.0.0.1/32 cert
hostssl all all 127.0.0.1/32 trust
`;

function postgresProgram(name: string): string {
  return globSync(`/usr/lib/postgresql/*/bin/${name}`).toSorted().at(-1) ?? name;
}

const KINDS = {
  postgres: {
    init: (folder) => [
      postgresProgram('initdb'),
      '-D',
      join(folder, 'data'),
      '-U',
      'kamailio',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ],
    serve: (folder, port) => [
      postgresProgram('postgres'),
      '-D',
      join(folder, 'data'),
      '-p',
      String(port),
      '-k',
      folder,
      '-h',
      '127.0.0.1',
      '-F',
      '-c',
      'shared_buffers=16MB',
    ],
    ready: /ready to accept connections/,
    // SIGKILL would leave its processes to notice by themselves.
    crash: 'SIGQUIT',
    tls: (folder) =>
      [
        'ssl=on',
        `ssl_cert_file=${join(folder, 'server.pem')}`,
        `ssl_key_file=${join(folder, 'server.key')}`,
        `ssl_ca_file=${join(folder, 'client.pem')}`,
        `hba_file=${join(folder, 'hba.conf')}`,
      ].flatMap((setting) => ['-c', setting]),
    url: (port, database) => `postgres://kamailio:any@127.0.0.1:${port}/${database}`,
  },
  mariadb: {
    init: (folder) => [
      'mariadb-install-db',
      '--no-defaults',
      `--datadir=${join(folder, 'data')}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
    ],
    serve: (folder, port) => [
      existsSync('/usr/sbin/mariadbd') ? '/usr/sbin/mariadbd' : 'mariadbd',
      '--no-defaults',
      `--datadir=${join(folder, 'data')}`,
      `--socket=${join(folder, 'mysqld.sock')}`,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      '--skip-name-resolve',
      '--innodb-flush-log-at-trx-commit=2',
      '--innodb-buffer-pool-size=16M',
    ],
    ready: /ready for connections/,
    crash: 'SIGKILL',
    tls: (folder) => [
      `--ssl-cert=${join(folder, 'server.pem')}`,
      `--ssl-key=${join(folder, 'server.key')}`,
      `--ssl-ca=${join(folder, 'client.pem')}`,
      '--require-secure-transport=ON',
    ],
    url: (port, database) => `mysql://root@127.0.0.1:${port}/${database}`,
  },
} as const satisfies Readonly<Record<string, Kind>>;

/** A database server of a test's own on loopback, as a user without rights, its files in a folder that goes with it. */
export class DatabaseServer {
  readonly folder: string;
  readonly port: number;
  readonly #kind: Kind;
  #more: readonly string[] = [];
  #child: ChildGroup | null = null;

  private constructor(kind: Kind, folder: string, port: number) {
    this.#kind = kind;
    this.folder = folder;
    this.port = port;
  }

  /** `tlsHosts`: it takes connections over TLS, and no others, with a self-signed certificate for these hosts. */
  static async start(name: keyof typeof KINDS, tlsHosts: readonly string[] = []): Promise<DatabaseServer> {
    const folder = mkdtempSync(join(tmpdir(), `strowger-${name}-`));
    const server = new DatabaseServer(KINDS[name], folder, await freePort());
    giveAway(folder);
    const [program = '', ...args] = KINDS[name].init(folder);
    const making = new ChildGroup(program, args, server.#options);
    const { code } = await making.end(PATIENCE_MS);
    if (code !== 0) throw new Error(`${program} ended with ${code}:\n${making.output.slice(-4000)}`);
    if (tlsHosts.length > 0) {
      await writeTlsFiles(folder, tlsHosts);
      server.#more = KINDS[name].tls(folder);
    }
    await server.resume();
    return server;
  }

  url(database: string): string {
    return this.#kind.url(this.port, database);
  }

  /** Starts it, anew after a crash. */
  async resume(): Promise<void> {
    const [program = '', ...args] = this.#kind.serve(this.folder, this.port);
    const child = new ChildGroup(program, [...args, ...this.#more], this.#options);
    this.#child = child;
    await child.says(this.#kind.ready);
  }

  /** Ends it as a crash does: its connections break. */
  async crash(): Promise<void> {
    await this.#end(this.#kind.crash);
  }

  /** Stops the process for a while: nothing answers, no connection breaks. */
  freeze(isFrozen: boolean): void {
    const child = this.#child?.child;
    child?.kill(isFrozen ? 'SIGSTOP' : 'SIGCONT');
    // All its threads have stopped when the system says so, which takes a moment.
    const threads = globSync(`/proc/${child?.pid}/task/*/stat`);
    while (isFrozen && threads.some((file) => existsSync(file) && !/\) T /.test(readFileSync(file, 'latin1'))));
  }

  async stop(): Promise<void> {
    await this.#end('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = null;
    await child?.stop(signal);
  }

  get #options(): ChildOptions {
    return { ...unprivileged(), cwd: this.folder, env: environment(this.folder) };
  }
}

/** Key and certificate of the server, `server.key` and `server.pem`, and of a client called `certified`. */
async function writeTlsFiles(folder: string, hosts: readonly string[]): Promise<void> {
  for (const [name, subject] of [
    ['server', { name: hosts[0] ?? '', hosts }],
    ['client', { name: 'certified', hosts: [] }],
  ] as const)
    for (const [suffix, text] of Object.entries(await makeCertificate(subject)))
      writeGiven(join(folder, `${name}.${suffix}`), text);
  writeGiven(join(folder, 'hba.conf'), HBA);
}

/** Key and self-signed certificate, PEM. */
async function makeCertificate(subject: CertificateSubject): Promise<{ readonly key: string; readonly pem: string }> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const pem = await selfSigned(privateKey, subject, new RealClock().wall(), new CryptoRandom());
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }), pem };
}

function writeGiven(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600 });
  giveAway(path);
}

/** To the user that the server runs as. */
function giveAway(path: string): void {
  const user = unprivileged();
  if (user !== null) chownSync(path, user.uid, user.gid);
}

/** These servers refuse to run as root. */
function unprivileged(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'latin1')) ?? [];
  return uid === undefined ? null : { uid: Number(uid), gid: Number(gid) };
}

function environment(folder: string): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: folder, LC_ALL: 'C' };
}
