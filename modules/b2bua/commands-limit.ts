import { ANY_ROUTE, command, EVENT_ROUTE, REQUEST_ROUTE, type Run } from 'strowger';
import type { Calls } from './calls.ts';
import { callOf } from './commands-call.ts';
import type { PeerDef } from './peer-def.ts';
import { PEER_LIMIT, peerOfMessage, setPeer } from './peers.ts';

/** What the commands tell the script beside 1. */
const NO = -1;
const UNAVAILABLE = -3;
const FORBIDDEN = -5;

async function limit(run: Run, calls: Calls, name: string, max: number, key: string): Promise<number> {
  const about = callOf(run, calls);
  if (about === null || about.call.isEnded) return NO;
  const { call, leg } = about;
  if (call.isBeyond) return FORBIDDEN;
  if (calls.limits.take(call, name, Math.max(0, max), key)) return 1;
  await call.limitReached(name, leg, run.msg);
  return FORBIDDEN;
}

/** The peer of a name, or the one that the message is known to come from, or comes from. */
async function peerOf(run: Run, { peers }: Calls, name: string | undefined): Promise<PeerDef | null> {
  if (name !== undefined && name !== '') return peers.get(name) ?? null;
  return peerOfMessage(run.msg) ?? (await peers.ofMessage(run.msg));
}

async function countAsPeer(run: Run, calls: Calls, name: string | undefined): Promise<number> {
  const peer = await peerOf(run, calls, name);
  const about = peer === null ? null : callOf(run, calls);
  if (peer === null || about === null || about.leg.isEnded) return NO;
  const { call, leg } = about;
  if (call.isBeyond) return FORBIDDEN;
  setPeer(run.msg, peer);
  leg.peerName = peer.name;
  if (calls.peers.take(leg, peer)) return 1;
  await call.limitReached(`${PEER_LIMIT}:${peer.name}`, leg, run.msg);
  return FORBIDDEN;
}

export const LIMIT_COMMANDS = {
  b2b_limit: command({
    doc: 'Takes a slot of a limit until the call ends: 1; -5 when all are taken, -1 where there is no call. Each key has slots of its own.',
    args: ['str', 'int', 'str?'],
    argNames: ['name', 'max', 'key'],
    routes: REQUEST_ROUTE | EVENT_ROUTE,
    isAsync: true,
    run: (run, calls: Calls, name, max, key) => limit(run, calls, name, max, key ?? ''),
  }),
  b2b_limit_get: command({
    doc: 'How many slots of a limit are taken, in all workers: the count, or -1 for none.',
    args: ['str', 'str?'],
    argNames: ['name', 'key'],
    routes: ANY_ROUTE,
    run: (_run, calls: Calls, name, key) => calls.limits.count(name, key ?? '') || NO,
  }),
  b2b_peer: command({
    doc: "The caller is this peer, or, without a name, the one that the request comes from: the call counts for its limit. 1; -1 no peer or no call, -5 beyond the peer's limit.",
    args: ['str?'],
    argNames: ['name'],
    routes: ANY_ROUTE,
    isAsync: true,
    run: (run, calls: Calls, name) => countAsPeer(run, calls, name),
  }),
  b2b_peer_status: command({
    doc: 'Can the peer be called? 1; -1 there is none of that name, -3 it is down or not registered, -5 at its limit.',
    args: ['str'],
    argNames: ['name'],
    routes: ANY_ROUTE,
    isAsync: true,
    async run(_run, { peers }: Calls, name) {
      const peer = peers.get(name);
      if (peer === undefined) return NO;
      if (peers.state(name).status === 'down' || (await peers.targets(peer, '')).length === 0) return UNAVAILABLE;
      return peers.hasRoom(peer) ? 1 : FORBIDDEN;
    },
  }),
  b2b_is_peer: command({
    doc: 'Does the request come from a peer? $peer(name) tells which.',
    args: [],
    routes: ANY_ROUTE,
    isAsync: true,
    async run(run, calls: Calls) {
      const peer = await calls.peers.ofMessage(run.msg);
      if (peer === null) return NO;
      setPeer(run.msg, peer);
      return 1;
    },
  }),
};
