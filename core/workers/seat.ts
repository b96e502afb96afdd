import type { Server } from '../server.ts';
import type { ReloadSteps } from '../start/reload.ts';
import type { ScriptSource } from '../start/script.ts';
import type { SharedHeap } from '../store/shared-heap.ts';
import { type Bus, LocalBus } from './bus.ts';

/** A server's place among the workers of its process, and what ties it to them while it starts. */
export interface Seat {
  readonly index: number;
  readonly count: number;
  readonly bus: Bus;
  /** Memory that all workers have; null where the server is alone and makes its own. */
  readonly heap: SharedHeap | null;
  /** The script, where it has been read already. */
  readonly source: ScriptSource | null;
  /** Ports that the first worker's sockets were given, in their order; null where the system chooses. */
  readonly ports: readonly number[] | null;
  /** True where the worker takes the place of one that died: what is done once has been done. */
  readonly isReplacement: boolean;
  /** Where the script stands, for the stall watch: an index into its program's positions plus 1, 0 outside it. */
  readonly position: Int32Array;
  /** The sockets are there, the modules are not. */
  attach(server: Server): void;
  /** The modules are initialised: takes over the state that all workers have. */
  join(): Promise<void>;
  /** Messages may come. */
  begin(reload: ReloadSteps): void;
  end(): void;
}

/** The seat of a server that is alone in its process. */
export const ALONE: Seat = {
  index: 0,
  count: 1,
  bus: new LocalBus(),
  heap: null,
  source: null,
  ports: null,
  isReplacement: false,
  position: new Int32Array(1),
  attach() {},
  join: () => Promise.resolve(),
  begin() {},
  end() {},
};
