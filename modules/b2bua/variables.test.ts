import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANSWER, fromBob, inDialog, OFFER, talking, withB2b } from '../../test/support/b2b-world.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';
import { agreedCodec } from './codec.ts';

const SDP = 'application/sdp';

/** What the script logged behind a word. */
function told(world: SipWorld, word: string): string[] {
  return world.sim.log.lines.filter((line) => line.includes(word)).map((line) => line.slice(line.indexOf(word)).trim());
}

async function hangsUp(world: SipWorld, ok: Awaited<ReturnType<typeof talking>>['ok'], cseq: number): Promise<void> {
  world.alice.sends(inDialog(world, 'BYE', ok, { cseq }));
  await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
  world.bob.replies(await world.bob.receives('BYE'), 200);
}

describe('$b2b, $leg, $b2b_ctx', () => {
  test('every key, of each side, in a call and after it', async () => {
    const keys = ['key', 'state', 'dir', 'status', 'cause', 'reason', 'duration', 'setup_ms', 'legs', 'limit', 'dtmf'];
    const legKeys = 'id key callid ftag ttag state uri ruri contact cseq status peer hold codec rtt'.split(' ');
    const show = [
      ...keys.map((key) => `${key}=$b2b(${key})`),
      ...legKeys.map((key) => `a.${key}=$(leg(caller)=>${key})`),
      ...legKeys.map((key) => `b.${key}=$leg(b=>${key})`),
      'this=$leg(id)',
      'other=$(leg(other)=>id)',
      'byId=$(leg($leg(id))=>state)',
      'n=$b2b_ctx(n)',
      'text=$b2b_ctx(text)',
      'sdp=$(leg(a)=>sdp{s.len})',
    ].join('|');
    const routes = `request_route { $ru = "sip:bob@10.0.2.1"; b2b_call(); $b2b_ctx(n) = 41; $b2b_ctx(text) = "t"; exit; }
      event_route[b2bua:request] { $b2b_ctx(n) = $b2b_ctx(n) + 1; xlog("KEYS|${show}\\n"); }
      event_route[b2bua:end] { xlog("END $b2b(state) $b2b(cause) $b2b(duration) $leg(a=>state) $b2b_ctx(n)\\n"); }`;
    await withB2b(
      async (world) => {
        await world.passes(7);
        const sides = await talking(world);
        await world.passes(3000);
        world.bob.sends(fromBob(world, 'INFO', sides.atBob, { cseq: 2 }));
        world.alice.replies(await world.alice.receives('INFO'), 200);
        await world.bob.receives(200);
        const [line = ''] = told(world, 'KEYS');
        const seen = Object.fromEntries(
          line
            .split('|')
            .slice(1)
            .map((pair) => pair.split(/=(.*)/s).slice(0, 2)),
        );
        const ours = sides.ok.param('To', 'tag');
        const { 'a.id': a, 'b.id': b, key } = seen;
        assert.ok(a !== b && a?.startsWith(`${key}-`) && b?.startsWith(`${key}-`));
        const setUp = seen['setup_ms'];
        assert.match(setUp ?? '', /^\d+$/);
        for (const side of ['a', 'b']) assert.match(seen[`${side}.rtt`] ?? '', /^\d+$/);
        assert.deepEqual(
          { ...seen, key: '', 'a.rtt': '', 'b.rtt': '', setup_ms: '' },
          {
            key: '',
            state: 'confirmed',
            dir: 'out',
            status: '200',
            cause: '',
            reason: 'OK',
            duration: '3',
            setup_ms: '',
            legs: '2',
            limit: '',
            dtmf: '',
            'a.id': a,
            'a.key': `${sides.ok.get('Call-ID')};${ours}`,
            'a.callid': sides.ok.get('Call-ID'),
            'a.ftag': 'alice-tag',
            'a.ttag': ours,
            'a.state': 'confirmed',
            'a.uri': '<sip:alice@example.org>',
            'a.ruri': /<(.*)>/.exec(sides.invite.split('Contact: ')[1]?.split('\r\n')[0] ?? '')?.[1],
            'a.contact': sides.ok.get('Contact'),
            'a.cseq': seen['a.cseq'],
            'a.status': '200',
            'a.peer': '',
            'a.hold': '0',
            'a.codec': 'PCMA',
            'a.rtt': '',
            'b.id': b,
            'b.key': `${sides.atBob.get('Call-ID')};${sides.atBob.param('From', 'tag')}`,
            'b.callid': sides.atBob.get('Call-ID'),
            'b.ftag': sides.atBob.param('From', 'tag'),
            'b.ttag': 'bob-tag',
            'b.state': 'confirmed',
            'b.uri': sides.atBob.get('To'),
            'b.ruri': seen['b.ruri'],
            'b.contact': sides.atBob.get('Contact'),
            'b.cseq': String(Number.parseInt(sides.atBob.get('CSeq'), 10)),
            'b.status': '200',
            'b.peer': '',
            'b.hold': '0',
            'b.codec': 'PCMA',
            'b.rtt': '',
            this: b,
            other: a,
            byId: 'confirmed',
            n: '42',
            text: 't',
            sdp: String(OFFER.length),
          },
        );
        assert.match(seen['b.ruri'] ?? '', /10\.0\.2\.1/);
        await hangsUp(world, sides.ok, 2);
        await world.passes(10);
        assert.deepEqual(told(world, 'END '), ['END ended bye 3 ended 43']);
      },
      {},
      routes,
    );
  });

  test('the route is about the caller after b2b_dial, also where predial ran; $b2b(cause) says what came of it', async () => {
    const routes = `request_route {
        b2b_dial("sip:bob@10.0.2.1", 20);
        xlog("AFTER $b2b(status) $b2b(reason)|$b2b(cause)|$leg(state) $b2b(dir)\\n");
        if (!b2b_reject(480)) xlog("NOT REJECTED\\n");
        exit;
      }
      event_route[b2bua:predial] { xlog("PREDIAL $b2b(dir) $leg(codec)|$leg(rtt)\\n"); }`;
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:x@10.0.0.1', { body: OFFER, contentType: SDP });
        world.bob.replies(await world.bob.receives('INVITE'), 486);
        assert.equal((await world.final(invite)).status, 480);
        assert.deepEqual(told(world, 'PREDIAL'), ['PREDIAL out |<null>']);
        assert.deepEqual(told(world, 'AFTER'), ['AFTER 486 Busy Here|486 Busy Here|early in']);
        assert.deepEqual(told(world, 'NOT REJECTED'), []);
      },
      {},
      routes,
    );
  });

  for (const [name, error] of [
    ['$b2b(constructor)', /\$b2b has no 'constructor'/],
    ['$leg(a=>colour)', /\$leg has no 'colour'/],
    ['$refer(from)', /\$refer has no 'from'/],
    ['$sdp(m0:colour)', /is none of body/],
  ] as const)
    test(`${name} is refused at the start`, () =>
      assert.rejects(
        withB2b(async () => {}, {}, `request_route { xlog("${name}\\n"); }`),
        error,
      ));
});

