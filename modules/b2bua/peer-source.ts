import { readFile } from 'node:fs/promises';
import { dbText, httpGet, type ModuleContext, parseDbUrl, resolveFile, TableCache, type TableReader } from 'strowger';
import { PEER_KEYS, type PeerDef, parsePeer, peerOf } from './peer-def.ts';

/** Name and version of the table with peers (`strowger db create` makes it). */
const PEER_TABLE = 'b2b_peer';
const PEER_TABLE_VERSION = 1;

/** Columns by attribute: `group` and `limit` are words of SQL. */
const COLUMNS: Readonly<Record<string, string>> = {
  group: 'peer_group',
  limit: 'call_limit',
  user: 'auth_user',
  password: 'auth_password',
  realm: 'auth_realm',
  match: 'match_addr',
};
const columnOf = (key: string): string => COLUMNS[key] ?? key;

/** How long a web server may take to send the peers, ms, and how much that may be, bytes. */
const HTTP_MS = 10_000;
const HTTP_BYTES = 4 << 20;

/** Where peers are configured: the parameter `peer`, and a file, a URL or a table of `peers_source`. */
export class PeerSource {
  readonly #ctx: ModuleContext;
  readonly #text: string;
  readonly #table: TableCache<readonly PeerDef[]> | null;

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
    this.#text = ctx.str('peers_source');
    this.#table = isDatabase(this.#text)
      ? new TableCache<readonly PeerDef[]>(ctx.server.db, this.#text, [], (tables) => this.#readTable(tables))
      : null;
  }

  /** The parameter is another than at the start. */
  get isChanged(): boolean {
    return this.#ctx.str('peers_source') !== this.#text;
  }

  /** All peers, by name; rejects with what is wrong with one, or with the source. */
  async load(): Promise<Map<string, PeerDef>> {
    const peers = new Map<string, PeerDef>();
    for (const text of this.#ctx.list('peer')) add(peers, parsePeer(text), 'peer');
    if (this.#table !== null) {
      await this.#table.load();
      for (const peer of this.#table.value) add(peers, peer, PEER_TABLE);
    } else if (isHttp(this.#text)) await this.#fetch(peers);
    else if (this.#text !== '') await this.#readFile(peers);
    return peers;
  }

  async close(): Promise<void> {
    await this.#table?.close();
  }

  async #readFile(peers: Map<string, PeerDef>): Promise<void> {
    const path = pathOf(this.#text, this.#ctx.server.scriptFolder);
    addLines(peers, await readFile(path, 'latin1'), path);
  }

  /** The same text from a web server. */
  async #fetch(peers: Map<string, PeerDef>): Promise<void> {
    const { clock } = this.#ctx.server;
    addLines(peers, await httpGet(this.#text, { clock, timeoutMs: HTTP_MS, maxBytes: HTTP_BYTES }), 'peers_source');
  }

  async #readTable(tables: TableReader): Promise<readonly PeerDef[]> {
    const rows = await tables.rows({
      table: PEER_TABLE,
      columns: PEER_KEYS.map(columnOf),
      version: PEER_TABLE_VERSION,
      orderBy: ['id'],
    });
    return rows.map((row) => {
      const peer = peerOf(new Map(PEER_KEYS.map((key) => [key, dbText(row.value(columnOf(key)))])));
      if (typeof peer === 'string') throw new Error(`${PEER_TABLE}: ${peer}`);
      return peer;
    });
  }
}

/** The parameter peers_source: an error text where it is no file, URL or database. */
export function peersSourceError(text: string): string | null {
  if (isHttp(text)) return URL.canParse(text) ? null : 'no URL';
  return sourceError(text);
}

function isHttp(text: string): boolean {
  return /^https?:\/\//.test(text);
}

/** A parameter that is a file or a database: an error text where it is neither. */
export function sourceError(text: string): string | null {
  if (!/^\w+:\/\//.test(text) || text.startsWith('file://')) return null;
  const url = parseDbUrl(text);
  return typeof url === 'string' ? url : null;
}

export function isDatabase(text: string): boolean {
  return /^\w+:\/\//.test(text) && !text.startsWith('file://') && !isHttp(text);
}

/** The file that a name or a `file://` URL means. */
export function pathOf(text: string, scriptFolder: string): string {
  return resolveFile(text.replace(/^file:\/\//, ''), scriptFolder);
}

/** One peer a line, written as the parameter `peer`; `#` begins a comment. */
function addLines(peers: Map<string, PeerDef>, text: string, where: string): void {
  for (const [at, line] of text.split('\n').entries())
    if (line.trim() !== '' && !line.trimStart().startsWith('#'))
      add(peers, parsePeer(line.trim()), `${where}:${at + 1}`);
}

function add(peers: Map<string, PeerDef>, peer: PeerDef | string, where: string): void {
  if (typeof peer === 'string') throw new Error(`${where}: ${peer}`);
  if (peers.has(peer.name)) throw new Error(`${where}: there is a peer ${peer.name} already`);
  peers.set(peer.name, peer);
}
