import type { Dialogs } from './dialogs.ts';

/** Bus topics. */
const SET_TIMEOUT = 'dialog.set-timeout';
const SET_TIMEOUT_BY_PROFILE = 'dialog.set-timeout-by-profile';

interface TimeoutOrder {
  readonly hEntry: number;
  readonly hId: number;
  readonly seconds: number;
}

interface ProfileOrder {
  readonly name: string;
  readonly value: string | null;
  readonly seconds: number;
}

/** What concerns dialogs of other workers: a call's dialog is in the worker that gets the messages of its Call-ID. */
export class OtherWorkers {
  readonly #dialogs: Dialogs;

  constructor(dialogs: Dialogs) {
    const { bus } = dialogs.ctx.server;
    this.#dialogs = dialogs;
    bus.answer(SET_TIMEOUT, (order) => this.#setLifetime(order as TimeoutOrder));
    bus.on(SET_TIMEOUT_BY_PROFILE, (order) => this.#setTimeoutByProfile(order as ProfileOrder));
  }

  /** 1 where another worker has the dialog; -1 where none has. */
  async setLifetime(hEntry: number, hId: number, seconds: number): Promise<number> {
    const { bus } = this.#dialogs.ctx.server;
    const answers = await bus.ask(SET_TIMEOUT, { hEntry, hId, seconds } satisfies TimeoutOrder);
    return answers.includes(true) ? 1 : -1;
  }

  /** Here and everywhere else. */
  setTimeoutByProfile(name: string, value: string | null, seconds: number): void {
    const order: ProfileOrder = { name, value, seconds };
    this.#setTimeoutByProfile(order);
    this.#dialogs.ctx.server.bus.publish(SET_TIMEOUT_BY_PROFILE, order);
  }

  #setLifetime({ hEntry, hId, seconds }: TimeoutOrder): boolean {
    const dialog = this.#dialogs.table.find(hEntry, hId);
    if (dialog !== null) this.#dialogs.setLifetime(dialog, seconds);
    return dialog !== null;
  }

  #setTimeoutByProfile({ name, value, seconds }: ProfileOrder): void {
    const { profiles, table } = this.#dialogs;
    const profile = profiles.find(name);
    if (profile === undefined) return;
    for (const dialog of table.all())
      if (profiles.isIn(dialog, profile, value)) this.#dialogs.setLifetime(dialog, seconds);
  }
}
