import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { StartedServer } from '../../core/cli/start-options.ts';
import { startServer } from '../../core/start.ts';
import { scriptOptions } from '../support/both-servers.ts';
import { MemoryLog } from '../support/fake-run.ts';
import { KAMAILIO_MODULES, Kamailio, UdpPeer } from '../support/kamailio.ts';
import { request, response, TestMsg } from '../support/msg.ts';
import { skipWithout } from '../support/peers.ts';

/** The same calls through both servers leave the same accounting lines. */

const script = (port: number, more: string): string => `
debug=1
log_stderror=yes
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "corex.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "rr.so"
loadmodule "acc.so"
modparam("tm", "fr_timer", 400)
modparam("acc", "log_flag", 1)
modparam("acc", "log_missed_flag", 2)
modparam("acc", "failed_transaction_flag", 3)
modparam("acc", "acc_prepare_flag", 4)
${more}
request_route {
  if ($rU == "ready") { sl_send_reply("200", "ready"); exit; }
  $var(do) = $hdr(X-Do);
  if ($var(do) =~ "a") setflag(1);
  if ($var(do) =~ "m") setflag(2);
  if ($var(do) =~ "f") setflag(3);
  if ($var(do) =~ "p") setflag(4);
  $avp(leg) = "one";
  $avp(leg) = "two";
  $avp(other) = 7;
  if ($var(do) =~ "w") record_route();
  if ($var(do) =~ "n") t_on_failure("NEXT");
  if ($var(do) =~ "l") {
    acc_log_request("404 Nobody here");
    acc_log_request("a comment");
    acc_log_request("200");
    acc_log_request("$fU");
    acc_log_request("  480  spaces ");
    acc_request("603 Both", "acc");
    exit;
  }
  if ($var(do) =~ "b") { t_newtran(); t_reply("486", "Busy Here"); exit; }
  if (has_totag()) loose_route();
  $du = "sip:127.0.0.1:${port}";
  if ($var(do) =~ "k") append_branch("sip:second@127.0.0.1:${port}");
  t_relay();
}
failure_route[NEXT] {
  if ($hdr(X-Do) =~ "p") { setflag(1); setflag(3); }
  if ($hdr(X-Do) =~ "s") setflag(2);
  if ($hdr(X-Do) =~ "u") resetflag(2);
  if ($hdr(X-Do) =~ "r") { t_reply("404", "Not found"); exit; }
  if ($hdr(X-Do) =~ "g") { $ru = "sip:next@127.0.0.1:${port}"; t_relay(); }
}
`;

interface Call {
  /** Letters that the script looks at. */
  readonly do: string;
  /** What the callee answers; 0 is nothing. */
  readonly codes?: readonly number[];
  readonly method?: string;
  readonly toTag?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly ack?: boolean;
  readonly bye?: 'caller' | 'callee';
  readonly cancel?: boolean;
}

/** A server, its caller and its callee. */
class Side {
  readonly port: number;
  readonly #lines: () => string;
  readonly caller: UdpPeer;
  readonly callee: UdpPeer;
  #seen = 0;
  #id = 0;

  constructor(port: number, lines: () => string, caller: UdpPeer, callee: UdpPeer) {
    this.port = port;
    this.#lines = lines;
    this.caller = caller;
    this.callee = callee;
  }

  /** Makes the call, and returns the lines it left. */
  async call(call: Call, lines: number): Promise<string[]> {
    const id = ++this.#id;
    this.caller.received.length = 0;
    this.callee.received.length = 0;
    const text = request(call.method ?? 'INVITE', 'sip:bob@example.org', {
      sentBy: `127.0.0.1:${this.caller.port}`,
      branch: `z9hG4bK-acc-${id}`,
      callId: `acc-${id}`,
      ...(call.toTag === undefined ? {} : { toTag: call.toTag }),
      headers: { 'X-Do': call.do, ...call.headers },
    });
    this.caller.send(text, this.port);
    const codes = call.codes ?? [200];
    if (!/[lb]/.test(call.do)) await this.#answer(codes, call);
    if (call.cancel === true) await this.#cancel(text);
    const final = await this.#final();
    if (call.ack === true && final !== null) await this.#inDialog('ACK', text, final, 'caller');
    if (call.bye !== undefined && final !== null) await this.#inDialog('BYE', text, final, call.bye);
    return this.#newLines(lines);
  }

