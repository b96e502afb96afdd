import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, suite, test } from 'node:test';
import { skipWithout } from '../support/peers.ts';
import { CasePair, type ScriptCase } from './case-pair.ts';

/** The same script and commands on the hash tables of both servers. */

const HEAD = `
loadmodule "htable.so"
modparam("htable", "htable", "a=>size=4;autoexpire=100;")
modparam("htable", "htable", "b=>size=3;")
modparam("htable", "htable", "c=>size=2;autoexpire=100;updateexpire=0;initval=0")
modparam("htable", "htable", "d=>size=1; autoexpire = 50 ; initval=-3")
modparam("htable", "htable", "e=>size=99")
modparam("htable", "htable", "i=>size=3;initval=7;")
event_route[htable:mod-init] { $sht(a=>init) = "yes"; $sht(e=>n) = 5; }
event_route[htable:init] { $sht(a=>init2) = "yes"; }
`;

function each(prefix: string, steps: readonly (readonly [run: string, show: string])[]): ScriptCase[] {
  return steps.map(([run, show], i) => ({ name: `${prefix} ${i}: ${run} / ${show}`, run, show }));
}

const CASES = each('sht', [
  ['', '[$sht(a=>init)] [$sht(a=>init2)] [$sht(e=>n)] [$sht(a=>x)] [$sht(i=>x)] [$shtrecord(key)] [$shtrecord(value)]'],
  ['', '[$shtinc(a=>n)] [$shtdec(a=>m)] [$shtinc(i=>q)] [$shtdec(i=>r)] [$shtdec(i=>q)] [$shtinc(d=>q)]'],
  ['$var(r) = "no"; if ($sht(a=>x) == $null) $var(r) = "null";', '$var(r)'],
  ['$var(r) = "no"; if ($sht(i=>x) == 7) $var(r) = "7";', '$var(r)'],
  [
    '$sht(a=>x) = 5; $sht(a=>y) = "str"; $sht(a=>z) = "12"; $sht(a=>$rm::k) = "rm"; $sht(a=>e) = "";',
    '[$sht(a=>x)] [$sht(a=>y)] [$sht(a=>z)] [$sht(a=>OPTIONS::k)] [$sht(a=>$rm::k)] [$sht(a=>e)] $(sht(a=>y){s.len})',
  ],
  ['', '[$shtinc(a=>y)] [$sht(a=>y)] [$shtinc(a=>z)] [$sht(a=>z)] [$shtinc(a=>x)] [$sht(a=>x)]'],
  ['', '[$shtex(a=>x)] [$shtex(a=>none)] [$shtex(i=>q)]'],
  ['$shtex(a=>x) = 90; $shtex(i=>q) = 10; $shtex(a=>none) = 10;', '[$shtex(a=>x)] [$shtex(i=>q)] [$sht(a=>none)]'],
  ['$sht(a=>x) = 6;', '[$shtex(a=>x)]'],
  ['$shtex(a=>x) = 90;', '[$shtex(a=>x)] [$shtinc(a=>x)] [$shtex(a=>x)]'],
  ['$sht(a=>x) = $null;', '[$sht(a=>x)] [$shtex(a=>x)]'],
  ['$sht(a=>gone) = $null;', '[$sht(a=>gone)]'],
  ['$sht(c=>x) = 1; $shtex(c=>x) = 10; $sht(c=>x) = 2;', '[$shtex(c=>x)] [$shtinc(c=>x)] [$shtex(c=>x)]'],
  ['$sht(b=>neg) = -5; $sht(b=> sp) = "blank";', '[$sht(b=>neg)] [$sht(b=> sp)] [$sht(b=>sp)] [$sht( b =>neg)]'],
  ['$sht(b=>i) = 1; $sht(b=>i) = $sht(b=>i) + 1;', '[$sht(b=>i)]'],
  ['$sht(i=>undef) = $sht(i=>undef) + 1;', '[$sht(i=>undef)]'],
  [
    '$var(k) = "dyn"; $sht(b=>$var(k)) = "d1"; $sht(b=>$var(k)::$rm) = "d2";',
    '[$sht(b=>dyn)] [$sht(b=>$var(k))] [$sht(b=>dyn::OPTIONS)]',
  ],
  ['$sht(zz=>x) = 1;', '[$sht(zz=>x)] [$shtinc(zz=>x)] [$shtcn(zz=>**)]'],
  ['$sht(b=>s) = "abc" + 5; $var(x) = $sht(b=>s) + "y";', '[$sht(b=>s)] [$var(x)]'],
  ['$sht(b=>max) = 2147483647;', '[$shtinc(b=>max)] [$sht(b=>max)]'],
]);

