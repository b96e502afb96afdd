import { SeededRandom } from '../../core/timer/random.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import type { B2buaApi } from '../../modules/b2bua/api.ts';
import type { TmApi } from '../../modules/tm/api.ts';
import { type LinkOptions, SimNetwork } from '../support/sim-network.ts';
import { SimServer } from '../support/sim-server.ts';
import { Callee, type Temper } from './callee.ts';
import { Caller, type CallPlan } from './caller.ts';

const PROXY = '10.0.0.1';
/** Virtual time in which all calls of a seed begin, and after which everything must be over. */
const CALLING_MS = 60_000;
const END_MS = 300_000;
/** The same where calls are changed while they last, and may be transferred. */
const LONG_END_MS = 600_000;

/** Scripts the seeds choose from; bob is 10.0.2.1, carol 10.0.2.2. */
const SCRIPTS = [
  // One destination.
  'route[OUT] { $du = "sip:10.0.2.1"; t_relay(); }',
  // Both at once.
  'route[OUT] { $ru = "sip:b@10.0.2.1"; append_branch("sip:c@10.0.2.2"); t_relay(); }',
  // One after the other.
  `route[OUT] { t_on_failure("NEXT"); $du = "sip:10.0.2.1"; t_relay(); }
failure_route[NEXT] { if (t_is_canceled()) exit; $du = "sip:10.0.2.2"; t_relay(); }`,
  // One after the other at once where the first is slow, with short timers.
  `route[OUT] { t_set_fr(6000, 2000); t_on_failure("NEXT"); t_on_branch("B"); t_on_reply("R"); $du = "sip:10.0.2.1"; t_relay(); }
branch_route[B] { append_hf("X-Branch: $T_branch_idx\\r\\n"); }
onreply_route[R] { if ($rs == 183) drop; append_hf("X-Reply: $rs\\r\\n"); }
failure_route[NEXT] { if (t_is_canceled()) exit; $du = "sip:10.0.2.2"; t_relay(); }`,
  // By q, highest first.
  `route[OUT] { $ru = "sip:b@10.0.2.1"; append_branch("sip:c@10.0.2.2", "0.7"); t_load_contacts(); t_next_contacts(); t_on_failure("NEXT"); t_relay(); }
failure_route[NEXT] { if (t_next_contacts()) { t_on_failure("NEXT"); t_relay(); } }`,
  // Answers by itself when nobody else does.
  `route[OUT] { t_on_failure("MINE"); $du = "sip:10.0.2.1"; t_relay(); }
failure_route[MINE] { if (t_check_status("5..")) t_reply("480", "Not now"); }`,
];

/** What a script with b2bua does with an INVITE. */
const CALLS = [
  // One destination.
  '$ru = "sip:b@10.0.2.1"; b2b_call();',
  // Both at once.
  '$ru = "sip:b@10.0.2.1"; append_branch("sip:c@10.0.2.2"); b2b_call();',
  // One after the other, each for some seconds, from a route that waits.
  'if (!b2b_dial("sip:b@10.0.2.1,sip:c@10.0.2.2", 6)) { $var(rc) = $rc; b2b_reject(480, "nobody $var(rc)"); }',
  // Both at once, then again.
  'if (!b2b_dial("sip:b@10.0.2.1&sip:c@10.0.2.2,sip:c@10.0.2.2", 8)) b2b_reject(480);',
];

/** What is set in a script with b2bua. */
const PARAMS = [
  '',
  'modparam("b2bua", "default_timer", "both")\nmodparam("b2bua", "session_expires", 90)',
  'modparam("b2bua", "topology_hiding", 1)\nmodparam("b2bua", "rel100", "leg")',
  'modparam("b2bua", "refer_mode", "pass")',
];

/** The simulated server: a proxy, or a B2BUA. */
export type World = 'proxy' | 'b2bua';

