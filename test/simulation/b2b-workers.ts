import type { Server } from '../../core/server.ts';
import { sharedStore } from '../../core/store/shared-store.ts';
import { SeededRandom } from '../../core/timer/random.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import type { B2buaApi } from '../../modules/b2bua/api.ts';
import type { TmApi } from '../../modules/tm/api.ts';
import { SimNetwork } from '../support/sim-network.ts';
import { SimServer } from '../support/sim-server.ts';
import { SimWorkers } from '../support/sim-workers.ts';
import { Phone } from './phone.ts';

const WORKERS = 2;
const NAMES = ['ann', 'ben', 'cat', 'dan', 'eve'] as const;
const SLOTS = 3;
/** Virtual time in which things happen, when the phones hang up, and after which everything must be over, ms. */
const BUSY_MS = 20_000;
const HANG_UP_MS = 30_000;
const END_MS = 500_000;
const ACTIONS = 60;

const script = `
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "b2bua.so"
modparam("b2bua", "park_timeout", 15)
modparam("b2bua", "replaces_auth", 0)
modparam("tm", "fr_inv_timer", 20000)
request_route {
  if (has_totag()) { if (!is_method("ACK")) sl_send_reply("481", "Gone"); exit; }
  if (is_method("CANCEL|ACK")) exit;
  if ($rU =~ "^pick-") {
    b2b_limit("picks", 50);
    if (!b2b_pickup("$(rU{s.substr,5,0})")) b2b_reject(404, "Nothing rings");
    exit;
  }
  if ($rU =~ "^get") { if (!b2b_unpark("$rU")) b2b_reject(404, "Nobody there"); exit; }
  if (!b2b_limit("user", 9, "$fU")) { b2b_reject(486); exit; }
  b2b_call("sip:$rU@10.0.1.$(rU{s.select,1,-})");
  exit;
}
event_route[b2bua:request] {
  if (is_method("INFO")) { b2b_reply(200); b2b_park("$hdr(X-Slot)"); drop; }
}
`;

/** What one seed showed. */
export interface WorkersResult {
  readonly faults: readonly string[];
  readonly dialogs: number;
  /** Calls that moved from one worker to the other. */
  readonly moved: number;
}

/** Five phones at a server of two workers call, park, pick up, replace and transfer at random, and hang up in the end. */
export async function simulateWorkers(seed: number): Promise<WorkersResult> {
  const random = new SeededRandom(seed);
  const clock = new VirtualClock();
  const network = new SimNetwork(clock, new SeededRandom(seed ^ 0x5eed), {
    link: { delayMs: [1, 1 + random.int(60)] },
  });
  const workers = new SimWorkers(
    clock,
    new SeededRandom(seed ^ 0xb0b),
    WORKERS,
    1 + random.int(30),
    random.int(3) / 20,
  );
  const sims: SimServer[] = [];
  for (const [index, seat] of workers.seats.entries())
    sims.push(
      await SimServer.start(network, { script, ip: `10.0.0.${index + 1}`, seed: seed * WORKERS + index, seat }),
    );
  const phones: Phone[] = [];
  for (const [index, name] of NAMES.entries()) {
    const server = `10.0.0.${1 + (index % WORKERS)}`;
    const phone = new Phone(
      `${name}-${index + 1}`,
      `10.0.1.${index + 1}`,
      server,
      clock,
      new SeededRandom(seed * 10 + index),
    );
    await phone.opens(network);
    phones.push(phone);
  }
  const one = <T>(list: readonly T[]): T | undefined => list[random.int(Math.max(1, list.length))];
  for (let i = 0; i < ACTIONS; i++) clock.schedule(random.int(BUSY_MS), () => acts(phones, one, random));
  clock.schedule(HANG_UP_MS, () => {
    for (const phone of phones) {
      for (const callId of phone.calling.keys()) phone.gives(callId);
      for (const dialog of phone.dialogs) phone.says(dialog, 'BYE');
    }
  });
  await clock.advanceAsync(HANG_UP_MS + 40_000);
  // Those that were answered since.
  for (const phone of phones) for (const dialog of phone.dialogs) phone.says(dialog, 'BYE');
  await clock.advanceAsync(END_MS);
  const faults = [...phones.flatMap((phone) => phone.faults), ...sims.flatMap(leftovers)];
  const moved = sims.reduce((sum, sim) => sum + (sim.server.counters.find('b2bua', 'moved_calls')?.get() ?? 0), 0);
  for (const sim of sims) await sim.stop();
  return { faults, dialogs: phones.reduce((sum, { dialogs }) => sum + dialogs.length, 0), moved };
}

type One = <T>(list: readonly T[]) => T | undefined;

/** One of the phones does one thing. */
function acts(phones: readonly Phone[], one: One, random: SeededRandom): void {
  const phone = one(phones);
  const other = one(phones);
  if (phone === undefined || other === undefined) return;
  const dialog = one(phone.dialogs.filter(({ state }) => state === 'up'));
  const slot = `get${random.int(SLOTS)}`;
  const kind = random.int(12);
  if (kind < 3 || dialog === undefined) return phone.calls(kind === 2 ? `pick-${other.name}` : other.name);
  if (kind === 3) return phone.calls(`pick-${other.name}`);
  if (kind < 6) return phone.calls(slot);
  if (kind < 8) return phone.says(dialog, 'INFO', { 'X-Slot': slot });
  if (kind === 8) return phone.says(dialog, 'INVITE');
  if (kind === 9) return phone.says(dialog, 'BYE');
  const theirs = one(phone.dialogs.filter((each) => each.state === 'up' && each !== dialog));
  if (kind === 10 && theirs !== undefined) {
    const value = `${theirs.callId};to-tag=${theirs.otherTag};from-tag=${theirs.ownTag}`;
    return phone.says(dialog, 'REFER', { 'Refer-To': `<sip:x@10.0.0.1?Replaces=${encodeURIComponent(value)}>` });
  }
  const replaced = one(other.dialogs);
  if (replaced === undefined) return phone.calls(other.name);
  phone.calls(other.name, { Replaces: `${replaced.callId};to-tag=${replaced.otherTag};from-tag=${replaced.ownTag}` });
}

/** Call-IDs that are said to be elsewhere; those that are only lent end by themselves. */
function homesLeft(server: Server): number {
  return sharedStore(server, 'b2bua.homes')
    .records()
    .filter(({ expiresMs }) => expiresMs === 0).length;
}

/** What a worker still has when nothing happens any more. */
function leftovers({ server, log }: SimServer): string[] {
  const b2bua = server.modules.api('b2bua') as B2buaApi;
  const tm = server.modules.api('tm') as TmApi;
  const counts: Record<string, number> = {
    calls: b2bua.callCount,
    legs: b2bua.legCount,
    slots: b2bua.slotCount,
    transactions: tm.core.table.size,
    timers: server.wheel.size,
    homes: homesLeft(server),
    parked: sharedStore(server, 'b2bua.slots').size,
  };
  const left = Object.entries(counts).flatMap(([what, count]) => (count === 0 ? [] : [`${count} ${what} left`]));
  // What happened in those calls tells why.
  for (const call of b2bua.calls())
    for (const { atMs, leg, what } of call.history) left.push(`${call.id} ${atMs} ${leg} ${what}`);
  return [...left, ...log.lines.filter((line) => /^-[234]/.test(line))];
}
