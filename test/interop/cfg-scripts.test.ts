import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { FakeRelay } from '../support/fake-relay.ts';
import { type PhoneOptions, SoftPhone } from '../support/soft-phone.ts';
import { askOptions, BIN_FOLDER, freePort, StrowgerProcess } from '../support/strowger-process.ts';

/** What cfg/ has beside the plain `npm start`, and the first script that README.md shows. */

const CFG = join(import.meta.dirname, '../../cfg');
const STROWGER = join(BIN_FOLDER, 'strowger.js');

const folder = mkdtempSync(join(tmpdir(), 'strowger-cfg-'));
const phones: SoftPhone[] = [];
after(() => {
  for (const each of phones) each.close();
  rmSync(folder, { recursive: true, force: true });
});

async function started(script: string, defines: Readonly<Record<string, string | number>>): Promise<StrowgerProcess> {
  const options = Object.entries(defines).flatMap(([name, value]) => ['-A', value === '' ? name : `${name}=${value}`]);
  const args = ['-f', join(CFG, script), '-Y', folder, '-E', ...options];
  const server = new StrowgerProcess(STROWGER, args, { cwd: folder });
  await server.says('is ready');
  return server;
}

async function phone(options: Omit<PhoneOptions, 'domain'>): Promise<SoftPhone> {
  const opened = await SoftPhone.open({ domain: 'localhost', series: `${phones.length}-`, ...options });
  phones.push(opened);
  return opened;
}

const SDP = 'v=0\r\no=- 1 1 IN IP4 192.168.7.7\r\ns=-\r\nc=IN IP4 192.168.7.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n';

suite('strowger.cfg with WITH_RTPENGINE', { timeout: 60_000 }, () => {
  const [ports, password] = [{ udp: 0, ws: 0 }, 'secret'];
  let relay: FakeRelay;
  let server: StrowgerProcess;
  before(async () => {
    relay = await FakeRelay.open();
    [ports.udp, ports.ws] = [await freePort(), await freePort()];
    server = await started('strowger.cfg', {
      LISTEN_PORT: ports.udp,
      TLS_PORT: await freePort(),
      WS_PORT: ports.ws,
      WSS_PORT: await freePort(),
      WITH_RTPENGINE: '',
      RTPENGINE: `"udp:127.0.0.1:${relay.enginePort}"`,
    });
    for (const user of ['alice', 'bob']) {
      const args = ['user', 'add', user, password, '-f', join(CFG, 'strowger.cfg')];
      assert.equal((await new StrowgerProcess(STROWGER, args, { cwd: folder }).end()).code, 0);
    }
  });
  after(async () => {
    relay?.close();
    await server?.stop();
  });

  /** Commands and flags of rtpengine in a call from the one transport to the other, from INVITE to BYE. */
  async function commands(from: 'udp' | 'ws', to: 'udp' | 'ws'): Promise<string[]> {
    const alice = await phone({ name: 'alice', password, transport: from, serverPort: ports[from] });
    const bob = await phone({ name: 'bob', password, transport: to, serverPort: ports[to] });
    for (const each of [alice, bob]) assert.equal((await each.registers()).status, 200);
    await alice.invites(bob.aor, { body: SDP });
    const invite = await bob.hears('INVITE');
    const reply = bob.replies(invite, 200, { body: SDP });
    const accepted = await alice.hears(200);
    alice.callerSends('ACK', accepted, accepted.cseqNumber);
    await bob.hears('ACK');
    const isRelayed = [invite, accepted].map(({ body }) => body.includes('127.0.0.99'));
    bob.calleeSends('BYE', invite, reply);
    alice.replies(await alice.hears('BYE'), 200);
    await bob.hears(200);
    for (const each of [alice, bob]) await each.registers(0);
    assert.deepEqual(isRelayed, [from === 'udp' || to === 'udp', from === 'udp' || to === 'udp']);
    return relay.take().map((text) => {
      const value = (name: string): string => new RegExp(`${name}="?([^"\\n]*)`).exec(text)?.[1] ?? '';
      const command = value('command');
      return command === 'delete' ? command : `${command} ${value('ICE')} ${value('transport-protocol')}`.trim();
    });
  }

  test('phone to phone: plain RTP', async () => {
    assert.deepEqual(await commands('udp', 'udp'), ['offer', 'answer', 'delete']);
  });

  test('browser to phone, phone to browser: encrypted on the one side', async () => {
    assert.deepEqual(await commands('ws', 'udp'), ['offer remove RTP/AVP', 'answer force UDP/TLS/RTP/SAVPF', 'delete']);
    assert.deepEqual(await commands('udp', 'ws'), ['offer force UDP/TLS/RTP/SAVPF', 'answer remove RTP/AVP', 'delete']);
  });

  test('browser to browser: none', async () => {
    assert.deepEqual(await commands('ws', 'ws'), []);
  });
});

