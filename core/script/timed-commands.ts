import type { BoundCommand, SymbolTable } from '../../routing-lang/symbols.ts';
import type { Log } from '../log/log.ts';
import { type Clock, microsOf } from '../timer/clock.ts';
import type { Run } from './run.ts';

/** What is measured by, and when it is told. */
interface CommandTiming {
  readonly clock: Clock;
  readonly log: Log;
  /** Log level (`latency_log`). */
  readonly level: number;
  /** Microseconds a command may take (`latency_limit_action`), its waiting included. */
  readonly limitMicros: number;
}

/** The same names, with commands that tell in the log when they were slow. */
export function timedCommands(symbols: SymbolTable, timing: CommandTiming): SymbolTable {
  return { ...symbols, commands: (name) => symbols.commands(name).map((bound) => timed(bound, timing)) };
}

type AnyRun = (run: Run, ...rest: readonly unknown[]) => unknown;

function timed(bound: BoundCommand, { clock, log, level, limitMicros }: CommandTiming): BoundCommand {
  const action = bound.def.run as unknown as AnyRun;
  const tell = (run: Run, place: number, began: number): void => {
    const took = microsOf(clock) - began;
    if (took <= limitMicros) return;
    const at = run.program.positions[place];
    const where = at === undefined ? '' : `${at.file}:${at.line}`;
    log.write(level, `alert - action [${bound.name}] cfg [${where}] took too long [${Math.round(took)} us]`);
  };
  const run: AnyRun = (self, ...rest) => {
    const began = microsOf(clock);
    const place = self.position;
    const result = action(self, ...rest);
    if (!(result instanceof Promise)) tell(self, place, began);
    else
      void result.then(
        () => tell(self, place, began),
        () => {},
      );
    return result;
  };
  return { ...bound, def: { ...bound.def, run: run as unknown as BoundCommand['def']['run'] } };
}