const COUNTS = each('count', [
  [
    'sht_reset("b"); $sht(b=>abc) = "xyz"; $sht(b=>abd) = "xwt"; $sht(b=>n1) = 1; $sht(b=>n2) = 1; $sht(b=>s1) = "1"; $sht(b=>5) = "five";',
    '$rc',
  ],
  [
    '',
    '$shtcn(b=>~~^a) $shtcn(b=>~%c) $shtcn(b=>%~a) $shtcn(b=>~%ab) $shtcn(b=>==abc) $shtcn(b=>==ABC) $shtcn(b=>eq1) $shtcn(b=>**) $shtcn(b=>a.*) $shtcn(b=>ab) $shtcn(b=>eq5) $shtcn(b=>A) $shtcn(b=>re:a)',
  ],
  [
    '',
    '$shtcv(b=>~~^x) $shtcv(b=>~%z) $shtcv(b=>%~x) $shtcv(b=>~%x) $shtcv(b=>==xyz) $shtcv(b=>eq1) $shtcv(b=>**) $shtcv(b=>x.*) $shtcv(b=>1) $shtcv(b=>eq2) $shtcv(b=>XYZ) $shtcv(b=>eqx)',
  ],
  ['$var(p) = "^a";', '$shtcn(b=>$var(p)) $shtcn(b=>~~$var(p)b)'],
  ['', '$shtcn(b=>*bad)'],
]);

const MATCHES = each(
  'match',
  [
    ['b', 'eq', 'abc'],
    ['b', 'eq', 'ab'],
    ['b', 'ne', 'abc'],
    ['b', 're', '^A'],
    ['b', 'sw', 'ab'],
    ['b', 'sw', 'bc'],
    ['b', 're', '('],
    ['b', 'xx', 'a'],
    ['zz', 'eq', 'a'],
    ['b', 'eq', '1'],
    ['b', 're', '^1'],
    ['b', 'eq', 'xyz'],
  ].flatMap(([table, op, operand]) =>
    ['sht_match_name', 'sht_has_name', 'sht_match_str_value', 'sht_has_str_value'].map(
      (fn) => [`${fn}("${table}", "${op}", "${operand}"); $var(r) = $rc;`, '$var(r)'] as const,
    ),
  ),
);

const REMOVALS = each(
  'rm',
  [
    'sht_rm("b", "abc")',
    'sht_rm("b", "nothing")',
    'sht_rm("zz", "abc")',
    'sht_rm_name_re("b=>^AB")',
    'sht_rm_name_re("b=>(")',
    'sht_rm_name_re("zz=>a")',
    'sht_rm_value_re("b=>^x")',
    'sht_rm_value_re("b=>^1")',
    'sht_rm_name("b", "sw", "ab")',
    'sht_rm_name("b", "re", "B")',
    'sht_rm_name("b", "eq", "abc")',
    'sht_rm_value("b", "sw", "x")',
    'sht_rm_value("b", "re", "1")',
    'sht_rm_value("b", "zz", "1")',
    'sht_reset("zz")',
    'sht_reset("b$var(none)")',
    'sht_reset("b")',
  ].map((call) => [
    `sht_reset("b"); $sht(b=>abc) = "xyz"; $sht(b=>abd) = "xwt"; $sht(b=>n1) = 1; $sht(b=>s1) = "1"; ${call}; $var(r) = $rc;`,
    '$var(r) [$sht(b=>abc)] [$sht(b=>abd)] [$sht(b=>n1)] [$sht(b=>s1)]',
  ]),
);

const SETTING = each('setx', [
  ['sht_setxs("c", "sx", "3", "30"); $var(r) = $rc;', '$var(r) [$sht(c=>sx)] [$shtex(c=>sx)]'],
  ['sht_setxs("c", "sx", "4", "40"); $var(r) = $rc;', '$var(r) [$sht(c=>sx)] [$shtex(c=>sx)]'],
  ['sht_setxs("a", "x", "3", "30"); $var(r) = $rc;', '$var(r) [$sht(a=>x)] [$shtex(a=>x)]'],
  ['sht_setxs("a", "x", "4", "0"); $var(r) = $rc;', '$var(r) [$sht(a=>x)] [$shtex(a=>x)]'],
  ['sht_setxs("b", "x", "4", "50"); $var(r) = $rc;', '$var(r) [$sht(b=>x)] [$shtex(b=>x)]'],
  ['sht_setxs("zz", "x", "4", "50"); $var(r) = $rc;', '$var(r)'],
]);

