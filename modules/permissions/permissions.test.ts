import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, suite, test } from 'node:test';
import { createSql } from '../../core/db/schema/index.ts';
import { USERS_TABLES } from '../../core/db/schema/users.ts';
import { compilePosix } from '../../core/script/posix-cache.ts';
import { SipWorld } from '../../test/support/sip-world.ts';
import { parseAddressFile } from './address-file.ts';
import { type AddressEntry, AddressTable, addressBytes } from './address-table.ts';
import { toExtended } from './basic-regex.ts';
import { matchesRule, parseRules } from './rule-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-permissions-'));
after(() => rmSync(folder, { recursive: true }));

const entry = (group: number, address: string, mask: number, port = 0, tag: string | null = null): AddressEntry => ({
  group,
  address,
  mask,
  port,
  tag,
});

suite('addresses', () => {
  test('a subnet has exactly its addresses, for every length of prefix', () => {
    for (let mask = 1; mask < 32; mask++) {
      const table = new AddressTable([entry(1, '10.170.85.15', mask)], 9);
      const base = 0x0aaa550f;
      const size = 2 ** (32 - mask);
      const first = base - (base % size);
      const at = (word: number): boolean => {
        const text = [24, 16, 8, 0].map((shift) => (word >>> shift) & 255).join('.');
        return table.findAddress(addressBytes(text) ?? '', 5060, 1) !== null;
      };
      const inside = [first, first + size - 1].map(at);
      const outside = [first - 1, first + size].filter((word) => word >= 0 && word < 2 ** 32).map(at);
      assert.deepEqual([inside.includes(false), outside.includes(true)], [false, false], `/${mask}`);
    }
    for (const mask of [1, 7, 8, 9, 47, 48, 49, 127]) {
      const table = new AddressTable([entry(1, '2001:db8:aaaa:5555::1', mask)], 9);
      assert.ok(table.findAddress(addressBytes('2001:db8:aaaa:5555::1') ?? '', 1, null) !== null);
      assert.equal(table.findAddress(addressBytes('e001:db8:aaaa:5555::1') ?? '', 1, null), null);
      assert.equal(table.findAddress(addressBytes('32.1.13.184') ?? '', 1, null), null);
    }
  });

  test('groups come in order, ports count, subnets are bounded', () => {
    let tooMany = 0;
    const entries = [
      entry(3, '10.0.0.0', 8, 0, 'wide'),
      entry(1, '10.1.0.0', 16, 5070, 'port'),
      entry(2, '10.1.0.0', 24, 0, 'narrow'),
      entry(1, '172.16.0.0', 12),
      entry(9, '10.1.0.1', 32, 5080, 'exact'),
      entry(4, 'GW.example.org', 0),
    ];
    const table = new AddressTable(entries, 3, (count) => (tooMany = count));
    const find = (text: string, port: number, group: number | null = null): unknown =>
      table.findAddress(addressBytes(text) ?? '', port, group)?.tag;
    assert.equal(tooMany, 1);
    assert.deepEqual(
      [
        find('10.1.0.1', 5070),
        find('10.1.0.1', 5060),
        find('10.1.0.1', 5080),
        find('10.1.0.1', 1, 3),
        find('10.9.0.1', 1, 2),
      ],
      ['port', 'narrow', 'exact', 'wide', undefined],
    );
    assert.equal(find('172.16.0.1', 1), undefined);
    assert.equal(table.findName('GW.example.org', 1, 4)?.group, 4);
    assert.equal(table.findName('gw.example.org', 1, null), null);
  });

  test('many subnets cost no more than their lengths', () => {
    const many = Array.from({ length: 50_000 }, (_, i) => entry(1 + (i % 7), `10.${i >> 8}.${i & 255}.0`, 24));
    const table = new AddressTable(
      many.filter(({ address }) => addressBytes(address) !== null),
      100_000,
    );
    const started = performance.now();
    for (let i = 0; i < 10_000; i++) table.findAddress('\x0a\x80\x07\x05', 5060, 3);
    assert.ok(performance.now() - started < 1000);
  });

  test('what can not be right', () => {
    for (const bad of [
      entry(0, '10.0.0.1', 32),
      entry(1, '10.0.0.1', 33),
      entry(1, '10.0.0.1', -1),
      entry(1, '::1', 129),
    ])
      assert.throws(() => new AddressTable([bad], 9));
    const { entries, remarks } = parseAddressFile(
      '# c\n1 10.0.0.1\n\n2 10.0.0.0 8 5060 tag # c\n3 ::1\n0 x\n1\nx y\n1 ::1 129\n1 a 1 b\n',
    );
    assert.deepEqual(entries, [entry(1, '10.0.0.1', 32), entry(2, '10.0.0.0', 8, 5060, 'tag'), entry(3, '::1', 128)]);
    assert.deepEqual(
      remarks.map((remark) => remark.split(':')[0]),
      ['line 6', 'line 7', 'line 8', 'line 9', 'line 10'],
    );
  });
});

test('basic expressions as extended ones', () => {
  for (const [basic, extended] of [
    ['^sip:a\\(b\\|c\\)*@', '^sip:a(b|c)*@'],
    ['a+(b)?{1}|', 'a\\+\\(b\\)\\?\\{1\\}\\|'],
    ['*a\\{2\\}\\(*\\)', '\\*a{2}(\\*)'],
    ['a^b$c$', 'a\\^b\\$c$'],
    ['[]*(^[:alpha:]]+', '[]*(^[:alpha:]]\\+'],
    ['\\.\\*[', '\\.\\*['],
  ] as const)
    assert.equal(toExtended(basic), extended);
  assert.ok(typeof compilePosix(toExtended('a[')) === 'string');
});

