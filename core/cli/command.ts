import type { Readable, Writable } from 'node:stream';
import type { OptionDef } from './getopt.ts';

/** Exit codes of `strowger`; `strowger-kamailio` has Kamailio's, which are 0 and 255. */
export const EXIT = {
  OK: 0,
  /** The script or the start failed, a check found errors, an RPC call gave a fault. */
  FAILED: 1,
  USAGE: 2,
  /** The stop was cut short: transactions were still open when the time was up. */
  UNCLEAN: 3,
} as const;

/** What a verb reads and writes: given from outside, so that tests need no process. */
export interface CommandContext {
  /** Values of the verb's options, by name, in order. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly operands: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Opens standard input; absent where there is none. */
  readonly stdin?: () => Readable & { readonly isTTY?: boolean; setRawMode?(isRaw: boolean): unknown };
  readonly stdout: Pick<Writable, 'write'> & { readonly isTTY?: boolean };
  readonly stderr: Pick<Writable, 'write'> & { readonly isTTY?: boolean };
}

/** A verb of `strowger`: `commands/<verb>.ts` exports one as `command`. */
export interface CliCommand {
  readonly name: string;
  /** One line for the list of verbs. */
  readonly summary: string;
  /** Operands, as in `FILE [NAME…]`. */
  readonly usage: string;
  readonly options: readonly OptionDef[];
  /** Lines shown below the options. */
  readonly examples?: readonly string[];
  /** Resolves to the exit code. Wrong usage: throw `UsageError`. */
  run(context: CommandContext): Promise<number>;
}

/** Wrong operands or values: printed with a hint at the help, exit code 2. */
export class UsageError extends Error {}

/** The last value of an option, undefined when it was not given. */
export function lastValue(context: Pick<CommandContext, 'values'>, name: string): string | undefined {
  return context.values.get(name)?.at(-1);
}
