import { UdpPeer } from './kamailio.ts';
import { freePort, StrowgerProcess } from './strowger-process.ts';

/** Ports for media: few, and none that the system hands out by itself. */
const MEDIA_PORTS = { first: 15_000, last: 15_999 } as const;

/** A running rtpengine (Debian's, in user space) on loopback. */
export class RtpEngine {
  readonly #process: StrowgerProcess;
  /** Of the NG protocol. */
  readonly port: number;

  private constructor(process: StrowgerProcess, port: number) {
    this.#process = process;
    this.port = port;
  }

  static async start(): Promise<RtpEngine> {
    const port = await freePort();
    const engine = new RtpEngine(
      new StrowgerProcess('rtpengine', [
        '--foreground',
        '--log-stderr',
        '--log-level=5',
        '--table=-1',
        '--interface=127.0.0.1',
        `--listen-ng=127.0.0.1:${port}`,
        `--port-min=${MEDIA_PORTS.first}`,
        `--port-max=${MEDIA_PORTS.last}`,
        '--num-threads=1',
        '--pidfile=/dev/null',
      ]),
      port,
    );
    await engine.#answers();
    return engine;
  }

  /** True for a port that it gives to media. */
  owns(port: number): boolean {
    return port >= MEDIA_PORTS.first && port <= MEDIA_PORTS.last;
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }

  async #answers(): Promise<void> {
    const peer = await UdpPeer.open();
    try {
      for (let i = 0; i < 100 && this.#process.child.exitCode === null; i++) {
        peer.send(`c${i} d7:command4:pinge`, this.port);
        if ((await peer.next(100))?.includes('4:pong') === true) return;
      }
      throw new Error(`rtpengine did not start:\n${this.#process.stderr}`);
    } finally {
      peer.close();
    }
  }
}
