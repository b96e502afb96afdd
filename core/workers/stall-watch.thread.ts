/** The thread that watches the event loop of a server without workers; see stall-watch.ts. */

import { workerData } from 'node:worker_threads';
import { LOOK_MS, Pulse, WATCH } from './stall-watch.ts';

const words = workerData as Int32Array;
const pulse = new Pulse();
while (Atomics.wait(words, WATCH.END, 0, LOOK_MS) === 'timed-out') {
  if (pulse.look(Atomics.load(words, WATCH.BEAT)) !== 'stalled') continue;
  Atomics.store(words, WATCH.STALLED_AT, Atomics.load(words, WATCH.POSITION));
  Atomics.store(words, WATCH.IS_STALLED, 1);
}
