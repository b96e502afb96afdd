import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChildGroup } from './child-group.ts';

/** Where Debian's package has its modules. */
export const KAMAILIO_MODULES = '/usr/lib/x86_64-linux-gnu/kamailio/modules/';

/** A UDP socket on loopback that remembers what it received, as latin1 text. */
export class UdpPeer {
  readonly #socket: Socket;
  readonly received: string[] = [];
  port = 0;
  #wake: (() => void) | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async open(): Promise<UdpPeer> {
    const socket = createSocket('udp4');
    const peer = new UdpPeer(socket);
    socket.on('message', (data) => {
      peer.received.push(data.toString('latin1'));
      peer.#wake?.();
    });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    peer.port = socket.address().port;
    return peer;
  }

  send(text: string, port: number): void {
    this.#socket.send(Buffer.from(text, 'latin1'), port, '127.0.0.1');
  }

  /** The next datagram; null when none comes in time. */
  async next(timeoutMs: number): Promise<string | null> {
    if (this.received.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
    return this.received.shift() ?? null;
  }

  close(): void {
    this.#socket.close();
  }
}

/** A port on loopback that was free a moment ago, for UDP and for TCP. */
export async function freePort(): Promise<number> {
  for (;;) {
    const listener = createServer();
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const { port } = listener.address() as AddressInfo;
    const socket = createSocket('udp4');
    const isFree = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(false));
      socket.bind(port, '127.0.0.1', () => resolve(true));
    });
    socket.close();
    listener.close();
    await once(listener, 'close');
    if (isFree) return port;
  }
}

export interface KamailioOptions {
  /** Sockets beside the one for UDP; PORT in them is its port. */
  readonly listens?: readonly string[];
  /** Where it writes its script and keeps its sockets, removed at the end; one of its own where not given. */
  readonly folder?: string;
}

/** A running Kamailio, the oracle of the differential tests. It listens on loopback, UDP only. */
export class Kamailio {
  readonly port: number;
  readonly #process: ChildGroup;
  readonly #folder: string;

  private constructor(port: number, process: ChildGroup, folder: string) {
    this.port = port;
    this.#process = process;
    this.#folder = folder;
  }

  /** What it has logged so far. */
  get log(): string {
    return this.#process.output;
  }

  /** Starts it on this script; rejects with its log when it does not come up. */
  static async start(script: string, options: KamailioOptions = {}): Promise<Kamailio> {
    const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'kamailio-'));
    const port = await freePort();
    writeFileSync(join(folder, 'k.cfg'), script, 'latin1');
    const listen = `udp:127.0.0.1:${port}`;
    const more = (options.listens ?? []).flatMap((each) => ['-l', each.replace('PORT', String(port))]);
    const args = [
      '-DD',
      '-E',
      '-f',
      join(folder, 'k.cfg'),
      '-l',
      listen,
      ...more,
      '-m',
      '64',
      '-M',
      '64',
      '-n',
      '1',
      '-Y',
      folder,
    ];
    const kamailio = new Kamailio(port, new ChildGroup('kamailio', args, { encoding: 'latin1' }), folder);
    if (await kamailio.#answers()) return kamailio;
    await kamailio.stop();
    throw new Error(`kamailio did not start:\n${kamailio.log.slice(-100_000)}`);
  }

  /** An OPTIONS whose R-URI user is `ready` must be answered by the script. */
  async #answers(): Promise<boolean> {
    const peer = await UdpPeer.open();
    try {
      for (let i = 0; i < 100 && !this.#process.isOver; i++) {
        peer.send(readyProbe(peer.port), this.port);
        if ((await peer.next(100)) !== null) return true;
      }
      return false;
    } finally {
      peer.close();
    }
  }

  async stop(): Promise<void> {
    await this.#process.stop('SIGTERM', 5000);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function readyProbe(port: number): string {
  return [
    'OPTIONS sip:ready@127.0.0.1 SIP/2.0',
    `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bKready${port}`,
    'From: <sip:r@127.0.0.1>;tag=r',
    'To: <sip:r@127.0.0.1>',
    `Call-ID: ready-${port}`,
    'CSeq: 1 OPTIONS',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}
