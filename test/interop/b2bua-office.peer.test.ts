import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, type TestContext, test } from 'node:test';
import { Baresip } from '../support/baresip.ts';
import { skipWithout } from '../support/peers.ts';
import { RtpEngine } from '../support/rtpengine.ts';
import { SippCaller, sippCallee } from '../support/sipp.ts';
import { ANSWERS, callsBriefly, callsUntilHungUp, HANGS_UP, RINGS, transfers } from '../support/sipp-office.ts';
import { BIN_FOLDER, freePort, StrowgerProcess } from '../support/strowger-process.ts';

/** Real phones and sipp with cfg/b2bua.cfg. */

const SCRIPT = join(import.meta.dirname, '../../cfg/b2bua.cfg');
const STROWGER = join(BIN_FOLDER, 'strowger.js');
const PASSWORD = 'secret';
const folder = mkdtempSync(join(tmpdir(), 'strowger-office-peers-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function office(peers: string, defines: Readonly<Record<string, string | number>> = {}) {
  const port = await freePort();
  const list = join(folder, `${port}.list`);
  writeFileSync(list, peers);
  const all = { LISTEN_PORT: port, PEERS: `"${list}"`, CDRS: `"${join(folder, `${port}.json`)}"`, ...defines };
  const options = Object.entries(all).flatMap(([name, value]) => ['-A', `${name}=${value}`]);
  const run = join(folder, `run${port}`);
  const server = new StrowgerProcess(STROWGER, ['-f', SCRIPT, '-Y', run, '-E', ...options], { cwd: folder });
  await server.says('is ready');
  return { server, port };
}

suite('sipp calls through cfg/b2bua.cfg', { skip: skipWithout('sipp') }, () => {
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const user = async (name: string): Promise<{ readonly user: string; readonly password: string }> => {
    const args = ['user', 'add', name, PASSWORD, '-f', SCRIPT];
    // Of an earlier test, perhaps.
    await new StrowgerProcess(STROWGER, args, { cwd: folder }).end();
    return { user: name, password: PASSWORD };
  };

  for (const [name, transport, param] of [
    ['UDP', 'u1', ''],
    ['TCP', 't1', ';transport=tcp'],
  ] as const) {
    test(`${name}: from a trunk to the hunt group`, { timeout: 60_000 }, async (t) => {
      const callee = await sippCallee(transport);
      t.after(() => callee.sipp.stop('SIGKILL'));
      const peers = `name=trunk1;group=trunks;uri=sip:127.0.0.1:9;match=127.0.0.1;qualify=0
name=sink;uri=<sip:127.0.0.1:${callee.port}${param}>;qualify=0\n`;
      const { server, port } = await office(peers, { GROUP_FIRST: '"peer:service@sink"' });
      t.after(() => server.stop());
      const caller = await SippCaller.start({ port, transport, count: 200, rate: 50, folder });
      const end = await caller.end();
      assert.deepEqual([end.successful, end.failed], [200, 0], `${caller.errors}\n${server.stderr}`);
    });

    test(`${name}: hold, resume and transfer to the mailbox`, { timeout: 60_000 }, async (t) => {
      const callee = await sippCallee(transport, file('answers.xml', ANSWERS));
      const mailbox = await sippCallee(transport, file('hangs-up.xml', HANGS_UP));
      t.after(() => Promise.all([callee, mailbox].map(({ sipp }) => sipp.stop('SIGKILL'))));
      const peers = `name=sink;uri=<sip:127.0.0.1:${callee.port}${param}>;qualify=0
name=voicemail;uri=<sip:127.0.0.1:${mailbox.port}${param}>;qualify=0\n`;
      const { server, port } = await office(peers, { GROUP_FIRST: '"peer:service@sink"', MAX_CALLS_OF_USER: 1000 });
      t.after(() => server.stop());
      const scenario = file('transfers.xml', transfers('600', '*97'));
      const caller = await SippCaller.start({
        ...(await user('201')),
        port,
        transport,
        count: 50,
        rate: 25,
        folder,
        scenario,
      });
      const end = await caller.end();
      assert.deepEqual([end.successful, end.failed], [50, 0], `${caller.errors}\n${server.stderr}`);
    });

    test(`${name}: *8 picks up what rings`, { timeout: 60_000 }, async (t) => {
      const callee = await sippCallee(transport, file('rings.xml', RINGS));
      t.after(() => callee.sipp.stop('SIGKILL'));
      const peers = `name=sink;uri=<sip:127.0.0.1:${callee.port}${param}>;qualify=0\n`;
      const { server, port } = await office(peers, {
        GROUP_FIRST: '"peer:service@sink"',
        PICKUP_GROUPS: '"office=sink"',
        MAX_CALLS_OF_USER: 1000,
      });
      t.after(() => server.stop());
      const run = { port, transport, count: 40, folder };
      const caller = await SippCaller.start({
        ...(await user('201')),
        ...run,
        rate: 200,
        scenario: file('calls.xml', callsBriefly('600')),
      });
      const calling = caller.end();
      const rings = await user('203');
      while ((caller.history.at(-1)?.started ?? 0) < 40 && server.child.exitCode === null)
        await new Promise((resolve) => {
          setTimeout(resolve, 100);
        });
      const picker = await SippCaller.start({
        ...rings,
        ...run,
        rate: 50,
        scenario: file('picks.xml', callsUntilHungUp('*8')),
      });
      const ends = [await calling, await picker.end()].map(({ successful, failed }) => [successful, failed]);
      assert.deepEqual(
        ends,
        [
          [40, 0],
          [40, 0],
        ],
        `${caller.errors}\n${picker.errors}\n${server.stderr}`,
      );
    });
  }
});

/** Phones of the office, each with an account of its own; those of `ringing` do not answer by themselves. */
async function phonesOf(
  t: TestContext,
  transport: 'udp' | 'tcp',
  ringing: readonly string[] = [],
  defines: Readonly<Record<string, string | number>> = {},
): Promise<readonly [Baresip, Baresip, Baresip]> {
  const { port, server } = await office('', { GROUP_FIRST: '"location:202"', ...defines });
  const phones: Baresip[] = [];
  // Before the server: they take their registrations back.
  t.after(async () => {
    await Promise.all(phones.map((phone) => phone.stop()));
    await server.stop();
  });
  const start = async (user: string): Promise<Baresip> => {
    const args = ['user', 'add', user, PASSWORD, '-f', SCRIPT];
    await new StrowgerProcess(STROWGER, args, { cwd: folder }).end();
    const account = { user, password: PASSWORD, domain: 'localhost', transport, rings: ringing.includes(user) };
    const phone = await Baresip.start({ ...account, serverPort: port, folder });
    phones.push(phone);
    await phone.registered();
    return phone;
  };
  return [await start('201'), await start('202'), await start('203')];
}

suite('baresips in the office of cfg/b2bua.cfg', { skip: skipWithout('baresip') }, () => {
  for (const transport of ['udp', 'tcp'] as const) {
    test(`${transport}: call, hold, resume, blind transfer`, { timeout: 60_000 }, async (t) => {
      const [alice, bob, carol] = await phonesOf(t, transport);
      alice.dial('sip:202@localhost');
      await alice.saw('CALL_ESTABLISHED');
      await bob.saw('CALL_ESTABLISHED');
      alice.tells('hold');
      await bob.saw('CALL_REMOTE_SDP');
      alice.tells('resume');
      await bob.saw('CALL_REMOTE_SDP');
      alice.tells('transfer', 'sip:203@localhost');
      await carol.saw('CALL_ESTABLISHED');
      await alice.saw('CALL_CLOSED');
      carol.hangUp();
      await bob.saw('CALL_CLOSED');
    });

    test(`${transport}: *8 takes what rings at another phone; a call is parked, and taken`, {
      timeout: 60_000,
    }, async (t) => {
      const [alice, bob, carol] = await phonesOf(t, transport, ['202']);
      alice.dial('sip:600@localhost');
      await bob.saw('CALL_INCOMING');
      await alice.saw('CALL_RINGING');
      carol.dial('sip:*8@localhost');
      await carol.saw('CALL_ESTABLISHED');
      await alice.saw('CALL_ESTABLISHED');
      await bob.saw('CALL_CLOSED');
      alice.tells('transfer', 'sip:700@localhost');
      await alice.saw('CALL_CLOSED');
      bob.dial('sip:700@localhost');
      await bob.saw('CALL_ESTABLISHED');
      bob.hangUp();
      await carol.saw('CALL_CLOSED');
    });
  }

  test('media by way of rtpengine; the call ends when one side’s stop', {
    timeout: 60_000,
    skip: skipWithout('rtpengine'),
  }, async (t) => {
    const engine = await RtpEngine.start();
    t.after(() => engine.stop());
    const rtpengine = { WITH_RTPENGINE: '', RTPENGINE: `"udp:127.0.0.1:${engine.port}"`, RTP_SECONDS: 3 };
    const [alice, bob] = await phonesOf(t, 'udp', [], rtpengine);
    alice.dial('sip:202@localhost');
    await alice.saw('CALL_ESTABLISHED');
    await bob.saw('CALL_ESTABLISHED');
    // Longer than may be without media, from either side.
    for (const end = performance.now() + 10_000; (await engine.relayed()) < 450 && performance.now() < end; );
    assert.ok((await engine.relayed()) >= 450);
    assert.ok(![...alice.events, ...bob.events].includes('CALL_CLOSED'));
    bob.freezes();
    await alice.saw('CALL_CLOSED');
    assert.equal(await engine.relayed(), 0);
  });
});
