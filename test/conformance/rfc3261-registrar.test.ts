import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { RequestOptions, TestMsg } from '../support/msg.ts';
import type { SipPeer } from '../support/sip-peer.ts';
import { SipWorld, type WorldOptions } from '../support/sip-world.ts';

/** The registrar rules of RFC 3261 §10, each by its place, over the wire on virtual time. */

const AOR = 'sip:alice@example.org';

const ROUTES = `
alias="example.org"
request_route {
  if (is_method("REGISTER")) {
    if ($rU != $null || !($rd == "example.org")) { sl_send_reply("403", "Not Our Domain"); exit; }
    if (!($(td{s.tolower}) == "example.org")) { sl_send_reply("404", "Not Found"); exit; }
    save("location");
    exit;
  }
  if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
  if (!lookup("location")) { sl_send_reply("480", "Temporarily Unavailable"); exit; }
  t_relay();
}`;

async function withRegistrar(
  use: (world: SipWorld) => Promise<void>,
  params = '',
  options: WorldOptions = {},
): Promise<void> {
  const world = await SipWorld.start(ROUTES, {
    params: `loadmodule "usrloc.so"\nloadmodule "registrar.so"\n${params}`,
    ...options,
  });
  try {
    await use(world);
  } finally {
    await world.stop();
  }
}

let calls = 0;

/** Sends a REGISTER for the AOR. */
function registers(peer: SipPeer, contact: string | null, options: RequestOptions = {}): void {
  peer.sends(registration(peer, contact, options));
}

function registration(peer: SipPeer, contact: string | null, options: RequestOptions = {}): string {
  return peer.request('REGISTER', 'sip:example.org', {
    from: `<${AOR}>`,
    to: `<${AOR}>`,
    callId: `${peer.name}-call`,
    cseq: ++calls,
    contact: contact ?? '',
    ...options,
  });
}

async function registered(peer: SipPeer, contact: string | null, options: RequestOptions = {}): Promise<TestMsg> {
  registers(peer, contact, options);
  return await peer.receives((msg) => msg.status >= 200);
}

/** What the AOR is bound to, by a REGISTER without Contact (§10.2.3). */
async function bindings(world: SipWorld): Promise<string[]> {
  const reply = await registered(world.dave, null);
  assert.equal(reply.status, 200);
  return contactsOf(reply);
}

function contactsOf(reply: TestMsg): string[] {
  return reply.all('Contact').flatMap((row) => row.split(/,\s*/));
}

