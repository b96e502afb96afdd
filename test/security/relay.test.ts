import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { RequestOptions, TestMsg } from '../support/msg.ts';
import { DOMAIN, Edge } from './edge.ts';

/**
 * Open relay attempts and spoofed Route, Record-Route, Path and alias: whatever mallory (no account used) sends, no
 * request of hers reaches the third host at 10.0.8.8, and none goes round. Each edge watches every datagram and every
 * connection that leaves it. Flow tokens, changed in any place, are in modules/outbound/outbound.test.ts.
 */

const THIRD = '10.0.8.8';

/** Hosts that requests may go to, beside alice's and bob's. */
interface Allowed {
  readonly also?: readonly string[];
  /** Not with cfg/strowger.cfg. */
  readonly isForEdgeOnly?: boolean;
}

/** Runs `use` with the script for tests and with cfg/strowger.cfg; no request may leave but to who is allowed. */
async function noRelay(use: (edge: Edge) => Promise<void>, allowed: Allowed = {}): Promise<void> {
  await watched(use, allowed, false);
  if (allowed.isForEdgeOnly !== true) await watched(use, allowed, true);
}

async function watched(use: (edge: Edge) => Promise<void>, { also = [] }: Allowed, isOwn: boolean): Promise<void> {
  const hosts = ['10.0.1.1:5060', '10.0.2.1:5060', ...also];
  await Edge.with(
    async (edge) => {
      const left: string[] = [];
      edge.world.network.onPacket = ({ what, from, to, text }) => {
        if (what === 'sent' && from.startsWith('10.0.0.1:') && !text.startsWith('SIP/2.0 ') && !hosts.includes(to))
          left.push(`${to} ${text.slice(0, text.indexOf('\r\n'))}`);
      };
      edge.world.sim.dns.add('third.test', 'A', 60, THIRD);
      let connections = 0;
      await edge.world.network.host(THIRD).stream.listen(
        { address: THIRD, port: 5060, family: 4 },
        () => void connections++,
        (error) => {
          throw error;
        },
      );
      await use(edge);
      await edge.world.passes(1000);
      assert.deepEqual(left, [], isOwn ? 'with strowger.cfg' : 'with the script for tests');
      assert.equal(connections, 0, 'connections to the third host');
      assert.deepEqual(
        edge.victim.heard.map((msg) => msg.text),
        [],
      );
    },
    { isOwn },
  );
}

/** mallory sends it, without credentials. The final reply, or null where there is none in a second. */
async function attacks(edge: Edge, method: string, uri: string, options: RequestOptions = {}): Promise<TestMsg | null> {
  const text = edge.request(edge.mallory, method, uri, { from: '<sip:m@evil.example>', ...options });
  const before = edge.mallory.heard.length;
  edge.mallory.sends(text);
  await edge.world.passes(1000);
  return edge.mallory.heard.slice(before).find((msg) => msg.status >= 200) ?? null;
}

