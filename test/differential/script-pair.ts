import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { StartedServer } from '../../core/cli/start-options.ts';
import { startServer } from '../../core/start.ts';
import { scriptOptions } from '../support/both-servers.ts';
import { MemoryLog } from '../support/fake-run.ts';
import { KAMAILIO_MODULES, Kamailio, UdpPeer } from '../support/kamailio.ts';
import { request } from '../support/msg.ts';

/** What runs in both servers for one request: statements, and the text of variables that is the answer. */
export interface ScriptCase {
  readonly name: string;
  readonly run: string;
  readonly show: string;
}

/** Both servers on one script whose routes are cases: the same request to both, in order, must have the same answer. */
export class ScriptPair {
  readonly folder = mkdtempSync(join(tmpdir(), 'strowger-pair-'));
  readonly log = new MemoryLog();
  readonly #head: string;
  readonly #cases: readonly ScriptCase[];
  #kamailio: Kamailio | null = null;
  #ours: StartedServer | null = null;
  #peer: UdpPeer | null = null;
  #id = 0;
  #kept: { readonly what: string; readonly theirs: string; readonly ours: string }[] = [];
  #compared = 0;

  /** `head`: modules, parameters and further routes; FOLDER in it is a folder of the test's own. */
  constructor(head: string, cases: readonly ScriptCase[]) {
    this.#head = head;
    this.#cases = cases;
  }

  async start(): Promise<void> {
    this.#peer = await UdpPeer.open();
    this.#kamailio = await Kamailio.start(`mpath="${KAMAILIO_MODULES}"\n${this.#script('theirs')}`);
    this.log.level = 0;
    this.#ours = await startServer(
      scriptOptions(this.#script('ours'), {
        settings: { disable_tcp: 1, auto_aliases: 0, workers: 1 },
        runtimeDir: this.folder,
        log: this.log,
      }),
    );
  }

  async stop(): Promise<void> {
    await this.#kamailio?.stop();
    await this.#ours?.stop(0);
    this.#peer?.close();
    rmSync(this.folder, { recursive: true });
  }

  get kamailioLog(): string {
    return this.#kamailio?.log ?? '';
  }

  /** Both answers to a case. */
  async ask(name: string, headers: Readonly<Record<string, string>> = {}): Promise<{ theirs: string; ours: string }> {
    const index = this.#cases.findIndex((each) => each.name === name);
    const text = request('OPTIONS', `sip:q${index}@dst.example.org`, {
      branch: `z9hG4bK-pair-${++this.#id}`,
      sentBy: `127.0.0.1:${this.#peer?.port ?? 0}`,
      callId: `call-${this.#id}`,
      headers,
    });
    const theirs = await this.#send(this.#kamailio?.port ?? 0, text);
    const ours = await this.#send(this.#ours?.server.transport.sockets[0]?.port ?? 0, text);
    return { theirs, ours };
  }

  /** Asks both, and remembers where they differ. */
  async compare(name: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#keep(name, await this.ask(name, headers));
  }

  /** Both answers of kamcmd. */
  async rpc(...args: readonly string[]): Promise<{ theirs: string; ours: string }> {
    return { theirs: await this.#kamcmd('theirs', args), ours: await this.#kamcmd('ours', args) };
  }

  async compareRpc(...args: readonly string[]): Promise<void> {
    this.#keep(args.join(' '), await this.rpc(...args));
  }

  /** Fails where they differed since the last call, or where nothing was compared. */
  assertSame(): void {
    const theirs = this.#kept.map(({ what, theirs: answer }) => [what, answer]);
    const ours = this.#kept.map(({ what, ours: answer }) => [what, answer]);
    const count = this.#compared;
    this.#kept = [];
    this.#compared = 0;
    assert.deepEqual({ ours, theirs }, { ours: [], theirs: [] });
    assert.ok(count > 0);
  }

  #keep(what: string, { theirs, ours }: { theirs: string; ours: string }): void {
    this.#compared++;
    if (theirs !== ours || theirs === 'no reply') this.#kept.push({ what, theirs, ours });
  }

  #script(side: 'ours' | 'theirs'): string {
    const routes = this.#cases.map(({ run, show }, i) => `route[Q${i}] {\n${run}\npv_printf("$var(o)", "${show}");\n}`);
    const calls = this.#cases.map((_case, i) => `if ($rU == "q${i}") route(Q${i});`);
    return `
debug=1
log_stderror=yes
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "kex.so"
loadmodule "ctl.so"
modparam("ctl", "binrpc", "unix:${join(this.folder, side)}")
${this.#head.replaceAll('FOLDER', this.folder)}
request_route {
  if ($rU == "ready") { sl_send_reply("200", "ready"); exit; }
  $var(o) = "nothing";
  ${calls.join('\n  ')}
  sl_send_reply("200", "$var(o)");
}
${routes.join('\n')}
`;
  }

  async #send(port: number, text: string): Promise<string> {
    this.#peer?.send(text, port);
    const reply = (await this.#peer?.next(3000)) ?? null;
    return reply === null ? 'no reply' : (reply.split('\r\n')[0]?.slice('SIP/2.0 200 '.length) ?? '');
  }

  async #kamcmd(side: string, args: readonly string[]): Promise<string> {
    try {
      const { stdout, stderr } = await promisify(execFile)(
        'kamcmd',
        ['-s', `unix:${join(this.folder, side)}`, ...args],
        { timeout: 5000 },
      );
      return stdout + stderr;
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      return stdout + stderr;
    }
  }
}
