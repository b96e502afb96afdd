import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { parseXml, type XmlElement } from 'strowger';
import { createSql, STANDARD_TABLES } from '../../core/db/schema/index.ts';
import { type ComparedServer, withBoth } from '../support/both-servers.ts';
import { request, response, TestMsg } from '../support/msg.ts';
import { skipWithout } from '../support/peers.ts';

/** The same PUBLISHes and SUBSCRIBEs to both servers, with the route of the default script: the same replies and NOTIFYs. */

const BOB = 'sip:bob@example.org';
const TABLES = new Set(['version', 'presentity', 'active_watchers', 'watchers', 'xcap']);

function makeDatabase(file: string): void {
  const db = new DatabaseSync(file);
  for (const table of STANDARD_TABLES.filter(({ name }) => TABLES.has(name))) {
    for (const sql of createSql(table, 'sqlite')) db.exec(sql);
    db.prepare('INSERT INTO version VALUES (NULL, ?, ?)').run(table.name, table.version);
  }
  db.close();
}

const script = (modulePath: string, file: string, params: string): string => `
debug=0
log_stderror=yes
server_header="Server: s"
user_agent_header="User-Agent: u"
auto_aliases=no
${modulePath}
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "db_sqlite.so"
loadmodule "presence.so"
loadmodule "presence_xml.so"
loadmodule "presence_dialoginfo.so"
loadmodule "presence_mwi.so"
modparam("presence", "db_url", "sqlite:///${file}")
modparam("presence_xml", "db_url", "sqlite:///${file}")
${params}
request_route {
  if ($rU == "ready") { sl_send_reply("200", "ready"); exit; }
  if (is_method("MESSAGE")) {
    $var(a) = 0;
    if ($hdr(X-Watcher) != $null) { pres_auth_status("$hdr(X-Watcher)", "$ru"); $var(a) = $rc; }
    pres_has_subscribers("$ru", "presence"); $var(h) = $rc;
    pres_check_basic("$ru", "open"); $var(o) = $rc;
    pres_check_basic("$ru", "closed"); $var(c) = $rc;
    pres_check_activities("$ru", "busy"); $var(b) = $rc;
    sl_send_reply("200", "is $var(a) $var(h) $var(o) $var(c) $var(b)");
    exit;
  }
  if (is_method("INFO")) {
    if ($rU == "bob") { pres_update_watchers("$ru", "presence"); $var(r) = $rc; }
    else { pres_refresh_watchers("${BOB}", "$rU", 0); $var(r) = $rc; }
    sl_send_reply("200", "is $var(r)");
    exit;
  }
  if (!t_newtran()) { sl_reply_error(); exit; }
  if (is_method("PUBLISH")) { handle_publish(); t_release(); }
  else if (is_method("SUBSCRIBE")) { handle_subscribe(); t_release(); }
  exit;
}
`;

/** One request, what it is known by later, and how many NOTIFYs come of it. */
interface Step {
  readonly method?: string;
  readonly uri?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  readonly type?: string;
  readonly callId?: string;
  readonly cseq?: number;
  readonly from?: string;
  /** The dialog of that step's reply. */
  readonly in?: number;
  /** The tag of that step's reply. */
  readonly match?: number;
  readonly contact?: boolean;
  /** How NOTIFYs are answered. */
  readonly answer?: number;
  /** Done to the database before. */
  readonly sql?: (db: DatabaseSync) => void;
}

const sub = (headers: Step['headers'] = {}, more: Step = {}): Step => ({
  method: 'SUBSCRIBE',
  headers: { Event: 'presence', Expires: '600', ...headers },
  ...more,
});
const pub = (body: string, headers: Step['headers'] = {}, more: Step = {}): Step => ({
  method: 'PUBLISH',
  headers: { Event: 'presence', Expires: '600', ...headers },
  body,
  type: 'application/pidf+xml',
  ...more,
});
const ask = (watcher = ''): Step => ({
  method: 'MESSAGE',
  headers: watcher === '' ? {} : { 'X-Watcher': watcher },
});

