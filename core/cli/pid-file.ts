import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { StrowgerError } from '../errors.ts';

/** Throws PID_FILE where the file names a process that is alive, or can not be written. Returns what removes it. */
export function writePidFile(path: string, pid: number): () => void {
  const running = runningPid(path);
  if (running !== null && running !== pid) {
    throw new StrowgerError('PID_FILE', `${path} names process ${running}, which is running`);
  }
  try {
    writeFileSync(path, `${pid}\n`);
  } catch (error) {
    throw new StrowgerError('PID_FILE', `can not write the pid file ${path}: ${(error as Error).message}`, error);
  }
  return () => rmSync(path, { force: true });
}

/** Process group of this process (Linux); null where it can not be told. */
export function processGroupId(): number | null {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    // pid (name) state ppid pgrp …: the name may hold anything but the last parenthesis
    const group = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
    return Number.isInteger(group) ? group : null;
  } catch {
    return null;
  }
}

function runningPid(path: string): number | null {
  let pid: number;
  try {
    pid = Number(readFileSync(path, 'utf8').trim());
  } catch {
    return null;
  }
  if (!Number.isInteger(pid) || pid <= 0) return null;
  try {
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? pid : null;
  }
}
