import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { UdpPeer } from '../support/kamailio.ts';
import { response, TestMsg } from '../support/msg.ts';
import { skipWithout } from '../support/peers.ts';
import { CasePair, type ScriptCase } from './case-pair.ts';

/** The same registrations in both servers: what RPC shows of them, what scripts see, and what the registrar is sent. */

const HEAD = `
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "textops.so"
loadmodule "db_sqlite.so"
loadmodule "uac.so"
modparam("tm", "fr_timer", 1000)
modparam("uac", "reg_db_url", "sqlite:///FOLDER/reg.db")
modparam("uac", "reg_contact_addr", "192.0.2.1:5060;x=y")
modparam("uac", "reg_timer_interval", 1)
modparam("uac", "reg_retry_interval", 100)
modparam("uac", "reg_gc_interval", 1)
modparam("uac", "reg_active", 0)
modparam("uac", "auth_realm_avp", "$avp(ar)")
modparam("uac", "auth_username_avp", "$avp(au)")
modparam("uac", "auth_password_avp", "$avp(ap)")
`;

const CASES: readonly ScriptCase[] = [
  { name: 'lookup', run: '$var(x) = "-"; $var(r) = uac_reg_lookup("$hdr(X-A)", "$var(x)");', show: '$var(r) $var(x)' },
  { name: 'uri', run: '$var(x) = "-"; $var(r) = uac_reg_lookup_uri("$hdr(X-A)", "$var(x)");', show: '$var(r) $var(x)' },
  { name: 'status', run: '$var(r) = uac_reg_status("$hdr(X-A)");', show: '$var(r)' },
  ...[0, 1, 2, 3, 4].map((mode) => ({
    name: `to ${mode}`,
    run: `$var(m) = ${mode}; $var(r) = uac_reg_request_to("$hdr(X-A)", "$var(m)");`,
    show: '$var(r) $ru $du $avp(ar) $avp(au) $avp(ap)',
  })),
  { name: 'enable', run: '$var(r) = uac_reg_enable("l_uuid", "$hdr(X-A)");', show: '$var(r)' },
  { name: 'disable', run: '$var(r) = uac_reg_disable("$hdr(X-B)", "$hdr(X-A)");', show: '$var(r)' },
];

/** Times are not the same. */
function timeless(text: string): string {
  return text.replace(/(diff_expires|timer_expires|reg_init): -?\d+/g, '$1: time');
}

/** An empty uacreg: without a database Kamailio has no registrations at all. */
function makeTable(file: string): void {
  const columns = ['l_uuid', 'l_username', 'l_domain', 'r_username', 'r_domain', 'realm', 'auth_username'];
  columns.push('auth_password', 'auth_ha1', 'auth_proxy', 'contact_addr', 'socket');
  const db = new DatabaseSync(file);
  db.exec(`CREATE TABLE version (table_name VARCHAR(32), table_version INTEGER);
    INSERT INTO version VALUES ('uacreg', 5);
    CREATE TABLE uacreg (${columns.map((name) => `${name} VARCHAR(255) DEFAULT '' NOT NULL`).join(', ')},
      expires INTEGER DEFAULT 0, flags INTEGER DEFAULT 0, reg_delay INTEGER DEFAULT 0)`);
  db.close();
}