  async #answer(codes: readonly number[], call: Call): Promise<void> {
    const count = call.do.includes('k') || call.do.includes('g') ? 2 : 1;
    for (let i = 0; i < count; i++) {
      const invite = await this.callee.next(3000);
      if (invite === null) return;
      for (const code of codes) {
        const body = code === 183 ? { body: 'v=0\r\n' } : {};
        if (code > 0)
          this.callee.send(
            response(invite, code, {
              reason: `Says ${code}`,
              ...body,
              headers: call.headers?.['X-Reason'] === undefined ? {} : { Reason: call.headers['X-Reason'] },
            }),
            this.port,
          );
      }
      if (!codes.some((code) => code >= 200)) this.#open = invite;
      if (codes.every((code) => code === 0)) return;
      // The ACK of a failure, before what comes next.
      if (codes.some((code) => code >= 300) && invite.startsWith('INVITE')) await this.callee.next(3000);
    }
  }
  #open = '';

  async #cancel(invite: string): Promise<void> {
    await this.caller.next(3000);
    this.caller.send(
      invite
        .replace(/^INVITE/, 'CANCEL')
        .replace('1 INVITE', '1 CANCEL')
        .replace(/X-Do: .*\r\n/, 'X-Do: a\r\n'),
      this.port,
    );
    const cancel = (await this.callee.next(3000)) ?? '';
    this.callee.send(response(cancel, 200), this.port);
    this.callee.send(response(this.#open, 487, { reason: 'Says 487' }), this.port);
  }

  async #final(): Promise<TestMsg | null> {
    for (let i = 0; i < 10; i++) {
      const text = await this.caller.next(1500);
      if (text === null) return null;
      const msg = new TestMsg(text);
      if (msg.status >= 200 && msg.cseqMethod !== 'CANCEL') return msg;
    }
    return null;
  }

  async #inDialog(method: string, invite: string, final: TestMsg, by: 'caller' | 'callee'): Promise<void> {
    const isCaller = by === 'caller';
    const from = isCaller ? final.get('From') : final.get('To');
    const to = isCaller ? final.get('To') : final.get('From');
    const peer = isCaller ? this.caller : this.callee;
    const other = isCaller ? this.callee : this.caller;
    const uri = `sip:x@127.0.0.1:${other.port}`;
    const text = request(method, uri, {
      sentBy: `127.0.0.1:${peer.port}`,
      branch: `${new TestMsg(invite).branch}-${method}`,
      callId: final.get('Call-ID'),
      cseq: method === 'ACK' ? 1 : 2,
      route: final.all('Record-Route'),
      headers: { From: from, To: to, 'X-Do': 'a' },
    });
    peer.send(text, this.port);
    const seen = await other.next(3000);
    if (method === 'BYE' && seen !== null) {
      other.send(response(seen, 200, { reason: 'Ended' }), this.port);
      await peer.next(3000);
    }
  }

  async #newLines(count: number): Promise<string[]> {
    const end = performance.now() + 1000;
    for (;;) {
      const all = this.#lines()
        .split('\n')
        .flatMap((line) => /ACC: .*/.exec(line)?.[0] ?? []);
      if ((all.length - this.#seen >= count && performance.now() > end - 900) || performance.now() > end) {
        const fresh = all.slice(this.#seen).map(normalised);
        this.#seen = all.length;
        return fresh;
      }
      await new Promise((resolve) => {
        setTimeout(resolve, 10);
      });
    }
  }
}

/** What differs from run to run: times, tags made by the servers. */
function normalised(line: string): string {
  return (
    line
      .replace(/timestamp=\d{10};/, 'timestamp=T;')
      .replace(/time_exten=\d+;/, 'time_exten=T;')
      .replace(/time_attr=\d{10}\.\d+;/, 'time_attr=T;')
      // Kamailio may leave out the tag of a reply it made itself, and may not.
      .replace(/to_tag=(?:[0-9a-z]{16,}-[0-9a-f.]+)?;/, 'to_tag=OURS;')
  );
}