suite('open relay', () => {
  const TARGETS = [
    `sip:x@${THIRD}`,
    `sip:x@${THIRD};transport=tcp`,
    `sip:x@${THIRD}:5060;maddr=10.0.0.1`,
    `sip:x@third.test`,
    `sips:x@${THIRD}`,
    'tel:+15551234567',
    `sip:x@${DOMAIN}@${THIRD}`,
    `sip:${DOMAIN}@${THIRD}`,
    `sip:x@${DOMAIN}.third.test`,
    `sip:x@${THIRD}#${DOMAIN}`,
    `sip:x@${THIRD}?Route=%3csip:10.0.0.1;lr%3e`,
    `sip:x%40${DOMAIN}@${THIRD}`,
    `sip:x@10.0.8.8.`,
    `sip:x@[::ffff:10.0.8.8]`,
    `sip:x@0x0a.0x00.0x08.0x08`,
    `sip:x@167774216`,
    `sip:x@10.2056`,
    `http://${THIRD}/`,
    'urn:service:sos',
    `SIP:x@${THIRD}`,
    `sip:${THIRD}`,
  ];
  for (const method of ['INVITE', 'MESSAGE', 'OPTIONS', 'SUBSCRIBE', 'REFER', 'FOO'])
    test(`${method} to hosts that are not ours, by every spelling: refused without account`, () =>
      noRelay(async (edge) => {
        for (const target of TARGETS) {
          const reply = await attacks(edge, method, target);
          assert.ok(reply === null || reply.status >= 400, `${target}: ${reply?.startLine}`);
        }
      }));

  test('maddr, transport and header parameters of our own URIs lead nowhere else', () =>
    noRelay(async (edge) => {
      await edge.registers(edge.world.bob);
      for (const params of [
        `;maddr=${THIRD}`,
        `;maddr=${THIRD};ttl=1;transport=udp`,
        `;alias=${THIRD}~5060~1`,
        `;received=sip:${THIRD}`,
        `;lr`,
        `?Route=%3csip:${THIRD};lr%3e`,
        `;transport=tcp;maddr=third.test`,
        ';gr',
        ';comp=sigcomp',
        `;user=phone;phone-context=${THIRD}`,
      ])
        for (const user of ['bob', 'nobody', ''])
          for (const host of [DOMAIN, '10.0.0.1', '10.0.0.1:5060'])
            await attacks(edge, 'MESSAGE', `sip:${user === '' ? '' : `${user}@`}${host}${params}`);
    }));

  test('the host spelt oddly, with account: what is ours is not relayed to itself, whatever the spelling', () =>
    noRelay(
      async (edge) => {
        for (const host of [
          'EXAMPLE.com',
          'example.com.',
          '10.0.0.1.',
          '010.0.0.1',
          '10.0.0.01',
          '10.1',
          '0x0a000001',
          '167772161',
          '[::ffff:10.0.0.1]',
          '10.0.0.1:05060',
          '10.0.0.1:0',
          '10.0.0.1:99999',
          'localhost',
          '127.0.0.1',
          '127.1',
          '0.0.0.0',
          '[::1]',
          '[::]',
          '255.255.255.255',
        ]) {
          const text = await edge.authenticated('mallory', edge.mallory, 'MESSAGE', `sip:nobody@${host}`);
          edge.mallory.sends(text);
          await edge.world.passes(100);
        }
      },
      { isForEdgeOnly: true },
    ));

  test('From of ours without credentials, with an escaped or odd host: challenged or refused', () =>
    noRelay(async (edge) => {
      for (const from of [
        `<sip:alice@${DOMAIN}>`,
        `<sip:alice@EXAMPLE.COM>`,
        `<sip:alice@10.0.0.1>`,
        `<sip:alice@10.0.0.1:5060>`,
        `"x" <sip:alice@${DOMAIN};x=y>`,
        `<sips:alice@${DOMAIN}>`,
        `sip:alice@${DOMAIN}`,
      ]) {
        const reply = await attacks(edge, 'INVITE', `sip:x@${THIRD}`, { from });
        assert.ok(reply !== null && [407, 403, 400].includes(reply.status), `${from}: ${reply?.startLine}`);
      }
    }));

  test('several Vias, with received, rport and maddr of the third host: replies go to who sent it', () =>
    noRelay(async (edge) => {
      for (const via of [
        [`SIP/2.0/UDP ${THIRD}:5060;branch=z9hG4bK1;rport`, `SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK0`],
        [`SIP/2.0/UDP 10.0.9.9:5060;branch=z9hG4bK2;received=${THIRD};rport=5060`],
        [`SIP/2.0/UDP 10.0.9.9:5060;branch=z9hG4bK3;maddr=${THIRD}`],
        [`SIP/2.0/TCP ${THIRD}:5060;branch=z9hG4bK4`],
        [`SIP/2.0/UDP third.test:5060;branch=z9hG4bK5`],
      ])
        await attacks(edge, 'OPTIONS', 'sip:10.0.0.1', { via });
      // The same for what is answered before and after routing.
      await attacks(edge, 'MESSAGE', `sip:nobody@${DOMAIN}`, { via: `SIP/2.0/UDP ${THIRD};branch=z9hG4bK6;rport` });
      await attacks(edge, 'MESSAGE', `sip:x@${THIRD}`, { via: `SIP/2.0/UDP ${THIRD};branch=z9hG4bK7` });
    }));
});

