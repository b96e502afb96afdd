import type { ModuleContext } from 'strowger';
import { Bridge } from './bridge.ts';
import { Dialogs } from './dialogs.ts';
import { OtherWorkers } from './other-workers.ts';
import { DialogStore } from './store.ts';

/** The module in one worker. */
export class DialogModule {
  readonly dialogs: Dialogs;
  readonly bridge: Bridge;
  readonly others: OtherWorkers;

  constructor(ctx: ModuleContext) {
    this.dialogs = new Dialogs(ctx);
    this.bridge = new Bridge(ctx, this.dialogs.tm, this.dialogs.settings);
    this.others = new OtherWorkers(this.dialogs);
  }

  /** Once the sockets are open: rejects where a parameter or the database can not be used. */
  async start(): Promise<void> {
    this.dialogs.start();
    this.dialogs.store = await DialogStore.open(this.dialogs);
    await this.dialogs.store?.start();
  }

  async stop(): Promise<void> {
    await this.dialogs.stop();
  }
}