const GROUPS: readonly (readonly [params: string, calls: readonly Call[]])[] = [
  [
    'modparam("acc", "log_extra", "fu=$fu;tU=$tU;nul=$avp(none);leg=$avp(leg);n=$avp(other);hdr=$hdr(X-Do);ci=$(ci{s.len})")',
    [
      { do: 'a' },
      { do: 'x' },
      { do: 'a', codes: [486] },
      { do: 'af', codes: [486] },
      { do: 'm', codes: [486] },
      { do: 'am', codes: [404] },
      { do: 'amf', codes: [503] },
      { do: 'amk', codes: [486] },
      { do: 'af', codes: [0] },
      { do: 'm', codes: [0] },
      { do: 'afb' },
      { do: 'mb' },
      { do: 'ab' },
      { do: 'a', codes: [183, 180, 200] },
      { do: 'a', codes: [202] },
      { do: 'af', codes: [302] },
      { do: 'a', method: 'MESSAGE' },
      { do: 'a', method: 'BYE', toTag: 'b' },
      { do: 'pn', codes: [486] },
      { do: 'amng', codes: [486] },
      { do: 'amnr', codes: [302] },
      { do: 'amfnr', codes: [603] },
      { do: 'amnrs', codes: [302] },
      { do: 'anrs', codes: [302] },
      { do: 'amnru', codes: [302] },
      { do: 'amns', codes: [486] },
      { do: 'mng', codes: [486] },
      { do: 'mngs', codes: [486] },
      { do: 'mnr', codes: [0] },
      { do: 'a', codes: [180], cancel: true },
      { do: 'am', codes: [180], cancel: true },
      { do: 'amf', codes: [180], cancel: true },
      { do: 'l', toTag: 'there' },
    ],
  ],
  [
    'modparam("acc", "early_media", 1)\nmodparam("acc", "report_ack", 1)\nmodparam("acc", "report_cancels", 1)\nmodparam("acc", "failed_filter", "404,486")',
    [
      { do: 'a', codes: [183, 180, 200] },
      { do: 'af', codes: [486] },
      { do: 'af', codes: [487] },
      { do: 'm', codes: [486] },
      { do: 'aw', ack: true },
      { do: 'af', codes: [180], cancel: true },
    ],
  ],
  [
    'modparam("acc", "detect_direction", 1)\nmodparam("acc", "log_extra", "fu=$fu;tu=$tu;fU=$fU;tt=$tt")\nmodparam("acc", "report_ack", 1)',
    [
      { do: 'aw', ack: true, bye: 'caller' },
      { do: 'aw', ack: true, bye: 'callee' },
    ],
  ],
  [
    'modparam("acc", "reason_from_hf", 1)\nmodparam("acc", "multi_leg_info", "l1=$avp(leg);l2=$avp(other)")\nmodparam("acc", "time_mode", 1)\nmodparam("acc", "log_extra", "z=$rm")',
    [
      { do: 'af', codes: [486], headers: { 'X-Reason': 'Q.850;cause=17;text="busy; now"' } },
      { do: 'af', codes: [486] },
      { do: 'a' },
    ],
  ],
  ['modparam("acc", "time_mode", 2)', [{ do: 'a' }]],
  [
    'modparam("acc", "time_mode", 4)\nmodparam("acc", "time_format", "%Y-%m")\nmodparam("acc", "acc_prepare_always", 1)',
    [{ do: 'a' }, { do: 'pn', codes: [486] }],
  ],
];

for (const [params, calls] of GROUPS) {
  describe(`acc with ${params.replaceAll('modparam("acc", ', '(')}`, { skip: skipWithout('kamailio') }, () => {
    const peers: UdpPeer[] = [];
    let kamailio: Kamailio | null = null;
    let ours: StartedServer | null = null;
    let theirSide: Side;
    let ourSide: Side;

    before(async () => {
      for (let i = 0; i < 4; i++) peers.push(await UdpPeer.open());
      const [a, b, c, d] = peers as [UdpPeer, UdpPeer, UdpPeer, UdpPeer];
      const running = await Kamailio.start(`mpath="${KAMAILIO_MODULES}"\n${script(b.port, params)}`);
      kamailio = running;
      theirSide = new Side(running.port, () => running.log, a, b);
      const log = new MemoryLog();
      const started = await startServer(scriptOptions(script(d.port, params), { log, settings: { disable_tcp: 1 } }));
      ours = started;
      ourSide = new Side(started.server.transport.sockets[0]?.port ?? 0, () => log.lines.join('\n'), c, d);
    });
    after(async () => {
      await kamailio?.stop();
      await ours?.stop(0);
      for (const peer of peers) peer.close();
    });

    for (const call of calls) {
      test(JSON.stringify(call), async () => {
        const theirs = await theirSide.call(call, 1);
        const lines = await ourSide.call(call, theirs.length);
        assert.deepEqual(lines, theirs);
      });
    }
  });
}
