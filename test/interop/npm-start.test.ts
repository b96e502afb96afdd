import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, suite, test } from 'node:test';
import type { TestMsg } from '../support/msg.ts';
import { type PhoneOptions, SoftPhone } from '../support/soft-phone.ts';
import { BIN_FOLDER, type Ended, freePort, StrowgerProcess } from '../support/strowger-process.ts';
import type { PhoneTransport } from '../support/wire.ts';

/** What `npm start` runs, in an empty folder: the server makes all it needs, and phones of new accounts call each other. */

const CHECKOUT = join(import.meta.dirname, '../..');
const DOMAIN = 'localhost';
const PASSWORD = 'correct horse';

const folder = mkdtempSync(join(tmpdir(), 'strowger-start-'));
const phones: SoftPhone[] = [];
const ports = { udp: 0, tcp: 0, tls: 0, ws: 0, wss: 0 };
let server: StrowgerProcess;

/** The command line of package.json, with ports that are free and sockets in this folder. */
function start(...more: string[]): StrowgerProcess {
  const { scripts } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  const [node, ...args] = scripts.start.split(' ').map((word) => word.replace(/^core\/bin\//, `${BIN_FOLDER}/`));
  assert.equal(node, 'node');
  const defines = { LISTEN_PORT: ports.udp, TLS_PORT: ports.tls, WS_PORT: ports.ws, WSS_PORT: ports.wss };
  const options = Object.entries(defines).flatMap(([name, port]) => ['-A', `${name}=${port}`]);
  return new StrowgerProcess(process.execPath, [...args, ...options, '-Y', folder, '-E', ...more], { cwd: folder });
}

async function strowger(...args: string[]): Promise<Ended> {
  return await new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), args, { cwd: folder }).end();
}

async function phone(
  name: string,
  transport: PhoneTransport,
  password = PASSWORD,
  domain = DOMAIN,
): Promise<SoftPhone> {
  return await open({ name, password, transport, serverPort: ports[transport], domain });
}

/** Phones are told apart by their transactions. */
let count = 0;
async function open(options: Omit<PhoneOptions, 'domain'> & { readonly domain?: string }): Promise<SoftPhone> {
  const opened = await SoftPhone.open({ domain: DOMAIN, series: `${++count}-`, ...options });
  phones.push(opened);
  return opened;
}

async function registered(name: string, transport: PhoneTransport): Promise<SoftPhone> {
  const opened = await phone(name, transport);
  assert.equal((await opened.registers()).status, 200);
  return opened;
}

/** A call that is up: what the callee heard and said, and what the caller heard. */
interface Call {
  readonly invite: TestMsg;
  readonly reply: string;
  readonly accepted: TestMsg;
}

async function call(caller: SoftPhone, callee: SoftPhone): Promise<void> {
  await talk(caller, callee, await connect(caller, callee));
}

async function connect(caller: SoftPhone, callee: SoftPhone): Promise<Call> {
  await caller.invites(callee.aor);
  const invite = await callee.hears('INVITE');
  callee.replies(invite, 180);
  await caller.hears(180);
  const reply = callee.replies(invite, 200);
  const accepted = await caller.hears(200);
  caller.callerSends('ACK', accepted, accepted.cseqNumber);
  await callee.hears('ACK');
  return { invite, reply, accepted };
}

/** Requests within the call from both sides; it is over then. */
async function talk(caller: SoftPhone, callee: SoftPhone, { invite, reply, accepted }: Call): Promise<void> {
  callee.calleeSends('INFO', invite, reply);
  caller.replies(await caller.hears('INFO'), 200);
  await callee.hears(200);
  caller.callerSends('BYE', accepted, accepted.cseqNumber + 1);
  callee.replies(await callee.hears('BYE'), 200);
  await caller.hears(200);
}

function http(headers: Readonly<Record<string, string>>, path = '/RPC'): Promise<string> {
  const body = JSON.stringify({ jsonrpc: '2.0', method: 'core.echo', params: ['hello'], id: 1 });
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: ports.ws, path, method: 'POST', headers, agent: false };
    const asking = httpRequest(options, (answer) => {
      let text = '';
      answer.on('data', (data: Buffer) => void (text += data.toString()));
      answer.on('end', () => resolve(`${answer.statusCode} ${text.replace(/\s+/g, '')}`));
    });
    asking.on('error', reject);
    asking.end(body);
  });
}

