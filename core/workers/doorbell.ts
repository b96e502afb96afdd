import { datagramEnvironment } from '../transport/datagram-environment.ts';
import { CONTROL, controlWord } from './memory.ts';

/**
 * Wakes workers that sleep in their event loop while a ring has something for them. Through the addon that is a write to
 * an eventfd; without it `Atomics.waitAsync` does (about 30 µs a round trip).
 */
export class Doorbell {
  readonly #control: Int32Array;
  readonly #own: number;
  readonly #native: { bellRing(id: number): void } | null;
  readonly #onRing: () => void;
  #isClosed = false;

  /** The bell of worker `own`; `onRing` is called in a turn of its own, once for all rings since the last. */
  constructor(control: Int32Array, own: number, onRing: () => void, withAddon = true) {
    this.#control = control;
    this.#own = own;
    this.#onRing = onRing;
    const environment = withAddon ? datagramEnvironment() : '';
    const id = typeof environment === 'string' ? -1 : environment.native.bellOpen();
    this.#native = typeof environment === 'string' || id < 0 ? null : environment.native;
    Atomics.store(control, controlWord(own, CONTROL.BELL), id < 0 ? 0 : id + 1);
    if (typeof environment !== 'string' && id >= 0) environment.onBell = () => this.#rung();
    else this.#wait();
  }

  /** Says that this worker may sleep now. Look once more at the rings afterwards. */
  sleep(): void {
    Atomics.store(this.#control, controlWord(this.#own, CONTROL.ASLEEP), 1);
  }

  /** Takes `sleep` back. */
  wake(): void {
    Atomics.store(this.#control, controlWord(this.#own, CONTROL.ASLEEP), 0);
  }

  /** Wakes a worker, if it may be asleep; call it after publishing what there is for it. */
  ring(worker: number): void {
    const control = this.#control;
    if (Atomics.exchange(control, controlWord(worker, CONTROL.ASLEEP), 0) === 0) return;
    const bell = Atomics.load(control, controlWord(worker, CONTROL.BELL));
    if (bell > 0 && this.#native !== null) this.#native.bellRing(bell - 1);
    else {
      Atomics.add(control, controlWord(worker, CONTROL.RINGS), 1);
      Atomics.notify(control, controlWord(worker, CONTROL.RINGS));
    }
  }

  close(): void {
    this.#isClosed = true;
    this.wake();
    Atomics.notify(this.#control, controlWord(this.#own, CONTROL.RINGS));
  }

  #rung(): void {
    if (!this.#isClosed) this.#onRing();
  }

  /** Waits for rings without the addon. */
  #wait(): void {
    const at = controlWord(this.#own, CONTROL.RINGS);
    const { async: isAsync, value } = Atomics.waitAsync(this.#control, at, Atomics.load(this.#control, at));
    void (isAsync ? value : Promise.resolve()).then(() => {
      if (this.#isClosed) return;
      this.#rung();
      this.#wait();
    });
  }
}
