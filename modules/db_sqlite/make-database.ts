import { chmodSync, existsSync, linkSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createTables, type Db, STANDARD_TABLES, StrowgerError } from 'strowger';

/**
 * Makes a database file with Kamailio's tables where there is none, and its folder. The file is there whole or not at all,
 * also when several workers make it at once, or one is killed meanwhile; only its owner can read it. False when it was there.
 */
export async function makeMissingDatabase(path: string, open: (path: string) => Promise<Db>): Promise<boolean> {
  if (existsSync(path)) return false;
  let folder: string | null = null;
  try {
    mkdirSync(dirname(path), { recursive: true });
    folder = mkdtempSync(`${path}.`);
    const temporary = join(folder, 'new');
    const db = await open(temporary);
    chmodSync(temporary, 0o600);
    try {
      await createTables(db, 'sqlite', STANDARD_TABLES);
    } finally {
      await db.close();
    }
    return link(temporary, path);
  } catch (error) {
    if (error instanceof StrowgerError) throw error;
    throw new StrowgerError('DB_OPEN', `can not make the database ${path}: ${(error as Error).message}`, error);
  } finally {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  }
}

/** False when another was faster. */
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