suite('npm start', { timeout: 60_000 }, () => {
  before(async () => {
    symlinkSync(join(CHECKOUT, 'cfg'), join(folder, 'cfg'));
    ports.udp = ports.tcp = await freePort();
    [ports.tls, ports.ws, ports.wss] = [await freePort(), await freePort(), await freePort()];
    server = start();
    await server.says('is ready');
  });
  after(async () => {
    for (const each of phones) each.close();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const forget = (): void => {
    for (const each of phones.splice(0)) each.close();
  };

  test('says where it listens, and has made database, key and certificate', () => {
    for (const place of [`udp:127.0.0.1:${ports.udp}`, `tcp:127.0.0.1:${ports.ws}`, `tls:127.0.0.1:${ports.tls}`])
      assert.match(server.stderr, new RegExp(`is ready on .*${place}`));
    for (const file of ['strowger.sqlite', 'key.pem', 'route.key'])
      assert.equal(statSync(join(folder, 'run', file)).mode & 0o77, 0);
    assert.match(readFileSync(join(folder, 'run/certificate.pem'), 'utf8'), /BEGIN CERTIFICATE/);
  });

  test('accounts are made while it runs', async () => {
    assert.equal((await (await phone('alice', 'udp')).registers()).status, 401);
    for (const user of ['alice', 'bob']) {
      const { code, stderr, stdout } = await strowger('user', 'add', user, PASSWORD);
      assert.deepEqual([code, stderr, stdout], [0, '', `${user}@${DOMAIN} added\n`]);
    }
    assert.equal((await strowger('user', 'list')).stdout, `alice@${DOMAIN}\nbob@${DOMAIN}\n`);
  });

  for (const [from, to] of [
    ['udp', 'udp'],
    ['tcp', 'tcp'],
    ['tls', 'tls'],
    ['ws', 'ws'],
    ['wss', 'udp'],
    ['udp', 'wss'],
    ['tcp', 'tls'],
  ] as const)
    test(`phones register and call each other: ${from} to ${to}`, async () => {
      const [alice, bob] = [await registered('alice', from), await registered('bob', to)];
      await call(alice, bob);
      await call(bob, alice);
      assert.equal((await alice.registers(0)).status, 200);
      assert.equal((await bob.registers(0)).status, 200);
      forget();
    });

  test('the address is as good as the domain, whatever the port', async () => {
    const [alice, bob] = [await phone('alice', 'udp', PASSWORD, '127.0.0.1'), await registered('bob', 'udp')];
    assert.equal((await alice.registers()).status, 200);
    await call(alice, bob);
    await call(bob, alice);
    for (const each of [alice, bob]) assert.equal((await each.registers(0)).status, 200);
    forget();
  });

  test('phones behind NAT are reached where they come from', async () => {
    const inside = '192.168.7.7:5060';
    const alice = await registered('alice', 'udp');
    const bob = await open({ name: 'bob', password: PASSWORD, serverPort: ports.udp, inside });
    assert.equal((await bob.registers()).status, 200);
    await call(alice, bob);
    await call(bob, alice);
    for (const each of [alice, bob]) await each.registers(0);
    forget();
  });

  test('all phones of a user ring; the first to answer has the call', async () => {
    const alice = await registered('alice', 'tcp');
    const [desk, browser] = [await registered('bob', 'udp'), await registered('bob', 'ws')];
    await alice.invites(desk.aor);
    const [first, second] = [await desk.hears('INVITE'), await browser.hears('INVITE')];
    desk.replies(first, 180);
    browser.replies(second, 200);
    const accepted = await alice.hears(200);
    alice.callerSends('ACK', accepted, accepted.cseqNumber);
    await browser.hears('ACK');
    desk.replies(await desk.hears('CANCEL'), 200);
    desk.replies(first, 487);
    await desk.hears('ACK');
    for (const each of [alice, desk, browser]) await each.registers(0);
    forget();
  });

  test('what it refuses', async () => {
    const alice = await phone('alice', 'udp');
    const stranger = await phone('stranger', 'udp', 'guess');
    const wrong = await phone('alice', 'udp', 'guess');
    const statusOf = async (asking: Promise<TestMsg>): Promise<number> => (await asking).status;
    const foreign = { from: '<sip:someone@far.example.net>' };
    assert.equal(await statusOf(wrong.registers()), 401);
    assert.equal(await statusOf(stranger.registers()), 401);
    assert.equal(await statusOf(alice.registers(600, { to: '<sip:bob@localhost>' })), 401);
    assert.equal(await statusOf(alice.asks('REGISTER', 'sip:far.example.net', { to: `<${alice.aor}>` })), 403);
    assert.equal(await statusOf(stranger.asks('INVITE', 'sip:bob@else.example.net', foreign)), 403);
    assert.equal(await statusOf(stranger.asks('INVITE', 'sip:bob@localhost')), 407);
    assert.equal(await statusOf(stranger.asks('MESSAGE', 'sip:bob@localhost', foreign)), 404);
    assert.equal(await statusOf(alice.asks('MESSAGE', 'sip:nobody@localhost')), 404);
    assert.equal(await statusOf(alice.asks('INFO', 'sip:bob@localhost', { toTag: 'gone' })), 404);
    forget();
  });

  test('WebSockets are for pages of this host, JSON-RPC for its programs', async () => {
    const connect = (origin: string): Promise<SoftPhone> =>
      open({ name: 'alice', transport: 'ws', serverPort: ports.ws, origin });
    await connect('http://localhost:8000');
    await connect('https://127.0.0.1');
    for (const origin of ['https://evil.example.org', 'null', 'https://localhost.evil.example.org'])
      await assert.rejects(connect(origin), /403/);
    assert.equal(await http({}), '200 {"jsonrpc":"2.0","result":["hello"],"id":1}');
    assert.match(await http({ Origin: 'http://localhost' }), /^403/);
    assert.match(await http({ Host: 'rebound.example.org' }), /^403/);
    assert.match(await http({}, '/'), /^404/);
  });

  test('after a restart phones are still registered, and calls go on', async () => {
    const [alice, bob] = [await registered('alice', 'udp'), await registered('bob', 'udp')];
    const up = await connect(alice, bob);
    assert.equal((await server.stop()).code, 0);
    server = start();
    await server.says('is ready');
    await talk(alice, bob, up);
    await call(alice, bob);
    // What only looks like the call does not go where its routes say.
    const [route = ''] = up.accepted.all('Record-Route');
    for (const given of [route, route.replace(/;sig=\w+/, '')]) {
      const strange = { toTag: 'made-up', route: [given, `<sip:${bob.source};lr>`] };
      assert.equal((await alice.asks('INFO', 'sip:anybody@else.example.net', strange)).status, 403);
    }
    forget();
  });
});
