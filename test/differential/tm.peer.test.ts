import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startServer } from '../../core/start.ts';
import { scriptOptions } from '../support/both-servers.ts';
import { Kamailio } from '../support/kamailio.ts';
import { skipWithout } from '../support/peers.ts';
import { TM_CASES, TM_PARAMS } from './tm-cases.ts';
import { Cast, scriptOf, type TmCase } from './tm-world.ts';

/** What each peer heard in each case. The cases run at once: each has its own sockets and Call-IDs. */
type Traces = ReadonlyMap<string, string>;

async function playAll(port: number): Promise<Traces> {
  const traces = new Map<string, string>();
  await Promise.all(TM_CASES.map(async (one) => void traces.set(one.name, await play(one, port))));
  return traces;
}

async function play(one: TmCase, port: number): Promise<string> {
  const cast = await Cast.open(one.name, port);
  try {
    await one.play(cast);
    await cast.pause(50);
    return cast.trace();
  } catch (error) {
    return `${String(error)}\n${cast.trace()}`;
  } finally {
    await cast.close();
  }
}

async function ofKamailio(script: string): Promise<Traces> {
  const server = await Kamailio.start(script);
  try {
    return await playAll(server.port);
  } finally {
    await server.stop();
  }
}

async function ofStrowger(script: string): Promise<Traces> {
  const started = await startServer(scriptOptions(script));
  try {
    return await playAll(started.server.transport.sockets[0]?.port ?? 0);
  } finally {
    await started.stop(0);
  }
}

describe('tm behaves as Kamailio on the wire', { skip: skipWithout('kamailio') }, () => {
  let kamailio: Traces = new Map();
  let strowger: Traces = new Map();

  before(async () => {
    const script = scriptOf(TM_CASES, TM_PARAMS);
    kamailio = await ofKamailio(script);
    strowger = await ofStrowger(script);
  });
  after(() => {
    kamailio = new Map();
  });

  for (const { name, differs } of TM_CASES) {
    if (differs === undefined) test(name, () => assert.equal(strowger.get(name), kamailio.get(name)));
    else test(`${name} differs: ${differs}`, () => assert.notEqual(strowger.get(name), kamailio.get(name)));
  }
});