function b2bScriptOf(call: string, params: string): string {
  return `
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "corex.so"
loadmodule "b2bua.so"
modparam("tm", "fr_inv_timer", 30000)
${params}
event_route[b2bua:request] {
  if (is_method("INFO") && $rb == "hold") { b2b_hold("other"); b2b_resume("other"); b2b_reply(200); drop; }
}
request_route {
  if (is_method("MESSAGE")) { t_newtran(); t_reply("200", "OK"); exit; }
  if (has_totag() || is_method("CANCEL|ACK")) { if (is_method("BYE")) sl_send_reply("481", "Gone"); exit; }
  b2b_max_duration(150);
  if (!b2b_limit("all", 5) || !b2b_limit("user", 4, "$fU")) { b2b_reject(486); exit; }
  ${call}
  exit;
}`;
}

function scriptOf(routes: string): string {
  return `
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "corex.so"
modparam("tm", "contacts_avp", "contacts")
modparam("tm", "contact_flows_avp", "flows")
modparam("tm", "fr_inv_timer", 30000)
request_route {
  if (has_totag()) { if (loose_route()) t_relay(); exit; }
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  if (is_method("ACK")) { t_check_trans(); exit; }
  t_check_trans();
  if (is_method("INVITE")) record_route();
  route(OUT);
  exit;
}
${routes}
`;
}

/** What one seed showed. */
export interface SeedResult {
  readonly seed: number;
  /** What broke a rule; empty when all is well. */
  readonly faults: readonly string[];
  readonly calls: number;
  readonly answered: number;
  readonly packets: number;
}

/** Runs one seed: everything about it, the script too, follows from the number. */
export async function simulate(seed: number, world: World = 'proxy'): Promise<SeedResult> {
  const random = new SeededRandom(seed);
  const clock = new VirtualClock();
  const network = new SimNetwork(clock, new SeededRandom(seed ^ 0x5eed), { link: linkOf(random) });
  const script =
    world === 'b2bua'
      ? b2bScriptOf(CALLS[random.int(CALLS.length)] ?? '', PARAMS[random.int(PARAMS.length)] ?? '')
      : scriptOf(SCRIPTS[random.int(SCRIPTS.length)] ?? '');
  const sim = await SimServer.start(network, { script, ip: PROXY, seed });
  const finals = watchFinals(network);
  const talks = world === 'b2bua' && random.int(3) > 0 ? new SeededRandom(random.uint32()) : null;
  const caller = await addCaller(network, clock, talks);
  const callees = [
    await addCallee(network, clock, random, '10.0.2.1', 'bob', talks !== null),
    await addCallee(network, clock, random, '10.0.2.2', 'carol', talks !== null),
  ];
  const count = 1 + random.int(6);
  for (let i = 0; i < count; i++) {
    const plan = planOf(random);
    clock.schedule(random.int(CALLING_MS), () => caller.starts(plan));
  }
  // Only routes that wait need promises to settle between events.
  if (world === 'b2bua') await clock.advanceAsync(LONG_END_MS);
  else clock.advance(END_MS);
  const faults = [
    ...caller.records.flatMap((record) => callFaults(record, finals)),
    ...callees.flatMap((callee) => callee.surprises),
    ...leftovers(sim),
    ...(world === 'b2bua' ? callsLeft(sim) : []),
    ...sim.log.lines.filter((line) => line.startsWith('-2') || line.includes('an event of a call failed')),
  ];
  await sim.stop();
  const answered = callees.reduce((sum, callee) => sum + callee.answered, 0);
  return { seed, faults, calls: caller.records.length, answered, packets: network.counts.sent };
}

function linkOf(random: SeededRandom): LinkOptions {
  const slowest = 1 + random.int(200);
  return {
    loss: random.int(21) / 100,
    delayMs: [1, slowest],
    duplicate: random.int(11) / 100,
    reorder: random.int(21) / 100,
    reorderMs: 1 + random.int(400),
  };
}

function planOf(random: SeededRandom): CallPlan {
  return {
    uri: `sip:someone@${PROXY}`,
    cancelAfterMs: random.int(3) === 0 ? random.int(12_000) : Infinity,
    talkMs: 100 + random.int(10_000),
    method: random.int(6) === 0 ? 'MESSAGE' : 'INVITE',
  };
}

