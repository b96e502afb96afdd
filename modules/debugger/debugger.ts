import type { ModuleContext, PvAccessor, Run, ScriptTracer, SipMsg, TraceAction } from 'strowger';
import { actionOf, placeOf, routeOf } from './actions.ts';

/** Bits of what a worker does, as `dbg.ls` shows them in `set`. */
export const SET = { TRACE: 1, BREAK: 2 } as const;
/** State of a run at a breakpoint. */
export const STATE = { RUNNING: 0, HELD: 1, STEPPING: 2 } as const;

/** Numbers of held runs begin here, each worker's in a range of its own. */
const RUN_IDS = 1_000_000;

/** A run at a breakpoint. */
export interface Held {
  /** What RPC calls it beside its worker's pid. */
  readonly id: number;
  readonly run: Run;
  readonly action: TraceAction;
  readonly state: number;
  readonly go: () => void;
}

/** The tracer of one worker: logs steps, and holds runs back at breakpoints while the others go on. */
export class Debugger implements ScriptTracer {
  readonly ctx: ModuleContext;
  isOn = false;
  /** In order of their coming. */
  readonly held: Held[] = [];
  #set = 0;
  /** Runs that are to stop at their next step. */
  readonly #stepping = new Set<Run>();
  readonly #unhook: () => void;
  #lastId = 0;

  constructor(ctx: ModuleContext) {
    this.ctx = ctx;
    this.#unhook = ctx.server.hooks.requestDone.add((msg) => this.#ended(msg));
    this.set = (ctx.int('cfgtrace') === 0 ? 0 : SET.TRACE) | (ctx.int('breakpoint') === 0 ? 0 : SET.BREAK);
  }

  /** SET bits. */
  get set(): number {
    return this.#set;
  }

  set set(bits: number) {
    this.#set = bits;
    this.#switch();
  }

  /** Number of the worker in RPC: the process' own for the first, then one after the other. */
  get pid(): number {
    return this.ctx.server.workerIndex + process.pid;
  }

  step(run: Run, action: TraceAction): number | Promise<number> {
    if ((this.#set & SET.TRACE) !== 0) this.#trace(run, action);
    const isStepped = this.#stepping.has(run);
    if (!isStepped && (this.#set & SET.BREAK) === 0) return 0;
    return this.#hold(run, action, isStepped ? STATE.STEPPING : STATE.HELD);
  }

  /** dbg_breakpoint(1): holds the run back, and steps it from there on when told to. */
  breakpoint(run: Run): Promise<number> {
    const at = run.program.positions[run.position];
    return this.#hold(
      run,
      {
        kind: 'command',
        name: 'dbg_breakpoint',
        module: 'debugger',
        argCount: 1,
        file: at?.file ?? '',
        line: at?.line ?? 0,
        route: at?.route ?? '',
      },
      STATE.HELD,
    );
  }

  /** The held run of this number: its own, or its worker's, which is the first that waits there. */
  find(pid: number): Held | undefined {
    return pid === this.pid ? this.held[0] : this.held.find(({ id }) => id === pid);
  }

  /** Is it this worker's number, or that of a run of its? */
  knows(pid: number): boolean {
    return pid === this.pid || this.find(pid) !== undefined;
  }

  /** Lets a run go on, to its next step or to its end. */
  resume(held: Held, isStepping: boolean): void {
    const at = this.held.indexOf(held);
    if (at < 0) return;
    this.held.splice(at, 1);
    if (isStepping) this.#stepping.add(held.run);
    this.#switch();
    held.go();
  }

  /** No run stops at its next step any more; those that are held stay so until they are told. */
  stopBreaking(): void {
    this.#stepping.clear();
    this.set = this.#set & ~SET.BREAK;
  }

  /** Lets all go, at the end. */
  close(): void {
    this.#unhook();
    this.#stepping.clear();
    this.set = 0;
    for (let held = this.held[0]; held !== undefined; held = this.held[0]) this.resume(held, false);
  }

  /** `text` is a variable or text with variables. Throws with what is wrong with it. */
  evaluate(held: Held, text: string): string {
    const { compilePv } = held.run.program;
    if (compilePv === undefined) throw new Error('this program knows no variables');
    const accessor: PvAccessor = compilePv(text);
    const value = accessor.get(held.run);
    if (value === null) return `${text} : t=null`;
    return `${text} : t=${typeof value === 'number' ? 'int' : 'str'} v=${value}`;
  }

  log(text: string): void {
    const prefix = this.ctx.str('log_prefix');
    const level = this.ctx.str('log_level_name');
    this.ctx.log.write(this.ctx.int('log_level'), `${level === '' ? '' : `${level}: `}${prefix}${text}`);
  }

  #hold(run: Run, action: TraceAction, state: number): Promise<number> {
    this.#stepping.delete(run);
    const id = RUN_IDS * (this.ctx.server.workerIndex + 1) + ++this.#lastId;
    this.log(`breakpoint hit: p=[${id}] ${this.#place(action)}`);
    return new Promise((resolve) => {
      this.held.push({ id, run, action, state, go: () => resolve(0) });
    });
  }

  #trace(run: Run, action: TraceAction): void {
    const route = routeOf(run.routeType, action.route);
    this.log(`dbg_cfg_trace(): ${route} ${this.#place(action)}`);
  }

  #place(action: TraceAction): string {
    const [code, name] = actionOf(action);
    const file = this.ctx.int('cfgtrace_format') === 1 ? '' : `c=[${action.file}] `;
    return `${file}l=${action.line} a=${code} n=${name}`;
  }

  #switch(): void {
    this.isOn = this.#set !== 0 || this.#stepping.size > 0;
  }

  /** A request has been dealt with: its run has no next step. */
  #ended(msg: SipMsg): void {
    for (const run of this.#stepping) if (run.msg === msg) this.#stepping.delete(run);
    this.#switch();
  }
}

/** What RPC says of a held run. */
export function showHeld(word: string, { action }: Held): string {
  return `${word} ${placeOf(action)}`;
}
