import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import process from 'node:process';
import type { Writable } from 'node:stream';

/** How long a test waits for what should take a fraction of it, ms. */
const PATIENCE_MS = 15_000;
/** How long what a program has started may use its output after it has ended, ms. */
const LINGER_MS = 1000;

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
  /** Keeps its standard input open; closed otherwise. */
  readonly hasInput?: boolean;
  readonly encoding?: 'utf8' | 'latin1';
}

export interface Ended {
  /** Null for one that a signal ended, or that did not start. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A program that a test runs, and all that it starts in turn: a process group of its own. It cannot keep the test's
 * process from ending: nothing waits for it or its output without a limit, and what is left of it is killed when the
 * test's process ends, by a signal as well.
 */
export class ChildGroup {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  /** Both, in order of arrival. */
  output = '';
  #isOver = false;
  readonly #ended: Promise<number | null>;

  constructor(file: string, args: readonly string[], options: ChildOptions = {}) {
    const { hasInput = false, encoding = 'utf8', ...rest } = options;
    const child = spawn(file, args, { ...rest, stdio: [hasInput ? 'pipe' : 'ignore', 'pipe', 'pipe'], detached: true });
    this.child = child;
    child.unref();
    (child.stdin as Socket | null)?.unref();
    for (const name of ['stdout', 'stderr'] as const) {
      const stream = child[name] as Socket;
      stream.unref();
      stream.setEncoding(encoding).on('data', (text: string) => {
        this[name] += text;
        this.output += text;
      });
    }
    this.#ended = this.#watch();
  }

  /** Its standard input, where it was asked for. */
  get input(): Writable | null {
    return this.child.stdin;
  }

  /** True once it has ended, or could not be started. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves when it ends by itself; one that does not in time is killed, and its code is null. */
  async end(patienceMs = PATIENCE_MS): Promise<Ended> {
    const timer = setTimeout(() => this.kill(), patienceMs);
    const code = await this.#ended;
    clearTimeout(timer);
    return { code, stdout: this.stdout, stderr: this.stderr };
  }

  /** Sends a signal to the program, not to what it has started, and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', patienceMs = PATIENCE_MS): Promise<Ended> {
    this.child.kill(signal);
    return await this.end(patienceMs);
  }

  /** Kills the whole group at once. */
  kill(): void {
    killGroup(this.child);
  }

  /** Resolves once standard error has the text; rejects with all of it when that does not come. */
  async says(text: string | RegExp): Promise<void> {
    await this.#has(text, () => this.stderr);
  }

  /** The same of standard output. */
  async prints(text: string | RegExp): Promise<void> {
    await this.#has(text, () => this.stdout);
  }

  async #has(text: string | RegExp, output: () => string): Promise<void> {
    const isThere = (): boolean => (typeof text === 'string' ? output().includes(text) : text.test(output()));
    const end = performance.now() + PATIENCE_MS;
    while (!isThere()) {
      if (performance.now() > end || this.#isOver) throw new Error(`no ${text} in:\n${output()}`);
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
    }
  }

  /** Its exit code, once its output is read to the end or nobody is left who may write more. */
  #watch(): Promise<number | null> {
    const { child } = this;
    killAtEnd(child);
    return new Promise((resolve) => {
      const finish = (code: number | null): void => {
        this.#isOver = true;
        killGroup(child);
        groups.delete(child);
        resolve(code);
      };
      child.once('error', (error) => {
        this.stderr += error.message;
        if (child.pid === undefined) finish(null);
      });
      // `close` comes when both pipes are read to their end, which who has inherited them can put off.
      child.once('exit', () => {
        const linger = setTimeout(() => {
          killGroup(child);
          child.stdout?.destroy();
          child.stderr?.destroy();
        }, LINGER_MS);
        child.once('close', () => clearTimeout(linger));
      });
      child.once('close', finish);
    });
  }
}

const groups = new Set<ChildProcess>();

/** Kills the process group that this child leads when this process ends. */
export function killAtEnd(child: ChildProcess): void {
  if (groups.size === 0) watchOwnEnd();
  groups.add(child);
}

/** Kills what is left of the process group that this child leads; nothing is no error. */
export function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function killAll(): void {
  for (const child of groups) killGroup(child);
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** They are not in this process's group: a signal that ends it does not reach them. */
function watchOwnEnd(): void {
  process.off('exit', killAll).once('exit', killAll);
  for (const signal of SIGNALS) process.off(signal, endBy).once(signal, endBy);
}

function endBy(signal: NodeJS.Signals): void {
  killAll();
  for (const each of SIGNALS) process.off(each, endBy);
  process.kill(process.pid, signal);
}
