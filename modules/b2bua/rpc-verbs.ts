import { type RpcArgs, RpcFault, type RpcMethod } from 'strowger';
import type { Call } from './call.ts';
import type { Calls } from './calls.ts';
import { hold, resume } from './hold.ts';
import type { Leg } from './leg.ts';
import { originate, parseOriginateMode } from './originate.ts';
import { pickUpBy, ringing } from './pickup.ts';
import { parseBridgeFlags, rebridge } from './rebridge.ts';
import { transfer } from './refer.ts';

/** A leg by its id, or a call's first leg by the call's; a fault where there is none in this worker. */
function legOf(calls: Calls, id: string): Leg {
  const leg = calls.legById(id) ?? calls.get(id)?.legs.find((each) => !each.isEnded) ?? null;
  if (leg === null || leg.isEnded) throw new RpcFault(404, `no leg ${id}`);
  return leg;
}

/** Calls a phone, which gets the call that rings: waits for it, or where that is another worker's only until it begins. */
async function pickUpAt(calls: Calls, key: string, uri: string): Promise<boolean> {
  const rings = await calls.others.ringing(key);
  if (rings === null) throw new RpcFault(404, `nothing rings at ${key}`);
  if (rings.worker !== calls.server.workerIndex) return calls.others.pickUpAt(rings, uri);
  const leg = ringing(calls, rings.legId);
  const taken = leg === null ? null : pickUpBy(calls, leg, uri);
  if (taken === null) throw new RpcFault(480, 'too many calls');
  return taken;
}

function done(isDone: boolean, what: string): string {
  if (!isDone) throw new RpcFault(500, `${what} failed`);
  return 'Ok';
}

const target = (uri: string) => ({ uri, nextHop: '', socket: null });

/** The same, of any worker's calls in which nothing is under way. */
async function fetchedLegOf(calls: Calls, id: string): Promise<Leg> {
  return (await calls.others.leg(id)) ?? legOf(calls, id);
}

async function transferred(args: RpcArgs, calls: Calls): Promise<string> {
  const leg = legOf(calls, args.str(0));
  const other = args.has(2) ? await fetchedLegOf(calls, args.str(2)) : null;
  return done(transfer(leg.owner as Call, leg, args.str(1), other), 'the transfer');
}

/** b2bua.hold and the others that say who talks to whom. */
export const VERB_RPC: Readonly<Record<string, RpcMethod<Calls>>> = {
  'b2bua.hold': {
    scope: 'all',
    doc: 'Stops the media of a leg.',
    params: ['leg id'],
    run: async (args, calls) => done(await hold(legOf(calls, args.str(0))), 'hold'),
  },
  'b2bua.resume': {
    scope: 'all',
    doc: 'Takes b2bua.hold back.',
    params: ['leg id'],
    run: async (args, calls) => done(await resume(legOf(calls, args.str(0))), 'resume'),
  },
  'b2bua.transfer': {
    scope: 'all',
    doc: 'Transfers a leg to a URI, or with a third parameter to the other side of that leg.',
    params: ['leg id', 'uri', '[leg id]'],
    run: transferred,
  },
  'b2bua.bridge': {
    scope: 'all',
    doc: 'Joins two legs; flags: hold-old, rollback, late-offer, early.',
    params: ['leg id', 'leg id', '[flags]'],
    async run(args, calls) {
      const flags = parseBridgeFlags(args.str(2, ''));
      if (flags === null) throw new RpcFault(400, 'flags are hold-old, rollback, late-offer, early');
      // Where the second is: it may ring, and can not move then.
      const second = legOf(calls, args.str(1));
      return done(await rebridge(await fetchedLegOf(calls, args.str(0)), second, flags), 'the bridge');
    },
  },
  'b2bua.originate': {
    doc: 'Calls one URI, then another, and joins them: mode I, III (a-first) or IV. Gives the id of the call.',
    params: ['uri', 'uri', '[mode]', '[from uri]'],
    run(args, calls) {
      const mode = parseOriginateMode(args.str(2, ''));
      if (mode === null) throw new RpcFault(400, 'a mode is I, III, a-first or IV');
      const [a, b] = [args.str(0), args.str(1)];
      const call = originate(calls, { a: target(a), b: target(b), mode, from: args.str(3, '') });
      if (call === null) throw new RpcFault(480, 'too many calls');
      return call.id;
    },
  },
  'b2bua.park': {
    scope: 'all',
    doc: 'Parks the other side of a leg in a slot, and hangs the leg up.',
    params: ['leg id', 'slot'],
    run: async (args, calls) => done(await calls.parking.park(legOf(calls, args.str(0)), args.str(1)), 'parking'),
  },
  'b2bua.pickup': {
    doc: 'Calls a URI, which gets the call that rings in a group, at a user or peer, or the one of this id.',
    params: ['key', 'uri'],
    run: async (args, calls) => done(await pickUpAt(calls, args.str(0), args.str(1)), 'the pickup'),
  },
};
