import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { ha1Of, MD5 } from '../../core/auth/digest.ts';
import { replyText } from '../../core/rpc/reply-text.ts';
import { response, type TestMsg } from '../../test/support/msg.ts';
import { RegistrarPeer } from '../../test/support/registrar-peer.ts';
import { SipWorld, type WorldOptions } from '../../test/support/sip-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-uac-'));
after(() => rmSync(folder, { recursive: true }));

const IDLE = `
request_route {
  $var(r) = "-";
  if ($rU == "status") $var(o) = uac_reg_status("$hdr(X-A)");
  if ($rU == "lookup") { $var(s) = uac_reg_lookup("$hdr(X-A)", "$var(r)"); pv_printf("$var(o)", "$var(s) $var(r)"); }
  if ($rU == "uri") { $var(s) = uac_reg_lookup_uri("$hdr(X-A)", "$var(r)"); pv_printf("$var(o)", "$var(s) $var(r)"); }
  if ($rU == "enable") $var(o) = uac_reg_enable("l_uuid", "$hdr(X-A)");
  if ($rU == "disable") $var(o) = uac_reg_disable("$hdr(X-B)", "$hdr(X-A)");
  if ($rU == "refresh") $var(o) = uac_reg_refresh("$hdr(X-A)");
  if ($rU == "to") {
    $var(m) = $(hdr(X-B){s.int});
    $var(s) = uac_reg_request_to("$hdr(X-A)", "$var(m)");
    pv_printf("$var(o)", "$var(s) $ru $du $avp(ar) $avp(au) $avp(ap)");
  }
  sl_send_reply("200", "$var(o)");
}`;

/** A server that registers with bob, a registrar. */
class RegWorld {
  readonly world: SipWorld;
  readonly registrar: RegistrarPeer;

  private constructor(world: SipWorld) {
    this.world = world;
    this.registrar = new RegistrarPeer(world.bob, () => world.clock.now());
  }

  static async with(
    params: Readonly<Record<string, string | number>>,
    use: (w: RegWorld) => Promise<void>,
    options: WorldOptions = {},
  ): Promise<void> {
    const all = {
      reg_contact_addr: '10.0.0.1:5060',
      reg_timer_interval: 10,
      auth_realm_avp: '$avp(ar)',
      auth_username_avp: '$avp(au)',
      auth_password_avp: '$avp(ap)',
      ...params,
    };
    const lines = Object.entries(all).map(
      ([name, value]) => `modparam("uac", "${name}", ${typeof value === 'number' ? value : `"${value}"`})`,
    );
    const world = await SipWorld.start(IDLE, {
      ...options,
      params: `loadmodule "db_sqlite.so"\nloadmodule "uac.so"\nmodparam("tm", "fr_timer", 5000)\n${lines.join('\n')}\n`,
    });
    const w = new RegWorld(world);
    try {
      await use(w);
    } finally {
      await world.stop();
    }
    assert.equal(world.sim.server.wheel.size, 0, 'timers left');
  }

  /** Adds a registration whose registrar is bob. */
  async add(uuid: string, expires = 60, more: Readonly<Record<string, string | number>> = {}): Promise<void> {
    const row = { realm: 'example.org', password: 'pw', ha1: '.', flags: 0, delay: 0, ...more };
    const names = [uuid, 'alice', 'local.org', 'ralice', 'example.org', row.realm, 'au', row.password, row.ha1];
    await this.rpc('uac.reg_add', ...names, 'sip:10.0.2.1', expires, row.flags, row.delay, '.', '.');
  }

  async rpc(method: string, ...params: (string | number)[]): Promise<string> {
    return replyText(await this.world.clock.runUntilSettled(this.world.sim.server.rpc.call(method, params)));
  }

  async flags(uuid: string): Promise<number> {
    return Number(/flags: (\d+)/.exec(await this.rpc('uac.reg_info', 'l_uuid', uuid))?.[1]);
  }

  /** What the script's function says. */
  async asks(user: string, a: string, b = ''): Promise<string> {
    const { alice } = this.world;
    alice.sends(alice.request('OPTIONS', `sip:${user}@10.0.0.1`, { headers: { 'X-A': a, 'X-B': b } }));
    return (await alice.receives((msg) => msg.status >= 200)).startLine.slice('SIP/2.0 200 '.length);
  }

  /** Seconds at which REGISTERs came. */
  get seconds(): number[] {
    return this.registrar.seenMs.map((ms) => Math.floor(ms / 1000));
  }
}

