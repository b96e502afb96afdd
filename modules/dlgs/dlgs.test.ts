import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { PosixCache, type RpcReply } from '../../core/index.ts';
import { SipWorld } from '../../test/support/sip-world.ts';
import { type Dialog, Dialogs, replied, requested, STATE } from './dialogs.ts';
import { filterOf, matchesGlob } from './filter.ts';

const SCRIPT = `
request_route {
  if ($rU == "count") {
    dlgs_count("$hdr(X-Field)", "$hdr(X-Op)", "$hdr(X-Text)");
    sl_send_reply("200", "count $rc");
    exit;
  }
  if ($rU == "tags") { dlgs_tags_count("vip"); sl_send_reply("200", "tags $rc"); exit; }
  if (is_method("INVITE")) {
    dlgs_init("$fU", "$rU", "data");
    if ($rU == "refused") { sl_send_reply("486", "Busy Here"); exit; }
    if ($rU == "vip") dlgs_tags_add("vip");
  } else dlgs_update();
  if ($rU == "plain") dlgs_tags_rm("vip");
  forward("10.0.2.1", 5060);
}
`;

class World {
  readonly world: SipWorld;
  #calls = 0;

  private constructor(world: SipWorld) {
    this.world = world;
  }

  static async start(): Promise<World> {
    return new World(
      await SipWorld.start(SCRIPT, { params: 'loadmodule "dlgs.so"\nmodparam("dlgs", "timer_interval", 1)\n' }),
    );
  }

  async send(
    method: string,
    user: string,
    callId: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const { alice, clock } = this.world;
    alice.sends(alice.request(method, `sip:${user}@10.0.0.1`, { callId, branch: `z9hG4bK-${++this.#calls}`, headers }));
    await clock.advanceAsync(100);
  }

  /** bob answers what he has got last. */
  async answer(status: number): Promise<void> {
    const { bob, clock } = this.world;
    const invite = bob.heard.findLast((msg) => msg.method === 'INVITE');
    assert.ok(invite !== undefined);
    bob.replies(invite, status);
    await clock.advanceAsync(100);
  }

  async asked(user: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
    await this.send('OPTIONS', user, `ask${this.#calls}`, headers);
    return /^SIP\/2.0 200 (.*)\r\n/.exec(this.world.alice.heard.at(-1)?.text ?? '')?.[1] ?? '';
  }

  count(field: string, op: string, text: string): Promise<string> {
    return this.asked('count', { 'X-Field': field, 'X-Op': op, 'X-Text': text });
  }

  rpc(method: string, ...params: string[]): Promise<RpcReply> {
    return this.world.sim.server.rpc.call(method, params);
  }
}

suite('a call', () => {
  test('is followed from its INVITE to its end, and then forgotten', async () => {
    const world = await World.start();
    const { clock } = world.world;
    const states: string[] = [];
    const look = async (): Promise<void> => {
      const stats = (await world.rpc('dlgs.stats')) as Readonly<Record<string, number>>;
      states.push(
        Object.entries(stats)
          .flatMap(([name, count]) => (count > 0 ? [`${name} ${count}`] : []))
          .join(),
      );
    };
    await world.send('INVITE', 'vip', 'a');
    await look();
    await world.answer(180);
    await look();
    await world.answer(200);
    await look();
    await world.send('ACK', 'vip', 'a');
    await look();
    assert.equal(await world.count('src', 'eq', 'alice'), 'count 1');
    assert.equal(await world.count('src', 'eq', 'bob'), 'count -1');
    assert.equal(await world.count('any', 'eq', '*'), 'count 1');
    assert.equal(await world.asked('tags'), 'tags 1');
    await world.send('BYE', 'vip', 'a');
    await look();
    assert.equal(await world.count('any', 'eq', '*'), 'count -1');
    assert.equal(await world.asked('tags'), 'tags -1');
    await clock.advanceAsync(12_000);
    await look();
    assert.deepEqual(states, ['init 1', 'progress 1', 'answered 1', 'confirmed 1', 'terminated 1', '']);
    await world.world.stop();
  });

  test('that we refuse ourselves is over too; RPC shows what is known', async () => {
    const world = await World.start();
    await world.send('INVITE', 'refused', 'b');
    await world.send('INVITE', 'vip', 'c');
    await world.answer(200);
    assert.match(JSON.stringify(await world.rpc('dlgs.stats')), /"answered":1,.*"notanswered":1/);
    const found = JSON.stringify(await world.rpc('dlgs.get', 'dst', 'sw', 'v'));
    assert.match(found, /"count":1,"src":"alice","dst":"vip","data":"data","ruid":"dlgs-0-\w+-\w+","callid":"c"/);
    assert.equal(JSON.stringify(await world.rpc('dlgs.getall', 'any', 'eq', '')).match(/ruid/g)?.length, 2);
    assert.equal(JSON.stringify(await world.rpc('dlgs.briefing')).match(/ruid/g)?.length, 2);
    assert.equal(JSON.stringify(await world.rpc('dlgs.list')).match(/ts_init/g)?.length, 2);
    await assert.rejects(world.rpc('dlgs.get', 'dst', 'eq', 'nobody'), /No dialog fits/);
    await assert.rejects(world.rpc('dlgs.get', 'what', 'eq', 'nobody'), /no field/);
    await world.world.stop();
  });

  test('that is never answered is forgotten after init_lifetime', async () => {
    const world = await World.start();
    await world.send('INVITE', 'x', 'd');
    await world.world.clock.advanceAsync(179_000);
    assert.equal(await world.count('any', 'eq', '*'), 'count 1');
    await world.world.clock.advanceAsync(3000);
    assert.equal(await world.count('any', 'eq', '*'), 'count -1');
    await world.world.stop();
  });
});