describe('registrations of uac as Kamailio 5.6.3', { skip: skipWithout('kamailio', 'kamcmd') }, () => {
  const pair = new CasePair(HEAD, CASES);
  before(() => {
    makeTable(join(pair.folder, 'reg.db'));
    return pair.start();
  });
  after(() => pair.stop());

  async function rpc(command: string): Promise<void> {
    const { theirs, ours } = await pair.rpc(...command.split(' '));
    assert.equal(timeless(ours), timeless(theirs), command);
  }

  test('RPC', async () => {
    const uuids = ['a1', 'b2', 'c3', 'account-4', 'e5', 's:6', 'trunk7', 'h8'];
    for (const [i, uuid] of uuids.entries()) {
      const password = i % 2 === 0 ? `pw${i} .` : `. ${'0123456789abcdef'.repeat(2)}`;
      const contact = i % 3 === 0 ? '.' : '10.0.0.1:5070';
      await rpc(
        `uac.reg_add ${uuid} lu${i % 4} ld${i % 2} ru${i} rd realm au${i} ${password} sip:127.0.0.1:9 6${i} 0 ${i} udp:127.0.0.1:${i} ${contact}`,
      );
    }
    await rpc('uac.reg_dump');
    for (const filter of [
      'l_uuid a1',
      'l_username lu1',
      'r_username ru3',
      'auth_username au2',
      'l_uuid 6',
      'l_uuid s:6',
    ])
      await rpc(`uac.reg_info ${filter}`);
    for (const bad of ['', 'l_uuid', 'l_uuid zz', 'foo a1', 'r_domain rd'])
      for (const name of ['info', 'enable', 'disable', 'unregister']) await rpc(`uac.reg_${name} ${bad}`.trim());
    for (const each of ['disable l_uuid a1', 'info l_uuid a1', 'enable l_uuid a1', 'enable l_uuid a1'])
      await rpc(`uac.reg_${each}`);
    for (const each of ['', ' zz', ' h8', ' h8']) await rpc(`uac.reg_remove${each}`);
    for (const each of ['', ' x', ' 0']) await rpc(`uac.reg_active${each}`);
    await rpc('uac.reg_add');
    await rpc('uac.reg_add n1 lu ld ru rd realm au pw short sip:127.0.0.1:9 60 0 0 . .');
    await rpc('uac.reg_add n1 lu ld ru rd realm au . . sip:127.0.0.1:9 60 0 0 . .');
    await rpc('uac.reg_add n1 lu ld ru rd realm au pw . sip:127.0.0.1:9 x 0 0 . .');
    await rpc('uac.reg_add a1 lu9 ld9 ru rd realm au pw . sip:127.0.0.1:9 60 1 0 udp:127.0.0.1:1 .');
    await rpc('uac.reg_dump');
  });

  test('functions', async () => {
    const texts = ['a1', 'b2', 'c3', 'zz', 'lu1', 'lu9', 'ru1', 'sip:lu1@ld1', 'sip:lu9@other', 'sip:zz@ld1', 'junk'];
    for (const { name } of CASES.slice(0, 8)) for (const text of texts) await pair.compare(name, { 'X-A': text });
    for (const [a, b] of [
      ['a1', 'l_uuid'],
      ['zz', 'l_uuid'],
      ['lu1', 'l_username'],
      ['x', 'foo'],
    ] as const)
      await pair.compare('disable', { 'X-A': a, 'X-B': b });
    for (const a of ['a1', 'zz']) await pair.compare('enable', { 'X-A': a });
    pair.assertSame();
  });

  test('REGISTERs', async () => {
    const registrar = await UdpPeer.open();
    try {
      const challenge = 'Digest realm="r", nonce="n", opaque="o"';
      const kinds: readonly (readonly [name: string, codes: readonly number[]])[] = [
        ['plain', [200]],
        ['www', [401, 200]],
        ['proxy', [407, 200]],
        ['refused', [401, 401]],
        ['forbidden', [403]],
      ];
      // reg_active is 0: what is added waits.
      for (const [name] of kinds) {
        await rpc(
          `uac.reg_add ${name} lu ld ru-${name} example.org r au pw . sip:127.0.0.1:${registrar.port} 90 0 0 udp:127.0.0.1:1 .`,
        );
      }
      await pair.rpc('uac.reg_active', '1');
      const seen = new Map<string, string[]>();
      for (;;) {
        const text = await registrar.next(1500);
        if (text === null) break;
        const msg = new TestMsg(text);
        const port = Number(/127\.0\.0\.1:(\d+)/.exec(msg.get('Via'))?.[1]);
        const kind = kinds.find(([name]) => msg.get('From').includes(`ru-${name}@`));
        if (kind === undefined) continue;
        const key = `${kind[0]} ${port}`;
        const list = seen.get(key) ?? [];
        const code = kind[1][list.length] ?? 200;
        seen.set(key, [
          ...list,
          text
            .replaceAll(String(registrar.port), 'REGISTRAR')
            .replace(/^(?:Via|User-Agent|Call-ID): .*\r\n/gm, '')
            .replace(/;tag=[\w.-]+/, ''),
        ]);
        const headers: Record<string, string> =
          code === 401 ? { 'WWW-Authenticate': challenge } : code === 407 ? { 'Proxy-Authenticate': challenge } : {};
        const contact = msg.get('Contact');
        registrar.send(
          response(msg, code, { headers, ...(code === 200 ? { contact: `${contact};expires=80` } : {}) }),
          port,
        );
      }
      for (const [name] of kinds) {
        const [first, second] = [...seen].filter(([key]) => key.startsWith(`${name} `)).map(([, list]) => list);
        assert.ok(first !== undefined && first.length > 0, name);
        assert.deepEqual(second, first, name);
      }
      for (const [name] of kinds) await rpc(`uac.reg_info l_uuid ${name}`);
    } finally {
      registrar.close();
    }
  });
});
