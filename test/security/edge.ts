import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createSql, STANDARD_TABLES } from '../../core/db/schema/index.ts';
import type { Log } from '../../core/log/log.ts';
import { replyText } from '../../core/rpc/reply-text.ts';
import { challengeOf, digestAnswer } from '../support/digest-client.ts';
import type { RequestOptions, TestMsg } from '../support/msg.ts';
import { SipPeer } from '../support/sip-peer.ts';
import { SipWorld } from '../support/sip-world.ts';
import { edgeScript, ownScript } from './edge-script.ts';

export const DOMAIN = 'example.com';
/** The accounts, and mallory's, who is a subscriber as the others are and means harm. */
const PASSWORDS: Readonly<Record<string, string>> = { alice: 'alicepw', bob: 'bobpw', mallory: 'mallorypw' };

export interface EdgeOptions {
  /** cfg/strowger.cfg instead of the script for tests; of the other options it takes `rows` and `params`. */
  readonly isOwn?: boolean;
  /** SQL run in the database first. */
  readonly rows?: string;
  readonly isFlooded?: boolean;
  readonly params?: string;
  readonly first?: string;
  readonly routes?: string;
  /** Where it logs; `logged` tells nothing then. */
  readonly log?: Log;
}

/**
 * The edge at 10.0.0.1 (`edgeScript`) with its database; alice at 10.0.1.1 and bob at 10.0.2.1, who have accounts,
 * mallory at 10.0.9.9, and a third host, 10.0.8.8, that nothing may ever reach unless a subscriber calls it.
 */
export class Edge {
  readonly world: SipWorld;
  readonly mallory: SipPeer;
  readonly victim: SipPeer;
  readonly #folder: string;
  #serial = 0;

  private constructor(world: SipWorld, folder: string, mallory: SipPeer, victim: SipPeer) {
    this.world = world;
    this.#folder = folder;
    this.mallory = mallory;
    this.victim = victim;
  }

  /** Runs `use` with an edge of its own. */
  static async with(use: (edge: Edge) => Promise<void>, options: EdgeOptions = {}): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'strowger-edge-'));
    let edge: Edge | null = null;
    try {
      edge = await Edge.#start(folder, options);
      await use(edge);
    } finally {
      await edge?.mallory.close();
      await edge?.victim.close();
      await edge?.world.stop();
      rmSync(folder, { recursive: true });
    }
  }

  static async #start(folder: string, options: EdgeOptions): Promise<Edge> {
    const file = join(folder, 'edge.db');
    makeDatabase(file, options.rows ?? '');
    const { isOwn = false, isFlooded = false, params = '', first = '', routes = '' } = options;
    const world = await SipWorld.start(
      (isOwn ? ownScript : edgeScript)({ dbUrl: `sqlite://${file}`, isFlooded, params, first, routes }),
      options.log === undefined ? {} : { options: { log: options.log } },
    );
    const peerAt = (name: string, address: string): Promise<SipPeer> =>
      SipPeer.udp(world.network.host(address).udp, {
        clock: world.clock,
        name,
        address,
        port: 5060,
        target: { ip: world.sim.ip, port: 5060 },
      });
    return new Edge(world, folder, await peerAt('mallory', '10.0.9.9'), await peerAt('victim', '10.0.8.8'));
  }

  /** A request of a transaction and call of its own, From and To the peer's own AOR. */
  request(peer: SipPeer, method: string, uri: string, options: RequestOptions = {}): string {
    const id = ++this.#serial;
    const aor = `<sip:${peer.name}@${DOMAIN}>`;
    return peer.request(method, uri, {
      from: aor,
      fromTag: `tag-${id}`,
      ...(method === 'REGISTER' ? { to: aor } : {}),
      callId: `call-${id}@${peer.ip}`,
      cseq: id,
      ...options,
    });
  }

  /** Sends a request and returns its final reply. */
  async asks(peer: SipPeer, method: string, uri: string, options: RequestOptions = {}): Promise<TestMsg> {
    const text = this.request(peer, method, uri, options);
    return await this.sends(peer, text);
  }

  /** Sends a text and returns its final reply. */
  async sends(peer: SipPeer, text: string): Promise<TestMsg> {
    const cseq = /\r\nCSeq: (\d+)/.exec(text)?.[1];
    peer.sends(text);
    return await peer.receives((msg) => msg.status >= 200 && String(msg.cseqNumber) === cseq, 40_000);
  }

  /** The same with an account's name and password, by a nonce fetched for it. `as`: whose, the peer's unless told. */
  async asksAs(as: string, peer: SipPeer, method: string, uri: string, options: RequestOptions = {}): Promise<TestMsg> {
    return await this.sends(peer, await this.authenticated(as, peer, method, uri, options));
  }

  /** A request with good credentials of an account, not sent. */
  async authenticated(
    as: string,
    peer: SipPeer,
    method: string,
    uri: string,
    options: RequestOptions = {},
  ): Promise<string> {
    const isRegister = method === 'REGISTER';
    const challenged = await this.asks(peer, isRegister ? 'REGISTER' : 'MESSAGE', `sip:${DOMAIN}`, {
      from: `<sip:${as}@${DOMAIN}>`,
    });
    const challenge = challengeOf(challenged);
    if (challenge === '') throw new Error(`not challenged: ${challenged.startLine}`);
    const answer = digestAnswer(challenge, { user: as, password: PASSWORDS[as] ?? '', method, uri });
    const header = isRegister ? 'Authorization' : 'Proxy-Authorization';
    return this.request(peer, method, uri, { ...options, headers: { [header]: answer, ...options.headers } });
  }

  /** Registers the peer's own contact, or another, with its own account. */
  async registers(peer: SipPeer, contact = `<${peer.uri}>`, options: RequestOptions = {}): Promise<TestMsg> {
    return await this.asksAs(peer.name, peer, 'REGISTER', `sip:${DOMAIN}`, { contact, ...options });
  }

  /** What an AOR is bound to, by RPC: the addresses of its contacts. */
  async contactsOf(user: string): Promise<string[]> {
    let text: string;
    try {
      text = await this.rpc('ul.lookup', 'location', `${user}@${DOMAIN}`);
    } catch {
      return [];
    }
    return [...text.matchAll(/^\s*Address: (.*)$/gm)].map(([, address]) => address ?? '');
  }

  async rpc(method: string, ...params: (string | number)[]): Promise<string> {
    return replyText(await this.world.sim.server.rpc.call(method, params));
  }

  /** Lines logged since the last look. */
  logged(): string[] {
    return this.world.sim.log.lines.splice(0);
  }

  /** Rows of the database, read by another connection. */
  rows(sql: string): Record<string, unknown>[] {
    const db = new DatabaseSync(join(this.#folder, 'edge.db'), { readOnly: true, timeout: 5000 });
    try {
      return db.prepare(sql).all();
    } finally {
      db.close();
    }
  }
}

function makeDatabase(file: string, rows: string): void {
  const db = new DatabaseSync(file);
  db.exec('BEGIN');
  for (const table of STANDARD_TABLES) {
    for (const sql of createSql(table, 'sqlite')) db.exec(sql);
    db.prepare('INSERT INTO version (table_name, table_version) VALUES (?, ?)').run(table.name, table.version);
  }
  const insert = db.prepare('INSERT INTO subscriber (username, domain, password) VALUES (?, ?, ?)');
  for (const [user, password] of Object.entries(PASSWORDS)) insert.run(user, DOMAIN, password);
  db.prepare('INSERT INTO domain (domain) VALUES (?)').run(DOMAIN);
  db.exec(rows);
  db.exec('COMMIT');
  db.close();
}