const walk = (body: string): string =>
  `sht_reset("b"); $sht(b=>a) = 1; $sht(b=>b) = "two"; $sht(b=>c) = 3; $sht(b=>d) = "four"; $sht(b=>second) = 2; $sht(b=>third) = 3;
  $var(o2) = ""; sht_iterator_start("i1", "b");
  while (sht_iterator_next("i1")) { $var(o2) = $var(o2) + " " + $shtitkey(i1) + "=" + $shtitval(i1); ${body} }
  $var(r) = $rc; $var(k) = $shtitkey(i1); sht_iterator_end("i1");`;
const ITERATORS = each('iterator', [
  [walk(''), '$var(o2) $var(r) [$var(k)] [$shtitkey(i1)] $rc'],
  [
    walk(
      'if ($shtitkey(i1) == "b") { sht_iterator_rm("i1"); $var(o2) = $var(o2) + " rm " + $rc + " " + $shtitkey(i1) + " " + $shtitval(i1); }',
    ),
    '$var(o2) $var(r) $sht(b=>b)',
  ],
  [
    walk(
      'if ($shtitkey(i1) == "c") { sht_iterator_seti("i1", "33"); sht_iterator_seti("i1", "34"); $var(o2) = $var(o2) + " " + $shtitval(i1); }',
    ),
    '$var(o2) $sht(b=>c)',
  ],
  [
    walk(
      'if ($shtitkey(i1) == "c") { sht_iterator_sets("i1", "a much longer value than it had before"); $var(o2) = $var(o2) + " " + $shtitval(i1); }',
    ),
    '$var(o2) $sht(b=>c)',
  ],
  [
    'sht_reset("b"); sht_iterator_start("i1", "b"); $var(k) = $rc; sht_iterator_next("i1"); $var(r) = $rc; sht_iterator_end("i1");',
    '$var(k) $var(r) [$shtitkey(i1)] [$shtitval(i1)]',
  ],
  ['sht_iterator_next("no"); $var(r) = $rc; sht_iterator_end("no");', '$var(r) $rc'],
  [
    'sht_iterator_start("1", "b"); sht_iterator_start("2", "b"); sht_iterator_start("3", "b"); sht_iterator_start("4", "b"); sht_iterator_start("5", "b"); $var(r) = $rc; sht_iterator_start("4", "b"); $var(k) = $rc; sht_iterator_end("1"); sht_iterator_end("2"); sht_iterator_end("3"); sht_iterator_end("4");',
    '$var(r) $var(k) $rc',
  ],
  [
    'sht_iterator_start("1", "b"); sht_iterator_seti("1", "5"); $var(r) = $rc; sht_iterator_rm("1"); $var(k) = $rc; sht_iterator_end("1");',
    '$var(r) $var(k)',
  ],
]);

const LOCKS = each('lock', [
  ['sht_lock("a=>x"); $var(r) = $rc; sht_lock("a=>x"); sht_unlock("a=>x"); sht_unlock("a=>x");', '$var(r) $rc'],
  ['sht_lock("zz=>x"); $var(r) = $rc; sht_unlock("zz=>x");', '$var(r) $rc'],
  ['sht_unlock("b=>x");', '$rc'],
  ['sht_lock("b=>$var(x)y"); $var(r) = $rc; sht_unlock("b=>$var(x)y");', '$var(r) $rc'],
]);

const GROUPS = { CASES, COUNTS, MATCHES, REMOVALS, SETTING, ITERATORS, LOCKS };

const RPC: readonly string[] = [
  'htable.flush a',
  'htable.flush b',
  'htable.flush zz',
  'htable.flush',
  'htable.seti b new 5',
  'htable.sets b new2 abc',
  'htable.get b new',
  'htable.get b new2',
  'htable.get b nonexist',
  'htable.get zz x',
  'htable.get b',
  'htable.get',
  'htable.dump b',
  'htable.dump zz',
  'htable.dump',
  'htable.sets b s:15 def',
  'htable.dump b',
  'htable.setex b new 30',
  'htable.get b new',
  'htable.setex a nokey 30',
  'htable.setex zz x 30',
  'htable.setex a',
  'htable.setxs a xs vv 20',
  'htable.setxi b xi 3 20',
  'htable.get a xs',
  'htable.setxs zz xs vv 20',
  'htable.setxs a xs',
  'htable.seti zz x 1',
  'htable.seti b',
  'htable.sets b x',
  'htable.dump b',
  'htable.dump c',
  'htable.delete b new',
  'htable.delete b new',
  'htable.delete zz x',
  'htable.delete b',
  'htable.listTables',
  'htable.stats',
  'htable.reload a',
  'htable.store a',
  'htable.reload zz',
  'htable.store zz',
  'htable.reload',
  'htable.seti i q 1',
  'htable.get i nokey',
  'htable.sets b text 5',
  'htable.get b text',
  'htable.seti b text2 x',
];