const CONTACT = 'sip:a1@10.0.0.1:5060';
const refusal =
  (code: number, headers: Readonly<Record<string, string>> = {}): ((msg: TestMsg) => string) =>
  (msg) =>
    response(msg, code, { headers });

test('a registration: challenged, answered, refreshed before it ends', async () => {
  await RegWorld.with({}, async (w) => {
    await w.add('a1', 60);
    await w.world.passes(1000);
    const [first, second] = w.registrar.seen;
    assert.equal(first?.startLine, 'REGISTER sip:example.org SIP/2.0');
    assert.match(first?.get('From') ?? '', /^<sip:ralice@example.org>;tag=\w+$/);
    assert.equal(first?.get('To'), '<sip:ralice@example.org>');
    assert.deepEqual([first?.get('Contact'), first?.get('Expires')], [`<${CONTACT}>`, '60']);
    assert.deepEqual([first?.get('CSeq'), second?.get('CSeq')], ['10 REGISTER', '11 REGISTER']);
    assert.equal(second?.get('Call-ID'), first?.get('Call-ID'));
    assert.equal(second?.get('From'), first?.get('From'));
    assert.ok(w.registrar.has(CONTACT));
    assert.deepEqual([await w.flags('a1'), await w.asks('status', 'a1')], [20, '1']);
    for (let i = 0; i < 600; i++) {
      await w.world.passes(1000);
      assert.ok(w.registrar.has(CONTACT), `bound after ${i} s`);
    }
    // 60 seconds less 13: one refresh every 47 seconds, each with a challenge.
    assert.equal(w.registrar.acceptedMs.length, 1 + Math.floor(601 / 47));
    assert.notEqual(w.registrar.seen[2]?.get('Call-ID'), first?.get('Call-ID'));
  });
});

test('a binding shorter than the interval is refreshed after half of its time', async () => {
  await RegWorld.with({ reg_timer_interval: 90 }, async (w) => {
    w.registrar.password = '';
    w.registrar.grants = 20;
    await w.add('a1', 3600);
    await w.world.passes(45_000);
    assert.deepEqual(w.seconds, [0, 10, 20, 30, 40]);
  });
});

test('reg_keep_callid counts CSeq on, and begins anew after a failure', async () => {
  await RegWorld.with({ reg_keep_callid: 1, reg_retry_interval: 5 }, async (w) => {
    w.registrar.password = '';
    await w.add('a1', 20);
    await w.world.passes(15_000);
    w.registrar.next.push(refusal(500));
    await w.world.passes(20_000);
    const ids = w.registrar.seen.map((msg) => msg.get('Call-ID'));
    assert.equal(ids[1], ids[0]);
    assert.equal(ids[2], ids[0]);
    assert.notEqual(ids[3], ids[0]);
    assert.deepEqual(
      w.registrar.seen.slice(0, 4).map((msg) => msg.cseqNumber),
      [10, 11, 12, 10],
    );
  });
});

test('failures: refused credentials, errors, no reply are tried again after reg_retry_interval, or Retry-After', async () => {
  await RegWorld.with({ reg_retry_interval: 30 }, async (w) => {
    w.registrar.password = 'other';
    await w.add('a1', 60);
    await w.world.passes(1000);
    assert.equal(w.registrar.seen.length, 2, 'credentials that were refused are not sent again');
    assert.deepEqual([await w.flags('a1'), await w.asks('status', 'a1')], [16, '-99']);
    await w.world.passes(30_000);
    assert.deepEqual(w.seconds, [0, 0, 30, 30]);
    w.registrar.password = '';
    w.registrar.next.push(refusal(503, { 'Retry-After': '100 (later)' }), () => null);
    await w.world.passes(30_000);
    assert.equal(w.seconds.at(-1), 60);
    await w.world.passes(99_000);
    assert.equal(w.seconds.at(-1), 60);
    await w.world.passes(2000);
    // Nothing answers the attempt at 160 s, which is given up after fr_timer.
    assert.equal(w.seconds.at(-1), 160);
  });
});

test('without reg_retry_interval a failure disables; enabling registers again', async () => {
  await RegWorld.with({}, async (w) => {
    w.registrar.next.push(refusal(403));
    await w.add('a1', 60);
    await w.world.passes(100_000);
    assert.deepEqual([w.registrar.seen.length, await w.flags('a1'), await w.asks('status', 'a1')], [1, 17, '-3']);
    assert.equal(await w.asks('enable', 'a1'), '1');
    await w.world.passes(1000);
    assert.deepEqual([await w.flags('a1'), await w.asks('status', 'a1')], [20, '1']);
  });
});