suite('RFC 3261 §10.2: what a client may ask for', () => {
  test('§10.2 the Request-URI names a domain: a user in it is refused by the script, and nothing is bound', async () => {
    await withRegistrar(async (world) => {
      world.alice.sends(registration(world.alice, '<sip:a@10.0.1.1>').replace('sip:example.org', 'sip:x@example.org'));
      assert.equal((await world.alice.receives('4xx')).status, 403);
      assert.deepEqual(await bindings(world), []);
    });
  });

  test('§10.2.1 a REGISTER adds a binding, further ones come beside it', async () => {
    await withRegistrar(async (world) => {
      assert.deepEqual(contactsOf(await registered(world.alice, '<sip:a@10.0.1.1>')), [
        '<sip:a@10.0.1.1>;expires=3600',
      ]);
      assert.deepEqual(contactsOf(await registered(world.bob, '<sip:b@10.0.2.1>')), [
        '<sip:a@10.0.1.1>;expires=3600',
        '<sip:b@10.0.2.1>;expires=3600',
      ]);
    });
  });

  test('§10.2.1 several contacts in one REGISTER, in one row or several', async () => {
    await withRegistrar(async (world) => {
      await registered(world.alice, null, {
        headers: { Contact: ['<sip:a@10.0.1.1>;q=0.9', '<sip:b@10.0.1.1>;q=0.8, <sip:c@10.0.1.1>;q=0.7'] },
      });
      assert.deepEqual(await bindings(world), [
        '<sip:a@10.0.1.1>;q=0.9;expires=3600',
        '<sip:b@10.0.1.1>;q=0.8;expires=3600',
        '<sip:c@10.0.1.1>;q=0.7;expires=3600',
      ]);
    });
  });

  test('§10.2.1.1 expires of the contact comes before Expires, Expires before our default', async () => {
    await withRegistrar(async (world) => {
      await registered(world.alice, '<sip:a@10.0.1.1>;expires=100;q=0.9, <sip:b@10.0.1.1>', {
        headers: { Expires: 200 },
      });
      await registered(world.alice, '<sip:c@10.0.1.1>');
      assert.deepEqual(await bindings(world), [
        '<sip:a@10.0.1.1>;q=0.9;expires=100',
        '<sip:b@10.0.1.1>;expires=200',
        '<sip:c@10.0.1.1>;expires=3600',
      ]);
    });
  });

  test('§10.2.1.1 an expiry that can not be read counts as 3600', async () => {
    await withRegistrar(async (world) => {
      for (const bad of ['abc', '-1', '1e3', '4294967296', '"', ' ']) {
        const reply = await registered(world.alice, `<sip:a@10.0.1.1>;expires=${bad}`);
        if (reply.status === 200) assert.deepEqual(contactsOf(reply), ['<sip:a@10.0.1.1>;expires=3600'], bad);
      }
      const reply = await registered(world.alice, '<sip:a@10.0.1.1>', { headers: { Expires: 'soon' } });
      assert.deepEqual(contactsOf(reply), ['<sip:a@10.0.1.1>;expires=3600']);
    });
  });

  test('§10.2.1.2 contacts are listed and tried by q', async () => {
    await withRegistrar(async (world) => {
      await registered(world.alice, '<sip:low@10.0.2.1>;q=0.1, <sip:high@10.0.2.2>;q=0.9, <sip:none@10.0.2.3>');
      assert.deepEqual(
        (await bindings(world)).map((contact) => contact.slice(5, contact.indexOf('@'))),
        ['high', 'low', 'none'],
      );
    });
  });

  test('§10.2.2 expires 0 removes a binding, of this Call-ID or another', async () => {
    await withRegistrar(async (world) => {
      await registered(world.alice, '<sip:a@10.0.1.1>, <sip:b@10.0.1.1>');
      assert.deepEqual(contactsOf(await registered(world.alice, '<sip:a@10.0.1.1>;expires=0')), [
        '<sip:b@10.0.1.1>;expires=3600',
      ]);
      assert.deepEqual(contactsOf(await registered(world.bob, '<sip:b@10.0.1.1>', { headers: { Expires: 0 } })), []);
    });
  });

  test('§10.2.2 * with Expires 0 removes all bindings', async () => {
    await withRegistrar(async (world) => {
      await registered(world.alice, '<sip:a@10.0.1.1>, <sip:b@10.0.1.1>');
      const reply = await registered(world.bob, '*', { headers: { Expires: 0 } });
      assert.equal(reply.status, 200);
      assert.deepEqual(await bindings(world), []);
    });
  });

  test('§10.2.2, §10.3 step 6 * without Expires 0, or beside other contacts, is a 400 and removes nothing', async () => {
    await withRegistrar(async (world) => {
      await registered(world.alice, '<sip:a@10.0.1.1>');
      for (const [contact, headers] of [
        ['*', {}],
        ['*', { Expires: 1 }],
        ['*', { Expires: 'x' }],
        ['*, <sip:b@10.0.1.1>', { Expires: 0 }],
        ['<sip:b@10.0.1.1>, *', { Expires: 0 }],
        ['*, *', { Expires: 0 }],
      ] as const)
        assert.equal((await registered(world.alice, contact, { headers })).status, 400, contact);
      assert.deepEqual(await bindings(world), ['<sip:a@10.0.1.1>;expires=3600']);
    });
  });

  test('§10.2.3 a REGISTER without Contact tells the bindings and changes none', async () => {
    await withRegistrar(async (world) => {
      await registered(world.alice, '<sip:a@10.0.1.1>;expires=100');
      await world.passes(30_000);
      assert.deepEqual(await bindings(world), ['<sip:a@10.0.1.1>;expires=70']);
      await world.passes(30_000);
      assert.deepEqual(await bindings(world), ['<sip:a@10.0.1.1>;expires=40']);
    });
  });

  test('§10.2.4 a refresh begins the life of a binding anew', async () => {
    await withRegistrar(async (world) => {
      await registered(world.alice, '<sip:a@10.0.1.1>;expires=100');
      await world.passes(90_000);
      await registered(world.alice, '<sip:a@10.0.1.1>;expires=100');
      await world.passes(90_000);
      assert.deepEqual(await bindings(world), ['<sip:a@10.0.1.1>;expires=10']);
      await world.passes(10_000);
      assert.deepEqual(await bindings(world), []);
    });
  });
});