function pidf(id: string, basic: string, more = ''): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="${BOB}"><tuple id="${id}"><status><basic>${basic}</basic></status></tuple>${more}</presence>\n`;
}
const person = (id: string): string =>
  `<dm:person id="${id}"><rpid:activities><rpid:busy/></rpid:activities><dm:note>A &amp; B</dm:note></dm:person><note>outer</note>`;

function dialogInfo(id: string, state: string): string {
  return `<?xml version="1.0"?>\n<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="${BOB}">\n<dialog id="${id}" call-id="${id}" direction="initiator"><state>${state}</state></dialog></dialog-info>\n`;
}

function rules(conditions: string, action: string): (db: DatabaseSync) => void {
  const doc = `<ruleset xmlns="urn:ietf:params:xml:ns:common-policy" xmlns:pr="urn:ietf:params:xml:ns:pres-rules"><rule id="a"><conditions><identity>${conditions}</identity></conditions><actions><pr:sub-handling>${action}</pr:sub-handling></actions></rule></ruleset>`;
  return (db) => {
    db.exec('DELETE FROM xcap');
    db.prepare("INSERT INTO xcap VALUES (NULL, 'bob', 'example.org', ?, 2, 'e', 0, '/rules', 0)").run(Buffer.from(doc));
  };
}

const ALICE = '<one id="sip:alice@example.org"/>';
const ACTIVE = 'modparam("presence_xml", "force_active", 1)\n';
const RULES = 'modparam("presence_xml", "integrated_xcap_server", 1)\n';
const MWI = { Event: 'message-summary' };
const SUMMARY = { type: 'application/simple-message-summary' };
const DIALOG = { Event: 'dialog' };
const DIALOG_BODY = { type: 'application/dialog-info+xml' };

const SCENARIOS: readonly (readonly [name: string, params: string, steps: readonly Step[]])[] = [
  [
    'publications of presence',
    ACTIVE,
    [
      sub(),
      pub(pidf('one', 'open', person('p1'))),
      pub('', { Expires: '500' }, { match: 1 }),
      pub(pidf('one', 'closed'), {}, { match: 2 }),
      pub('', {}, { match: 2 }),
      sub({ Expires: '300' }, { in: 0, cseq: 2 }),
      sub({ Expires: '0' }, { callId: 'fetch' }),
      ask(),
      pub('', { Expires: '0' }, { match: 3 }),
      ask(),
      sub({ Expires: '0' }, { in: 0, cseq: 3 }),
      sub({}, { in: 0, cseq: 4 }),
    ],
  ],
  [
    'several publications are put together',
    `${ACTIVE}modparam("presence", "xavp_cfg", "pres")\nmodparam("presence", "retrieve_order", 1)\nmodparam("presence", "retrieve_order_by", "id")\n`,
    [
      sub(),
      pub(pidf('one', 'open', person('p1'))),
      pub(pidf('two', 'closed', person('p2'))),
      pub(pidf('one', 'closed', person('p3'))),
      sub({}, { callId: 'late' }),
      ask(),
    ],
  ],
  [
    'requests that are refused',
    `${ACTIVE}modparam("presence", "min_expires", 30)\nmodparam("presence", "max_expires", 900)\nmodparam("presence", "expires_offset", 10)\nmodparam("presence", "subs_respond_200", 0)\nmodparam("presence", "server_address", "sip:pres@192.0.2.1:5060")\n`,
    [
      pub(''),
      pub('no xml'),
      pub(pidf('a', 'open'), { Event: 'strange' }),
      pub(pidf('a', 'open'), { Event: [] }),
      pub(pidf('a', 'open'), { 'SIP-If-Match': 'a.1.2.3.4' }),
      pub('Messages-Waiting: perhaps\r\n', MWI, SUMMARY),
      sub({ Event: 'strange' }),
      sub({ Event: [] }),
      sub({ Event: 'dialog;sla' }),
      sub({ Expires: '5' }),
      sub({ Expires: '5000' }),
      sub({ Expires: '90' }, { in: 10, cseq: 2 }),
      sub({ Expires: '90' }, { in: 10, cseq: 2 }),
      pub(pidf('a', 'open'), { Expires: '5000' }),
    ],
  ],
  [
    'watchers that are not there',
    `${ACTIVE}modparam("tm", "fr_timer", 1500)\n`,
    [
      sub({}, { callId: 'c481', answer: 481 }),
      ask(),
      sub({}, { callId: 'c404', answer: 404 }),
      ask(),
      sub({}, { callId: 'c408', answer: 408 }),
      ask(),
      sub({}, { callId: 'c500', answer: 500 }),
      ask(),
    ],
  ],
  [
    'rules of who may watch',
    RULES,
    [
      sub(),
      ask('sip:alice@example.org'),
      pub(pidf('one', 'open')),
      { ...ask('sip:alice@example.org'), sql: rules(ALICE, 'allow') },
      { method: 'INFO', uri: BOB },
      { method: 'INFO', uri: 'sip:presence@example.org' },
      { ...ask('sip:alice@example.org'), sql: rules(ALICE, 'polite-block') },
      { method: 'INFO', uri: 'sip:presence@example.org' },
      pub(pidf('two', 'open')),
      { method: 'INFO', uri: BOB, sql: rules('<many domain="example.org"/>', 'confirm') },
      ask('sip:alice@example.org'),
      { method: 'INFO', uri: BOB, sql: rules(ALICE, 'block') },
      ask('sip:alice@example.org'),
      ask('sip:carol@example.org'),
      sub({}, { callId: 'blocked' }),
      sub({}, { callId: 'other', from: '<sip:carol@example.org>' }),
      { method: 'INFO', uri: 'sip:strange@example.org' },
    ],
  ],
  [
    'who watches the watchers',
    ACTIVE,
    [
      sub({ Event: 'presence.winfo' }, { callId: 'winfo', from: `<${BOB}>` }),
      sub({}, { callId: 'w1' }),
      sub({}, { in: 1, cseq: 2 }),
      sub({ Expires: '0' }, { in: 1, cseq: 3 }),
    ],
  ],
  [
    'message summaries and dialogs',
    ACTIVE,
    [
      sub(MWI),
      pub('Messages-Waiting: yes\r\nVoice-Message: 2/8\r\n', MWI, SUMMARY),
      pub('Messages-Waiting: no\r\n', MWI, { ...SUMMARY, match: 1 }),
      pub('', { ...MWI, Expires: '0' }, { match: 2 }),
      sub(DIALOG, { callId: 'lamp' }),
      pub(dialogInfo('d1', 'early'), DIALOG, DIALOG_BODY),
      pub(dialogInfo('d2', 'confirmed'), DIALOG, DIALOG_BODY),
      pub(dialogInfo('d1', 'terminated'), DIALOG, { ...DIALOG_BODY, match: 5 }),
      sub(DIALOG, { callId: 'lamp2' }),
    ],
  ],
  [
    'one dialog, or a dummy; presence without publications',
    `${ACTIVE}modparam("presence_dialoginfo", "force_single_dialog", 1)\nmodparam("presence_dialoginfo", "force_dummy_dialog", 1)\nmodparam("presence_xml", "force_dummy_presence", 1)\nmodparam("presence", "publ_cache", 2)\nmodparam("presence", "subs_db_mode", 0)\n`,
    [
      sub(),
      sub(DIALOG, { callId: 'lamp' }),
      pub(dialogInfo('d1', 'early'), DIALOG, DIALOG_BODY),
      pub(dialogInfo('d2', 'confirmed'), DIALOG, DIALOG_BODY),
      pub(dialogInfo('d1', 'terminated'), DIALOG, { ...DIALOG_BODY, match: 2 }),
    ],
  ],
  [
    'the route of NOTIFYs; the presentity is in the Request-URI',
    `${ACTIVE}modparam("presence", "subs_db_mode", 1)\n`,
    [
      sub(
        { 'Record-Route': ['<sip:127.0.0.1:PEER;lr;a=1>', '<sip:10.1.1.1;lr>,<sip:10.1.1.2;lr>'] },
        { uri: `${BOB};a=b`, callId: 'routed' },
      ),
      pub(pidf('one', 'open')),
    ],
  ],
];

/** Plays a scenario; what came of each step, as text. */
async function play(server: ComparedServer, file: string, steps: readonly Step[]): Promise<string[][]> {
  const replies: TestMsg[] = [];
  const seen: string[][] = [];
  for (const [at, step] of steps.entries()) {
    if (step.sql !== undefined) {
      const db = new DatabaseSync(file);
      step.sql(db);
      db.close();
    }
    server.peer.send(textOf(server, step, at, replies), server.port);
    const { reply, notifies } = await collect(server, step.answer ?? 200);
    replies.push(reply);
    seen.push([shown(reply, server), ...notifies.map((msg) => shown(msg, server))]);
  }
  return seen;
}

function textOf(server: ComparedServer, step: Step, at: number, replies: readonly TestMsg[]): string {
  const dialog = step.in === undefined ? undefined : replies[step.in];
  const match = step.match === undefined ? '' : (replies[step.match]?.get('SIP-ETag') ?? '');
  const uri = step.uri ?? BOB;
  return request(step.method ?? 'OPTIONS', uri, {
    branch: `z9hG4bK-pres-${at}`,
    sentBy: `127.0.0.1:${server.peer.port}`,
    from: step.from ?? '<sip:alice@example.org>',
    to: `<${BOB}>`,
    callId: dialog?.get('Call-ID') ?? step.callId ?? `call-${at}`,
    cseq: step.cseq ?? 1,
    ...(dialog === undefined ? {} : { toTag: dialog.param('To', 'tag') }),
    contact: `<sip:alice@127.0.0.1:${server.peer.port}>`,
    headers: { ...step.headers, ...(match === '' ? {} : { 'SIP-If-Match': match }) },
    ...(step.body === undefined ? {} : { body: step.body, contentType: step.type ?? '' }),
  }).replaceAll('PEER', String(server.peer.port));
}

/** The reply, and the NOTIFYs until none comes any more, each answered; what is sent again counts once. */
async function collect(server: ComparedServer, status: number): Promise<{ reply: TestMsg; notifies: TestMsg[] }> {
  let reply: TestMsg | null = null;
  const notifies = new Map<string, TestMsg>();
  for (;;) {
    const text = await server.peer.next(reply === null ? 3000 : QUIET_MS);
    if (text === null) break;
    const msg = new TestMsg(text);
    if (msg.method === 'NOTIFY') {
      notifies.set(msg.branch, msg);
      server.peer.send(response(msg, status), server.port);
    } else if (reply === null && msg.cseqMethod !== 'OPTIONS') reply = msg;
    // Of these no NOTIFY comes; one that came all the same would be the next step's.
    if (reply !== null && (reply.status >= 300 || reply.cseqMethod === 'MESSAGE')) break;
  }
  assert.ok(reply !== null, `${server.name} did not answer`);
  // Watchers' information and the watcher's own NOTIFY may change places.
  return { reply, notifies: [...notifies.values()].sort((a, b) => keyOf(a).localeCompare(keyOf(b))) };
}

const QUIET_MS = 300;
const keyOf = (msg: TestMsg): string => `${msg.get('Event')} ${msg.get('Call-ID')} ${msg.get('CSeq')}`;
const HEADERS = [
  'CSeq',
  'Call-ID',
  'Event',
  'Expires',
  'Min-Expires',
  'Allow-Events',
  'Contact',
  'Record-Route',
  'Route',
  'Subscription-State',
  'Content-Type',
];

function shown(msg: TestMsg, server: ComparedServer): string {
  const rows = HEADERS.flatMap((name) => msg.all(name).map((value) => `${name}: ${value}`));
  const tag = msg.get('SIP-ETag');
  if (tag !== '') rows.push(`SIP-ETag: ${tag.replace(/\d+\.\d+\.\d+\.(\d+)$/, 'N.$1')}`);
  return [msg.startLine, ...rows, canonical(msg.body)]
    .join('\n')
    .replaceAll(`127.0.0.1:${server.port}`, 'SERVER')
    .replaceAll(`127.0.0.1:${server.peer.port}`, 'PEER')
    .replace(
      /(active|pending);expires=(\d+)/,
      (_all, state: string, sec: string) => `${state};expires=${Math.ceil(Number(sec) / 30) * 30}`,
    );
}

/** XML without what means nothing: white space between elements, prefixes, ids that servers make up. */
function canonical(body: string): string {
  const root = parseXml(body);
  if (root === null) return body;
  const written = (element: XmlElement): string => {
    const attributes = element.attributes
      .map(({ local, value }) => `${local}=${/^(?:none|[0-9a-f]{32})$/.test(value) ? 'ID' : value}`)
      .sort((a, b) => a.localeCompare(b));
    const inner = element.elements.map(written);
    // Dialogs come in the order of seconds, which two runs cut differently.
    if (element.local === 'dialog-info') inner.sort((a, b) => a.localeCompare(b));
    return `{${element.uri.split(':').at(-1)}}${element.local}[${attributes.join(' ')}](${inner.join('')}${element.text})`;
  };
  return written(root);
}

describe('presence in both servers', { skip: skipWithout('kamailio') }, () => {
  for (const [name, params, steps] of SCENARIOS) {
    test(name, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'strowger-pres-'));
      const files: string[] = [];
      try {
        const { kamailio, strowger } = await withBoth(
          (_peer, modulePath) => {
            const file = join(folder, `${files.length}.db`);
            makeDatabase(file);
            files.push(file);
            return script(modulePath, file, params);
          },
          (server) => play(server, files.at(-1) ?? '', steps),
        );
        for (const [at, theirs] of kamailio.entries())
          assert.deepEqual(strowger[at], theirs, `step ${at}: ${JSON.stringify(steps[at])}`);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});
