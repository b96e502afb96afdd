import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { CheckResult, StartedServer, StartOptions } from '../../core/cli/start-options.ts';
import { createSql, STANDARD_TABLES } from '../../core/db/schema/index.ts';
import { checkScript, startServer } from '../../core/start.ts';
import { scriptOptions } from '../support/both-servers.ts';
import { FakeRelay } from '../support/fake-relay.ts';
import { MemoryLog } from '../support/fake-run.ts';
import { Kamailio } from '../support/kamailio.ts';
import { kamcmd } from '../support/kamcmd.ts';
import { freePort } from '../support/strowger-process.ts';
import { Stage } from './default-script-stage.ts';
import { newerScript, withoutLater } from './newer-script.ts';

/** The script that Debian's package installs. It is read where it is, and is no part of this project. */
const DEFAULT_SCRIPT = '/etc/kamailio/kamailio.cfg';

/** Every switch that the script mentions; the first is in a sentence about them. */
export function allSwitches(isNewer = false): string[] {
  const names = new Set(scriptText({ switches: [], isNewer }).match(/WITH_\w+/g));
  names.delete('WITH_FEATURE');
  return [...names].sort();
}

export interface PairOptions {
  readonly switches: readonly string[];
  /** The script as it is in Kamailio 6. */
  readonly isNewer?: boolean;
  /** SQL run in both databases first. */
  readonly rows?: string;
  /** Intervals and the like that a test can not wait for: `"natping_interval", 30` to another number. */
  readonly sooner?: Readonly<Record<string, string>>;
}

/** One of the two, with what a scenario needs of it. */
export interface DefaultServer {
  readonly name: 'kamailio' | 'strowger';
  /** UDP and TCP. */
  readonly port: number;
  readonly tlsPort: number;
  readonly folder: string;
  /** What both ask for media. */
  readonly relay: FakeRelay;
  /** What kamcmd prints. */
  rpc(...args: string[]): Promise<string>;
  /** Rows of its database. */
  rows(sql: string): unknown[];
}

export type Scenario = (stage: Stage) => Promise<void>;

const CERTIFICATES = join(import.meta.dirname, '../../core/transport/testdata');

/** The domain that both serve. */
export const DOMAIN = 'example.com';

/** Rows that accounting with WITH_ACCDB needs, as the script's first comment says. */
const ACC_COLUMNS = ['acc', 'missed_calls']
  .flatMap((table) =>
    ['src_user', 'src_domain', 'src_ip', 'dst_ouser', 'dst_user', 'dst_domain'].map(
      (column) => `ALTER TABLE ${table} ADD COLUMN ${column} VARCHAR(128) NOT NULL DEFAULT '';`,
    ),
  )
  .join('\n');

/** Kamailio and Strowger on the default script with the same switches, each with a database of its own. */
export class DefaultPair {
  readonly log = new MemoryLog();
  readonly relay: FakeRelay;
  readonly #folder = mkdtempSync(join(tmpdir(), 'strowger-default-'));
  readonly #servers: DefaultServer[] = [];
  #kamailio: Kamailio | null = null;
  #ours: StartedServer | null = null;
  #scenes = 0;

  private constructor(relay: FakeRelay) {
    this.relay = relay;
  }

  static async start(options: PairOptions): Promise<DefaultPair> {
    const pair = new DefaultPair(await FakeRelay.open());
    try {
      await pair.#start(options);
      return pair;
    } catch (error) {
      await pair.stop();
      throw error;
    }
  }