suite('spoofed Route and Record-Route', () => {
  const ROUTES = [
    [`<sip:${THIRD};lr>`],
    [`<sip:10.0.0.1;lr>`, `<sip:${THIRD};lr>`],
    [`<sip:10.0.0.1;lr>, <sip:${THIRD};lr>`],
    [`<sip:10.0.0.1;lr;ftag=x>`, `<sip:${THIRD}>`],
    [`<sip:10.0.0.1>`, `<sip:${THIRD};lr>`],
    [`<sip:${DOMAIN};lr>`, `<sip:${THIRD};lr>`],
    [`<sip:10.0.0.1;lr;received=sip:${THIRD}>`],
    [`<sip:10.0.0.1;lr;maddr=${THIRD}>`],
    [`<sip:10.0.0.1;lr;r2=on>`, `<sip:10.0.0.1;transport=tcp;lr;r2=on>`, `<sip:${THIRD};lr>`],
    [`<sip:10.0.0.1;lr;sig=0000>`, `<sip:${THIRD};lr>`],
    [`<sip:10.0.0.1;lr;sig=.*>`, `<sip:${THIRD};lr>`],
    [`<sip:AAAAAAAA@10.0.0.1;lr;ob>`, `<sip:${THIRD};lr>`],
    [`<sip:10.0.0.1;lr?Route=%3csip:${THIRD}%3e>`],
    [`"<sip:x>" <sip:10.0.0.1;lr>;x="<sip:${THIRD}>"`],
    ['<sip:10.0.0.1;lr>'],
  ];

  for (const method of ['INVITE', 'MESSAGE', 'BYE', 'ACK', 'NOTIFY', 'UPDATE'])
    test(`${method} with preloaded routes, outside and inside of invented dialogs: none is followed`, () =>
      noRelay(async (edge) => {
        for (const route of ROUTES)
          for (const uri of [`sip:x@${THIRD}`, 'sip:10.0.0.1', `sip:nobody@${DOMAIN}`, `sip:${THIRD};lr`])
            for (const toTag of [{}, { toTag: 'made-up' }]) {
              const reply = await attacks(edge, method, uri, { route, ...toTag });
              assert.ok(reply === null || reply.status >= 400, `${route.join()}: ${reply?.startLine}`);
            }
      }));

  test('what a stranger or a user puts into Route of something new does not go on to whom he calls', () =>
    noRelay(async (edge) => {
      const { alice, bob } = edge.world;
      await edge.registers(bob);
      const route = ['<sip:10.0.0.1;lr>', `<sip:${THIRD};lr>`];
      await attacks(edge, 'MESSAGE', `sip:bob@${DOMAIN}`, { route });
      alice.sends(await edge.authenticated('alice', alice, 'MESSAGE', `sip:bob@${DOMAIN}`, { route }));
      await edge.world.passes(500);
      const heard = bob.heard.filter((msg) => msg.method === 'MESSAGE');
      assert.deepEqual(new Set(heard.map((msg) => msg.get('Call-ID'))).size, 2);
      for (const msg of heard) assert.deepEqual(msg.all('Route'), []);
    }));

  test('a request that has gone far enough is not sent on: 483', () =>
    noRelay(async (edge) => {
      await edge.registers(edge.world.bob);
      assert.equal((await attacks(edge, 'MESSAGE', `sip:bob@${DOMAIN}`, { maxForwards: 0 }))?.status, 483);
      assert.equal(edge.world.bob.count('MESSAGE'), 0);
      await attacks(edge, 'MESSAGE', `sip:bob@${DOMAIN}`, { maxForwards: 5 });
      assert.equal((await edge.world.bob.receives('MESSAGE')).get('Max-Forwards'), '4');
    }));

  test('a loose-route loop: Routes to ourselves, thirty deep, end here', () =>
    noRelay(async (edge) => {
      const route = Array.from({ length: 30 }, (_, i) => `<sip:10.0.0.1;lr;n=${i}>`);
      for (const toTag of [{}, { toTag: 'made-up' }])
        await attacks(edge, 'MESSAGE', 'sip:nobody@10.0.0.1', { route, ...toTag });
    }));

  test('a Record-Route set of another call does not carry requests of this one', () =>
    noRelay(async (edge) => {
      const { alice, bob } = edge.world;
      await edge.registers(bob);
      const text = await edge.authenticated('alice', alice, 'INVITE', `sip:bob@${DOMAIN}`, {
        contact: `<${alice.uri}>`,
      });
      alice.sends(text);
      const atBob = await bob.receives('INVITE');
      bob.replies(atBob, 200);
      const ok = await alice.receives(200);
      const route = ok.all('Record-Route');
      assert.match(route[0] ?? '', /;sig=[0-9a-f]{24}/);
      // alice's own BYE goes through; the same routes from elsewhere do not.
      const callId = ok.get('Call-ID');
      const [fromTag, toTag] = [ok.param('From', 'tag'), ok.param('To', 'tag')];
      const beyond = [...route, `<sip:${THIRD};lr>`];
      for (const guess of [
        { toTag: 'made-up' },
        { toTag },
        { toTag: fromTag.slice(1), callId },
        { fromTag: toTag, toTag: 'made-up', callId },
        { fromTag, toTag, callId: `${callId}x` },
        { fromTag: `${fromTag}x`, toTag, callId: callId.slice(0, -1) },
      ])
        for (const set of [route, beyond])
          for (const method of ['BYE', 'INVITE', 'MESSAGE'])
            assert.equal((await attacks(edge, method, `sip:x@${THIRD}`, { route: set, ...guess }))?.status, 403);
      // Nor does the right call with another signature.
      for (const sig of ['', '0', '0'.repeat(24), '.*', `${'f'.repeat(24)};sig=${'0'.repeat(24)}`]) {
        const changed = route.map((value) => value.replace(/;sig=\w+/, `;sig=${sig}`));
        const reply = await attacks(edge, 'BYE', `sip:x@${THIRD}`, { route: changed, fromTag, toTag, callId });
        assert.equal(reply?.status, 403, sig);
      }
      alice.sends(
        edge.request(alice, 'BYE', bob.uri, {
          callId: ok.get('Call-ID'),
          to: `<sip:bob@${DOMAIN}>`,
          toTag: ok.param('To', 'tag'),
          fromTag: ok.param('From', 'tag'),
          route,
        }),
      );
      const bye = await bob.receives('BYE');
      bob.replies(bye, 200);
      await alice.receives(200);
    }));

  test('Record-Route rows of the caller are kept below ours and decide nothing here', () =>
    noRelay(async (edge) => {
      const { alice, bob } = edge.world;
      await edge.registers(bob);
      const text = await edge.authenticated('alice', alice, 'INVITE', `sip:bob@${DOMAIN}`, {
        contact: `<${alice.uri}>`,
        headers: { 'Record-Route': `<sip:${THIRD};lr>` },
      });
      alice.sends(text);
      const atBob = await bob.receives('INVITE');
      assert.match(atBob.all('Record-Route')[0] ?? '', /^<sip:10\.0\.0\.1/);
      bob.replies(atBob, 486);
      assert.equal((await alice.receives(486)).status, 486);
    }));
});

