import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { RpcMany, RpcReply } from '../../core/index.ts';
import { SipWorld } from '../../test/support/sip-world.ts';

const SCRIPT = `
request_route {
  $var(x) = 1;
  if ($rU == "break") dbg_breakpoint("1");
  if ($rU == "not") dbg_breakpoint("0");
  if (is_method("OPTIONS") && $var(x) == 1) {
    route(SUB);
  }
  xlog("L_ERR", "say $rU $var(x) $mi\\n");
  sl_send_reply("200", "OK");
  exit;
}
route[SUB] {
  $var(x) = $var(x) + 1;
  return 1;
}
`;

class World {
  readonly world: SipWorld;
  #calls = 0;

  private constructor(world: SipWorld) {
    this.world = world;
  }

  static async start(params = '', script = SCRIPT): Promise<World> {
    return new World(await SipWorld.start(script, { params: `loadmodule "debugger.so"\n${params}` }));
  }

  async send(user: string): Promise<void> {
    const { alice, clock } = this.world;
    const id = ++this.#calls;
    alice.sends(alice.request('OPTIONS', `sip:${user}@10.0.0.1`, { callId: `c${id}`, branch: `z9hG4bK-${id}` }));
    await clock.advanceAsync(100);
  }

  /** A reply that is text. */
  async text(method: string, ...params: (string | number)[]): Promise<string> {
    const reply = await this.rpc(method, ...params);
    return typeof reply === 'string' ? reply : JSON.stringify(reply);
  }

  async rpc(method: string, ...params: (string | number)[]): Promise<RpcReply> {
    const reply = await this.world.sim.server.rpc.call(method, params);
    await this.world.clock.advanceAsync(10);
    return reply;
  }

  /** `pid state` of each row of dbg.ls, the worker's own as `own`. */
  async list(): Promise<string[]> {
    const reply = (await this.rpc('dbg.ls')) as RpcMany;
    return reply.values.map((row) => {
      const { pid, set, state } = row as unknown as { pid: number; set: number; state: number };
      return `${pid === process.pid ? 'own' : pid} ${set} ${state}`;
    });
  }

  said(): string[] {
    return this.world.sim.log.lines.flatMap((line) => /say (.*?)(?: \d+)?$/.exec(line)?.[1] ?? []);
  }

  /** `line name` of each traced step since the last call. */
  traced(): string[] {
    const lines = this.world.sim.log.lines.splice(0);
    return lines.flatMap((line) => {
      const match = /cfgtrace:dbg_cfg_trace\(\): (\S+) c=\[.*\] l=(\d+) a=(\d+) n=(\w+)$/.exec(line);
      return match === null ? [] : [`${match[1]} ${match[3]} ${match[4]}`];
    });
  }
}

suite('trace', () => {
  test('tells each step with its route, and only while it is on', async () => {
    const world = await World.start();
    await world.send('a');
    assert.deepEqual(world.traced(), []);
    await world.rpc('dbg.trace', 'on');
    await world.send('a');
    const request = 'request_route=[DEFAULT_ROUTE]';
    const sub = 'request_route=[SUB]';
    assert.deepEqual(world.traced(), [
      `${request} 63 assign`,
      `${request} 16 if`,
      `${request} 16 if`,
      `${request} 16 if`,
      `${request} 25 is_method`,
      `${request} 5 route`,
      `${sub} 63 assign`,
      `${sub} 2 return`,
      `${request} 26 xlog`,
      `${request} 26 sl_send_reply`,
      `${request} 2 exit`,
    ]);
    await world.rpc('dbg.trace', 'off');
    await world.send('a');
    assert.deepEqual(world.traced(), []);
    await world.world.stop();
  });

  test('prefix, level name and short form are as the parameters say', async () => {
    const world = await World.start(
      'modparam("debugger", "cfgtrace", 1)\nmodparam("debugger", "cfgtrace_format", 1)\nmodparam("debugger", "log_prefix", "mine:")\nmodparam("debugger", "log_level_name", "exec")\nmodparam("debugger", "log_level", 1)',
    );
    await world.send('a');
    assert.match(
      world.world.sim.log.lines.join('\n'),
      /^1 exec: mine:dbg_cfg_trace\(\): request_route=\[DEFAULT_ROUTE\] l=\d+ a=63 n=assign$/m,
    );
    await world.world.stop();
  });
});

