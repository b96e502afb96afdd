import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { UdpPeer } from './kamailio.ts';

export { freePort } from './kamailio.ts';

/** The launchers of the checkout. */
export const BIN_FOLDER = join(import.meta.dirname, '../../core/bin');

/** How long a test waits for what should take a fraction of it. */
const PATIENCE_MS = 15_000;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A test that fails must not leave its servers behind. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A program in a process of its own, with this Node first on PATH. */
export class StrowgerProcess {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly #ended: Promise<number | null>;

  constructor(file: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
    const path = `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;
    const isLauncher = file.endsWith('.js');
    this.child = spawn(isLauncher ? process.execPath : file, isLauncher ? [file, ...args] : args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env, PATH: path },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    running.add(this.child);
    this.child.on('exit', () => running.delete(this.child));
    this.child.stdout?.on('data', (data: Buffer) => void (this.stdout += data.toString()));
    this.child.stderr?.on('data', (data: Buffer) => void (this.stderr += data.toString()));
    // `close` comes after `exit`, when the pipes are read to their end.
    this.#ended = once(this.child, 'close').then(([code]) => code as number | null);
  }

  /** Resolves when it ends by itself; one that does not in time is killed, and its code is null. */
  async end(patienceMs = PATIENCE_MS): Promise<Ended> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), patienceMs);
    const code = await this.#ended;
    clearTimeout(timer);
    return { code, stdout: this.stdout, stderr: this.stderr };
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal);
    return await this.end();
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
      if (performance.now() > end || this.child.exitCode !== null) throw new Error(`no ${text} in:\n${output()}`);
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
    }
  }
}

/** Asks a server OPTIONS every few milliseconds until it answers; the first line of the answer, null when none comes. */
export async function askOptions(port: number, patienceMs = PATIENCE_MS): Promise<string | null> {
  const peer = await UdpPeer.open();
  try {
    const end = performance.now() + patienceMs;
    for (let n = 1; performance.now() < end; n++) {
      peer.send(options(peer.port, n), port);
      const answer = await peer.next(5);
      if (answer !== null) return answer.split('\r\n')[0] ?? null;
    }
    return null;
  } finally {
    peer.close();
  }
}

function options(port: number, n: number): string {
  return [
    'OPTIONS sip:ready@127.0.0.1 SIP/2.0',
    `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK${n}o${port}`,
    'Max-Forwards: 70',
    'From: <sip:r@127.0.0.1>;tag=r',
    'To: <sip:ready@127.0.0.1>',
    `Call-ID: ready-${n}-${port}`,
    'CSeq: 1 OPTIONS',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}