suite('Path, alias and received', () => {
  test('a Path that a client invents: without use_path it is no route of its calls', () =>
    noRelay(
      async (edge) => {
        const { bob } = edge.world;
        await edge.registers(bob);
        const reply = await edge.registers(edge.mallory, `<${edge.mallory.uri}>`, {
          headers: { Path: `<sip:${THIRD};lr>`, Supported: 'path' },
        });
        assert.equal(reply.status, 200);
        bob.sends(await edge.authenticated('bob', bob, 'MESSAGE', `sip:mallory@${DOMAIN}`));
        const atMallory = await edge.mallory.receives('MESSAGE');
        assert.deepEqual(atMallory.all('Route'), []);
      },
      { also: ['10.0.9.9:5060'], isForEdgeOnly: true },
    ));

  test('alias parameters that point at a third host: only dialogs made here are sent along', () =>
    noRelay(async (edge) => {
      for (const alias of [
        `${THIRD}~5060~1`,
        `${THIRD}~5060~2`,
        `third.test~5060~1`,
        `${THIRD}~99999~1`,
        `${THIRD}~5060~9`,
        '~~',
        '1~2~3~4',
      ])
        for (const route of [['<sip:10.0.0.1;lr>'], []])
          await attacks(edge, 'BYE', `sip:x@10.0.9.9;alias=${alias}`, { route, toTag: 'made-up' });
    }));

  test('received and alias in a Contact of a REGISTER are a value, not where calls go', () =>
    noRelay(
      async (edge) => {
        const { bob } = edge.world;
        await edge.registers(bob);
        for (const contact of [
          `<sip:mallory@10.0.9.9:5060>;received="sip:${THIRD}:5060"`,
          `<sip:mallory@10.0.9.9:5060;received=sip:${THIRD}>`,
          `<sip:mallory@10.0.9.9:5060;alias=${THIRD}~5060~1>`,
          `<sip:mallory@10.0.9.9:5060?Route=%3csip:${THIRD};lr%3e>`,
        ]) {
          await edge.registers(edge.mallory, contact);
          bob.sends(await edge.authenticated('bob', bob, 'MESSAGE', `sip:mallory@${DOMAIN}`));
          await edge.world.passes(500);
        }
        assert.ok(edge.mallory.count('MESSAGE') > 0, 'they were called');
      },
      { also: ['10.0.9.9:5060'] },
    ));
});