suite('breakpoints', () => {
  test('a run is stepped, looked into, and let go, while others go on', async () => {
    const world = await World.start();
    assert.deepEqual(await world.list(), ['own 0 0']);
    await world.rpc('dbg.bp', 'on');
    await world.send('held');
    assert.deepEqual(world.said(), []);
    assert.deepEqual(await world.list(), ['own 2 1']);
    const { pid } = process;
    assert.match(await world.text('dbg.bp', 'show', pid), /^at bkp \[\/test\.cfg:\d+\] a=63 n=assign$/);
    assert.equal(await world.rpc('dbg.bp', 'eval', pid, '$var(x)'), '$var(x) : t=int v=0');
    await world.rpc('dbg.bp', 'off');
    await world.send('free');
    assert.deepEqual(world.said(), ['free 2']);
    assert.match(await world.text('dbg.bp', 'next', pid), /^exec .* n=assign$/);
    assert.deepEqual(await world.list(), ['own 0 2']);
    assert.equal(await world.rpc('dbg.bp', 'eval', pid, '$var(x)'), '$var(x) : t=int v=1');
    assert.equal(await world.rpc('dbg.bp', 'eval', pid, '$avp(none)'), '$avp(none) : t=null');
    assert.equal(await world.rpc('dbg.bp', 'eval', pid, '$fu'), '$fu : t=str v=sip:alice@example.org');
    await assert.rejects(world.rpc('dbg.bp', 'eval', pid, '$nothing'), /500|nothing/);
    const seen: string[] = [];
    for (let i = 0; i < 20 && (await world.list())[0] !== 'own 0 0'; i++)
      seen.push(/n=(\w+)/.exec(await world.text('dbg.bp', 'next', pid))?.[1] ?? '');
    assert.deepEqual(seen, [
      'if',
      'if',
      'if',
      'is_method',
      'route',
      'assign',
      'return',
      'xlog',
      'sl_send_reply',
      'exit',
    ]);
    assert.deepEqual(world.said(), ['free 2', 'held 2']);
    await world.world.stop();
  });

  test('several runs wait at a time, and each is told by its number', async () => {
    const world = await World.start('modparam("debugger", "breakpoint", 1)\n');
    await world.send('one');
    await world.send('two');
    await world.send('three');
    const [own, second, third] = await world.list();
    assert.equal(own, 'own 2 1');
    const [two, three] = [Number(second?.split(' ')[0]), Number(third?.split(' ')[0])];
    assert.equal(await world.rpc('dbg.bp', 'eval', two, '$rU'), '$rU : t=str v=two');
    await world.rpc('dbg.bp', 'move', three);
    assert.deepEqual(world.said(), ['three 2']);
    await world.rpc('dbg.bp', 'move', process.pid);
    await world.rpc('dbg.bp', 'move', process.pid);
    assert.deepEqual(world.said(), ['three 2', 'one 2', 'two 2']);
    assert.deepEqual(await world.list(), ['own 0 0']);
    await world.world.stop();
  });

  test('dbg_breakpoint() stops at its place', async () => {
    const world = await World.start();
    await world.send('not');
    assert.deepEqual(world.said(), ['not 2']);
    await world.send('break');
    assert.deepEqual(world.said(), ['not 2']);
    assert.match(await world.text('dbg.bp', 'show', process.pid), /n=dbg_breakpoint$/);
    assert.equal(
      await world
        .rpc('dbg.bp', 'next', process.pid)
        .then(() => world.text('dbg.bp', 'show', process.pid))
        .then((text) => /n=\w+/.exec(text)?.[0]),
      'n=if',
    );
    await world.rpc('dbg.bp', 'move', process.pid);
    assert.deepEqual(world.said(), ['not 2', 'break 2']);
    await world.world.stop();
  });

  test('retransmissions of a held request are absorbed; what waits is let go at the end', async () => {
    const world = await World.start('modparam("debugger", "breakpoint", 1)\n');
    await world.send('x');
    const { alice, clock } = world.world;
    alice.sends(alice.request('OPTIONS', 'sip:x@10.0.0.1', { callId: 'c1', branch: 'z9hG4bK-1' }));
    await clock.advanceAsync(100);
    assert.deepEqual(await world.list(), ['own 2 1']);
    await world.world.stop();
    assert.equal(world.world.sim.server.suspendedRuns, 0);
  });

  test('wrong commands are refused with the words of Kamailio', async () => {
    const world = await World.start();
    for (const [params, text] of [
      [[], /Config breakpoint command missing/],
      [['zz'], /Unknown inner command/],
      [['next'], /Missing pid parameter/],
      [['next', 1], /No such pid/],
    ] as const)
      await assert.rejects(world.rpc('dbg.bp', ...params), text);
    assert.equal(await world.rpc('dbg.bp', 'next', process.pid), '200 ok');
    await assert.rejects(world.rpc('dbg.ls', 1), /No such pid/);
    await assert.rejects(world.rpc('dbg.reset_msgid'), /reset_msgid/);
    await world.world.stop();
  });
});

