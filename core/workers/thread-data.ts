import type { ProcessOptions } from '../cli/run-options.ts';
import type { Program } from '../cli/run-server.ts';
import type { StartOptions } from '../cli/start-options.ts';
import type { SocketInfo } from '../transport/socket-info.ts';
import type { WorkerMemory } from './memory.ts';

/** What concerns the log of the process, for threads that write it too. */
export interface LogChoice {
  readonly program: Program;
  readonly process: ProcessOptions;
  /** Whether standard error is a terminal, which a thread can not see. */
  readonly isTerminal: boolean;
}

/** Options that a thread can be given. */
export type ThreadOptions = Omit<StartOptions, 'log' | 'onSettings'>;

/** What the supervisor gives a worker's thread; structured clones, but for the memory, which is shared. */
export interface ThreadData {
  readonly index: number;
  readonly memory: WorkerMemory;
  readonly options: ThreadOptions;
  readonly log: LogChoice;
  /** The script's files by path as the supervisor read them, so that all workers run the same; null: not readable. */
  readonly files: ReadonlyMap<string, string | null>;
  readonly ports: readonly number[] | null;
  readonly isReplacement: boolean;
}

/** What supervisor and worker say to each other, beside the bus. */
export const TOPIC = {
  /** From the worker, once it serves: ReadyReport. */
  READY: 'ready',
  /** From the worker: it can not start; FailureReport. */
  FAILED: 'failed',
  /** To the others: the index of a worker that died. */
  DIED: 'died',
  /** To the worker: how long open transactions may take, milliseconds; answered whether all ended in time. */
  STOP: 'stop',
  /** To the worker: the files of the new script; answered by the messages of its errors. */
  PREPARE: 'reload-prepare',
  /** To the worker; answered by the names of what could not change. */
  COMMIT: 'reload-commit',
  ABORT: 'reload-abort',
  /** From a worker, which was asked to reload; answered by a ReloadResult. */
  RELOAD: 'reload',
} as const;

export interface ReadyReport {
  readonly sockets: readonly SocketInfo[];
}

export interface FailureReport {
  readonly code: string;
  readonly text: string;
}
