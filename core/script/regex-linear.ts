import { threadCpuUsage } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { type Context, createContext, Script } from 'node:vm';

/**
 * V8's linear engine takes over an expression that backtracks too much, where it can: it has no look-around and no
 * back-references, and no repeat of more than some 16. What it can not take over has a limit of time instead.
 */
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
// Lets an expression be asked for the engine, by the flag l.
setFlagsFromString('--enable-experimental-regexp-engine');

/** How long a search of `timedExec` may take. */
const LIMIT_MS = 50;

/** True where the linear engine can take over. `source` is a good expression. */
export function canRunLinear(source: string, flags = ''): boolean {
  try {
    return new RegExp(source, `${flags}l`).lastIndex === 0;
  } catch {
    return false;
  }
}

/** A search as data, for the script that does it. */
interface Job {
  readonly regex: RegExp;
  readonly text: string;
}

const SEARCH = new Script('job.regex.exec(job.text)');
let searcher: { readonly context: Context; readonly sandbox: { job: Job | null } } | null = null;

/** Searches as `RegExp.exec` does, `lastIndex` included, and finds nothing once the time is over. Costs 60 µs more. */
export function timedExec(regex: RegExp, text: string): RegExpExecArray | null {
  if (searcher === null) {
    const sandbox = { job: null };
    searcher = { context: createContext(sandbox), sandbox };
  }
  const { sandbox, context } = searcher;
  const { lastIndex } = regex;
  const before = cpuMs();
  sandbox.job = { regex, text };
  try {
    for (;;) {
      try {
        return SEARCH.runInContext(context, { timeout: LIMIT_MS }) as RegExpExecArray | null;
      } catch (error) {
        if (!isTimeout(error)) throw error;
        // On a busy machine the time may be over before the search had any of it.
        if (cpuMs() - before >= LIMIT_MS / 2) return null;
        regex.lastIndex = lastIndex;
      }
    }
  } finally {
    sandbox.job = null;
  }
}

/** Time of the processor that this thread has used. */
function cpuMs(): number {
  const { user, system } = threadCpuUsage();
  return (user + system) / 1000;
}

function isTimeout(error: unknown): boolean {
  // It is no instance of this context's Error.
  return (
    typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}