suite('states', () => {
  const dialog = (): Dialog =>
    new Dialogs({ initSec: 1, activeSec: 1, finishSec: 1 }).add(
      { callId: 'c', fromTag: 'f', src: 's', dst: 'd', data: '', ruid: 'r' },
      0,
    );

  test('never go back from the end, whatever comes', () => {
    const event = fc.oneof(fc.constantFrom('ACK', 'BYE', 'CANCEL', 'INFO'), fc.integer({ min: 100, max: 699 }));
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const one = dialog();
        let isTerminated = false;
        for (const what of events) {
          if (typeof what === 'number') replied(one, what, 't', 1);
          else requested(one, what, 1);
          if (isTerminated) assert.equal(one.state, STATE.TERMINATED);
          isTerminated = one.state === STATE.TERMINATED;
          assert.equal(one.endSec > 0, one.state >= STATE.TERMINATED || one.endSec > 0);
        }
      }),
    );
  });

  test('a 2xx that crosses the CANCEL counts', () => {
    const one = dialog();
    requested(one, 'CANCEL', 1);
    assert.equal(one.state, STATE.NOT_ANSWERED);
    replied(one, 200, 'tag', 2);
    assert.deepEqual([one.state, one.toTag], [STATE.ANSWERED, 'tag']);
    replied(one, 487, 'other', 3);
    requested(one, 'ACK', 3);
    assert.deepEqual([one.state, one.toTag], [STATE.CONFIRMED, 'tag']);
  });
});

suite('filters', () => {
  test('globs are as for names of files', () => {
    const cases: readonly (readonly [text: string, pattern: string, wanted: boolean])[] = [
      ['', '', true],
      ['', '*', true],
      ['abc', 'a*c', true],
      ['abc', 'a?c', true],
      ['abc', 'a[a-c]c', true],
      ['abc', 'a[!b]c', false],
      ['abc', '*b', false],
      ['a*c', 'a\\*c', true],
      ['abc', 'a\\*c', false],
      ['[', '[', true],
      ['sip:alice@a.example.org', 'sip:*@*.example.org', true],
    ];
    for (const [text, pattern, wanted] of cases) assert.equal(matchesGlob(text, pattern), wanted, `${text} ${pattern}`);
    assert.equal(matchesGlob('a'.repeat(5000), `${'a*'.repeat(500)}b`), false);
  });

  test('wrong ones are told', () => {
    const regexes = new PosixCache({});
    assert.equal(typeof filterOf('src', 're', '(', regexes), 'string');
    assert.equal(typeof filterOf('src', 'xx', '', regexes), 'string');
    assert.equal(typeof filterOf('who', 'eq', '', regexes), 'string');
  });
});
