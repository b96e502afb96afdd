import { formatDiagnostic } from '../../routing-lang/diagnostics.ts';
import { coreParam } from '../cfg/core-params.ts';
import type { StartOptions } from '../cli/start-options.ts';
import type { ModuleHostImpl } from '../module/host-impl.ts';
import type { ReloadPlan } from '../module/reload-plan.ts';
import type { ScriptProgram } from '../script/program.ts';
import type { ReloadResult, Server } from '../server.ts';
import type { Environment } from './environment.ts';
import { compileRoutes, loadEnvironment } from './program.ts';
import { readScript, type ScriptSource } from './script.ts';

/** The two phases of a reload, for those who switch several servers at once: all prepare, then all commit, or all abort. */
export interface ReloadSteps {
  /** Compiles the script anew and starts what it needs. The checker's messages where it can not be taken. */
  prepare(): Promise<readonly string[]>;
  /** Switches to what was prepared. Names of what could not change. */
  commit(): readonly string[];
  /** Drops what was prepared, if anything was. */
  abort(): Promise<void>;
}

/** What `prepare` made. */
interface Prepared {
  readonly source: ScriptSource;
  readonly plan: ReloadPlan;
  readonly program: ScriptProgram;
}

/**
 * Live reload (architecture §8): the new script is read, checked and compiled beside the running one; errors leave the
 * old one running. New messages take the new program, transactions in flight keep theirs.
 */
export class Reloader implements ReloadSteps {
  readonly #server: Server;
  readonly #host: ModuleHostImpl;
  readonly #options: StartOptions;
  readonly #env: Environment;
  #source: ScriptSource;
  #prepared: Prepared | null = null;
  #running: Promise<ReloadResult> | null = null;

  constructor(server: Server, host: ModuleHostImpl, source: ScriptSource, options: StartOptions, env: Environment) {
    this.#server = server;
    this.#host = host;
    this.#source = source;
    this.#options = options;
    this.#env = env;
  }

  /** One reload at a time: a second caller gets the result of the first. */
  reload(): Promise<ReloadResult> {
    this.#running ??= this.#reload().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #reload(): Promise<ReloadResult> {
    const messages = await this.prepare();
    if (this.#prepared === null) return { ok: false, messages, unchanged: [] };
    return { ok: true, messages: [], unchanged: this.commit() };
  }

  async prepare(): Promise<readonly string[]> {
    await this.abort();
    const source = readScript(this.#options, this.#env);
    if (source.parsed.diagnostics.hasErrors) return errorsOf(source);
    const plan = await this.#host.prepareReload(source.modules, loadEnvironment(source, this.#options, this.#env));
    try {
      const program = source.parsed.diagnostics.hasErrors ? null : compileRoutes(source, plan.index, this.#server);
      if (program === null || source.parsed.diagnostics.hasErrors) {
        await plan.abort();
        return errorsOf(source);
      }
      this.#prepared = { source, plan, program };
      return [];
    } finally {
      await this.#env.loader.close();
    }
  }

  commit(): readonly string[] {
    const prepared = this.#prepared;
    if (prepared === null) return [];
    this.#prepared = null;
    const { source, plan, program } = prepared;
    const unchanged = [...this.#takeSettings(source), ...plan.commit()];
    this.#server.program = program;
    this.#source = source;
    return [...unchanged].sort();
  }

  async abort(): Promise<void> {
    const prepared = this.#prepared;
    this.#prepared = null;
    await prepared?.plan.abort();
  }

  /** Applies the core parameters that may change while running; returns the names of those that would have to. */
  #takeSettings(source: ScriptSource): string[] {
    const { settings } = this.#server;
    const unchanged: string[] = [];
    for (const name of new Set([...source.settings.names(), ...settings.names()])) {
      const wanted = source.settings.list(name).join(' ');
      if (wanted === settings.list(name).join(' ')) continue;
      if (coreParam(name)?.runtime === true)
        settings.set(
          name,
          source.settings.has(name) && !Number.isNaN(Number(wanted)) && wanted !== '' ? Number(wanted) : wanted,
        );
      else unchanged.push(name);
    }
    if (
      JSON.stringify(source.listens.map((item) => item.sockets)) !==
      JSON.stringify(this.#source.listens.map((item) => item.sockets))
    )
      unchanged.push('listen');
    return unchanged;
  }
}

function errorsOf(source: ScriptSource): readonly string[] {
  const { diagnostics, source: text } = source.parsed;
  const lineText = (file: string, line: number): string | null => text.lineText(file, line);
  return diagnostics
    .sorted()
    .filter((diagnostic) => diagnostic.severity === 'error')
    .map((diagnostic) => formatDiagnostic(diagnostic, { lineText }));
}
