import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { StartedServer } from '../../core/cli/start-options.ts';
import { startServer } from '../../core/start.ts';
import { scriptOptions } from './both-servers.ts';
import { MemoryLog } from './fake-run.ts';
import { KAMAILIO_MODULES, Kamailio, UdpPeer } from './kamailio.ts';

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
    const whole = (socket: string, path: string): string =>
      `${path}debug=0\nlog_stderror=yes\nloadmodule "sl.so"\nloadmodule "pv.so"\nloadmodule "ctl.so"\n` +
      `modparam("ctl", "binrpc", "unix:${join(this.folder, socket)}")\n${script}`;
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

  /** Sends the message to both; the replies' first lines must be the same. Returns the reason. */
  async same(message: string): Promise<string> {
    const theirs = await this.#ask(this.#kamailio?.port ?? 0, message);
    const ours = await this.#ask(this.#ours?.server.transport.sockets[0]?.port ?? 0, message);
    assert.equal(ours, theirs, message);
    return ours.slice('SIP/2.0 200 '.length);
  }

  /** Runs a command through kamcmd on both; what it prints must be the same. */
  async sameRpc(...args: string[]): Promise<string> {
    const [theirs, ours] = [await this.#kamcmd('theirs', args), await this.#kamcmd('ours', args)];
    assert.equal(ours, theirs, args.join(' '));
    return ours;
  }

  async #ask(port: number, message: string): Promise<string> {
    this.#peer?.send(message, port);
    return (await this.#peer?.next(3000))?.split('\r\n')[0] ?? 'no reply';
  }

  async #kamcmd(socket: string, args: readonly string[]): Promise<string> {
    try {
      const { stdout, stderr } = await promisify(execFile)('kamcmd', [
        '-s',
        `unix:${join(this.folder, socket)}`,
        ...args,
      ]);
      return stdout + stderr;
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      return stdout + stderr;
    }
  }
}