suite('RFC 3261 §10.3: what the registrar does', () => {
  test('Record-Route in a REGISTER is ignored and not given back', async () => {
    await withRegistrar(async (world) => {
      const reply = await registered(world.alice, '<sip:a@10.0.1.1>', {
        headers: { 'Record-Route': '<sip:10.9.9.9;lr>' },
      });
      assert.equal(reply.has('Record-Route'), false);
    });
  });

  test('steps 1 and 5: another domain in the Request-URI or in To is not bound here', async () => {
    await withRegistrar(async (world) => {
      world.alice.sends(registration(world.alice, '<sip:a@10.0.1.1>').replace('sip:example.org', 'sip:example.com'));
      assert.equal((await world.alice.receives('4xx')).status, 403);
      const reply = await registered(world.alice, '<sip:a@10.0.1.1>', { to: '<sip:alice@example.com>' });
      assert.equal(reply.status, 404);
    });
  });

  test('step 2: an extension that is required and not supported is a 420 that names it', async () => {
    await withRegistrar(async (world) => {
      const reply = await registered(world.alice, '<sip:a@10.0.1.1>', { headers: { Require: 'outbound' } });
      assert.equal(reply.status, 420);
      assert.equal(reply.get('Unsupported'), 'outbound');
    });
  });

  test('step 5: URI parameters and the port of To do not belong to the AOR, escapes and case of the domain do not matter', async () => {
    await withRegistrar(async (world) => {
      await registered(world.alice, '<sip:a@10.0.1.1>', { to: '"A" <sip:%61lice@EXAMPLE.ORG;user=phone>' });
      assert.deepEqual(await bindings(world), ['<sip:a@10.0.1.1>;expires=3600']);
    });
  });

  test('step 7: within a Call-ID, CSeq must rise; a lower one changes nothing', async () => {
    await withRegistrar(async (world) => {
      await registered(world.alice, '<sip:a@10.0.1.1>;expires=100', { cseq: 10, callId: 'x' });
      for (const contact of ['<sip:a@10.0.1.1>;expires=500', '<sip:a@10.0.1.1>;expires=0'])
        assert.equal((await registered(world.alice, contact, { cseq: 9, callId: 'x' })).status, 400);
      assert.deepEqual(await bindings(world), ['<sip:a@10.0.1.1>;expires=100']);
      const reply = await registered(world.alice, '<sip:a@10.0.1.1>;expires=300', { cseq: 11, callId: 'x' });
      assert.deepEqual(contactsOf(reply), ['<sip:a@10.0.1.1>;expires=300']);
    });
  });

  test('step 7: a repetition of the same REGISTER is answered again and changes nothing', async () => {
    await withRegistrar(async (world) => {
      const first = registration(world.alice, '<sip:a@10.0.1.1>;expires=100', { cseq: 10, callId: 'x' });
      world.alice.sends(first);
      await world.alice.receives(200);
      await world.passes(5_000);
      world.alice.sends(first);
      assert.deepEqual(contactsOf(await world.alice.receives(200)), ['<sip:a@10.0.1.1>;expires=95']);
    });
  });

  test('step 7: another Call-ID replaces a binding, whatever its CSeq', async () => {
    await withRegistrar(async (world) => {
      await registered(world.alice, '<sip:a@10.0.1.1>;expires=100', { cseq: 1000, callId: 'before the reboot' });
      const reply = await registered(world.alice, '<sip:a@10.0.1.1>;expires=200', { cseq: 1, callId: 'after it' });
      assert.deepEqual(contactsOf(reply), ['<sip:a@10.0.1.1>;expires=200']);
    });
  });

  test('step 7: all changes of a REGISTER are made, or none', async () => {
    await withRegistrar(async (world) => {
      await registered(world.alice, '<sip:a@10.0.1.1>;expires=100', { cseq: 10, callId: 'x' });
      for (const contact of [
        '<sip:b@10.0.1.1>, <sip:a@10.0.1.1>;expires=0',
        '<sip:a@10.0.1.1>;expires=0, <sip:b@10.0.1.1>',
      ])
        assert.equal((await registered(world.alice, contact, { cseq: 9, callId: 'x' })).status, 400);
      for (const contact of ['<sip:b@10.0.1.1>, <sip:c@10.0.1.1>;q=9', '<sip:c@10.0.1.1>;q=9, <sip:b@10.0.1.1>'])
        assert.equal((await registered(world.alice, contact, { cseq: 11, callId: 'x' })).status, 400);
      assert.deepEqual(await bindings(world), ['<sip:a@10.0.1.1>;expires=100']);
    });
  });

  test('step 7: bindings are told apart by URI comparison (§19.1.4)', async () => {
    await withRegistrar(async (world) => {
      await registered(world.alice, '<sip:a@host.example.org>');
      for (const same of ['sip:a@HOST.example.ORG', 'SIP:a@host.example.org', 'sip:%61@host.example.org'])
        assert.equal(contactsOf(await registered(world.alice, `<${same}>`)).length, 1, same);
      for (const other of ['sip:A@host.example.org', 'sip:a@host.example.org:5060', 'sips:a@host.example.org'])
        await registered(world.alice, `<${other}>`);
      await registered(world.alice, '<sip:a@host.example.org;transport=tcp>');
      assert.equal((await bindings(world)).length, 5);
    });
  });

  test('step 7: the shortest interval that is taken is told in a 423, below an hour only', async () => {
    const params = 'modparam("registrar", "min_expires", 7200)\nmodparam("registrar", "min_expires_mode", 1)';
    await withRegistrar(async (world) => {
      const reply = await registered(world.alice, '<sip:a@10.0.1.1>;expires=3599');
      assert.deepEqual([reply.status, reply.get('Min-Expires')], [423, '7200']);
      assert.deepEqual(await bindings(world), []);
      const hour = await registered(world.alice, '<sip:a@10.0.1.1>;expires=3600');
      assert.deepEqual(contactsOf(hour), ['<sip:a@10.0.1.1>;expires=7200']);
      assert.equal((await registered(world.alice, '<sip:a@10.0.1.1>;expires=0')).status, 200);
    }, params);
  });

  test('step 7: an interval may be shortened, and the reply says so', async () => {
    await withRegistrar(async (world) => {
      const reply = await registered(world.alice, '<sip:a@10.0.1.1>;expires=9999');
      assert.deepEqual(contactsOf(reply), ['<sip:a@10.0.1.1>;expires=1000']);
    }, 'modparam("registrar", "max_expires", 1000)');
  });

  test('step 7: a contact that is no URI is refused', async () => {
    await withRegistrar(async (world) => {
      for (const bad of [
        'nonsense',
        '<nonsense>',
        '<sip:>',
        '<sip:a@>',
        '<sip:a@b c>',
        '<sip:a@10.0.1.1',
        '"x" <',
        ',',
      ])
        assert.equal((await registered(world.alice, bad)).status, 400, bad);
      assert.deepEqual(await bindings(world), []);
    });
  });

  test('step 8: the 200 lists every binding, each with the seconds it has left', async () => {
    await withRegistrar(async (world) => {
      await registered(world.alice, '<sip:a@10.0.1.1>;expires=100');
      await world.passes(40_000);
      assert.deepEqual(contactsOf(await registered(world.bob, '<sip:b@10.0.2.1>;expires=100')), [
        '<sip:a@10.0.1.1>;expires=60',
        '<sip:b@10.0.2.1>;expires=100',
      ]);
    });
  });

  test('a binding that has expired is neither listed nor called', async () => {
    await withRegistrar(async (world) => {
      await registered(world.bob, '<sip:bob@10.0.2.1>;expires=60');
      await world.passes(59_000);
      world.calls(AOR);
      await world.bob.receives('INVITE');
      await world.passes(1_000);
      assert.deepEqual(await bindings(world), []);
      world.alice.inbox.length = 0;
      world.calls(AOR, { callId: 'second', branch: 'z9hG4bK-second' });
      await world.alice.receives(480);
    });
  });

  test('max_contacts: 503, and the bindings there are stay', async () => {
    const params = 'modparam("registrar", "max_contacts", 2)\nmodparam("registrar", "retry_after", 7)';
    await withRegistrar(async (world) => {
      await registered(world.alice, '<sip:a@10.0.1.1>, <sip:b@10.0.1.1>');
      const reply = await registered(world.bob, '<sip:c@10.0.2.1>');
      assert.deepEqual([reply.status, reply.get('Retry-After')], [503, '7']);
      assert.equal((await registered(world.alice, '<sip:b@10.0.1.1>')).status, 200);
      assert.deepEqual((await bindings(world)).toSorted(), [
        '<sip:a@10.0.1.1>;expires=3600',
        '<sip:b@10.0.1.1>;expires=3600',
      ]);
    }, params);
  });
});