suite('load-balancer.cfg', { timeout: 60_000 }, () => {
  test('calls are spread over destinations, and go to the next one when one fails', async (t) => {
    const port = await freePort();
    const [caller, first, second] = [
      await phone({ name: 'caller', serverPort: port }),
      await phone({ name: 'first', serverPort: port }),
      await phone({ name: 'second', serverPort: port }),
    ];
    const list = join(folder, 'dispatcher.list');
    writeFileSync(list, [first, second].map(({ source }) => `1 sip:${source} 0 0 weight=50\n`).join(''));
    const server = await started('load-balancer.cfg', { LISTEN_PORT: port, DISPATCHER_LIST: `"${list}"` });
    t.after(() => server.stop());
    assert.equal((await caller.asks('OPTIONS', `sip:127.0.0.1:${port}`)).status, 200);
    await caller.invites('sip:service@example.org');
    const heard = await Promise.race([first, second].map(async (each) => [each, await each.hears('INVITE')] as const));
    const [failing, invite] = heard;
    const other = failing === first ? second : first;
    failing.replies(invite, 503);
    await failing.hears('ACK');
    other.replies(await other.hears('INVITE'), 200);
    const accepted = await caller.hears(200);
    caller.callerSends('ACK', accepted, accepted.cseqNumber);
    await other.hears('ACK');
    // What is no part of the call is not taken along, with its routes or others.
    const route = accepted.all('Record-Route');
    for (const set of [route, [`<sip:127.0.0.1:${port};lr>`]])
      for (const method of ['INFO', 'INVITE', 'BYE']) {
        const strange = { toTag: 'made-up', route: [...set, `<sip:${first.source};lr>`] };
        assert.equal((await caller.asks(method, 'sip:anybody@else.example.net', strange)).status, 403);
      }
    caller.callerSends('BYE', accepted, accepted.cseqNumber + 1);
    other.replies(await other.hears('BYE'), 200);
    await caller.hears(200);
    assert.deepEqual(
      first.inbox.concat(second.inbox).map(({ startLine }) => startLine),
      [],
    );
  });
});

test('the script of README.md is without fault, and answers', { timeout: 30_000 }, async (t) => {
  const readme = readFileSync(join(CFG, '../README.md'), 'utf8');
  const shown = /^## A first script\n\n((?: {4}.*\n|\n)+)/m.exec(readme)?.[1] ?? '';
  const port = await freePort();
  const file = join(folder, 'first.cfg');
  writeFileSync(file, shown.replaceAll(/^ {4}/gm, '').replace('udp:127.0.0.1:5060', `udp:127.0.0.1:${port}`));
  const check = await new StrowgerProcess(STROWGER, ['check', '--strict', file]).end();
  assert.deepEqual([check.code, check.stderr], [0, 'first.cfg: the script is good\n']);
  const server = new StrowgerProcess(STROWGER, ['-f', file, '-Y', folder, '-E'], { cwd: folder });
  t.after(() => server.stop());
  await server.says('is ready');
  assert.equal(await askOptions(port), 'SIP/2.0 200 OK');
});