  /** What `strowger check` finds in the script with these switches. */
  static async check(options: PairOptions): Promise<CheckResult> {
    const pair = new DefaultPair(await FakeRelay.open());
    try {
      return await checkScript(await pair.#prepare('strowger', options));
    } finally {
      await pair.stop();
    }
  }

  /** Plays the scenario with each server; what the phones heard must be the same. Returns it. */
  async same(scenario: Scenario): Promise<string> {
    const traces: string[] = [];
    const series = `${++this.#scenes}-`;
    for (const server of this.#servers) traces.push(await Stage.play(server, series, scenario));
    const [theirs = '', ours = ''] = traces;
    assert.equal(ours, theirs);
    return ours;
  }

  get kamailioLog(): string {
    return this.#kamailio?.log ?? '';
  }

  async stop(): Promise<void> {
    await this.#kamailio?.stop();
    await this.#ours?.stop(0);
    this.relay.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(options: PairOptions): Promise<void> {
    const isTls = options.switches.includes('WITH_TLS');
    await this.#prepare('kamailio', options);
    const theirTlsPort = await freePort();
    const listens = ['tcp:127.0.0.1:PORT', ...(isTls ? [`tls:127.0.0.1:${theirTlsPort}`] : [])];
    const folder = join(this.#folder, 'kamailio');
    this.#kamailio = await Kamailio.start(withoutLater(scriptText(options)), { listens, folder });
    this.#add('kamailio', this.#kamailio.port, theirTlsPort);

    const prepared = await this.#prepare('strowger', options);
    this.#ours = await startServer(prepared);
    const [port, tlsPort] = prepared.listens.map((each) => Number(each.split(':').pop())).filter((_port, i) => i !== 1);
    this.#add('strowger', port ?? 0, tlsPort ?? 0);
  }

  /** Writes the files of one server. Returns the options to start ours with. */
  async #prepare(name: DefaultServer['name'], options: PairOptions): Promise<StartOptions> {
    const folder = join(this.#folder, name);
    mkdirSync(folder, { recursive: true });
    makeDatabase(join(folder, 'db.sqlite'), options.rows ?? '');
    const isTls = options.switches.includes('WITH_TLS');
    if (isTls) writeFileSync(join(folder, 'tls.cfg'), TLS_PROFILES);
    writeFileSync(join(folder, 'kamailio-local.cfg'), localScript(folder, this.relay, options));
    const [port, tlsPort] = [await freePort(), await freePort()];
    return scriptOptions(scriptText(options), {
      scriptPath: join(folder, 'kamailio.cfg'),
      runtimeDir: folder,
      log: this.log,
      listens: [`udp:127.0.0.1:${port}`, `tcp:127.0.0.1:${port}`, ...(isTls ? [`tls:127.0.0.1:${tlsPort}`] : [])],
      settings: { workers: 1 },
    });
  }

  #add(name: DefaultServer['name'], port: number, tlsPort: number): void {
    const folder = join(this.#folder, name);
    this.#servers.push({
      name,
      port,
      tlsPort,
      folder,
      relay: this.relay,
      rpc: (...args) => kamcmd(`unix:${join(folder, 'kamailio_ctl')}`, ...args),
      rows: (sql) => rowsOf(join(folder, 'db.sqlite'), sql),
    });
  }
}

function scriptText({ sooner = {}, isNewer = false }: PairOptions): string {
  let text = readFileSync(DEFAULT_SCRIPT, 'latin1');
  if (isNewer) text = newerScript(text);
  for (const [param, value] of Object.entries(sooner)) {
    assert.ok(text.includes(param), param);
    text = text.replace(param, param.replace(/\d+$/, value));
  }
  return text;
}

function localScript(folder: string, relay: FakeRelay, { switches }: PairOptions): string {
  return `
${switches.map((name) => `#!define ${name}`).join('\n')}
#!define DBURL "sqlite://${join(folder, 'db.sqlite')}"
#!subst "|/etc/kamailio/tls.cfg|${join(folder, 'tls.cfg')}|"
#!subst "/127.0.0.1:2223/127.0.0.1:${relay.enginePort}/"
#!subst "/127.0.0.1:7722/127.0.0.1:${relay.proxyPort}/"
auto_aliases=no
alias="${DOMAIN}"
loadmodule "db_sqlite.so"
`;
}

function makeDatabase(file: string, rows: string): void {
  const db = new DatabaseSync(file);
  // Kamailio's readers fail where its timer is writing.
  db.exec('PRAGMA journal_mode = WAL; BEGIN');
  for (const table of STANDARD_TABLES) {
    for (const sql of createSql(table, 'sqlite')) db.exec(sql);
    db.prepare('INSERT INTO version (table_name, table_version) VALUES (?, ?)').run(table.name, table.version);
  }
  db.exec(ACC_COLUMNS);
  db.exec(rows);
  db.exec('COMMIT');
  db.close();
}

function rowsOf(file: string, sql: string): unknown[] {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 2000 });
  try {
    return db
      .prepare(sql)
      .all()
      .map((row) => ({ ...row }));
  } finally {
    db.close();
  }
}

/** Takes the place of /etc/kamailio/tls.cfg, whose certificate an administrator makes. */
const TLS_PROFILES = `[server:default]
method = TLSv1.2+
verify_certificate = no
require_certificate = no
private_key = ${join(CERTIFICATES, 'server-key.pem')}
certificate = ${join(CERTIFICATES, 'server.pem')}
[client:default]
verify_certificate = no
require_certificate = no
`;
