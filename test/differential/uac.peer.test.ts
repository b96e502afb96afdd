import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type ComparedServer, withBoth } from '../support/both-servers.ts';
import { request, response, TestMsg } from '../support/msg.ts';
import { skipWithout } from '../support/peers.ts';
import { AUTH_CASES, REPLACE_CASES, SEND_CASES } from './uac-cases.ts';

/** The same script and messages through uac in both servers: the same names, answers and requests. */

const HEAD = `
debug=0
log_stderror=yes
MPATH
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "kex.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "uac.so"
modparam("tm", "fr_timer", 2000)
`;
const READY = 'if ($rU == "ready") { sl_send_reply("200", "ready"); exit; }';

/** What two servers can not have the same. */
function plain(msg: TestMsg | null, server: ComparedServer): string {
  if (msg === null) return 'nothing';
  return (
    msg.text
      .replaceAll(`127.0.0.1:${server.port}`, 'SERVER')
      .replaceAll(`127.0.0.1:${server.peer.port}`, 'PEER')
      .replace(/^(?:Via|User-Agent|Server): .*\r\n/gm, '')
      .replace(/^Call-ID: .*@127\.0\.0\.1\r\n/gm, 'Call-ID: own\r\n')
      .replace(/;tag=[\w.-]{20,}/g, ';tag=own')
      .replace(/cnonce="[^"]*", response="[^"]*"/, 'cnonce, response')
      // Of a URI with the peer's port, which differs.
      .replace(/(uri="sip:x@PEER".*) response="[^"]*"/, '$1 response')
  );
}

async function next(server: ComparedServer, ms = 2000): Promise<TestMsg | null> {
  const text = await server.peer.next(ms);
  return text === null ? null : new TestMsg(text, '127.0.0.1', server.port);
}

/** Fails with those results only that differ. */
function assertSame<T>({
  kamailio,
  strowger,
}: {
  readonly kamailio: readonly T[];
  readonly strowger: readonly T[];
}): void {
  const differ = kamailio.flatMap((theirs, i) =>
    JSON.stringify(theirs) === JSON.stringify(strowger[i]) ? [] : [{ theirs, ours: strowger[i] }],
  );
  assert.deepEqual(
    differ.map(({ ours }) => ours),
    differ.map(({ theirs }) => theirs),
  );
  assert.ok(kamailio.length > 0);
}

let id = 0;

/** A request that the peer sends, with a branch and Call-ID of its own. */
function ask(server: ComparedServer, method: string, uri: string, options: Parameters<typeof request>[2] = {}): void {
  const sentBy = `127.0.0.1:${server.peer.port}`;
  const unique = `uac-${++id}`;
  const more = { sentBy, branch: `z9hG4bK-${unique}`, callId: unique };
  server.peer.send(request(method, uri, { ...more, ...options }), server.port);
}

const names = (msg: TestMsg | null): string =>
  msg === null
    ? 'nothing'
    : `From: ${msg.get('From')} To: ${msg.get('To')} RR: ${msg.get('Record-Route').replace(/^<[^;]*/, '')}`;

const replaceScript =
  (params: string) =>
  (peerPort: number, path: string): string =>
    `${HEAD.replace('MPATH', path)}${params}
request_route {
  ${READY}
  $du = "sip:127.0.0.1:${peerPort}";
  if (has_totag()) {
    loose_route();
    $du = "sip:127.0.0.1:${peerPort}";
    if ($rU == "restore") { uac_restore_from(); uac_restore_to(); }
    t_relay();
    exit;
  }
  record_route();
${REPLACE_CASES.map((call, i) => `  if ($rU == "c${i}") { ${call} }`).join('\n')}
  append_hf("X-R: $var(r)\\r\\n");
  t_relay();
}`;

const FROMS = [
  '<sip:alice@example.org>',
  '"Alice A" <sip:alice@example.org;x=y>',
  'sip:alice@example.org',
  '"A"<sip:alice@example.org>',
  'A  <sip:alice@example.org>',
  '"a \\"q\\" <b>" <sip:alice@example.org>',
];

