import { Worker } from 'node:worker_threads';
import type { Log } from '../log/log.ts';
import type { ScriptPosition } from '../script/program.ts';
import type { Clock, ClockHandle } from '../timer/clock.ts';

/** Between two looks at a heartbeat. */
export const LOOK_MS = 1000;
/** An event loop that has not turned for so many looks stands still. */
const LOOKS = 2;
/** Between two beats. */
const BEAT_MS = 500;
/** The watching thread starts when the server has had time to serve its first messages. */
const THREAD_DELAY_MS = 1000;

/** Judges one event loop by its heartbeat, looked at once every LOOK_MS. */
export class Pulse {
  #beat = 0;
  #still = 0;

  /** `stalled` once when it has stood still for two seconds, `back` once when it goes on. */
  look(beat: number): 'stalled' | 'back' | null {
    const stood = this.#still;
    this.#still = beat === this.#beat ? stood + 1 : 0;
    this.#beat = beat;
    if (this.#still === LOOKS) return 'stalled';
    return this.#still === 0 && stood >= LOOKS ? 'back' : null;
  }

  /** Another loop beats from now on. */
  reset(): void {
    this.#still = 0;
  }
}

/** `a.cfg:10 (route[X])` for a word of `Seat.position`. */
export function positionText(word: number, positions: readonly ScriptPosition[]): string {
  const at = word > 0 ? positions[word - 1] : undefined;
  return at === undefined ? 'outside the script' : `in ${at.file}:${at.line} (${at.route})`;
}

/** Words shared between a thread and the one that watches it. */
const WATCH = { POSITION: 0, BEAT: 1, STALLED_AT: 2, IS_STALLED: 3, END: 4 } as const;
const WATCH_WORDS = 5;

/** The watch over the event loop of a server that is alone in its process. */
interface OwnWatch {
  /** See `Seat.position`. */
  readonly position: Int32Array;
  start(positions: () => readonly ScriptPosition[]): void;
  stop(): Promise<void>;
}

/**
 * Watches this thread's event loop from another: that one wakes once a second, and notes where the script stood when the
 * loop has not turned for two. It is logged when the loop goes on.
 */
export function watchOwnThread(clock: Clock, log: Log): OwnWatch {
  const words = new Int32Array(new SharedArrayBuffer(WATCH_WORDS * 4));
  let timer: ClockHandle | null = null;
  let thread: Worker | null = null;
  let lastBeatMs = 0;
  const beat = (positions: () => readonly ScriptPosition[]): void => {
    const now = clock.now();
    if (Atomics.exchange(words, WATCH.IS_STALLED, 0) !== 0) {
      const seconds = ((now - lastBeatMs) / 1000).toFixed(1);
      log.error(
        `the event loop stood still for ${seconds} s, ${positionText(words[WATCH.STALLED_AT] ?? 0, positions())}`,
      );
    }
    lastBeatMs = now;
    Atomics.add(words, WATCH.BEAT, 1);
    timer = clock.schedule(BEAT_MS, () => beat(positions));
  };
  return {
    position: words.subarray(0, 1),
    start(positions) {
      timer = clock.schedule(THREAD_DELAY_MS, () => {
        thread = new Worker(new URL('./stall-watch.thread.js', import.meta.url), { workerData: words, stdin: false });
        thread.on('error', (error) => log.warn(`the event loop is not watched: ${String(error)}`));
        thread.unref();
        beat(positions);
      });
    },
    async stop() {
      if (timer !== null) clock.unschedule(timer);
      Atomics.store(words, WATCH.END, 1);
      Atomics.notify(words, WATCH.END);
      await thread?.terminate();
    },
  };
}
