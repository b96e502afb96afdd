import { mkdirSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { freePort, StrowgerProcess } from './strowger-process.ts';

const MODULES = ['account', 'g711', 'aubridge', 'ctrl_tcp', 'menu'];
/** How long it may take for what takes a fraction of it. */
const PATIENCE_MS = 10_000;

export interface BaresipOptions {
  readonly user: string;
  readonly password: string;
  readonly domain: string;
  readonly transport: 'udp' | 'tcp' | 'tls';
  readonly serverPort: number;
  /** For its configuration. */
  readonly folder: string;
  /** Rings until it is told to answer, instead of answering by itself. */
  readonly rings?: boolean;
}

/** A message of its control connection: an event, or the answer to a command. */
interface ControlMessage {
  readonly event?: boolean;
  readonly type?: string;
  readonly param?: string;
  readonly response?: boolean;
  readonly ok?: boolean;
}

/** A running baresip with one account, which answers calls by itself unless told to ring; its microphone hears its speaker. */
export class Baresip {
  readonly #process: StrowgerProcess;
  readonly #control: Socket;
  /** Types of the events so far, in order, those that were waited for taken out. */
  readonly events: string[] = [];
  #buffered = '';
  #wake: (() => void) | null = null;
  #isFrozen = false;

  private constructor(process: StrowgerProcess, control: Socket) {
    this.#process = process;
    this.#control = control;
    control.on('data', (data: Buffer) => this.#hear(data.toString('latin1')));
    control.on('error', () => {});
  }

  static async start(options: BaresipOptions): Promise<Baresip> {
    const port = await freePort();
    const folder = join(options.folder, `baresip-${options.user}-${port}`);
    mkdirSync(folder);
    writeFileSync(join(folder, 'config'), configOf(port));
    writeFileSync(join(folder, 'accounts'), accountOf(options));
    writeFileSync(join(folder, 'contacts'), '');
    const process = new StrowgerProcess('baresip', ['-4', '-f', folder]);
    try {
      return new Baresip(process, await connected(port));
    } catch (error) {
      const { stdout, stderr } = await process.stop();
      throw new Error(`baresip did not start:\n${stdout}${stderr}`, { cause: error });
    }
  }

  /** Waits until it is registered: that may be before its control connection is there, so its output tells. */
  async registered(): Promise<void> {
    await this.#process.prints(/ 200 OK .*\[\d+ bindings?\]/);
  }

  /** What it has printed. */
  get output(): string {
    return this.#process.stdout;
  }

  /** Waits for an event of that type, such as CALL_ESTABLISHED or CALL_CLOSED. */
  async saw(type: string): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const at = this.events.indexOf(type);
      if (at >= 0) {
        this.events.splice(0, at + 1);
        return;
      }
      const left = end - performance.now();
      if (left <= 0) throw new Error(`no ${type}, but ${this.events.join(' ') || 'nothing'}\n${this.#process.stdout}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  dial(uri: string): void {
    this.#command('dial', uri);
  }

  /** A command of its menu, such as hold, resume, transfer. */
  tells(command: string, params = ''): void {
    this.#command(command, params);
  }

  /** It does nothing any more, and leaves without a word when it is stopped. */
  freezes(): void {
    this.#process.child.kill('SIGSTOP');
    this.#isFrozen = true;
  }

  hangUp(): void {
    this.#command('hangup', '');
  }

  async stop(): Promise<void> {
    this.#control.destroy();
    await this.#process.stop(this.#isFrozen ? 'SIGKILL' : 'SIGTERM');
  }

  /** JSON in netstrings, both ways. */
  #command(command: string, params: string): void {
    const text = JSON.stringify({ command, params, token: command });
    this.#control.write(`${text.length}:${text},`);
  }

  #hear(text: string): void {
    this.#buffered += text;
    for (;;) {
      const colon = this.#buffered.indexOf(':');
      const length = Number(this.#buffered.slice(0, colon));
      if (colon < 0 || this.#buffered.length < colon + length + 2) break;
      const message = JSON.parse(this.#buffered.slice(colon + 1, colon + 1 + length)) as ControlMessage;
      this.#buffered = this.#buffered.slice(colon + length + 2);
      if (message.event === true && message.type !== undefined) this.events.push(message.type);
    }
    this.#wake?.();
  }
}

function configOf(controlPort: number): string {
  return `sip_listen 127.0.0.1:0
module_path /usr/lib/baresip/modules
${MODULES.map((name) => `module${name === 'ctrl_tcp' || name === 'account' || name === 'menu' ? '_app' : ''} ${name}.so`).join('\n')}
audio_source aubridge,echo
audio_player aubridge,echo
audio_alert aubridge,ring
ringback_disabled yes
ctrl_tcp_listen 127.0.0.1:${controlPort}
rtp_ports 30000-39998
`;
}

function accountOf({ user, password, domain, transport, serverPort, rings }: BaresipOptions): string {
  const outbound = `outbound="sip:127.0.0.1:${serverPort};transport=${transport}"`;
  return `<sip:${user}@${domain}>;auth_user=${user};auth_pass=${password};${outbound};answermode=${rings === true ? 'manual' : 'auto'};regint=600\n`;
}

/** Its control connection, as soon as it listens. */
async function connected(port: number): Promise<Socket> {
  for (const end = performance.now() + PATIENCE_MS; ; ) {
    const socket = await new Promise<Socket | null>((resolve) => {
      const trying = createConnection(port, '127.0.0.1', () => resolve(trying));
      trying.once('error', () => resolve(null));
    });
    if (socket !== null) return socket;
    if (performance.now() > end) throw new Error(`nothing listens on port ${port}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
}