test('423 asks for a longer time at once, and keeps it', async () => {
  await RegWorld.with({}, async (w) => {
    w.registrar.password = '';
    w.registrar.next.push(refusal(423, { 'Min-Expires': '300' }));
    await w.add('a1', 60);
    await w.world.passes(1000);
    assert.deepEqual(
      w.registrar.seen.map((msg) => msg.get('Expires')),
      ['60', '300'],
    );
    assert.match(await w.rpc('uac.reg_info', 'l_uuid', 'a1'), /expires: 300\n/);
  });
});

test('a stale nonce is not a wrong password', async () => {
  await RegWorld.with({}, async (w) => {
    const { registrar } = w;
    registrar.next.push(
      (msg) => registrar.challenge(msg),
      (msg) => {
        registrar.nonce = 'nonce-2';
        return registrar.challenge(msg, ', stale=true');
      },
    );
    await w.add('a1', 60);
    await w.world.passes(1000);
    assert.equal(registrar.seen.length, 3);
    assert.ok(registrar.has(CONTACT));
  });
});

test('SHA-256, H(A1) instead of a password, and a realm that is not ours', async () => {
  await RegWorld.with({}, async (w) => {
    w.registrar.algorithm = 'SHA-256';
    await w.add('a1', 60);
    await w.world.passes(1000);
    assert.ok(w.registrar.has(CONTACT));
    assert.match(w.registrar.seen[1]?.get('Authorization') ?? '', /algorithm=SHA-256$/);
    w.registrar.algorithm = 'MD5';
    await w.add('a2', 60, { password: '.', ha1: ha1Of(MD5, 'au', 'example.org', 'pw') });
    await w.add('a3', 60, { realm: 'elsewhere' });
    await w.world.passes(1000);
    assert.ok(w.registrar.has('sip:a2@10.0.0.1:5060'));
    assert.ok(!w.registrar.has('sip:a3@10.0.0.1:5060'));
    assert.equal(await w.flags('a3'), 17);
  });
});

test('which Contact of the reply is ours, and which time holds', async () => {
  const replies: [Parameters<typeof response>[2], number][] = [
    [{ headers: { Contact: '<sip:other@1.1.1.1>;expires=100, <sip:a1@10.9.9.9:7>;expires=30' } }, 30],
    [{ contact: `<${CONTACT}>`, headers: { Expires: '40' } }, 40],
    [{ contact: `<${CONTACT}>` }, 60],
    [{ headers: { Contact: ['<sip:a1@9.9.9.9>;expires=70', `<${CONTACT}>;expires=50`] } }, 50],
  ];
  for (const [options, seconds] of replies) {
    await RegWorld.with({}, async (w) => {
      w.registrar.next.push((msg) => response(msg, 200, options));
      await w.add('a1', 60);
      await w.world.passes(100);
      assert.match(await w.rpc('uac.reg_info', 'l_uuid', 'a1'), new RegExp(`flags: 20\n\tdiff_expires: ${seconds}\n`));
    });
  }
  for (const options of [{}, { contact: '<sip:other@1.1.1.1>;expires=9' }, { contact: `<${CONTACT}>;expires=0` }]) {
    await RegWorld.with({}, async (w) => {
      w.registrar.next.push((msg) => response(msg, 200, options));
      await w.add('a1', 60);
      await w.world.passes(100);
      assert.equal(await w.flags('a1'), 17);
    });
  }
});

test('disable, enable, unregister, remove', async () => {
  await RegWorld.with({}, async (w) => {
    w.registrar.password = '';
    await w.add('a1', 60);
    await w.world.passes(1000);
    await w.rpc('uac.reg_disable', 'l_username', 'alice');
    assert.deepEqual([await w.flags('a1'), await w.asks('status', 'a1')], [21, '-3']);
    await w.world.passes(200_000);
    assert.equal(w.registrar.seen.length, 1);
    await w.rpc('uac.reg_enable', 'l_uuid', 'a1');
    await w.world.passes(1000);
    assert.ok(w.registrar.has(CONTACT));
    await w.rpc('uac.reg_unregister', 'l_uuid', 'a1');
    await w.world.passes(1000);
    assert.equal(w.registrar.seen.at(-1)?.get('Expires'), '0');
    assert.ok(!w.registrar.has(CONTACT));
    assert.equal(await w.flags('a1'), 17);
    await w.world.passes(200_000);
    assert.equal(w.registrar.seen.length, 3);
    await w.rpc('uac.reg_remove', 'a1');
    assert.equal(await w.asks('status', 'a1'), '-1');
    await assert.rejects(w.rpc('uac.reg_remove', 'a1'), /Record not found/);
  });
});

