import type { PvAccessor } from '../pv/spec.ts';
import type { Run } from './run.ts';

/** A compiled route block. Returns RUN_* bits, or a promise of them where a command had to wait. `run.rc` is set. */
export type ScriptRoute = (run: Run) => number | Promise<number>;

export interface ScriptPosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `route[RELAY]`, `failure_route[X]`: for log lines. */
  readonly route: string;
}

/** A compiled script. Immutable; a running server swaps the whole object on reload. */
export interface ScriptProgram {
  readonly id: number;
  /** The default request route; null in a script that has none. */
  readonly request: ScriptRoute | null;
  /** `reply_route` / `onreply_route` without a name. */
  readonly reply: ScriptRoute | null;
  /** `route[NAME]` */
  readonly routes: ReadonlyMap<string, ScriptRoute>;
  readonly onreply: ReadonlyMap<string, ScriptRoute>;
  readonly failure: ReadonlyMap<string, ScriptRoute>;
  readonly branch: ReadonlyMap<string, ScriptRoute>;
  readonly onsend: ScriptRoute | null;
  /** By full name: `tm:local-request`, `dispatcher:dst-down`. */
  readonly event: ReadonlyMap<string, ScriptRoute>;
  /** Slot of each `$var(name)`. */
  readonly varSlots: ReadonlyMap<string, number>;
  readonly positions: readonly ScriptPosition[];
  /** Variables without a name (`$ru`) that the script uses, each once; absent where nobody asks. */
  readonly variables?: readonly PvAccessor[];
  /**
   * Compiles text with pseudo-variables while the program runs (`pv_evalx`, formats kept in tables), bound as in the
   * script. Throws an Error that says what is wrong with it.
   */
  readonly compileFormat?: (text: string) => (run: Run) => string;
  /** As `compileFormat`, for one variable: module parameters name some that a command assigns. */
  readonly compilePv?: (text: string) => PvAccessor;
}
