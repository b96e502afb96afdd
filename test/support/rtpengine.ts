import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UdpPeer } from './kamailio.ts';
import { freePort, StrowgerProcess } from './strowger-process.ts';

/** Ports for media: few, and none that the system hands out by itself. */
const FIRST_PORT = 15_000;
const PORTS = 1000;

/** A running rtpengine (Debian's, in user space) on loopback. */
export class RtpEngine {
  readonly #process: StrowgerProcess;
  readonly #folder: string;
  readonly #firstPort: number;
  #asked = 0;
  /** Of the NG protocol. */
  readonly port: number;
  /** Of the same over WebSocket. */
  readonly httpPort: number;

  private constructor(process: StrowgerProcess, folder: string, port: number, httpPort: number, firstPort: number) {
    this.#process = process;
    this.#folder = folder;
    this.port = port;
    this.httpPort = httpPort;
    this.#firstPort = firstPort;
  }

  /** Media get ports from `firstPort` on: several at a time need several ranges. `more`: further options. */
  static async start(firstPort: number = FIRST_PORT, more: readonly string[] = []): Promise<RtpEngine> {
    const [port, httpPort] = [await freePort(), await freePort()];
    const folder = mkdtempSync(join(tmpdir(), 'rtpengine-'));
    const engine = new RtpEngine(
      new StrowgerProcess('rtpengine', [
        '--foreground',
        '--log-stderr',
        '--log-level=5',
        '--table=-1',
        '--interface=127.0.0.1',
        `--listen-ng=127.0.0.1:${port}`,
        `--listen-http=127.0.0.1:${httpPort}`,
        `--port-min=${firstPort}`,
        `--port-max=${firstPort + PORTS - 1}`,
        '--num-threads=1',
        '--pidfile=/dev/null',
        '--config-file=none',
        '--delete-delay=0',
        `--recording-dir=${folder}`,
        '--recording-method=pcap',
        '--recording-format=raw',
        ...more,
      ]),
      folder,
      port,
      httpPort,
      firstPort,
    );
    await engine.#answers();
    return engine;
  }

  /** True for a port that it gives to media. */
  owns(port: number): boolean {
    return port >= this.#firstPort && port < this.#firstPort + PORTS;
  }

  /** RTP packets that it has relayed for the calls that it has now. */
  async relayed(): Promise<number> {
    const peer = await UdpPeer.open();
    const ask = async (request: string): Promise<string> => {
      // One that comes twice is answered as it was.
      peer.send(`relayed${++this.#asked} ${request}`, this.port);
      return (await peer.next(1000)) ?? '';
    };
    try {
      const list = await ask('d7:command4:liste');
      let packets = 0;
      for (const [, id = ''] of (/5:callsl(.*?)e6:result/s.exec(list)?.[1] ?? '').matchAll(/\d+:([^:]*?)(?=\d+:|$)/g)) {
        const state = await ask(`d7:call-id${id.length}:${id}7:command5:querye`);
        packets += Number(/6:totalsd.*?3:RTPd.*?7:packetsi(\d+)e/s.exec(state)?.[1] ?? 0);
      }
      return packets;
    } finally {
      peer.close();
    }
  }

  /** Bytes of all recordings together. */
  recorded(): Buffer {
    const pcaps = join(this.#folder, 'pcaps');
    return Buffer.concat(readdirSync(pcaps).map((name) => readFileSync(join(pcaps, name))));
  }

  /** Ends it at once, without a word. */
  async kill(): Promise<void> {
    await this.#process.stop('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#process.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<void> {
    const peer = await UdpPeer.open();
    try {
      for (let i = 0; i < 100 && !this.#process.isOver; i++) {
        peer.send(`c${i} d7:command4:pinge`, this.port);
        if ((await peer.next(100))?.includes('4:pong') === true) return;
      }
      throw new Error(`rtpengine did not start:\n${this.#process.stderr}`);
    } finally {
      peer.close();
    }
  }
}
