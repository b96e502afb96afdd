import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { KAMAILIO_MODULES, Kamailio } from '../support/kamailio.ts';
import { kamcmd } from '../support/kamcmd.ts';
import { makeLocationTables, rowsOf } from '../support/location-tables.ts';
import { skipWithout } from '../support/peers.ts';
import { BIN_FOLDER, freePort, StrowgerProcess } from '../support/strowger-process.ts';

/** usrloc of both servers: the same commands by kamcmd, the same tables. */
const skip = skipWithout('kamailio', 'kamcmd');
const folder = mkdtempSync(join(tmpdir(), 'strowger-usrloc-peer-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Side {
  /** What kamcmd prints. */
  ask(command: string): Promise<string>;
  stop(): Promise<void>;
}

type Name = 'kamailio' | 'strowger';

const script = (socket: string, settings: string): string => `
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "ctl.so"
loadmodule "kex.so"
loadmodule "db_sqlite.so"
loadmodule "usrloc.so"
modparam("ctl", "binrpc", "unix:${socket}")
modparam("usrloc", "preload", "location")
${settings}
request_route { sl_send_reply("200", "OK"); }
`;

async function start(name: Name, settings: string): Promise<Side> {
  const socket = join(folder, name);
  const ask = (command: string): Promise<string> => kamcmd(`unix:${socket}`, ...command.split(' '));
  if (name === 'kamailio') {
    const kamailio = await Kamailio.start(`mpath="${KAMAILIO_MODULES}"\n${script(socket, settings)}`);
    return { ask, stop: () => kamailio.stop() };
  }
  const file = join(folder, 'strowger.cfg');
  writeFileSync(file, script(socket, settings));
  const listen = `udp:127.0.0.1:${await freePort()}`;
  const args = ['-f', file, '-E', '-Y', join(folder, 'run'), '-l', listen];
  const strowger = new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), args);
  await strowger.says('is ready');
  return { ask, stop: async () => void (await strowger.stop()) };
}

/** Without what differs from run to run: ids and times. */
function normal(text: string): string {
  return text
    .replace(/(Expires: )(\d+)/g, (_all, label: string, sec: string) => `${label}${Math.ceil(Number(sec) / 10)}0`)
    .replace(/(Last-(?:Keepalive|Modified): )\d{6,}/g, '$1T')
    .replace(/Ruid: (ulo?cx?)-[0-9a-f-]+/g, 'Ruid: $1-R');
}

const COMMANDS = `
ul.dump
ul.add location alice sip:alice@192.0.2.1:5060 1000 0.5 . 0 0 31
ul.add location alice sip:alice@192.0.2.2:5060 0 0.9 sip:edge.example.org 1 64 33 sip:198.51.100.7:1024;transport=udp udp:127.0.0.1:9
ul.add location alice sip:alice@192.0.2.3:5060 1000 0.5 . 0 0 31 s:0 s:0
ul.add location bob@example.org sip:bob@192.0.2.4 1000 1.0 s:0 4294967295 2147483648 4294967295
ul.add location carol sip:carol@192.0.2.5 1000 0.0 . 0 0 31
ul.add location dave sip:dave@192.0.2.6 -5 0.1 . 0 0 31
ul.lookup location alice
ul.lookup location bob
ul.lookup location bob@example.org
ul.lookup location bob@other.example.org
ul.lookup location dave
ul.lookup location nobody
ul.lookup nowhere alice
ul.lookup location
ul.lookup
ul.dump
ul.dump brief
ul.dump full
ul.add location alice sip:alice@192.0.2.3:5060 1000 0.5 . 2 3 7
ul.lookup location alice
ul.add location
ul.add nowhere alice sip:x 1 0.5 . 0 0 31
ul.add location alice sip:x notanumber 0.5 . 0 0 31
ul.rm_contact location alice sip:nobody
ul.rm_contact location nobody sip:nobody
ul.rm_contact nowhere alice sip:x
ul.rm_contact location alice
ul.rm_contact location alice sip:alice@192.0.2.1:5060
ul.lookup location alice
ul.rm location alice
ul.rm location alice
ul.rm nowhere alice
ul.rm
ul.lookup location alice
ul.flush
ul.db_users location
ul.db_contacts location
ul.db_expired_contacts location
ul.dump brief
stats.get_statistics usrloc:
stats.fetch usrloc:
stats.get_statistics location_users
stats.get_statistics registered_users
`
  .trim()
  .split('\n');

test('the same commands have the same answers', { skip, timeout: 60_000 }, async () => {
  const answers: Record<Name, string[]> = { kamailio: [], strowger: [] };
  for (const name of ['kamailio', 'strowger'] as const) {
    const side = await start(name, 'modparam("usrloc", "hash_size", 4)');
    try {
      for (const command of COMMANDS) answers[name].push(`> ${command}\n${normal(await side.ask(command))}`);
    } finally {
      await side.stop();
    }
  }
  for (const [i, answer] of answers.kamailio.entries()) assert.equal(answers.strowger[i], answer);
});

const dbSettings = (file: string, mode: number): string => `
modparam("usrloc", "db_mode", ${mode})
modparam("usrloc", "use_domain", 1)
modparam("usrloc", "db_url", "sqlite:///${file}")
`;

const ADDS = [
  'ul.add location alice@example.org sip:alice@192.0.2.1:5060 1000 0.5 . 0 0 31',
  'ul.add location alice@example.org sip:alice@192.0.2.2:5060 0 0.9 sip:edge.example.org 2 64 33 sip:198.51.100.7:1024;transport=udp',
  'ul.add location bob@example.org sip:bob@192.0.2.4 2000 1.0 . 0 0 31',
  // Flag 1: in memory only.
  'ul.add location carol@example.org sip:carol@192.0.2.5 2000 1.0 . 1 0 31',
  'ul.add location dave@example.org sip:dave@192.0.2.6 2000 0.3 . 0 0 31',
  'ul.rm location dave@example.org',
];

test('what one writes into the table, the other reads; the rows are alike', { skip, timeout: 120_000 }, async () => {
  const rows: Record<Name, unknown[]> = { kamailio: [], strowger: [] };
  for (const [writer, reader] of [
    ['kamailio', 'strowger'],
    ['strowger', 'kamailio'],
  ] as const) {
    const file = join(folder, `${writer}.db`);
    makeLocationTables(file);
    chmodSync(file, 0o666);
    const writing = await start(writer, dbSettings(file, 1));
    try {
      for (const add of ADDS) assert.equal(await writing.ask(add), '', add);
    } finally {
      await writing.stop();
    }
    rows[writer] = rowsOf(file, 'SELECT * FROM location ORDER BY id').map(
      ({ ruid: _ruid, expires, last_modified: _modified, partition: _partition, ...row }) => ({
        ...row,
        // The Julian day of 1970 is "never".
        isPermanent: Math.abs(Number(expires) - 2440587.5) < 1,
      }),
    );
    const dumps: string[] = [];
    for (const name of [reader, writer]) {
      const reading = await start(name, dbSettings(file, 2));
      try {
        dumps.push(normal(await reading.ask('ul.dump')));
      } finally {
        await reading.stop();
      }
    }
    assert.equal(dumps[0], dumps[1], `what ${writer} has written`);
    assert.match(dumps[0] ?? '', /Expires: permanent/);
  }
  assert.deepEqual(rows.strowger, rows.kamailio);
});