async function addCaller(network: SimNetwork, clock: VirtualClock, talks: SeededRandom | null): Promise<Caller> {
  const ip = '10.0.1.1';
  let caller: Caller | null = null;
  const endpoint = await network
    .host(ip)
    .udp.open({ address: ip, port: 5060, family: 4 }, (text) => caller?.hears(text), fail);
  caller = new Caller(clock, endpoint, ip, 'alice', { ip: PROXY, port: 5060 }, talks);
  return caller;
}

async function addCallee(
  network: SimNetwork,
  clock: VirtualClock,
  random: SeededRandom,
  ip: string,
  name: string,
  talks: boolean,
): Promise<Callee> {
  const temper: Temper = {
    answers: random.int(80),
    refuses: random.int(60),
    isDead: random.int(20),
    ringMs: [random.int(300), 300 + random.int(12_000)],
    talks,
  };
  let callee: Callee | null = null;
  const endpoint = await network
    .host(ip)
    .udp.open({ address: ip, port: 5060, family: 4 }, (text, from, port) => callee?.hears(text, from, port), fail);
  callee = new Callee(clock, new SeededRandom(random.uint32()), endpoint, ip, name, temper);
  return callee;
}

function fail(error: Error): never {
  throw error;
}

/** Copies of final replies that the server sent for each call and method, and how many of them were lost. */
type Finals = ReadonlyMap<string, { sent: number; delivered: number }>;

function watchFinals(network: SimNetwork): Finals {
  const finals = new Map<string, { sent: number; delivered: number }>();
  network.onPacket = ({ what, from, to, text }) => {
    if (from !== `${PROXY}:5060` || to !== '10.0.1.1:5060' || !/^SIP\/2.0 [2-6]/.test(text)) return;
    const key = `${/^Call-ID: (.*)\r$/m.exec(text)?.[1] ?? ''} ${/^CSeq: \d+ (.*)\r$/m.exec(text)?.[1] ?? ''}`;
    const count = finals.get(key) ?? { sent: 0, delivered: 0 };
    if (what === 'sent') count.sent++;
    else if (what === 'delivered') count.delivered++;
    finals.set(key, count);
  };
  return finals;
}

/**
 * Exactly one final reply: several only where they are 2xx of several callees, or a 2xx that crossed the failure. None
 * only where no reply of the server came through.
 */
function callFaults(record: Caller['records'][number], finals: Finals): string[] {
  const faults: string[] = [];
  const failures = record.finals.filter((final) => !final.startsWith('2'));
  const name = `${record.callId} (${record.plan.method})`;
  if (failures.length > 1) faults.push(`${name}: ${record.finals.join(', ')}`);
  if (record.plan.method !== 'INVITE' && record.finals.length > 1) faults.push(`${name}: ${record.finals.join(', ')}`);
  const sent = finals.get(`${record.callId} ${record.plan.method}`);
  const isExcused = sent === undefined ? record.provisionals === 0 : sent.delivered === 0;
  if (record.finals.length === 0 && !isExcused)
    faults.push(`${name}: no final reply, ${record.provisionals} provisional`);
  if (record.finals.length === 0 && record.plan.method === 'INVITE' && record.provisionals > 0 && sent === undefined)
    faults.push(`${name}: the server never sent a final reply`);
  return faults;
}

/** No call, no leg and no slot of a limit may be left. */
function callsLeft(sim: SimServer): string[] {
  const { callCount, legCount, slotCount } = sim.api<B2buaApi>('b2bua');
  const isClean = callCount === 0 && legCount === 0 && slotCount === 0;
  return isClean ? [] : [`${callCount} calls, ${legCount} legs and ${slotCount} slots of limits left`];
}

/** Nothing may be left of the transactions once all timers are over. */
function leftovers(sim: SimServer): string[] {
  const { table } = sim.api<TmApi>('tm').core;
  const left = [...table.all()].map(
    (t) => `transaction left: ${t.request.methodName} ${t.request.callId} state ${t.state}`,
  );
  const timers = sim.server.wheel.size;
  return timers === 0 || left.length > 0 ? left : [`${timers} timers left`];
}
