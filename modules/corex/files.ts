import { open, writeFile } from 'node:fs/promises';
import type { PvAccessor, Run } from 'strowger';

/** Longest file that is read, bytes. */
const MAX_FILE = 1 << 20;

/** `file_read(path, variable)`: the bytes of a file, one char each. -1 when it can not be read or is too long. */
export async function fileRead(run: Run, _state: unknown, path: string, variable: PvAccessor): Promise<number> {
  let text: string | null;
  try {
    text = await readBounded(path);
  } catch (error) {
    run.server.log.error(`file_read: ${(error as Error).message}`);
    return -1;
  }
  if (text === null) {
    run.server.log.error('file_read: the file is too long', { path });
    return -1;
  }
  return variable.set?.(run, text) === false ? -1 : 1;
}

async function readBounded(path: string): Promise<string | null> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    return size > MAX_FILE ? null : (await file.readFile()).toString('latin1');
  } finally {
    await file.close();
  }
}

/** `file_write(path, content)`: replaces the file. -1 when it can not be written. */
export async function fileWrite(run: Run, _state: unknown, path: string, content: string): Promise<number> {
  try {
    await writeFile(path, content, 'latin1');
    return 1;
  } catch (error) {
    run.server.log.error(`file_write: ${(error as Error).message}`);
    return -1;
  }
}
