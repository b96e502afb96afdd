import assert from 'node:assert/strict';
import { request } from '../support/msg.ts';
import { type Answers, ScriptPair } from '../support/script-pair.ts';

/** What runs in both servers for one request: statements, and the text of variables that is the answer. */
export interface ScriptCase {
  readonly name: string;
  readonly run: string;
  readonly show: string;
}

/** Both servers on one script whose routes are cases: the same request to both, in order, must have the same answer. */
export class CasePair {
  readonly #pair = new ScriptPair();
  readonly #head: string;
  readonly #cases: readonly ScriptCase[];
  #id = 0;
  #kept: (Answers & { readonly what: string })[] = [];
  #compared = 0;

  /** `head`: modules, parameters and further routes; FOLDER in it is a folder of the test's own. */
  constructor(head: string, cases: readonly ScriptCase[]) {
    this.#head = head;
    this.#cases = cases;
  }

  get folder(): string {
    return this.#pair.folder;
  }

  get log(): ScriptPair['log'] {
    return this.#pair.log;
  }

  get kamailioLog(): string {
    return this.#pair.kamailioLog;
  }

  start(): Promise<void> {
    return this.#pair.start(this.#script());
  }

  stop(): Promise<void> {
    return this.#pair.stop();
  }

  /** Both answers to a case. */
  ask(name: string, headers: Readonly<Record<string, string>> = {}): Promise<Answers> {
    const index = this.#cases.findIndex((each) => each.name === name);
    const text = request('OPTIONS', `sip:q${index}@dst.example.org`, {
      branch: `z9hG4bK-pair-${++this.#id}`,
      sentBy: `127.0.0.1:${this.#pair.port}`,
      callId: `call-${this.#id}`,
      headers,
    });
    return this.#pair.answers(text);
  }

  /** Asks both, and remembers where they differ. */
  async compare(name: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#keep(name, await this.ask(name, headers));
  }

  /** Both answers of kamcmd. */
  rpc(...args: readonly string[]): Promise<Answers> {
    return this.#pair.rpc(...args);
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

  #keep(what: string, { theirs, ours }: Answers): void {
    this.#compared++;
    if (theirs !== ours || theirs === 'no reply') this.#kept.push({ what, theirs, ours });
  }

  #script(): string {
    const routes = this.#cases.map(({ run, show }, i) => `route[Q${i}] {\n${run}\npv_printf("$var(o)", "${show}");\n}`);
    const calls = this.#cases.map((_case, i) => `if ($rU == "q${i}") route(Q${i});`);
    return `debug=1
loadmodule "kex.so"
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
}
