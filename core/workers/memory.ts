import { heapMemory } from '../store/shared-heap.ts';
import { ringMemory } from './ring.ts';

/** Room for records on each way from one worker to another: some hundred messages, about what a socket buffer holds. */
const RING_BYTES = 512 * 1024;

/** Words of `control` for each worker: what it tells the others without a message. */
export const CONTROL_WORDS = 16;
export const CONTROL = {
  /** 1 while it may sleep in its event loop with nothing to read; who finds it so rings. */
  ASLEEP: 0,
  /** Id of its doorbell in the addon, plus 1; 0 where there is none. */
  BELL: 1,
  /** Counted up by who rings where there is no addon. */
  RINGS: 2,
  /** Counted up by its event loop, a few times a second. */
  HEARTBEAT: 3,
  /** What its script does: an index into the positions of its program, plus 1; 0 while no script runs. */
  POSITION: 4,
} as const;

/** All memory that the workers of one server share; goes to each of them as it is. */
export interface WorkerMemory {
  readonly count: number;
  readonly control: SharedArrayBuffer;
  /** By writer, then by reader; null on the diagonal. */
  readonly rings: readonly (readonly (SharedArrayBuffer | null)[])[];
  /** What modules keep for all workers. */
  readonly heap: SharedArrayBuffer;
}

/** Memory for `count` workers; `seed`: see `heapMemory`. */
export function workerMemory(count: number, seed = 0, ringBytes = RING_BYTES): WorkerMemory {
  const workers = Array.from({ length: count }, (_, index) => index);
  return {
    count,
    control: new SharedArrayBuffer(count * CONTROL_WORDS * 4),
    rings: workers.map((from) => workers.map((to) => (from === to ? null : ringMemory(ringBytes)))),
    heap: heapMemory(seed),
  };
}

/** Index of one of a worker's words. */
export function controlWord(worker: number, word: number): number {
  return worker * CONTROL_WORDS + word;
}
