import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defineModule, type ModuleDef } from 'strowger';
import { sipMsg, VirtualClock } from 'strowger/testing';
import { BareServer } from '../../test/support/bare-server.ts';
import type { Ucontact, UcontactFilter, UsrlocApi } from '../usrloc/api.ts';
import nathelper from './index.ts';

const NAT_FLAG = 64;
const SIP_FLAG = 128;

function contact(changes: Partial<Ucontact>): Ucontact {
  return {
    contact: 'sip:a@10.0.1.1:5062',
    received: '',
    path: '',
    socket: '',
    cflags: 0,
    ruid: 'uloc-1-1',
    serverId: 0,
    ...changes,
  } as unknown as Ucontact;
}

/** A location table as usrloc shows it: contacts that do not change. */
class Location {
  readonly contacts: readonly Ucontact[];
  readonly filters: UcontactFilter[] = [];
  readonly refreshed: [ruid: string, roundtripUs: number][] = [];
  keepaliveTimeout = 0;
  readonly #share: ((i: number) => number) | null;

  /** `share` says to which part each contact belongs; all evenly where not given. */
  constructor(contacts: readonly Ucontact[], share: ((i: number) => number) | null = null) {
    this.contacts = contacts;
    this.#share = share;
  }

  get module(): ModuleDef<Location> {
    return defineModule<Location>({ name: 'usrloc', summary: '', init: () => this, api: () => this.#api() });
  }

  #api(): Partial<UsrlocApi> {
    const domain = {
      each: (visit: (contact: Ucontact) => void, filter: UcontactFilter = {}) => {
        this.filters.push(filter);
        const { part = 0, parts = 1, cflags = 0 } = filter;
        for (const [i, item] of this.contacts.entries())
          if ((this.#share?.(i) ?? i % parts) === part && (cflags === 0 || (item.cflags & cflags) !== 0)) visit(item);
      },
      refreshKeepalive: (ruid: string, roundtripUs = 0) => {
        this.refreshed.push([ruid, roundtripUs]);
        return true;
      },
    };
    return {
      natFlag: NAT_FLAG,
      domains: () => [domain as never],
      socketOf: () => null,
      setKeepaliveTimeout: (sec) => {
        this.keepaliveTimeout = sec;
      },
    };
  }
}

type Params = readonly (readonly [string, string | number])[];

interface Pinging {
  readonly bare: BareServer;
  readonly clock: VirtualClock;
  readonly location: Location;
}

async function pinging(
  contacts: readonly Ucontact[],
  params: Params,
  share: ((i: number) => number) | null = null,
): Promise<Pinging> {
  const clock = new VirtualClock();
  const bare = new BareServer({ clock });
  const location = new Location(contacts, share);
  await bare.load(location.module);
  await bare.load(nathelper, params);
  return { bare, clock, location };
}

const SIP: Params = [
  ['natping_interval', 2],
  ['sipping_bflag', 7],
  ['sipping_from', 'sip:pinger@example.org'],
];

describe('NAT pings', { timeout: 60_000 }, () => {
  for (const [name, share] of [
    ['equal parts', (i: number) => i % 30],
    // As tables of hashes have them: some parts are half as large again as others.
    ['unequal parts', (i: number) => Math.floor(((i % 1000) / 1000) ** 1.25 * 30)],
  ] as const)
    test(`100,000 contacts in 30 seconds, ${name}: each once, evenly, without a burst`, async () => {
      const contacts = Array.from({ length: 100_000 }, (_, i) =>
        contact({ contact: `sip:u${i}@10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:5062`, ruid: `uloc-${i}` }),
      );
      const { bare, clock } = await pinging(contacts, [['natping_interval', 30]], share);
      let most = 0;
      const perSecond: number[] = [];
      for (let second = 0; second <= 62; second++) {
        const before = bare.sent.length;
        for (let i = 0; i < 50; i++) {
          const at = bare.sent.length;
          await clock.advanceAsync(20);
          most = Math.max(most, bare.sent.length - at);
        }
        perSecond.push(bare.sent.length - before);
      }
      const mean = 100_000 / 30;
      const whole = perSecond.slice(33, 60);
      assert.ok(
        whole.every((count) => Math.abs(count - mean) < mean * 0.35),
        perSecond.join(' '),
      );
      assert.ok(most <= (mean / 50) * 2.2, `${most} in 20 ms`);
      const first = new Set(bare.sent.slice(0, 100_000).map(({ ip }) => ip));
      assert.equal(first.size, 100_000);
      assert.deepEqual(bare.sent[0]?.text, '\0\0\0\0');
      await bare.stop();
    });

  test('a SIP ping names the contact, goes along its Path, and its answer is taken', async () => {
    const natted = contact({ received: 'sip:192.0.2.7:4567', cflags: NAT_FLAG | SIP_FLAG, ruid: 'uloc-5-6' });
    const behind = contact({ path: '<sip:10.0.9.9;lr>,<sip:10.0.9.8;lr>', ruid: 'uloc-5-7' });
    const { bare, clock, location } = await pinging([natted, behind], [...SIP, ['keepalive_timeout', 90]]);
    assert.equal(location.keepaliveTimeout, 90);
    await clock.advanceAsync(3100);
    const [first, second] = bare.sent;
    assert.deepEqual([first?.ip, first?.port, second?.ip, second?.port], ['192.0.2.7', 4567, '10.0.9.9', 5060]);
    assert.match(
      first?.text ?? '',
      /^OPTIONS sip:a@10\.0\.1\.1:5062 SIP\/2\.0\r\nVia: SIP\/2\.0\/UDP 127\.0\.0\.1:5060;branch=z9hG4bK\w+\r\nMax-Forwards: 70\r\nFrom: <sip:pinger@example\.org>;tag=uloc-5-6-\w+\r\nTo: <sip:a@10\.0\.1\.1:5062>\r\nCall-ID: \S+@127\.0\.0\.1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n$/,
    );
    assert.match(second?.text ?? '', /\r\nRoute: <sip:10\.0\.9\.9;lr>,<sip:10\.0\.9\.8;lr>\r\n/);
    const rows = (first?.text ?? '').split('\r\n').slice(1).join('\r\n');
    const reply = sipMsg(`SIP/2.0 200 OK\r\n${rows}`);
    assert.equal(bare.server.hooks.replyIn.every(reply), false);
    assert.equal(location.refreshed[0]?.[0], 'uloc-5-6');
    const foreign = sipMsg(`SIP/2.0 200 OK\r\n${rows.replace(/Call-ID: \w+/, 'Call-ID: other')}`);
    assert.equal(bare.server.hooks.replyIn.every(foreign), true);
    assert.equal(location.refreshed.length, 1);
    await bare.stop();
  });

  test('only contacts behind NAT; by SIP those with the flag; none with the disabling flag; none over TCP', async () => {
    const contacts = [
      contact({ contact: 'sip:a@10.0.1.1', ruid: 'plain' }),
      contact({ contact: 'sip:a@10.0.1.2', cflags: NAT_FLAG }),
      contact({ contact: 'sip:a@10.0.1.3', cflags: NAT_FLAG | SIP_FLAG }),
      contact({ contact: 'sip:a@10.0.1.4', cflags: NAT_FLAG | 256 }),
      contact({ contact: 'sip:a@10.0.1.5;transport=tcp', cflags: NAT_FLAG }),
    ];
    const params: Params = [...SIP, ['ping_nated_only', 1], ['natping_disable_bflag', 8], ['filter_server_id', 1]];
    const { bare, clock, location } = await pinging(contacts, params);
    await clock.advanceAsync(3000);
    const sent = new Map(bare.sent.map(({ ip, text }) => [ip, text.slice(0, 7)]));
    assert.deepEqual(Object.fromEntries(sent), { '10.0.1.2': '\0\0\0\0', '10.0.1.3': 'OPTIONS' });
    assert.equal(location.filters[0]?.ownOnly, true);
    await bare.stop();
  });

  test('nathelper.enable_ping stops and starts them', async () => {
    const { bare, clock } = await pinging([contact({})], [['natping_interval', 1]]);
    await bare.server.rpc.call('nathelper.enable_ping', [0]);
    await clock.advanceAsync(5000);
    assert.equal(bare.sent.length, 0);
    await bare.server.rpc.call('nathelper.enable_ping', [1]);
    await clock.advanceAsync(3000);
    assert.ok(bare.sent.length >= 2);
    await bare.stop();
  });

  test('parameters that lack another are refused', async () => {
    for (const [params, why] of [
      [[['natping_interval', 5]], /needs the module usrloc/],
      [SIP.slice(0, 2), /need sipping_from/],
      [
        [
          ['natping_interval', 5],
          ['force_socket', 'udp:1.2.3.4:5'],
        ],
        /no socket of ours/,
      ],
      [[['alias_name', '']], /alias_name is empty/],
    ] as readonly (readonly [Params, RegExp])[]) {
      const bare = new BareServer();
      if (!why.source.includes('usrloc')) await bare.load(new Location([]).module);
      await assert.rejects(bare.load(nathelper, params), why);
      await bare.stop();
    }
  });
});
