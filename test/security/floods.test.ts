import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { keyedHash } from '../../core/msg/hash.ts';
import { heapMemory, SharedHeap } from '../../core/store/shared-heap.ts';
import { CryptoRandom } from '../../core/timer/random.ts';
import { challengeOf, digestAnswer } from '../support/digest-client.ts';
import { request, response } from '../support/msg.ts';
import { SipWorld } from '../support/sip-world.ts';
import { DOMAIN, Edge } from './edge.ts';

/**
 * What costs the sender little and the server much: keys that fall into one chain of a table, bombs in bodies and
 * headers, expressions without end, floods. Connections that trickle, never read or come by the thousand are in
 * core/transport/hostile-peers.test.ts and test/interop/bad-input.test.ts; WebSocket floods, bad handshakes and frames
 * in modules/websocket/websocket.test.ts; XML in core/xml/xml.test.ts.
 */

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const BLOCK = 6;

/** Pairs of texts that plain FNV-1a brings from a state with this lowest byte to the same state. */
function fnvPairs(lowByte: number, count: number): { pairs: [string, string][] } {
  const pairs: [string, string][] = [];
  let low = lowByte;
  const random = new CryptoRandom();
  while (pairs.length < count) {
    const seen = new Map<number, string>();
    for (;;) {
      const text = Array.from({ length: BLOCK }, () => ALPHABET.charAt(random.int(36))).join('');
      let h = low;
      for (let i = 0; i < BLOCK; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
      const other = seen.get(h);
      seen.set(h, text);
      if (other === undefined || other === text) continue;
      pairs.push([other, text]);
      low = h & 255;
      break;
    }
  }
  return { pairs };
}

suite('hash-collision flooding', () => {
  test('texts made to fall together by a guess of 8 bits of the seed: they do not, all bits of it count', () => {
    const random = new CryptoRandom();
    const seed = random.uint32();
    // The guess is right, as one in 256 is.
    const { pairs } = fnvPairs(seed & 255, 8);
    const keys = Array.from({ length: 1 << pairs.length }, (_, n) =>
      pairs.map((pair, bit) => pair[(n >> bit) & 1]).join(''),
    );
    assert.equal(new Set(keys).size, keys.length);
    const heap = new SharedHeap(heapMemory(seed));
    assert.ok(new Set(keys.map((key) => keyedHash(key, seed))).size > keys.length - 4, 'transactions, TextMap');
    assert.ok(new Set(keys.map((key) => heap.hash(key))).size > keys.length - 4, 'shared tables');
  });

  test('texts that fall together with one seed do not with another', () => {
    const texts = new Map<number, string>();
    let found: [string, string] | null = null;
    for (let i = 0; found === null && i < 2_000_000; i++) {
      const text = `call-${i}`;
      const hash = keyedHash(text, 1);
      const other = texts.get(hash);
      if (other !== undefined) found = [other, text];
      texts.set(hash, text);
    }
    assert.ok(found !== null);
    const [a, b] = found;
    let both = 0;
    for (let seed = 2; seed < 1002; seed++) if (keyedHash(a, seed) === keyedHash(b, seed)) both++;
    assert.ok(both < 10, `${both} of 1000`);
  });
});

/** Milliseconds of processor time that this takes. */
async function costOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

suite('bombs: as large as a datagram can be, of the worst kind', () => {
  const SIZE = 60_000;
  const fill = (piece: string, size = SIZE): string => piece.repeat(Math.floor(size / piece.length));
  const BOMBS: Readonly<Record<string, string>> = {
    'SDP of media lines': request('INVITE', 'sip:bob@10.0.0.1', {
      body: `v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nc=IN IP4 1.2.3.4\r\nt=0 0\r\n${fill('m=audio 1 RTP/AVP 0\r\n')}`,
    }),
    'SDP of one line': request('INVITE', 'sip:bob@10.0.0.1', { body: `v=0\r\nm=audio 1 RTP/AVP${fill(' 0')}` }),
    'SDP of attributes': request('INVITE', 'sip:bob@10.0.0.1', {
      body: `v=0\r\nm=audio 1 RTP/AVP 0\r\n${fill('a=a\r\n')}`,
    }),
    'digest parameters': request('INVITE', 'sip:bob@10.0.0.1', {
      headers: { Authorization: `Digest ${fill('a="b",')}` },
    }),
    'digest quotes': request('INVITE', 'sip:bob@10.0.0.1', {
      headers: { Authorization: `Digest username="${fill('\\"')}` },
    }),
    'many Authorizations': request('INVITE', 'sip:bob@10.0.0.1', {
      headers: {
        Authorization: Array.from(
          { length: 600 },
          (_, i) => `Digest username="u${i}", realm="r", nonce="n", uri="u", response="x"`,
        ),
      },
    }),
    'Vias in one row': request('INVITE', 'sip:bob@10.0.0.1', {
      via: `SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKb${fill(', SIP/2.0/UDP a')}`,
    }),
    'Routes in one row': request('INVITE', 'sip:bob@10.0.0.1', {
      route: [`<sip:10.0.0.1;lr>${fill(',<sip:10.0.0.1;lr>')}`],
    }),
    'URI parameters': request('INVITE', `sip:bob@10.0.0.1${fill(';a')}`),
    'URI headers': request('INVITE', `sip:bob@10.0.0.1?${fill('a=b&')}`),
    'header rows': request('INVITE', 'sip:bob@10.0.0.1').replace('\r\n', `\r\n${fill('X: y\r\n')}`),
    folds: request('INVITE', 'sip:bob@10.0.0.1', { headers: { Subject: fill('\r\n a') } }),
    blanks: request('INVITE', 'sip:bob@10.0.0.1', { from: `"a"${fill(' ')}<sip:a@b>` }),
    'quotes that never end': request('INVITE', 'sip:bob@10.0.0.1', { from: `"${fill('\\\\')}<sip:a@b>` }),
    brackets: request('INVITE', 'sip:bob@10.0.0.1', { from: `${fill('<')}sip:a@b>` }),
    Contacts: request('REGISTER', 'sip:10.0.0.1', { contact: fill('<sip:a@b>,') }),
    'an evil user for expressions': request('INVITE', `sip:${fill('a')}!@10.0.0.1`),
    'multipart boundaries': request('INVITE', 'sip:bob@10.0.0.1', {
      contentType: 'multipart/mixed;boundary=b',
      body: fill('--b\r\n'),
    }),
  };
  const ROUTES = `
loadmodule "sdpops.so"
loadmodule "auth.so"
loadmodule "sanity.so"
loadmodule "textopsx.so"
loadmodule "nathelper.so"
loadmodule "regex.so"
request_route {
  sanity_check("32767", "127");
  nat_uac_test("127");
  $var(a) = $sdp(body); sdp_with_media("audio"); sdp_remove_codecs_by_name("PCMU"); sdp_get("$avp(s)");
  has_credentials("r"); pv_www_authenticate("r", "pw", "0");
  loose_route();
  if ($rU =~ "^(a+)+$") $var(b) = 1;
  if ($rU =~ "^(a|aa|a*)*b$") $var(b) = 1;
  if ($fu =~ "(.*)(.*)(.*)(.*)(.*)x$") $var(b) = 1;
  if ($hdr(Subject) =~ "([a-z ]+)*;$") $var(b) = 1;
  $var(c) = $(rU{re.subst,/(a*)*b/x/});
  subst_uri('/(a*)*b@/x@/');
  search("(x+x+)+y");
  has_body("application/sdp"); get_body_part("application/sdp", "$var(d)");
  $var(e) = $(ru{param.value,zz}) + $(ct{nameaddr.uri}) + $(hdr(Subject){s.select,-1, });
  sl_send_reply("404", "Nothing");
}
`;
  for (const [what, text] of Object.entries(BOMBS))
    test(`${what}: 64 kB cost no more than the length of it`, async () => {
      const world = await SipWorld.start(ROUTES);
      try {
        world.alice.sends(request('OPTIONS', 'sip:10.0.0.1', { branch: 'z9hG4bKwarm' }));
        await world.passes(20);
        const ms = await costOf(async () => {
          world.alice.sends(text.slice(0, 65_000));
          await world.passes(50);
        });
        assert.ok(ms < 1500, `${Math.round(ms)} ms`);
        world.alice.sends(request('OPTIONS', 'sip:10.0.0.1', { branch: 'z9hG4bKafter', callId: 'after' }));
        await world.alice.receives((msg) => msg.get('Call-ID') === 'after' && msg.status === 404);
      } finally {
        await world.stop();
      }
    });
});

suite('floods', () => {
  for (const isOwn of [true, false])
    test(`${isOwn ? 'cfg/strowger.cfg' : 'the script for tests'}: requests of one address beyond the measure: it is banned for a while, others are served`, () =>
      Edge.with(
        async (edge) => {
          for (let i = 0; i < 200; i++) edge.mallory.sends(edge.request(edge.mallory, 'OPTIONS', 'sip:10.0.0.1'));
          await edge.world.passes(100);
          const answered = edge.mallory.count(200);
          assert.ok(answered > 0 && answered < 40, `${answered}`);
          assert.equal((await edge.asks(edge.world.alice, 'OPTIONS', 'sip:10.0.0.1')).status, 200);
          await edge.world.passes(60_000);
          edge.mallory.sends(edge.request(edge.mallory, 'OPTIONS', 'sip:10.0.0.1'));
          await edge.world.passes(340_000);
          assert.equal(edge.mallory.count(200), answered);
          assert.equal((await edge.asks(edge.mallory, 'OPTIONS', 'sip:10.0.0.1')).status, 200);
        },
        { isOwn, isFlooded: true },
      ));

  test('cfg/strowger.cfg: who guesses passwords, slowly, is banned, also from the account he guessed', () =>
    Edge.with(
      async (edge) => {
        const { mallory } = edge;
        const guess = async (password: string): Promise<number> => {
          const challenge = challengeOf(await edge.asks(mallory, 'REGISTER', `sip:${DOMAIN}`));
          const answer = { user: 'mallory', password, method: 'REGISTER', uri: `sip:${DOMAIN}` };
          const headers = { Authorization: digestAnswer(challenge, answer) };
          return (await edge.asks(mallory, 'REGISTER', `sip:${DOMAIN}`, { headers })).status;
        };
        for (let i = 0; i < 20; i++) {
          assert.equal(await guess(`guess ${i}`), 401);
          await edge.world.passes(5000);
        }
        assert.equal(await guess('mallorypw'), 200, 'until then she may');
        assert.equal(await guess('one more'), 401);
        mallory.sends(edge.request(mallory, 'REGISTER', `sip:${DOMAIN}`));
        await mallory.receivesNothing(1000);
        assert.equal((await edge.asks(edge.world.alice, 'REGISTER', `sip:${DOMAIN}`)).status, 401);
      },
      { isOwn: true, isFlooded: true },
    ));

  test('a stream whose headers never end, whose header is larger than any, whose body is: closed, with others served', async () => {
    const world = await SipWorld.start('request_route { sl_send_reply("200", "OK"); }');
    try {
      for (const begin of [
        'OPTIONS sip:a@b SIP/2.0\r\nX: ',
        'OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 99999999\r\n\r\n',
        'X',
      ]) {
        const conn = await world.clock.runUntilSettled(
          world.network.host('10.0.9.9').stream.connect({ ip: '10.0.0.1', port: 5060, timeoutMs: 1000 }),
        );
        let isClosed = false;
        conn.onClose = () => (isClosed = true);
        conn.write(begin);
        let sent = 0;
        while (!isClosed && sent < 64 * 1024 * 1024) {
          conn.write('a'.repeat(65_536));
          sent += 65_536;
          await world.passes(2);
        }
        assert.ok(isClosed && sent < 8 * 1024 * 1024, `${begin.slice(0, 30)}: ${sent} bytes were taken`);
      }
      world.alice.sends(request('OPTIONS', 'sip:10.0.0.1', { callId: 'after' }));
      await world.alice.receives(200);
    } finally {
      await world.stop();
    }
  });

  test('slow loris: a byte every ten seconds does not hold a connection for ever', async () => {
    const world = await SipWorld.start('request_route { sl_send_reply("200", "OK"); }');
    try {
      const conn = await world.clock.runUntilSettled(
        world.network.host('10.0.9.9').stream.connect({ ip: '10.0.0.1', port: 5060, timeoutMs: 1000 }),
      );
      let isClosed = false;
      conn.onClose = () => (isClosed = true);
      for (const char of 'OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP x;branch=z9hG4bKx\r\n') {
        if (isClosed) break;
        conn.write(char);
        await world.passes(10_000);
      }
      assert.ok(isClosed);
    } finally {
      await world.stop();
    }
  });

  test('replies of 60 kB for a request: taken, passed on once, and no larger than they came', async () => {
    const world = await SipWorld.start('request_route { $ru = "sip:bob@10.0.2.1"; t_relay(); }');
    try {
      world.alice.sends(world.alice.request('OPTIONS', 'sip:bob@10.0.0.1'));
      const atBob = await world.bob.receives('OPTIONS');
      world.bob.sends(response(atBob, 200, { headers: { 'X-Long': 'y'.repeat(60_000) } }));
      const reply = await world.alice.receives(200);
      assert.ok(reply.text.length < 61_000);
      assert.equal(world.alice.count(200), 1);
    } finally {
      await world.stop();
    }
  });
});
