/** A message of a leg's on its way out, before it has its final form. */
export interface Outgoing {
  readonly method: string;
  readonly isReply: boolean;
  /** Of a body that is a session description. */
  readonly isOffer: boolean;
  /** Rows that another side or the script gave, not those of the dialog. */
  readonly headers: string;
  readonly body: string;
  readonly contentType: string;
}

/** What of it may change on the way. */
export interface Shaped {
  readonly headers: string;
  readonly body: string;
}

/** Null where it can not be sent at all. */
type Made = Shaped | null;

/**
 * What a leg sends, in its order also when one message has to wait for its form (a media engine that is asked). While
 * nothing waits everything goes out at once.
 */
export class Outbox {
  #last: Promise<void> | null = null;

  get isWaiting(): boolean {
    return this.#last !== null;
  }

  /** `make` must not reject. */
  put(make: () => Made | Promise<Made>, send: (shaped: Made) => void): void {
    if (this.#last !== null) return this.#chain(this.#last.then(make).then(send));
    const made = make();
    if (made instanceof Promise) this.#chain(made.then(send));
    else send(made);
  }

  #chain(sent: Promise<void>): void {
    const last = sent.finally(() => {
      if (this.#last === last) this.#last = null;
    });
    this.#last = last;
  }
}