test('$refer: what a REFER asks for', async () => {
  const routes = `request_route { $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }
    event_route[b2bua:refer] { xlog("REFER $refer(to)|$refer(replaces)|$refer(by)\\n"); b2b_refer_reject(603); }`;
  await withB2b(
    async (world) => {
      const sides = await talking(world);
      for (const [cseq, headers] of [
        [
          2,
          {
            'Refer-To': '<sip:carol@10.0.2.2;x=y?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2>',
            'Referred-By': 'Bob <sip:bob@b>',
          },
        ],
        [3, { 'Refer-To': 'sip:carol@10.0.2.2' }],
        [4, {}],
      ] as const) {
        world.bob.sends(fromBob(world, 'REFER', sides.atBob, { cseq, headers }));
        await world.bob.receives(603);
      }
      assert.deepEqual(told(world, 'REFER '), [
        'REFER sip:carol@10.0.2.2;x=y|a@b;to-tag=1;from-tag=2|sip:bob@b',
        'REFER sip:carol@10.0.2.2|<null>|<null>',
        'REFER <null>|<null>|<null>',
      ]);
      await hangsUp(world, sides.ok, 2);
    },
    {},
    routes,
  );
});

test('$sdp: numbers are numbers, what is not there is null', async () => {
  const keys =
    'sess_version c:ip c:af o:ip streams m0:media m0:transport m0:direction m0:c:ip m0:rtp:port m0:rtcp:port m0:b:AS m0:codecs m1:rtp:port m1:rtcp:port m1:direction m1:c:af m2:media'.split(
      ' ',
    );
  const routes = `request_route {
      xlog("SDP ${keys.map((key) => `$sdp(${key})`).join('|')}\\n");
      if ($sdp(m0:rtp:port) + 1 == 4001) xlog("NUMBER\\n");
      sl_send_reply(480, "no"); exit; }`;
  const body = `${OFFER.replace('RTP/AVP 8', 'RTP/AVP 8 96 101')}b=AS:64\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\nm=video 0 RTP/SAVPF 99\r\nc=IN IP6 2001:db8::1\r\na=inactive\r\n`;
  await withB2b(
    async (world) => {
      await world.final(world.calls('sip:x@10.0.0.1', { body, contentType: SDP }));
      assert.deepEqual(told(world, 'SDP '), [
        'SDP 1|10.0.1.1|IP4|10.0.1.1|2|audio|RTP/AVP|sendonly|10.0.1.1|4000|4001|64|PCMA,opus,telephone-event|0|0|inactive|IP6|<null>',
      ]);
      assert.equal(told(world, 'NUMBER').length, 1);
    },
    {},
    routes,
  );
});

test('the codec that offer and answer agree on', () => {
  const media = (formats: string, port = 4000) =>
    `v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=audio ${port} RTP/AVP ${formats}\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n`;
  assert.equal(agreedCodec(OFFER, ANSWER), 'PCMA');
  assert.equal(agreedCodec(media('101 96 8'), media('8 97 101')), 'opus', 'by name, whatever the numbers');
  assert.equal(agreedCodec(media('0'), media('8')), '');
  assert.equal(agreedCodec(media('0'), media('0', 0)), '', 'refused');
  assert.equal(agreedCodec('', ANSWER), '');
});
