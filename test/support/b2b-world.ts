import assert from 'node:assert/strict';
import type { B2buaApi } from '../../modules/b2bua/api.ts';
import type { TmApi } from '../../modules/tm/api.ts';
import type { RequestOptions, ResponseOptions, TestMsg } from './msg.ts';
import type { SipPeer } from './sip-peer.ts';
import { SipWorld, type WorldOptions } from './sip-world.ts';

/** Calls to this server go to bob. */
export const SCRIPT = 'request_route { $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }';
/** Session descriptions of alice and of bob. */
export const OFFER =
  'v=0\r\no=a 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n';
export const ANSWER =
  'v=0\r\no=b 7 7 IN IP4 10.0.2.1\r\ns=-\r\nc=IN IP4 10.0.2.1\r\nt=0 0\r\nm=audio 5000 RTP/AVP 8\r\n';

/**
 * Runs a test in a world of its own and looks whether anything is left of it afterwards. `lasting`: timers of other
 * modules that are always there.
 */
export async function withB2b(
  use: (world: SipWorld) => Promise<void>,
  options: WorldOptions = {},
  routes = SCRIPT,
  lasting = 0,
): Promise<void> {
  const world = await SipWorld.start(routes, { ...options, params: `loadmodule "b2bua.so"\n${options.params ?? ''}` });
  try {
    await use(world);
    await world.passes(400_000);
    const b2bua = world.sim.api<B2buaApi>('b2bua');
    assert.deepEqual({ calls: b2bua.callCount, legs: b2bua.legCount }, { calls: 0, legs: 0 }, 'calls or legs left');
    assert.equal(world.sim.api<TmApi>('tm').core.table.size, 0, 'transactions left');
    assert.equal(world.sim.server.wheel.size, lasting, 'timers left');
  } finally {
    await world.stop();
  }
}

/** A call between alice and bob. */
export interface Sides {
  readonly invite: string;
  /** As bob got it. */
  readonly atBob: TestMsg;
  /** As alice got it. */
  readonly ok: TestMsg;
}

/** Bodies of alice and of bob. */
export const ALICES = { body: OFFER, contentType: 'application/sdp' };
export const BOBS = { body: ANSWER, contentType: 'application/sdp' };

/** For `receives`: a reply of this status to a request of this method. */
export function isReply(method: string, status: number): (msg: TestMsg) => boolean {
  return (msg) => msg.status === status && msg.cseqMethod === method;
}

/** alice calls and bob answers; she has not acknowledged that. */
export async function answered(
  world: SipWorld,
  invite: RequestOptions = ALICES,
  answer: ResponseOptions = BOBS,
): Promise<Sides> {
  const text = world.calls('sip:bob@10.0.0.1', invite);
  const atBob = await world.bob.receives('INVITE');
  world.bob.replies(atBob, 180);
  await world.alice.receives(180);
  world.bob.replies(atBob, 200, answer);
  return { invite: text, atBob, ok: await world.alice.receives(200) };
}

/** alice calls, bob answers, alice acknowledges. */
export async function talking(world: SipWorld): Promise<Sides> {
  const sides = await answered(world);
  acks(world, sides);
  await world.bob.receives('ACK');
  return sides;
}

/** alice acknowledges an answer. */
export function acks(world: SipWorld, { ok }: Sides, cseq = 1, options: RequestOptions = {}): void {
  world.alice.sends(inDialog(world, 'ACK', ok, { cseq, ...options }));
}

/** A BYE that comes from the server, answered. */
export async function hungUp(peer: SipPeer): Promise<TestMsg> {
  const bye = await peer.receives('BYE');
  peer.replies(bye, 200);
  return bye;
}

/** alice hangs up, and bob is told. */
export async function ends(world: SipWorld, { ok }: Sides, cseq = 20): Promise<void> {
  world.alice.sends(inDialog(world, 'BYE', ok, { cseq }));
  await world.alice.receives(isReply('BYE', 200));
  await hungUp(world.bob);
}

/** A request of alice's in the dialog that `ok` made. */
export function inDialog(world: SipWorld, method: string, ok: TestMsg, options: RequestOptions = {}): string {
  const target = /<([^>]*)>/.exec(ok.get('Contact') ?? '')?.[1] ?? '';
  return world.alice.request(method, target, {
    callId: ok.get('Call-ID') ?? '',
    to: (ok.get('To') ?? '').replace(/;tag=.*/, ''),
    toTag: ok.param('To', 'tag') ?? '',
    ...options,
  });
}

/** A request of bob's in the dialog that the INVITE he answered made. */
export function fromBob(world: SipWorld, method: string, atBob: TestMsg, options: RequestOptions = {}): string {
  return fromCallee(world.bob, method, atBob, options);
}

/** A request of a callee's in the dialog that the INVITE it answered made. */
export function fromCallee(peer: SipPeer, method: string, atBob: TestMsg, options: RequestOptions = {}): string {
  const target = /<([^>]*)>/.exec(atBob.get('Contact') ?? '')?.[1] ?? '';
  return peer.request(method, target, {
    callId: atBob.get('Call-ID') ?? '',
    from: (atBob.get('To') ?? '').replace(/;tag=.*/, ''),
    fromTag: `${peer.name}-tag`,
    to: (atBob.get('From') ?? '').replace(/;tag=.*/, ''),
    toTag: atBob.param('From', 'tag') ?? '',
    ...options,
  });
}
