import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { StrowgerError } from '../errors.ts';

/** Who may use a socket or FIFO. Null leaves a thing as the system made it. */
export interface FileAccess {
  /** Permission bits, 0o660. */
  readonly mode: number | null;
  /** Name or number; '' for none. */
  readonly user: string;
  readonly group: string;
}

/**
 * Makes room for a socket or FIFO: its folder is created when missing, a socket or FIFO of an earlier run is removed.
 * Throws RPC_PATH when something else is in the way.
 */
export function makeRoomFor(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket() && !found.isFIFO()) {
    throw new StrowgerError('RPC_PATH', `${path} exists and is neither a socket nor a FIFO`);
  }
  unlinkSync(path);
}

/** Sets mode and owner. Throws RPC_PATH for an unknown user or group, or when the system refuses. */
export function setAccess(path: string, { mode, user, group }: FileAccess): void {
  const uid = user === '' ? -1 : numericId(user, '/etc/passwd', 'user');
  const gid = group === '' ? -1 : numericId(group, '/etc/group', 'group');
  try {
    if (mode !== null) chmodSync(path, mode);
    if (uid !== -1 || gid !== -1) chownSync(path, uid, gid);
  } catch (error) {
    throw new StrowgerError('RPC_PATH', `${path}: ${(error as Error).message}`, error);
  }
}

/** Removes a socket or FIFO that may be gone already. */
export function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone, or no longer ours to remove: nothing hangs on it.
  }
}

/** Node changes owners by number only, so names are looked up in the system's own tables. */
function numericId(name: string, table: string, what: string): number {
  if (/^\d{1,10}$/.test(name)) return Number(name);
  for (const line of readFileSync(table, 'utf8').split('\n')) {
    const [key, , id] = line.split(':');
    if (key === name && id !== undefined) return Number(id);
  }
  throw new StrowgerError('RPC_PATH', `there is no ${what} "${name}"`);
}