test('unregistering while a REGISTER is under way, and enabling again before its reply', async () => {
  await RegWorld.with({}, async (w) => {
    w.registrar.password = '';
    w.registrar.next.push(() => null);
    await w.add('a1', 60);
    await w.world.passes(100);
    await w.rpc('uac.reg_unregister', 'l_uuid', 'a1');
    await w.world.passes(2000);
    // The repeated REGISTER is answered, then the binding is taken away.
    assert.deepEqual([...new Set(w.registrar.seen.map((msg) => msg.get('Expires')))], ['60', '0']);
    assert.ok(!w.registrar.has(CONTACT));
    await w.rpc('uac.reg_enable', 'l_uuid', 'a1');
    await w.world.passes(100);
    assert.ok(w.registrar.has(CONTACT));
  });
});

test('reg_active holds everything back until it is told', async () => {
  await RegWorld.with({ reg_active: 0 }, async (w) => {
    w.registrar.password = '';
    await w.add('a1', 60);
    await w.world.passes(100_000);
    assert.deepEqual([w.registrar.seen.length, await w.flags('a1')], [0, 0]);
    assert.equal(await w.rpc('uac.reg_active', 1), '{\n\tomode: 0\n\tnmode: 1\n}\n');
    await w.world.passes(100);
    assert.ok(w.registrar.has(CONTACT));
    await w.rpc('uac.reg_active', 0);
    await w.world.passes(200_000);
    assert.equal(w.registrar.seen.length, 1);
    await w.rpc('uac.reg_active', 1);
    await w.world.passes(100);
    assert.equal(w.registrar.seen.length, 2);
  });
});

test('many registrations do not come at once; reg_delay and reg_random_delay put them off', async () => {
  await RegWorld.with({}, async (w) => {
    w.registrar.password = '';
    const count = 500;
    for (let i = 0; i < count; i++) await w.add(`u${i}`, 3600);
    await w.world.passes(1000);
    assert.equal(w.registrar.bindings.size, count);
    const perTick = new Map<number, number>();
    for (const ms of w.registrar.seenMs) perTick.set(Math.floor(ms / 50), (perTick.get(Math.floor(ms / 50)) ?? 0) + 1);
    assert.ok(Math.max(...perTick.values()) <= 100, 'not all in one go');
    await w.add('late', 3600, { delay: 30 });
    await w.world.passes(29_000);
    assert.ok(!w.registrar.has('sip:late@10.0.0.1:5060'));
    await w.world.passes(2000);
    assert.ok(w.registrar.has('sip:late@10.0.0.1:5060'));
  });
  await RegWorld.with({ reg_random_delay: 100 }, async (w) => {
    w.registrar.password = '';
    for (let i = 0; i < 200; i++) await w.add(`u${i}`, 36_000);
    await w.world.passes(101_000);
    assert.equal(w.registrar.bindings.size, 200);
    const tenths = new Set(w.seconds.map((second) => Math.floor(second / 10)));
    assert.ok(tenths.size >= 10, 'spread over the whole time');
  });
});

test('statistics', async () => {
  await RegWorld.with({}, async (w) => {
    w.registrar.password = '';
    await w.add('a1');
    await w.add('a2');
    await w.add('a3', 60, { flags: 1 });
    await w.world.passes(1000);
    const { counters } = w.world.sim.server;
    const value = (name: string): number | undefined => counters.find('uac', name)?.get();
    assert.deepEqual([value('regtotal'), value('regactive'), value('regdisabled')], [3, 2, 1]);
  });
});