/** One dialog: its request, the reply, requests in both directions with their replies. What each side sees. */
async function dialogOf(server: ComparedServer, index: number, from: string, user: string): Promise<string[]> {
  const seen: string[] = [];
  const to = from.replaceAll('lice', 'ob').replace('"A', '"B');
  const callId = `dialog-${++id}`;
  ask(server, 'MESSAGE', `sip:c${index}@example.net`, { from, to, callId });
  const sent = await next(server);
  seen.push(names(sent), sent?.get('X-R') ?? '');
  if (sent === null) return seen;
  server.peer.send(response(sent, 200, { toTag: 'bt' }), server.port);
  seen.push(names(await next(server)));
  const route = [sent.get('Record-Route')];
  const within = { callId, route, cseq: 2 };
  const down = { ...within, from, to, toTag: 'bt' };
  const up = { ...within, from: sent.get('To'), fromTag: 'bt', to: sent.get('From') };
  for (const options of [down, up]) {
    ask(server, 'INFO', `sip:${user}@example.net`, options);
    const inside = await next(server);
    seen.push(names(inside));
    if (inside === null) return seen;
    server.peer.send(response(inside, 200), server.port);
    seen.push(names(await next(server)));
  }
  return seen;
}

describe('uac as Kamailio 5.6.3', { skip: skipWithout('kamailio') }, () => {
  const settings = [
    ['auto', ''],
    ['with a password', 'modparam("uac", "restore_passwd", "sEcret?\\xff")\n'],
    ['manual', 'modparam("uac", "restore_mode", "manual")\n'],
    ['none', 'modparam("uac", "restore_mode", "none")\n'],
    ['other parameters', 'modparam("uac", "rr_from_store_param", "a1")\nmodparam("uac", "rr_to_store_param", "B2")\n'],
  ] as const;
  for (const [name, params] of settings) {
    test(`names in From and To, ${name}`, async () => {
      assertSame(
        await withBoth(replaceScript(params), async (server) => {
          const all: (readonly string[])[] = [];
          for (let i = 0; i < REPLACE_CASES.length; i++) {
            // What Kamailio makes of a second call in this mode is no header.
            if (name === 'none' && (REPLACE_CASES[i] ?? '').includes('twice')) continue;
            const froms = i < 4 || name === 'auto' ? FROMS : FROMS.slice(0, 2);
            for (const from of froms) {
              const seen = await dialogOf(server, i, from, name === 'manual' ? 'restore' : 'other');
              all.push([REPLACE_CASES[i] ?? '', from, ...seen]);
            }
          }
          return all;
        }),
      );
    });
  }

  test('each branch has names of its own', async () => {
    const script = (
      peerPort: number,
      path: string,
    ): string => `${HEAD.replace('MPATH', `${path}\nloadmodule "corex.so"`)}
request_route {
  ${READY}
  if (has_totag()) { loose_route(); $du = "sip:127.0.0.1:${peerPort}"; t_relay(); exit; }
  record_route();
  add_rr_param(";m=1");
  t_on_branch("B");
  $ru = "sip:one@127.0.0.1:${peerPort}";
  append_branch("sip:number-two@127.0.0.1:${peerPort}");
  t_relay();
}
branch_route[B] {
  add_rr_param(";b=$rU");
  if ($rU == "one") uac_replace_from("One", "sip:one@example.com");
  uac_replace_to("sip:to.$rU@example.org");
}`;
    assertSame(
      await withBoth(script, async (server) => {
        const callId = 'branches';
        ask(server, 'INVITE', 'sip:x@example.net', { callId });
        const heard = [await next(server), await next(server), await next(server)];
        const branches = heard.filter((msg) => msg?.method === 'INVITE').filter((msg) => msg !== null);
        const seen = branches.map(names);
        const two = branches.find((msg) => msg.startLine.includes('number-two'));
        assert.ok(two);
        server.peer.send(response(two, 180, { toTag: 'bt' }), server.port);
        seen.push(names(await next(server)));
        const inside = { callId, toTag: 'bt', route: two.all('Record-Route'), cseq: 2 };
        ask(server, 'INFO', 'sip:x@example.net', inside);
        seen.push(names(await next(server)));
        return seen;
      }),
    );
  });

  test('a Route that tells nothing of use leaves From and To as they are', async () => {
    const values = ['', 'AAA', '!!!!', 'AAAAABssE2NlQGV4YW1wbGUub3Jn', 'c2lwOmFsaWNlQGV4YW1wbGUub3Jn', 'AAAA', 'AA--'];
    assertSame(
      await withBoth(replaceScript(''), async (server) => {
        const all: string[] = [];
        for (const value of values) {
          for (const from of ['<sip:alice@example.org>', 'Al <sip:other@elsewhere.example.org>']) {
            const route = [`<sip:127.0.0.1:${server.port};lr;ftag=alice-tag;vsf=${value}>`];
            ask(server, 'INFO', 'sip:x@example.net', { from, toTag: 'bt', route });
            const sent = await next(server);
            all.push(`${value} ${from}: ${names(sent)}`);
            if (sent !== null) server.peer.send(response(sent, 200), server.port);
            all.push(names(await next(server)));
          }
        }
        return all;
      }),
    );
  });

  test('answers to challenges', async () => {
    const script = (peerPort: number, path: string): string => `${HEAD.replace('MPATH', path)}
modparam("uac", "credential", "u1:r1:p1")
modparam("uac", "credential", "u2:r2:p2:x")
modparam("uac", "auth_realm_avp", "$avp(ar)")
modparam("uac", "auth_username_avp", "$avp(au)")
modparam("uac", "auth_password_avp", "$avp(ap)")
request_route {
  ${READY}
  t_on_failure("F");
  $du = "sip:127.0.0.1:${peerPort}";
  t_relay();
}
failure_route[F] {
  $avp(ar) = $hdr(X-Realm);
  $avp(au) = $hdr(X-User);
  $avp(ap) = $hdr(X-Password);
  $var(mode) = $(hdr(X-Mode){s.int});
  if ($hdr(X-Mode) == "none") $var(a) = uac_auth(); else $var(a) = uac_auth_mode("$var(mode)");
  if ($rU == "moved") $ru = "sip:elsewhere@example.com";
  append_hf("X-A: $var(a)\\r\\n");
  $du = "sip:127.0.0.1:${peerPort}";
  t_relay();
}`;
    assertSame(
      await withBoth(script, async (server) => {
        const all: string[] = [];
        for (const { challenge, code, headers, method, user } of AUTH_CASES) {
          const more = { headers: { 'X-Mode': '0', 'X-Realm': '', ...headers }, callId: `auth-${all.length}` };
          ask(server, method ?? 'MESSAGE', `sip:${user ?? 'x'}@127.0.0.1`, { ...more, body: 'hello' });
          const sent = await next(server);
          if (sent === null) throw new Error(`${server.name}: nothing came`);
          const [name = '', value = ''] = challenge.split(/: (.*)/s);
          server.peer.send(response(sent, code ?? 401, { headers: { [name]: value } }), server.port);
          const again = await next(server);
          all.push(`${challenge} ${plain(again, server)}`);
          if (again === null || again.method === '') continue;
          server.peer.send(response(again, 200), server.port);
          await next(server);
        }
        return all;
      }),
    );
  });

  test('requests of the script', async () => {
    const script = (peerPort: number, path: string): string => `${HEAD.replace('MPATH', path)}
request_route {
  ${READY}
  $uac_req(all) = $null;
  # all does not mean these in Kamailio
  $uac_req(auser) = $null;
  $uac_req(apasswd) = $null;
  $uac_req(method) = "OPTIONS";
  $uac_req(ruri) = "sip:x@127.0.0.1:${peerPort}";
  $uac_req(evroute) = 1;
  $uac_req(evparam) = "param";
${SEND_CASES.map(({ set }, i) => `  if ($rU == "c${i}") { ${set.replaceAll('PEER', `127.0.0.1:${peerPort}`)} }`).join('\n')}
  $var(r) = uac_req_send();
  sl_send_reply("200", "$var(r)");
}
event_route[uac:reply] {
  pv_printf("$var(told)", "code $uac_req(evcode) type $uac_req(evtype) method $uac_req(method) reply $rs $rm $cs $uac_req(auser)");
  $uac_req(all) = $null;
  $uac_req(method) = "NOTIFY";
  $uac_req(ruri) = "sip:told@127.0.0.1:${peerPort}";
  $uac_req(body) = $var(told);
  uac_req_send();
}`;
    assertSame(
      await withBoth(script, async (server) => {
        const all: string[][] = [];
        for (const [i, { set, codes, challenge }] of SEND_CASES.entries()) {
          const seen: string[] = [set];
          ask(server, 'MESSAGE', `sip:c${i}@127.0.0.1`);
          const codesLeft = [...codes];
          for (;;) {
            const msg = await next(server, codesLeft.length > 0 ? 2600 : 300);
            if (msg === null) break;
            if (msg.method === 'NOTIFY') {
              seen.push(`told ${msg.body}`);
              server.peer.send(response(msg, 200), server.port);
            } else if (msg.method === '') seen.push(msg.startLine);
            else {
              const code = codesLeft.shift();
              if (code !== 0 || !seen.includes(plain(msg, server))) seen.push(plain(msg, server));
              if (code === undefined || code === 0) continue;
              const headers = code === 401 ? { 'WWW-Authenticate': challenge ?? '' } : {};
              server.peer.send(response(msg, code, { headers }), server.port);
            }
          }
          all.push(seen.sort());
        }
        return all;
      }),
    );
  });
});
