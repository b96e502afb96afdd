import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { SimNetwork, type SimNetworkOptions } from '../../test/support/sim-network.ts';
import { SeededRandom } from '../timer/random.ts';
import { RealClock } from '../timer/real-clock.ts';
import { VirtualClock } from '../timer/virtual-clock.ts';
import { TimerWheel } from '../timer/wheel.ts';
import { UdpClient } from './udp-client.ts';
import { DgramUdpDriver } from './udp-dgram.ts';

const SERVER = { ip: '10.0.0.9', port: 2223 };
const PATIENCE = { timeoutMs: 1000, tries: 5 };

/** A client at 10.0.0.1 and a server that answers what `answer` says: null is silence. */
class World {
  readonly clock = new VirtualClock();
  readonly network: SimNetwork;
  readonly client: UdpClient;
  readonly asked: string[] = [];

  constructor(options: SimNetworkOptions = {}) {
    this.network = new SimNetwork(this.clock, new SeededRandom(1), options);
    const driver = this.network.host('10.0.0.1').udp;
    this.client = new UdpClient({ driver, wheel: new TimerWheel(this.clock), random: new SeededRandom(2) });
  }

  async serve(ip: string, answer: (cookie: string, payload: string) => string | null): Promise<void> {
    const options = { address: ip, port: SERVER.port, family: 4 } as const;
    const endpoint = await this.network.host(ip).udp.open(
      options,
      (text, srcIp, srcPort) => {
        this.asked.push(text);
        const space = text.indexOf(' ');
        const reply = answer(text.slice(0, space), text.slice(space + 1));
        if (reply !== null) endpoint.send(reply, srcIp, srcPort);
      },
      () => {},
    );
  }
}

describe('UDP client', { timeout: 20_000 }, () => {
  test('an answer finds its request by the cookie, whatever the order', async () => {
    const world = new World({ link: { delayMs: [1, 50] } });
    await world.serve(SERVER.ip, (cookie, payload) => `${cookie} re:${payload}`);
    const asks = Array.from({ length: 50 }, (_, i) => world.client.ask(SERVER, `q${i}`, PATIENCE));
    await world.clock.advanceAsync(200);
    const answers = await Promise.all(asks);
    assert.deepEqual(
      answers,
      Array.from({ length: 50 }, (_, i) => ({ ok: true, text: `re:q${i}` })),
    );
    assert.equal(world.client.waiting, 0);
    assert.equal(new Set(world.asked.map((text) => text.split(' ')[0])).size, 50);
  });

  test('what is lost is sent again with its cookie; silence ends after all tries', async () => {
    const world = new World();
    await world.serve(SERVER.ip, () => null);
    const ask = world.client.ask(SERVER, 'ping', PATIENCE);
    await world.clock.advanceAsync(4999);
    assert.equal(world.client.waiting, 1);
    await world.clock.advanceAsync(2);
    assert.deepEqual(await ask, { ok: false, why: 'timeout' });
    assert.equal(world.asked.length, 5);
    assert.equal(new Set(world.asked).size, 1);
  });

  test('half of all datagrams lost both ways: every request is answered in time or given up', async () => {
    const world = new World({ link: { loss: 0.5, duplicate: 0.2, reorder: 0.2 } });
    await world.serve(SERVER.ip, (cookie, payload) => `${cookie} ${payload}`);
    const asks = Array.from({ length: 200 }, (_, i) =>
      world.client.ask(SERVER, `q${i}`, { timeoutMs: 100, tries: 20 }),
    );
    await world.clock.advanceAsync(2100);
    const answers = await Promise.all(asks);
    for (const [i, answer] of answers.entries()) if (answer.ok) assert.equal(answer.text, `q${i}`);
    assert.ok(answers.filter((answer) => answer.ok).length >= 195);
  });

  test('other cookies, other sources and late answers are dropped', async () => {
    const world = new World();
    let sent = '';
    await world.serve(SERVER.ip, (cookie) => {
      sent = cookie;
      return `x${cookie} no`;
    });
    await world.serve('10.0.0.8', () => null);
    const ask = world.client.ask(SERVER, 'q', { timeoutMs: 100, tries: 1 });
    await world.clock.advanceAsync(50);
    // Another host that knows the cookie.
    const liar = { address: '10.0.0.7', port: SERVER.port, family: 4 } as const;
    const endpoint = await world.network.host('10.0.0.7').udp.open(
      liar,
      () => {},
      () => {},
    );
    endpoint.send(`${sent} lie`, '10.0.0.1', 32768);
    await world.clock.advanceAsync(60);
    assert.deepEqual(await ask, { ok: false, why: 'timeout' });
  });

  test('several servers at once; close ends what is under way', async () => {
    const world = new World();
    await world.serve(SERVER.ip, () => null);
    await world.serve('10.0.0.8', (cookie) => `${cookie} eight`);
    const mute = world.client.ask(SERVER, 'q', PATIENCE);
    const other = world.client.ask({ ip: '10.0.0.8', port: SERVER.port }, 'q', PATIENCE);
    await world.clock.advanceAsync(10);
    assert.deepEqual(await other, { ok: true, text: 'eight' });
    world.client.close();
    assert.deepEqual(await mute, { ok: false, why: 'closed' });
    assert.deepEqual(await world.client.ask(SERVER, 'q', PATIENCE), { ok: false, why: 'closed' });
  });

  test('on the real network a closed port is told at once', async () => {
    const probe = createSocket('udp4').bind(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address();
    probe.close();
    const wheel = new TimerWheel(new RealClock());
    const client = new UdpClient({ driver: new DgramUdpDriver(), wheel, random: new SeededRandom(1) });
    const answer = await client.ask({ ip: '127.0.0.1', port }, 'q', { timeoutMs: 15_000, tries: 1 });
    assert.deepEqual(answer, { ok: false, why: 'refused' });
    client.close();
    wheel.close();
  });

  test('on the real network it asks and is answered, and asks again after a refusal', async () => {
    const server = createSocket('udp4');
    server.on('message', (data, from) => server.send(data, from.port, from.address));
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    const wheel = new TimerWheel(new RealClock());
    const client = new UdpClient({ driver: new DgramUdpDriver(), wheel, random: new SeededRandom(1) });
    const peer = { ip: '127.0.0.1', port: server.address().port };
    assert.deepEqual(await client.ask(peer, 'caf\xe9', PATIENCE), { ok: true, text: 'caf\xe9' });
    assert.deepEqual(await client.ask(peer, 'two', PATIENCE), { ok: true, text: 'two' });
    client.close();
    wheel.close();
    server.close();
  });
});