test('lookups and requests to the other side', async () => {
  await RegWorld.with({ reg_active: 0 }, async (w) => {
    await w.add('a1');
    await w.add('a3', 60, { flags: 1, password: '.', ha1: 'f'.repeat(32) });
    assert.equal(await w.asks('lookup', 'a1'), '1 sip:alice@local.org');
    assert.equal(await w.asks('lookup', 'zz'), '-1 -');
    assert.equal(await w.asks('uri', 'sip:alice@anywhere'), '1 a3');
    assert.equal(await w.asks('uri', 'sip:bob@local.org'), '-1 -');
    assert.equal(await w.asks('uri', 'alice'), '-2 -');
    assert.equal(await w.asks('to', 'a1', '0'), '1 sip:ralice@example.org sip:10.0.2.1 example.org au pw');
    assert.equal(
      await w.asks('to', 'a3', '2'),
      `1 sip:ralice@example.org sip:10.0.2.1 example.org au ${'f'.repeat(32)}`,
    );
    assert.match(await w.asks('to', 'alice', '1'), /^1 sip:ralice/);
    assert.match(await w.asks('to', 'alice', '0'), /^-1 sip:to/);
    assert.match(await w.asks('to', 'a1', '4'), /^-1 sip:to/);
    assert.equal(await w.asks('enable', 'zz'), '-2');
    assert.equal(await w.asks('disable', 'a1', 'foo'), '-3');
  });
  await RegWorld.with({ reg_active: 0, reg_use_domain: 1 }, async (w) => {
    await w.add('a1');
    assert.equal(await w.asks('uri', 'sip:alice@anywhere'), '-1 -');
    assert.equal(await w.asks('uri', 'sip:alice@LOCAL.org'), '1 a1');
    assert.match(await w.asks('to', 'alice', '1'), /^-2 /);
    assert.match(await w.asks('to', 'sip:alice@local.org', '1'), /^1 /);
  });
});

/** A table with these rows: uuid, password, expires. */
function makeTable(file: string, version = 5): DatabaseSync {
  const db = new DatabaseSync(file);
  const columns = ['l_uuid', 'l_username', 'l_domain', 'r_username', 'r_domain', 'realm', 'auth_username'];
  columns.push('auth_password', 'auth_ha1', 'auth_proxy', 'contact_addr', 'socket');
  db.exec(`CREATE TABLE version (table_name VARCHAR(32), table_version INTEGER);
    INSERT INTO version VALUES ('uacreg', ${version});
    CREATE TABLE uacreg (${columns.map((name) => `${name} VARCHAR(255) DEFAULT '' NOT NULL`).join(', ')},
      expires INTEGER DEFAULT 0, flags INTEGER DEFAULT 0, reg_delay INTEGER DEFAULT 0)`);
  return db;
}

function insert(db: DatabaseSync, uuid: string, password = 'pw'): void {
  db.exec(`INSERT INTO uacreg (l_uuid, l_username, l_domain, r_username, r_domain, auth_username, auth_password,
    auth_proxy, contact_addr, expires) VALUES ('${uuid}', 'u', 'l.org', 'r', 'example.org', 'au', '${password}',
    'sip:10.0.2.1', '10.0.0.1:5060', 60)`);
}

test('records of the table, read at start, by reload and one by one', async () => {
  const file = join(folder, 'reg.db');
  const db = makeTable(file);
  for (const uuid of ['a1', 'a2']) insert(db, uuid);
  insert(db, 'bad', '');
  await RegWorld.with({ reg_db_url: `sqlite://${file}`, reg_gc_interval: 20 }, async (w) => {
    await w.world.passes(1000);
    assert.deepEqual([...w.registrar.bindings.keys()], ['sip:a1@10.0.0.1:5060', 'sip:a2@10.0.0.1:5060']);
    insert(db, 'a3');
    db.exec("DELETE FROM uacreg WHERE l_uuid = 'a1'");
    await assert.rejects(w.rpc('uac.reg_reload'), /Failed to shift records - check log messages/);
    assert.equal(await w.asks('refresh', 'a3'), '1');
    assert.equal(await w.asks('refresh', 'zz'), '-1');
    await w.world.passes(20_000);
    const before = w.registrar.seen.length;
    assert.equal(await w.asks('status', 'a1'), '1');
    await w.rpc('uac.reg_reload');
    assert.deepEqual([await w.asks('status', 'a1'), await w.asks('status', 'a3')], ['-1', '1']);
    await w.world.passes(1000);
    assert.equal(w.registrar.seen.length, before, 'what has not changed is not registered again');
    assert.ok(w.world.sim.log.lines.some((line) => line.includes('bad is left out: no password value provided')));
  });
  db.close();
});

test('a table of another version, or no contact address, ends the start', async () => {
  const file = join(folder, 'old.db');
  makeTable(file, 2).close();
  await assert.rejects(
    RegWorld.with({ reg_db_url: `sqlite://${file}` }, () => Promise.resolve()),
    /version/,
  );
  await assert.rejects(
    RegWorld.with({ reg_db_url: `sqlite://${file}`, reg_contact_addr: '' }, () => Promise.resolve()),
    /reg_contact_addr/,
  );
});
