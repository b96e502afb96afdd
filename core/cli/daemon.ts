import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import process from 'node:process';

const MARK = 'STROWGER_DAEMON';
/** What the child tells: `ready`, or that the script (`fork=no`) wants it to stay in the foreground. */
type Report = 'ready' | 'foreground';

/** True in the child that `daemonise` started. */
export function isDaemonChild(): boolean {
  return process.env[MARK] === '1' && process.send !== undefined;
}

/**
 * Starts this program again in a session of its own and resolves once that one is ready, with the exit code for this
 * process: 0, or that of the child where it ended before. Node can not fork, and threads would not survive it.
 */
export async function daemonise(args: readonly string[]): Promise<number> {
  const entry = process.argv[1] ?? '';
  const child = spawn(process.execPath, [...process.execArgv, entry, ...args], {
    detached: true,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [MARK]: '1' },
  });
  const stop = passOnSignals(child);
  return await new Promise<number>((resolve) => {
    child.on('error', () => resolve(255));
    child.on('exit', (code) => {
      stop();
      resolve(code ?? 255);
    });
    child.on('message', (report: Report) => {
      if (report === 'foreground') return;
      stop();
      child.disconnect();
      child.unref();
      resolve(0);
    });
  });
}

/** In the child: lets the parent go. Standard streams go to /dev/null, but for the log's where it stays on stderr. */
export function reportReady(report: Report, keepStderr: boolean): void {
  if (report === 'ready') {
    redirectToNull(0);
    redirectToNull(1);
    if (!keepStderr) redirectToNull(2);
  }
  process.send?.(report);
  if (report === 'ready') process.disconnect?.();
}

/** The lowest free descriptor is the one just closed: between these two calls nothing of ours opens a file. */
function redirectToNull(fd: 0 | 1 | 2): void {
  closeSync(fd);
  openSync('/dev/null', 'r+');
}

function passOnSignals(child: ChildProcess): () => void {
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
  const handlers = signals.map((signal) => [signal, () => void child.kill(signal)] as const);
  for (const [signal, handler] of handlers) process.on(signal, handler);
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}