suite('htable as Kamailio has it', { skip: skipWithout('kamailio', 'kamcmd'), timeout: 120_000 }, () => {
  const pair = new CasePair(HEAD, Object.values(GROUPS).flat());
  before(() => pair.start());
  after(() => pair.stop());

  for (const [name, cases] of Object.entries(GROUPS)) {
    test(name, async () => {
      for (const each of cases) await pair.compare(each.name);
      pair.assertSame();
    });
  }

  test('RPC', async () => {
    for (const command of RPC) await pair.compareRpc(...command.split(' '));
    pair.assertSame();
  });
});

/** Rows of every kind: key, key type, value type, value, end (seconds from now, 0: none). */
const ROWS: readonly (readonly [string, number, number, string, number])[] = [
  ['simple', 0, 0, 'val', 0],
  ['int', 0, 1, '42', 0],
  ['badint', 0, 1, '4x', 0],
  ['neg', 0, 1, '-7', 0],
  ['arr', 1, 0, 'v0', 0],
  ['arr', 1, 1, '7', 0],
  ['arr2', 1, 0, 'w', 0],
  ['future', 0, 0, 'f', 1000],
  ['past', 0, 0, 'p', -10],
  ['empty', 0, 0, '', 0],
  ['arr', 1, 0, 'later', 0],
];

suite('tables of a database', { skip: skipWithout('kamailio', 'kamcmd'), timeout: 120_000 }, () => {
  const pair = new CasePair(
    `loadmodule "db_sqlite.so"
loadmodule "htable.so"
modparam("htable", "db_url", "sqlite:///FOLDER/ht.db")
modparam("htable", "db_expires", 1)
modparam("htable", "htable", "a=>size=4;autoexpire=100;dbtable=ht")
modparam("htable", "htable", "n=>size=3;dbtable=ht")
modparam("htable", "htable", "c=>size=3;dbtable=cc;cols='k,a'")
modparam("htable", "htable", "i=>size=3;dbtable=cc;cols='k,b'")
modparam("htable", "htable", "c3=>size=3;dbtable=cc;cols='k,a,b,c'")`,
    [{ name: 'set', run: '$sht(n=>simple) = "mine"; $sht(n=>more) = 1;', show: '$sht(n=>simple) $sht(n=>arr::size)' }],
  );
  before(async () => {
    const db = new DatabaseSync(join(pair.folder, 'ht.db'));
    db.exec(
      `CREATE TABLE ht (id INTEGER PRIMARY KEY NOT NULL, key_name VARCHAR(64) DEFAULT '' NOT NULL,
        key_type INTEGER DEFAULT 0 NOT NULL, value_type INTEGER DEFAULT 0 NOT NULL,
        key_value VARCHAR(128) DEFAULT '' NOT NULL, expires INTEGER DEFAULT 0 NOT NULL);
       CREATE TABLE cc (k VARCHAR(10), a VARCHAR(10), b INTEGER, c VARCHAR(10));
       INSERT INTO cc VALUES ('k1', 'x', 5, 'y'), ('k2', '', NULL, 'q,r'), ('k3', 'z', -1, '')`,
    );
    const insert = db.prepare(
      'INSERT INTO ht (key_name, key_type, value_type, key_value, expires) VALUES (?, ?, ?, ?, ?)',
    );
    const now = Math.floor(Date.now() / 1000);
    for (const [name, keyType, valueType, value, life] of ROWS)
      insert.run(name, keyType, valueType, value, life === 0 ? 0 : now + life);
    db.close();
    await pair.start();
  });
  after(() => pair.stop());

  test('are loaded, changed and loaded again', async () => {
    for (const table of ['a', 'n', 'c', 'i', 'c3']) await pair.compareRpc('htable.dump', table);
    await pair.compareRpc('htable.get', 'a', 'future');
    await pair.compare('set');
    await pair.compareRpc('htable.dump', 'n');
    for (const table of ['n', 'c', 'zz']) await pair.compareRpc('htable.reload', table);
    await pair.compareRpc('htable.dump', 'n');
    pair.assertSame();
  });
});
