/**
 * `npm run soak:calls [CALLS]`: so many calls (20,000) at once through the B2BUA, on virtual time: they begin, hold, and
 * end. Prints what a call costs in memory, and fails where anything of them is left, or the memory does not come back.
 */
import process from 'node:process';
import { SeededRandom } from '../../core/timer/random.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import type { B2buaApi } from '../../modules/b2bua/api.ts';
import type { TmApi } from '../../modules/tm/api.ts';
import { request, response, TestMsg } from '../support/msg.ts';
import { SimNetwork } from '../support/sim-network.ts';
import { SimServer } from '../support/sim-server.ts';

const SERVER = '10.0.0.1';
const ALICE = '10.0.1.1';
const BOB = '10.0.2.1';
const SDP = `v=0\r\no=- 1 1 IN IP4 ${ALICE}\r\ns=-\r\nc=IN IP4 ${ALICE}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n`;
const wanted = Number(process.argv[2] ?? 20_000);

const clock = new VirtualClock();
const network = new SimNetwork(clock, new SeededRandom(1), {});
const sim = await SimServer.start(network, {
  ip: SERVER,
  script: `
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "b2bua.so"
request_route { if (has_totag() || !is_method("INVITE")) exit; $ru = "sip:bob@${BOB}"; b2b_call(); exit; }`,
});

let answered = 0;
let ended = 0;
/** What alice needs of each call to end it: the dialog's target and tag. */
const dialogs: { readonly callId: string; readonly target: string; readonly toTag: string }[] = [];

const alice = await network
  .host(ALICE)
  .udp.open({ address: ALICE, port: 5060, family: 4 }, (text) => hearAlice(text), fail);
const bob = await network.host(BOB).udp.open({ address: BOB, port: 5060, family: 4 }, (text) => hearBob(text), fail);

function hearAlice(text: string): void {
  const msg = new TestMsg(text);
  if (msg.cseqMethod === 'BYE' && msg.status === 200) ended++;
  if (msg.cseqMethod !== 'INVITE' || msg.status !== 200) return;
  answered++;
  const dialog = {
    callId: msg.get('Call-ID'),
    target: /<([^>]*)>/.exec(msg.get('Contact'))?.[1] ?? '',
    toTag: msg.param('To', 'tag'),
  };
  dialogs.push(dialog);
  say(dialog, 'ACK', 1);
}

function say(dialog: (typeof dialogs)[number], method: string, cseq: number): void {
  const { callId, target, toTag } = dialog;
  const text = request(method, target, { ...ids(callId, `${method}-${callId}`), toTag, cseq });
  alice.send(text, SERVER, 5060);
}

function ids(callId: string, branch: string) {
  return {
    callId,
    branch: `z9hG4bK-${branch}`,
    sentBy: `${ALICE}:5060`,
    fromTag: 'a',
    to: `<sip:bob@${SERVER}>`,
    contact: `<sip:alice@${ALICE}:5060>`,
  };
}

function hearBob(text: string): void {
  const msg = new TestMsg(text, SERVER, 5060);
  if (msg.method !== 'INVITE' && msg.method !== 'BYE') return;
  const isInvite = msg.method === 'INVITE';
  const sdp = isInvite ? { body: SDP, contentType: 'application/sdp', contact: `<sip:bob@${BOB}:5060>` } : {};
  bob.send(response(msg, 200, { toTag: `b${answered}`, ...sdp }), SERVER, 5060);
}

function fail(error: Error): never {
  throw error;
}

/** Bytes on the JavaScript heap once all that can go has gone. */
function heap(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** Calls begun and ended, 50 each 10 ms. */
async function run(count: number, prefix: string, step: (i: number) => void): Promise<void> {
  for (let i = 0; i < count; i++) {
    step(i);
    if (i % 50 === 49) await clock.advanceAsync(10);
  }
  await clock.advanceAsync(1000);
  if (answered < count) throw new Error(`${prefix}: ${answered} of ${count} calls answered`);
}

function begin(i: number, name: string): void {
  const callId = `${name}-${i}`;
  const invite = request('INVITE', `sip:bob@${SERVER}`, {
    ...ids(callId, callId),
    body: SDP,
    contentType: 'application/sdp',
  });
  alice.send(invite, SERVER, 5060);
}

async function endAll(): Promise<void> {
  ended = 0;
  const count = dialogs.length;
  const going = dialogs.splice(0);
  await run(count, 'end', (i) => {
    const dialog = going[i];
    if (dialog !== undefined) say(dialog, 'BYE', 2);
  });
  await clock.advanceAsync(120_000);
  if (ended < count) throw new Error(`${ended} of ${count} calls ended`);
  answered = 0;
}

// Once with a few, so that code and tables have their shape.
await run(2000, 'warm-up', (i) => begin(i, 'warm'));
await endAll();
const before = heap();
await run(wanted, 'calls', (i) => begin(i, 'call'));
// The transactions of their INVITEs are over: what is left is what a call that holds costs.
await clock.advanceAsync(60_000);
const holding = heap();
const perCall = (holding - before) / wanted;
await endAll();
const after = heap();
const { callCount, legCount } = sim.api<B2buaApi>('b2bua');
const left = sim.api<TmApi>('tm').core.table.size;
console.log(
  `${wanted} calls at once: ${Math.round(perCall)} bytes of heap each; ` +
    `afterwards ${callCount} calls, ${legCount} legs, ${left} transactions, ${sim.server.wheel.size} timers, ` +
    `heap ${((after - before) / 1024).toFixed(0)} KiB above where it was`,
);
const isClean = callCount === 0 && legCount === 0 && left === 0 && sim.server.wheel.size === 0;
await sim.stop();
// Tables keep the room they grew to: some percent of what the calls took.
if (!isClean || after - before > (holding - before) * 0.05) process.exitCode = 1;
