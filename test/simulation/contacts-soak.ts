/**
 * `npm run soak:contacts [CONTACTS]`: so many contacts (1,000,000), each of its own user, in
 * memory: what they cost in memory, what a lookup and a refresh cost next to a table of 1,000, and how long the timer
 * holds up the server. Kamailio 5.6.3 uses 984 bytes a contact.
 */
import process from 'node:process';
import { RealClock } from '../../core/timer/real-clock.ts';
import type { UcontactInfo, Udomain } from '../../modules/usrloc/api.ts';
import usrloc from '../../modules/usrloc/index.ts';
import { BareServer } from '../support/bare-server.ts';
import { contactInfo } from '../support/contact-info.ts';

const SMALL = 1000;
const SAMPLES = 200_000;
const wanted = Number(process.argv[2] ?? 1_000_000);

const bare = new BareServer({ clock: new RealClock() });
const ul = await bare
  .init(usrloc, [['timer_interval', 60]])
  .then((module) => module.state as { domain(name: string): Udomain; nowSec(): number });

/** As a phone behind a NAT registers; about 250 bytes of text. */
function contact(i: number): UcontactInfo {
  const ip = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
  return contactInfo(`sip:user${i}@${ip}:5060;transport=udp;ob`, ul.nowSec(), {
    callid: `${i.toString(16).padStart(16, '0')}-3f2a@${ip}`,
    cflags: 64,
    userAgent: 'Example Phone 3.14.15 (build 926)',
    received: `sip:203.0.113.${i & 255}:${1024 + (i % 60_000)}`,
    socket: 'udp:192.0.2.10:5060',
    methods: 0x1fff,
    instance: `<urn:uuid:00000000-0000-1000-8000-${i.toString(16).padStart(12, '0')}>`,
  });
}

interface Memory {
  readonly heap: number;
  readonly rss: number;
}

function memory(): Memory {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, rss };
}

function register(table: Udomain, i: number): void {
  const info = contact(i);
  void table.edit(`user${i}`, (record) => {
    const found = record.match(info.contact, info.callid, '', 2);
    if (found.found === 'contact') record.update(found.contact, info);
    else record.insert(info);
  });
}

/** Microseconds an operation takes. */
function cost(count: number, operation: (i: number) => void): string {
  const begun = performance.now();
  for (let n = 0; n < SAMPLES; n++) operation((n * 7919) % count);
  return (((performance.now() - begun) * 1000) / SAMPLES).toFixed(2);
}

function measure(table: Udomain, count: number): string {
  const lookup = cost(count, (i) => void table.lookup(`user${i}`));
  const refresh = cost(count, (i) => register(table, i));
  return `lookup ${lookup} µs, refresh ${refresh} µs`;
}

const small = ul.domain('small');
for (let i = 0; i < SMALL; i++) register(small, i);
measure(small, SMALL);
console.log(`${SMALL} contacts: ${measure(small, SMALL)}`);

const large = ul.domain('location');
const before = memory();
let slowestMs = 0;
const begun = performance.now();
for (let i = 0; i < wanted; i++) {
  const start = performance.now();
  register(large, i);
  slowestMs = Math.max(slowestMs, performance.now() - start);
}
const insert = ((performance.now() - begun) * 1000) / wanted;
const after = memory();
console.log(
  `${wanted} contacts: ${measure(large, wanted)}, insert ${insert.toFixed(2)} µs, slowest ${slowestMs.toFixed(1)} ms`,
);
const perContact = (bytes: number): string => (bytes / wanted).toFixed(0);
console.log(
  `memory of one contact: RSS ${perContact(after.rss - before.rss)} bytes, JavaScript heap ${perContact(after.heap - before.heap)} bytes` +
    `; RSS of the process ${(after.rss / 2 ** 20).toFixed(0)} MiB`,
);
const sweepBegun = performance.now();
let visited = 0;
void large.each(() => void visited++, { part: 7, parts: 60 });
console.log(`a sixtieth of them: ${visited} contacts visited in ${(performance.now() - sweepBegun).toFixed(1)} ms`);
if (after.rss - before.rss > 984 * wanted) process.exitCode = 1;
await bare.stop();
process.exit();
