import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { StrowgerError } from '../errors.ts';

/** Whom to run as; names or numbers, empty for no change. */
export interface Identity {
  readonly user: string;
  readonly group: string;
}

/** Node has it; its type declarations do not. */
const withGroups: { initgroups?(user: string | number, extraGroup: string | number): void } = process as object;

/** Gives up root's rights: group first, then supplementary groups, then user. Throws PRIVILEGES with the system's reason. */
export function dropPrivileges({ user, group }: Identity): void {
  if (user === '' && group === '') return;
  try {
    const gid = group === '' ? null : asId(group);
    if (gid !== null) process.setgid?.(gid);
    if (user === '') return;
    if (process.getuid?.() === 0) withGroups.initgroups?.(asId(user), gid ?? primaryGroup(user) ?? asId(user));
    process.setuid?.(asId(user));
  } catch (error) {
    throw new StrowgerError('PRIVILEGES', `can not run as ${user}:${group}: ${(error as Error).message}`, error);
  }
}

/** Makes the run-time folder, for its owner only, and gives it to whom the server will run as. Throws RUNTIME_DIR. */
export function prepareRuntimeDir(path: string, { user, group }: Identity): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    if (user === '' && group === '') return;
    const uid = user === '' ? null : lookUp('/etc/passwd', user, 2);
    const gid = group === '' ? primaryGroup(user) : lookUp('/etc/group', group, 2);
    if (process.getuid?.() === 0 && (uid !== null || gid !== null)) chownSync(path, uid ?? 0, gid ?? 0);
  } catch (error) {
    throw new StrowgerError('RUNTIME_DIR', `can not make the folder ${path}: ${(error as Error).message}`, error);
  }
}

/** What is wrong with whom to run as, before anything is started; null where both are known, or numbers. */
export function unknownIdentity({ user, group }: Identity): string | null {
  if (isUnknown('passwd', user)) return `-u: there is no user "${user}"`;
  return isUnknown('group', group) ? `-g: there is no group "${group}"` : null;
}

const GETENT_NOT_FOUND = 2;

/** Names may be in a directory beside the files: getent asks all of them. Where it is missing nothing is known to be wrong. */
function isUnknown(database: 'passwd' | 'group', name: string): boolean {
  return name !== '' && !/^\d+$/.test(name) && spawnSync('getent', [database, name]).status === GETENT_NOT_FOUND;
}

function asId(name: string): string | number {
  return /^\d+$/.test(name) ? Number(name) : name;
}

function primaryGroup(user: string): number | null {
  return lookUp('/etc/passwd', user, 3);
}

/** A number of the line that begins with the name (or has it as its number). */
function lookUp(file: string, name: string, field: number): number | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return null;
  }
  for (const line of text.split('\n')) {
    const fields = line.split(':');
    if (fields[0] === name || fields[2] === name) return Number(fields[field] ?? Number.NaN) || 0;
  }
  return /^\d+$/.test(name) ? Number(name) : null;
}
