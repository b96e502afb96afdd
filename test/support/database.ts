import { chownSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
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
  url(port: number, database: string): string;
}

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
    url: (port, database) => `mysql://root@127.0.0.1:${port}/${database}`,
  },
} as const satisfies Readonly<Record<string, Kind>>;

/** A database server of a test's own on loopback, as a user without rights, its files in a folder that goes with it. */
export class DatabaseServer {
  readonly folder: string;
  readonly port: number;
  readonly #kind: Kind;
  #child: ChildGroup | null = null;

  private constructor(kind: Kind, folder: string, port: number) {
    this.#kind = kind;
    this.folder = folder;
    this.port = port;
  }

  static async start(name: keyof typeof KINDS): Promise<DatabaseServer> {
    const folder = mkdtempSync(join(tmpdir(), `strowger-${name}-`));
    const server = new DatabaseServer(KINDS[name], folder, await freePort());
    const user = unprivileged();
    if (user !== null) chownSync(folder, user.uid, user.gid);
    const [program = '', ...args] = KINDS[name].init(folder);
    const making = new ChildGroup(program, args, server.#options);
    const { code } = await making.end(PATIENCE_MS);
    if (code !== 0) throw new Error(`${program} ended with ${code}:\n${making.output.slice(-4000)}`);
    await server.resume();
    return server;
  }

  url(database: string): string {
    return this.#kind.url(this.port, database);
  }

  /** Starts it, anew after a crash. */
  async resume(): Promise<void> {
    const [program = '', ...args] = this.#kind.serve(this.folder, this.port);
    const child = new ChildGroup(program, args, this.#options);
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

/** These servers refuse to run as root. */
function unprivileged(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'latin1')) ?? [];
  return uid === undefined ? null : { uid: Number(uid), gid: Number(gid) };
}

function environment(folder: string): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: folder, LC_ALL: 'C' };
}
