import type { Server } from 'strowger';
import type { Dest } from './destination.ts';
import type { DsTable } from './table.ts';

const TOPIC = 'dispatcher.state';

/** What workers tell each other of a destination. */
interface SharedState {
  readonly setId: number;
  readonly uri: string;
  readonly flags: number;
  readonly count: number;
  readonly latency: Dest['latency'];
}

/**
 * Keeps the states of destinations the same on all workers: each tells what its replies and its script have changed, the
 * first also what its pings have measured. (What RPC changes runs on all of them.)
 */
export function shareStates({ bus }: Pick<Server, 'bus'>, table: DsTable): void {
  table.onState = (dest) => bus.publish(TOPIC, stateOf(dest));
  bus.on(TOPIC, (state) => adopt(table, state as SharedState));
  bus.replicate(TOPIC, {
    snapshot: () => [...table.dests()].map(stateOf),
    restore: (states) => {
      for (const state of states as readonly SharedState[]) adopt(table, state);
    },
  });
}

function stateOf({ setId, uri, flags, count, latency }: Dest): SharedState {
  return { setId, uri, flags, count, latency };
}

function adopt(table: DsTable, { setId, uri, flags, count, latency }: SharedState): void {
  const dest = table.find(setId, uri);
  if (dest === undefined) return;
  Object.assign(dest.latency, latency);
  table.adopt(dest, flags, count);
}
