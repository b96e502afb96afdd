import type { Diagnostic } from '../../routing-lang/diagnostics.ts';
import type { Settings } from '../cfg/settings.ts';
import { StrowgerError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { ReloadResult, Server } from '../server.ts';
import type { SocketInfo } from '../transport/socket-info.ts';
import type { LogChoice } from '../workers/thread-data.ts';

/** What the command line asks of `startServer`, `checkScript` and `printScript` (core/start.ts). */
export interface StartOptions {
  /** Absolute path of the script. */
  readonly scriptPath: string;
  /** Its text as latin1, where it does not come from that file (`-f -`). */
  readonly scriptText?: string;
  /** -A, in order. A name without value is defined as Kamailio does: empty, for `#!ifdef`. */
  readonly defines: readonly { readonly name: string; readonly value: string | null }[];
  /** --subst, --substdef and --substdefs: the expression as the directive of that name takes it. */
  readonly substitutions: readonly { readonly kind: 'subst' | 'substdef' | 'substdefs'; readonly text: string }[];
  /** -l, as written: `udp:127.0.0.1:5060`, `eth0`, `udp:10.0.0.1:5060/192.0.2.1:5060`. When given, the script's `listen`s are added to, as Kamailio does. */
  readonly listens: readonly string[];
  /** --alias */
  readonly aliases: readonly string[];
  /** -L, split at colons. */
  readonly loadPaths: readonly string[];
  /** --loadmodule: loaded before the script's. */
  readonly loadModules: readonly string[];
  /** --modparam: set after the script's. */
  readonly modParams: readonly { readonly module: string; readonly name: string; readonly value: string | number }[];
  /** Core parameters by Kamailio's name that win over the script's: `debug`, `children`, `disable_tcp`, `auto_aliases`, `server_id` … */
  readonly settings: Readonly<Record<string, string | number>>;
  /** -Y: where modules put sockets and FIFOs; null for the script's `rundir` or the default. */
  readonly runtimeDir: string | null;
  /** The control socket of `strowger rpc`: a path, '' for the one in the run folder; absent for none. */
  readonly controlPath?: string;
  /** Refuse what Kamailio 5.6 refuses. */
  readonly strict: boolean;
  readonly log: AdjustableLog;
  /** Called as soon as the core parameters are known, before any module starts: levels and sinks of the log follow them. */
  readonly onSettings?: (settings: Settings) => void;
}

/** A log whose prefix (`log_prefix`, for the message at hand) and levels (`debugger`'s `mod_level`) can be set. */
interface AdjustableLog extends Log {
  setPrefix?(prefix: (() => string) | null): void;
  /** Null as module: the server's own level; null as level: the server's again. */
  setLevel?(module: string | null, level: number | null): void;
}

/** A server that answers. */
export interface StartedServer {
  readonly server: Server;
  /** Ends it: open transactions get up to `graceMs`, then everything is closed. True when nothing had to be cut off. */
  stop(graceMs: number): Promise<boolean>;
}

/** What runs in a process, seen from its command line: a server, or the supervisor of several workers. */
export interface RunningServer {
  readonly settings: Settings;
  readonly sockets: readonly SocketInfo[];
  /** Paths of the script and of all it includes. */
  files(): readonly string[];
  /** Compiles the script anew and switches to it, everywhere or nowhere. */
  reload(): Promise<ReloadResult>;
  /** Ends it: open transactions get up to `graceMs`, then everything is closed. True when nothing had to be cut off. */
  stop(graceMs: number): Promise<boolean>;
}

/** What a check found. `ok` is false where there is an error among the diagnostics. */
export interface CheckResult {
  readonly ok: boolean;
  readonly diagnostics: readonly Diagnostic[];
  /** A line of one of the script's files, for excerpts; null where it is not at hand. */
  readonly lineText: (file: string, line: number) => string | null;
}

/** Thrown by `startServer` when the script has errors: SCRIPT_ERRORS, with what the checker found. */
export class ScriptError extends StrowgerError {
  readonly result: CheckResult;

  constructor(result: CheckResult) {
    const errors = result.diagnostics.filter((d) => d.severity === 'error');
    const [first] = errors;
    const at =
      first === undefined ? '' : `, the first at ${first.file}:${first.line}:${first.column}: ${first.message}`;
    super('SCRIPT_ERRORS', `the script has ${errors.length} error${errors.length === 1 ? '' : 's'}${at}`);
    this.result = result;
  }
}

/** Starts a server with as many workers as the script asks for (core/workers/start-process.ts). */
export type StartProcess = (options: StartOptions, log: LogChoice) => Promise<RunningServer>;
