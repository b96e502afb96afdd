import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StartedServer } from '../../core/cli/start-options.ts';
import { startServer } from '../../core/start.ts';
import { scriptOptions } from './both-servers.ts';
import { MemoryLog } from './fake-run.ts';
import { KAMAILIO_MODULES, Kamailio, UdpPeer } from './kamailio.ts';
import { kamcmd } from './kamcmd.ts';

/** What each of two servers answered. */
export interface Answers {
  readonly theirs: string;
  readonly ours: string;
}

const OK = 'SIP/2.0 200 ';

/**
 * Kamailio and Strowger on the same script at the same time: it answers statelessly, and the reason of its 200 says what
 * it found; OPTIONS to user `ready` must get any reply. Both have ctl, for kamcmd.
 */
export class ScriptPair {
  /** For the files that both read. */
  readonly folder = mkdtempSync(join(tmpdir(), 'strowger-pair-'));
  readonly log = new MemoryLog();
  #kamailio: Kamailio | null = null;
  #ours: StartedServer | null = null;
  #peer: UdpPeer | null = null;

  /** Modules sl, pv and ctl are loaded already. */
  async start(script: string): Promise<void> {
    const whole = (side: keyof Answers, path: string): string =>
      `${path}debug=0\nlog_stderror=yes\nloadmodule "sl.so"\nloadmodule "pv.so"\nloadmodule "ctl.so"\n` +
      `modparam("ctl", "binrpc", "${this.#socket(side)}")\n${script}`;
    this.log.level = 0;
    this.#peer = await UdpPeer.open();
    this.#kamailio = await Kamailio.start(whole('theirs', `mpath="${KAMAILIO_MODULES}"\n`));
    const settings = { disable_tcp: 1, auto_aliases: 0, workers: 1 };
    const options = { log: this.log, runtimeDir: this.folder, scriptPath: join(this.folder, 'script.cfg'), settings };
    this.#ours = await startServer(scriptOptions(whole('ours', ''), options));
  }

  async stop(): Promise<void> {
    await this.#kamailio?.stop();
    await this.#ours?.stop(0);
    this.#peer?.close();
    rmSync(this.folder, { recursive: true });
  }

  /** The port of the peer that asks, for Via. */
  get port(): number {
    return this.#peer?.port ?? 0;
  }

  get kamailioLog(): string {
    return this.#kamailio?.log ?? '';
  }

  /** Sends a message to both. What each answered: the reason of a 200, else the first line. */
  async answers(message: string): Promise<Answers> {
    const theirs = await this.#ask(this.#kamailio?.port ?? 0, message);
    const ours = await this.#ask(this.#ours?.server.transport.sockets[0]?.port ?? 0, message);
    return { theirs, ours };
  }

  /** The answer to a message that must be the same. */
  async same(message: string): Promise<string> {
    const { theirs, ours } = await this.answers(message);
    assert.equal(ours, theirs, message);
    return ours;
  }

  /** What kamcmd prints of both. */
  async rpc(...args: readonly string[]): Promise<Answers> {
    return { theirs: await kamcmd(this.#socket('theirs'), ...args), ours: await kamcmd(this.#socket('ours'), ...args) };
  }

  /** What it prints, which must be the same. */
  async sameRpc(...args: readonly string[]): Promise<string> {
    const { theirs, ours } = await this.rpc(...args);
    assert.equal(ours, theirs, args.join(' '));
    return ours;
  }

  #socket(side: keyof Answers): string {
    return `unix:${join(this.folder, side)}`;
  }

  async #ask(port: number, message: string): Promise<string> {
    this.#peer?.send(message, port);
    const line = (await this.#peer?.next(3000))?.split('\r\n')[0] ?? 'no reply';
    return line.startsWith(OK) ? line.slice(OK.length) : line;
  }
}
