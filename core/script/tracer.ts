import type { Run } from './run.ts';

/** One step of a script: a statement, or a call inside one. */
export interface TraceAction {
  readonly kind:
    | 'assign'
    | 'if'
    | 'while'
    | 'switch'
    | 'return'
    | 'exit'
    | 'drop'
    | 'break'
    | 'continue'
    | 'route'
    | 'command';
  /** Of a command as the script calls it; else the kind. */
  readonly name: string;
  /** Of a command: where it comes from, `core` or a module's name; else ''. */
  readonly module: string;
  /** Arguments of a command. */
  readonly argCount: number;
  readonly file: string;
  readonly line: number;
  /** `route[RELAY]`, `request_route`. */
  readonly route: string;
}

/** Is told of every step before it is done. A server that has one compiles its script with the calls; others pay nothing. */
export interface ScriptTracer {
  /** False: no step is told. */
  isOn: boolean;
  /** A promise holds the run back until it resolves, to 0. */
  step(run: Run, action: TraceAction): number | Promise<number>;
}