test('rules of a file', () => {
  const { rules, remarks } = parseRules(
    '"^sip:a@", "^sip:b@" EXCEPT "@no$" : ALL EXCEPT "x"\r\n^sip:unq@ : ALL # c\n"#" : "a:b"\nbad\n"(" : ALL\n, : ALL\n',
  );
  assert.equal(remarks.length, 3);
  const says = (left: string, right: string): boolean => matchesRule(rules, left, right);
  assert.deepEqual(
    [
      says('SIP:A@y', 'q'),
      says('sip:b@no', 'q'),
      says('sip:b@y', 'x'),
      says('sip:unq@', 'q'),
      says('#', 'a:b'),
      says('#', 'b'),
    ],
    [true, false, false, true, true, false],
  );
});

function makeTables(rows: string): string {
  const path = join(folder, `${Math.trunc(performance.now() * 1000)}.db`);
  const database = new DatabaseSync(path);
  for (const table of USERS_TABLES) {
    for (const sql of createSql(table, 'sqlite')) database.exec(sql);
    if (table.name !== 'version')
      database.exec(`INSERT INTO version (table_name, table_version) VALUES ('${table.name}', ${table.version})`);
  }
  database.exec(rows);
  database.close();
  return path;
}

const ROWS = `INSERT INTO address (grp, ip_addr, mask, tag) VALUES (1, '10.0.1.0', 24, 'office');
  INSERT INTO trusted (src_ip, proto, from_pattern, tag) VALUES ('10.0.1.1', 'udp', '^sip:alice@', 'alice'), ('10.0.1.1', 'any', '[', 'broken')`;

async function says(params: string, expression: string): Promise<string> {
  const world = await SipWorld.start(`request_route { ${expression} sl_send_reply("200", "$var(a) $avp(tag)"); }`, {
    params: `loadmodule "db_sqlite.so"\nloadmodule "permissions.so"\n${params}\nmodparam("permissions", "peer_tag_avp", "$avp(tag)")\n`,
  });
  try {
    world.alice.sends(world.alice.request('OPTIONS', 'sip:x@10.0.0.1'));
    return (await world.alice.receives(200)).startLine.slice('SIP/2.0 200 '.length);
  } finally {
    await world.stop();
  }
}

suite('in a script', () => {
  const url = `modparam("permissions", "db_url", "sqlite://${makeTables(ROWS)}")`;

  test('addresses and trusted sources, in memory and asked each time', async () => {
    assert.equal(await says(url, '$var(a) = allow_source_address();'), '1 office');
    assert.equal(await says(url, '$var(a) = allow_source_address("2");'), '-1 <null>');
    for (const mode of [0, 1])
      assert.equal(
        await says(`${url}\nmodparam("permissions", "db_mode", ${mode})`, '$var(a) = allow_trusted();'),
        '1 alice',
      );
  });

  test('without a database nothing is in a group', async () => {
    assert.equal(await says('', '$var(a) = allow_source_address();'), '-1 <null>');
    assert.equal(await says('', '$var(a) = allow_trusted();'), '-1 <null>');
  });

  test('a database that fails is an answer, not an end', async () => {
    const path = makeTables(ROWS);
    const params = `modparam("permissions", "db_url", "sqlite://${path}")\nmodparam("permissions", "load_backends", 2)`;
    const world = await SipWorld.start(
      'request_route { $var(a) = allow_trusted(); sl_send_reply("200", "$var(a)"); }',
      {
        params: `loadmodule "db_sqlite.so"\nloadmodule "permissions.so"\n${params}\n`,
      },
    );
    const database = new DatabaseSync(path);
    database.exec('DROP TABLE trusted');
    database.close();
    world.alice.sends(world.alice.request('OPTIONS', 'sip:x@10.0.0.1'));
    assert.match((await world.alice.receives(200)).startLine, / -1$/);
    assert.ok(world.sim.log.lines.some((line) => /allow_trusted: .*no such table/.test(line)));
    await world.stop();
  });

  test('files are read anew when the script is compiled', async () => {
    const name = join(folder, 'rules');
    writeFileSync(`${name}.deny`, 'ALL : "^sip:x@"\n');
    assert.equal(await says('', `$var(a) = allow_routing("${name}");`), '-1 <null>');
    writeFileSync(`${name}.deny`, '');
    assert.equal(await says('', `$var(a) = allow_routing("${name}");`), '1 <null>');
    assert.equal(await says('', '$var(a) = allow_routing("nosuch", "neither");'), '1 <null>');
  });

  test('what can not be right stops the start', async () => {
    for (const [params, message] of [
      [
        `modparam("permissions", "db_url", "sqlite://${makeTables("INSERT INTO address (grp, ip_addr) VALUES (0, '1.1.1.1')")}")`,
        /group 0/,
      ],
      [
        `modparam("permissions", "db_mode", 1)\nmodparam("permissions", "db_url", "sqlite://${makeTables("INSERT INTO trusted (src_ip, proto) VALUES ('1.1.1.1', 'x')")}")`,
        /proto "x"/,
      ],
      ['modparam("permissions", "address_file", "/no/such/file")', /no such file/],
    ] as const)
      await assert.rejects(says(params, ''), message);
  });
});
