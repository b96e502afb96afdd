import { coreHash, RpcDouble, RpcFault, type RpcMethod, RpcStruct, type RpcValue, requireArgs } from 'strowger';
import { readAttributes } from './attributes.ts';
import { type Dest, splitDestUri } from './destination.ts';
import type { Dispatcher } from './dispatcher.ts';
import { portOf } from './from-list.ts';
import { parseRpcState } from './states.ts';

const INVALID = 'Invalid Parameters';

const UPDATED = 'Ok. Dispatcher state updated.';

/** dispatcher.*, with Kamailio's replies. Sets come by id. */
export const DS_RPC: Readonly<Record<string, RpcMethod<Dispatcher>>> = {
  'dispatcher.reload': {
    scope: 'all',
    doc: 'Loads the destination sets anew.',
    isReload: true,
    run: async (_args, ds) => {
      const error = await ds.reload();
      if (error === null) return 'Ok. Dispatcher successfully reloaded.';
      ds.ctx.log.error(`reload: ${error}`);
      throw new RpcFault(500, 'Reload Failed');
    },
  },
  'dispatcher.list': {
    doc: 'Shows the destination sets.',
    params: ['[mode: short or full]'],
    run: (args, ds) => listSets(ds, args.str(0, '')),
  },
  'dispatcher.oclist': {
    doc: 'Shows overload control of the destinations of a set.',
    params: ['group'],
    run: (args, ds) => {
      const set = ds.table.set(requireArgs(500, INVALID, () => args.int(0)));
      if (set === undefined) throw new RpcFault(500, 'Destination Group Not Found');
      return set.dests.map(({ uri, attrs, overload }) => ({
        URI: uri,
        OCRATE: overload.rate,
        OCMIN: attrs.overload.min,
        OCMAX: attrs.overload.max,
        OCSEQ: overload.seq,
        OCTIME_SEC: Math.floor(overload.untilMs / 1000),
        OCTIME_USEC: (overload.untilMs % 1000) * 1000,
      }));
    },
  },
  'dispatcher.set_state': {
    scope: 'all',
    doc: 'Sets the state of a destination, or of all of a set: a, i, t or d, and p for probing.',
    params: ['state', 'group', 'address or all'],
    run: (args, ds) => {
      const { state, group, name } = stateParams(args);
      const dests = (ds.table.set(group)?.dests ?? []).filter(({ uri }) => name === 'all' || uri === name);
      return setStates(ds, dests, state, name === 'all');
    },
  },
  'dispatcher.set_duid_state': {
    scope: 'all',
    doc: 'Sets the state of the destinations of a set with this duid.',
    params: ['state', 'group', 'duid'],
    run: (args, ds) => {
      const { state, group, name } = stateParams(args);
      const dests = (ds.table.set(group)?.dests ?? []).filter(({ attrs }) => attrs.duid === name);
      return setStates(ds, dests, state);
    },
  },
  'dispatcher.ping_active': {
    scope: 'all',
    doc: 'Shows whether destinations are pinged, or sets it (0 or 1).',
    params: ['[state]'],
    run: (args, ds) => {
      const old = ds.pingState;
      if (!args.has(0)) return { OldPingState: old };
      ds.pingState = requireArgs(500, INVALID, () => args.int(0));
      return { NewPingState: ds.pingState, OldPingState: old };
    },
  },
  'dispatcher.add': {
    scope: 'all',
    doc: 'Adds a destination until the next reload.',
    params: ['group', 'address', '[flags]', '[priority]', '[attrs]'],
    run: async (args, ds) => {
      const [setId, uri] = requireArgs(500, INVALID, () => [args.int(0), args.str(1)] as const);
      const { attrs } = readAttributes(args.str(4, ''));
      const error = ds.table.add({ setId, uri, flags: args.int(2, 0), priority: args.int(3, 0), attrs });
      if (error !== null) {
        ds.ctx.log.error(`dispatcher.add: ${error}`);
        throw new RpcFault(500, 'Adding dispatcher dst failed');
      }
      await ds.names.refresh();
      return 'Ok. Dispatcher destination added.';
    },
  },
  'dispatcher.remove': {
    scope: 'all',
    doc: 'Removes a destination until the next reload.',
    params: ['group', 'address'],
    run: (args, ds) => {
      const [setId, uri] = requireArgs(500, INVALID, () => [args.int(0), args.str(1)] as const);
      if (splitDestUri(uri) === null) throw new RpcFault(500, 'Removing dispatcher dst failed');
      ds.table.remove(setId, uri);
      return 'Ok. Dispatcher destination removed.';
    },
  },
  'dispatcher.hash': {
    doc: 'Shows the hash of one or two texts, and the slot among so many that it falls into.',
    params: ['slots', 'value', '[value]'],
    run: (args) => {
      const [slots, value] = requireArgs(500, INVALID, () => [args.int(0), args.str(1)] as const);
      const hash = coreHash(value, 0, args.str(2, ''));
      return { hashid: hash | 0, slot: slots > 0 ? hash % slots : 0 };
    },
  },
};

function stateParams(args: { str(i: number): string; int(i: number): number }): {
  state: number;
  group: number;
  name: string;
} {
  const [text, group, name] = requireArgs(500, INVALID, () => [args.str(0), args.int(1), args.str(2)] as const);
  const state = parseRpcState(text);
  if (state === null) throw new RpcFault(500, 'Unknown State Value');
  return { state, group, name };
}

function setStates(ds: Dispatcher, dests: readonly Dest[], state: number, isAll = false): string {
  if (dests.length === 0 && !isAll) throw new RpcFault(500, 'State Update Failed');
  for (const dest of dests) ds.table.force(dest, state);
  return UPDATED;
}

function listSets(ds: Dispatcher, mode: string): RpcValue {
  const { sets } = ds.table;
  const records = sets.map(({ id, dests }) => ({
    SET: { ID: id, TARGETS: dests.map((dest) => ({ DEST: describe(ds, dest, mode) })) },
  }));
  return { NRSETS: sets.length, RECORDS: records };
}

function describe(ds: Dispatcher, dest: Dest, mode: string): RpcStruct {
  const { attrs } = dest;
  const struct = new RpcStruct().add('URI', dest.uri).add('FLAGS', dest.stateText).add('PRIORITY', dest.priority);
  if (mode === 'full') {
    struct
      .add('HOST', dest.host)
      .add('IPADDR', dest.addresses?.ips[0] ?? '')
      .add('PORT', portOf(dest))
      .add('PROTOID', dest.proto)
      .add('DNSTIME_SEC', dest.addresses?.lookedUpSec ?? 0)
      .add('DNSTIME_USEC', 0);
  }
  if (mode !== 'short' && attrs.body !== '') {
    struct.add('ATTRS', {
      BODY: attrs.body,
      DUID: attrs.duid || null,
      MAXLOAD: attrs.maxLoad,
      WEIGHT: attrs.weight,
      RWEIGHT: attrs.rweight,
      SOCKET: attrs.socket || null,
      SOCKNAME: attrs.sockname || null,
      OBPROXY: attrs.obproxy || null,
    });
  }
  if (ds.settings.measuresLatency) {
    const { latency } = dest;
    struct.add('LATENCY', {
      AVG: new RpcDouble(latency.average),
      STD: new RpcDouble(latency.deviation),
      EST: new RpcDouble(latency.estimate),
      MAX: latency.max,
      TIMEOUT: latency.timeouts,
    });
  }
  if (ds.settings.countsCalls) struct.add('RUNTIME', { DLGLOAD: dest.load });
  return struct;
}
