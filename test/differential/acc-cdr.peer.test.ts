import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { suite, test } from 'node:test';
import { type CallStage, playOnBoth, relayRoute } from '../support/call-stage.ts';
import { skipWithout } from '../support/peers.ts';

/** The same calls through acc's records of calls in both servers: the same lines, the same rows. */

function script(port: number, folder: string, params: string): string {
  return `
loadmodule "db_sqlite.so"
loadmodule "dialog.so"
loadmodule "acc.so"
modparam("acc", "cdr_enable", 1)
modparam("acc", "log_level", -1)
modparam("acc", "db_url", "sqlite:////${folder}/cdrs.db")
modparam("acc", "cdrs_table", "cdrs")
${params}
${relayRoute(port, {
  initial: `if (is_method("INVITE")) { $dlg_var(who) = "a'b;c"; dlg_manage(); $avp(x) = "avp"; }`,
})}`;
}

/** A table of records, with a column for each value that some test writes. */
function makeTable(folder: string): void {
  const db = new DatabaseSync(join(folder, 'cdrs.db'));
  db.exec(`CREATE TABLE version (table_name VARCHAR(32), table_version INTEGER);
CREATE TABLE acc (id INTEGER PRIMARY KEY, method TEXT, from_tag TEXT, to_tag TEXT, callid TEXT, sip_code TEXT, sip_reason TEXT, time TEXT);
CREATE TABLE missed_calls (id INTEGER PRIMARY KEY, method TEXT, from_tag TEXT, to_tag TEXT, callid TEXT, sip_code TEXT, sip_reason TEXT, time TEXT);
INSERT INTO version VALUES ('acc', 5), ('missed_calls', 4);
CREATE TABLE cdrs (id INTEGER PRIMARY KEY, start_time TEXT, end_time TEXT, duration REAL, begin TEXT, finish TEXT, secs REAL,
  ci TEXT, who TEXT, none TEXT, fu TEXT, rm TEXT)`);
  db.close();
}

/** The records that are there, once there are `count`. */
async function noteRows(stage: CallStage, count: number): Promise<void> {
  const read = (): string[] => {
    const db = new DatabaseSync(join(stage.folder, 'cdrs.db'), { readOnly: true, timeout: 2000 });
    const rows = db.prepare('SELECT * FROM cdrs ORDER BY id').all();
    db.close();
    return rows.map((row) => JSON.stringify(row));
  };
  for (let i = 0; i < 100 && read().length < count; i++) await stage.pause(20);
  // Times differ, in their form (a Julian date, SQLite's) they do not. Where values are not nullable Kamailio's driver for
  // SQLite writes NULL for an empty text.
  const text = read()
    .join('\n')
    .replace(/"\d{7}\.\d+"/g, 'TIME');
  stage.note('rows', text.replace(/"(duration|secs)":\d[\d.]*/g, '"$1":N').replaceAll('"none":""', '"none":null'));
}

async function play(stage: CallStage, records: number): Promise<void> {
  const { bob } = stage;
  const ended = stage.call('ended');
  await ended.answered();
  await ended.fromAlice('BYE', 2);
  const byBob = stage.call('by-bob');
  await byBob.answered();
  await byBob.fromBob('BYE', 9);
  const busy = stage.call('busy');
  await busy.sends();
  await busy.replied(180);
  await busy.replied(486);
  const cancelled = stage.call('cancelled');
  await cancelled.sends();
  await cancelled.replied(180);
  cancelled.cancels();
  bob.replies(await bob.receives('CANCEL'), 200);
  if (cancelled.invite !== null) bob.replies(cancelled.invite, 487);
  await cancelled.acknowledges(await stage.alice.receives(487));
  const lines = await stage.logged(/\w+=\d{10}\.\d{3}; .*/, records);
  stage.note('lines', lines.join('\n').replace(/=\d+\.\d{3}(?=;|$)/gm, '=N'));
  await noteRows(stage, records);
}

const EXTRA = 'modparam("acc", "cdr_extra", "ci=$ci;who=$dlg_var(who);none=$dlg_var(none);fu=$fu;rm=$rm")';

suite('records of calls, as kamailio writes them', { skip: skipWithout('kamailio'), timeout: 120_000 }, () => {
  for (const [name, params, records] of [
    ['as they come', '', 4],
    ['with values', EXTRA, 4],
    ['with values that may be NULL', `${EXTRA}\nmodparam("acc", "cdr_extra_nullable", 1)`, 4],
    ['of answered calls', `${EXTRA}\nmodparam("acc", "cdr_on_failed", 0)`, 2],
    ['from the ACK on', `${EXTRA}\nmodparam("acc", "cdr_start_on_confirmed", 1)`, 4],
    [
      'under other names',
      `modparam("acc", "cdr_start_id", "begin")\nmodparam("acc", "cdr_end_id", "finish")\nmodparam("acc", "cdr_duration_id", "secs")`,
      4,
    ],
  ] as const)
    test(name, async () => {
      await playOnBoth(
        (port, folder) => script(port, folder, params),
        (stage) => play(stage, records),
        makeTable,
      );
    });
});