suite('levels', () => {
  test("a module's own level counts where the modes say so", async () => {
    const set: string[] = [];
    const world = await World.start(
      'modparam("debugger", "mod_hash_size", 4)\nmodparam("debugger", "mod_level_mode", 1)\nmodparam("debugger", "mod_level", "tm=3")\nmodparam("debugger", "mod_facility", "tm=LOG_LOCAL1")\nmodparam("debugger", "reset_msgid", 1)\n',
    );
    const { server } = world.world.sim;
    Object.assign(server.log, { setLevel: (module: string, level: number | null) => set.push(`${module}=${level}`) });
    assert.equal(await world.rpc('dbg.get_mod_level', 'tm'), 3);
    assert.equal(await world.rpc('dbg.set_mod_level', 'core', 2), '200 ok');
    assert.equal(await world.rpc('dbg.get_mod_level', 'core'), 2);
    assert.equal(await world.rpc('dbg.get_mod_facility', 'tm'), 'LOG_LOCAL1');
    assert.equal(await world.rpc('dbg.set_mod_facility', 'tm', 'local2'), '200 ok');
    assert.equal(await world.rpc('dbg.get_mod_facility', 'tm'), 'LOG_LOCAL2');
    await assert.rejects(world.rpc('dbg.set_mod_facility', 'tm', 'X'), /facility not found/);
    server.settings.groups.set('dbg', null, 'mod_level_mode', 0);
    assert.deepEqual(set, ['<core>=2', 'tm=null', '<core>=null']);
    await world.rpc('dbg.reset_msgid');
    world.world.sim.log.lines.splice(0);
    await world.send('a');
    assert.match(world.world.sim.log.lines.join('\n'), /say a 2 1$/m);
    await world.world.stop();
  });
});

suite('dumps', () => {
  test('variables as JSON, and the message with what was changed', async () => {
    const world = await World.start(
      '',
      `request_route {
        $avp(a) = "x"; $avp(a) = "z"; $xavp(x=>more) = "bye"; $var(y) = 5; $var(t) = $si + "";
        append_hf("X-New: y\\r\\n"); remove_hf("Contact");
        dbg_pv_dump(30, "L_ERR");
        dbg_sip_msg("L_ERR");
        sl_send_reply("200", "OK");
      }`,
    );
    await world.send('a');
    const text = world.world.sim.log.lines.join('\n');
    const json = JSON.parse(/\{"\$.*\}$/m.exec(text)?.[0] ?? '{}') as Record<string, unknown>;
    assert.deepEqual(json['$avp(a)'], ['z', 'x']);
    assert.deepEqual(json['$xavp(x)'], [{ more: ['bye'] }]);
    assert.equal(json['$var(y)'], 5);
    assert.equal(json['$si'], '10.0.1.1');
    assert.match(text, /SIP header diffs -+\n(?:.*\n)*-1 X-New: y/);
    assert.match(text, /-1 - Contact: /);
    await world.world.stop();
  });
});