suite('phones that race, and clocks that jump', () => {
  test('two phones register one AOR at the same moment: both are bound', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      await withRegistrar(
        async (world) => {
          for (let round = 0; round < 5; round++) {
            registers(world.alice, '<sip:a@10.0.1.1>', { callId: 'phone a' });
            registers(world.bob, '<sip:b@10.0.2.1>', { callId: 'phone b' });
            await world.alice.receives(200);
            await world.bob.receives(200);
          }
          assert.deepEqual((await bindings(world)).toSorted(), [
            '<sip:a@10.0.1.1>;expires=3600',
            '<sip:b@10.0.2.1>;expires=3600',
          ]);
        },
        '',
        { network: { link: { delayMs: [5, 35] } }, networkSeed: seed },
      );
    }
  });

  test('REGISTERs of one phone that overtake each other: the one with the highest CSeq holds', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      await withRegistrar(
        async (world) => {
          for (let cseq = 1; cseq <= 6; cseq++)
            registers(world.alice, `<sip:a@10.0.1.1>;expires=${100 * cseq}`, { cseq, callId: 'one phone' });
          await world.passes(1_000);
          const [binding = ''] = await bindings(world);
          const left = Number(/expires=(\d+)/.exec(binding)?.[1]);
          assert.ok(left <= 600 && left >= 598, `seed ${seed}: ${binding}`);
        },
        '',
        { network: { link: { delayMs: [5, 95] } }, networkSeed: seed },
      );
    }
  });

  test('two phones race for the last place: one is bound, the other gets the 503', async () => {
    await withRegistrar(async (world) => {
      registers(world.alice, '<sip:a@10.0.1.1>', { callId: 'phone a' });
      registers(world.bob, '<sip:b@10.0.2.1>', { callId: 'phone b' });
      const replies = [await world.alice.receives(() => true), await world.bob.receives(() => true)];
      assert.deepEqual(
        replies.map(({ status }) => status).toSorted((a, b) => a - b),
        [200, 503],
      );
      assert.equal((await bindings(world)).length, 1);
    }, 'modparam("registrar", "max_contacts", 1)');
  });

  test('the wall clock jumps ahead: bindings are gone, phones register anew', async () => {
    await withRegistrar(async (world) => {
      await registered(world.alice, '<sip:a@10.0.1.1>;expires=600');
      world.clock.jumpWall(3_600_000);
      assert.deepEqual(await bindings(world), []);
      assert.deepEqual(contactsOf(await registered(world.alice, '<sip:a@10.0.1.1>;expires=600')), [
        '<sip:a@10.0.1.1>;expires=600',
      ]);
    });
  });

  test('the wall clock jumps back: bindings stay, a refresh puts their end right, nothing is ever negative', async () => {
    await withRegistrar(async (world) => {
      await registered(world.alice, '<sip:a@10.0.1.1>;expires=600');
      world.clock.jumpWall(-3_600_000);
      const [binding = ''] = await bindings(world);
      assert.match(binding, /expires=\d+$/);
      assert.deepEqual(contactsOf(await registered(world.alice, '<sip:a@10.0.1.1>;expires=600')), [
        '<sip:a@10.0.1.1>;expires=600',
      ]);
      await world.passes(601_000);
      assert.deepEqual(await bindings(world), []);
    });
  });
});
