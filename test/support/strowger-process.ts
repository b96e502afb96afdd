import { dirname, join } from 'node:path';
import process from 'node:process';
import { ChildGroup } from './child-group.ts';
import { UdpPeer } from './kamailio.ts';

export type { Ended } from './child-group.ts';
export { freePort } from './kamailio.ts';

/** The launchers of the checkout. */
export const BIN_FOLDER = join(import.meta.dirname, '../../core/bin');

/** How long a server may take to answer, ms. */
const PATIENCE_MS = 15_000;

/** A program in a process of its own, a launcher of the checkout or any other, with this Node first on PATH. */
export class StrowgerProcess extends ChildGroup {
  constructor(file: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
    const path = `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;
    const isLauncher = file.endsWith('.js');
    super(isLauncher ? process.execPath : file, isLauncher ? [file, ...args] : args, {
      ...options,
      env: { ...process.env, ...options.env, PATH: path },
    });
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
