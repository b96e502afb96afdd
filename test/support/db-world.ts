import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownRequest } from './digest-client.ts';
import type { RequestOptions, TestMsg } from './msg.ts';
import { SipWorld } from './sip-world.ts';
import { makeUserTables } from './user-tables.ts';

export interface DbWorldOptions {
  /** Modules that are loaded behind db_sqlite; those with a db_url use the world's file. */
  readonly modules: readonly string[];
  readonly urlOf: readonly string[];
  readonly routes: string;
  /** By module. */
  readonly params?: Readonly<Record<string, Readonly<Record<string, string | number>>>>;
  /** SQL that changes the tables first. */
  readonly change?: string;
}

/** A world whose server has an SQLite file with the tables of users. */
export class DbWorld {
  readonly world: SipWorld;
  readonly #folder: string;

  private constructor(world: SipWorld, folder: string) {
    this.world = world;
    this.#folder = folder;
  }

  static async start(options: DbWorldOptions): Promise<DbWorld> {
    const folder = mkdtempSync(join(tmpdir(), 'strowger-users-'));
    const file = join(folder, 'users.db');
    makeUserTables(file, options.change);
    const lines = ['db_sqlite', ...options.modules].map((name) => `loadmodule "${name}.so"`);
    for (const name of options.urlOf) lines.push(`modparam("${name}", "db_url", "sqlite://${file}")`);
    for (const [module, params] of Object.entries(options.params ?? {}))
      for (const [name, value] of Object.entries(params))
        lines.push(`modparam("${module}", "${name}", ${typeof value === 'number' ? value : `"${value}"`})`);
    try {
      return new DbWorld(await SipWorld.start(options.routes, { params: `${lines.join('\n')}\n` }), folder);
    } catch (error) {
      rmSync(folder, { recursive: true });
      throw error;
    }
  }

  /** Runs `use` in a world of its own. */
  static async with(options: DbWorldOptions, use: (w: DbWorld) => Promise<void>): Promise<void> {
    const w = await DbWorld.start(options);
    try {
      await use(w);
    } finally {
      await w.stop();
    }
  }

  /** alice asks; her From and To unless told otherwise are alice@example.com. The final reply. */
  async asks(
    method: string,
    uri: string,
    headers: Readonly<Record<string, string>> = {},
    options: RequestOptions = {},
  ): Promise<TestMsg> {
    const { alice } = this.world;
    alice.sends(ownRequest(method, uri, 'alice@example.com', { sentBy: '10.0.1.1:5060', ...options, headers }));
    return await alice.receives((msg) => msg.status >= 200);
  }

  async stop(): Promise<void> {
    await this.world.stop();
    rmSync(this.#folder, { recursive: true });
  }
}
