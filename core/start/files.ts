import { chmodSync, linkSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { Random } from '../timer/clock.ts';

/**
 * Kamailio's rule for names of files in parameters: `/` absolute, `.` relative to the working folder, anything else
 * relative to the folder of the script.
 */
export function resolveFile(name: string, scriptFolder: string): string {
  if (isAbsolute(name)) return name;
  return name.startsWith('.') ? resolve(name) : join(scriptFolder, name);
}

/**
 * Creates a file, and the folders it is in, whole or not at all; a file that is there by now stays as it is. So several
 * workers may do this at once, and all find the same text afterwards. Throws what the file system says.
 */
export function createFile(path: string, text: string, mode: number, random: Random): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${random.token(24)}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' });
  try {
    chmodSync(temporary, mode);
    linkSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(temporary);
  }
}
