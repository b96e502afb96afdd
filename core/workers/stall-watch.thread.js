// The thread that watches the event loop of a server without workers; see stall-watch.ts, which has the words' meanings.
// Plain JavaScript: a thread that has to read TypeScript takes 30 MB instead of 9.
import { workerData as words } from 'node:worker_threads';

const [POSITION, BEAT, STALLED_AT, IS_STALLED, END] = [0, 1, 2, 3, 4];
const LOOK_MS = 1000;
const LOOKS = 2;

let beat = 0;
let still = 0;
while (Atomics.wait(words, END, 0, LOOK_MS) === 'timed-out') {
  const now = Atomics.load(words, BEAT);
  still = now === beat ? still + 1 : 0;
  beat = now;
  if (still !== LOOKS) continue;
  Atomics.store(words, STALLED_AT, Atomics.load(words, POSITION));
  Atomics.store(words, IS_STALLED, 1);
}
