import { formatDiagnostic } from '../../routing-lang/diagnostics.ts';
import type { Settings } from '../cfg/settings.ts';
import { type RunningServer, ScriptError, type StartOptions } from '../cli/start-options.ts';
import type { Log } from '../log/log.ts';
import type { ScriptPosition } from '../script/program.ts';
import type { ReloadResult } from '../server.ts';
import type { ScriptSource } from '../start/script.ts';
import { type CheckedScript, loadScript } from '../start.ts';
import type { ClockHandle } from '../timer/clock.ts';
import type { SocketInfo } from '../transport/socket-info.ts';
import { CONTROL, CONTROL_WORDS, controlWord, workerMemory } from './memory.ts';
import { LOOK_MS, positionText } from './stall-watch.ts';
import { type RecordingEnvironment, recordingEnvironment } from './start-process.ts';
import { SupervisorBus } from './supervisor-bus.ts';
import { type LogChoice, type ThreadOptions, TOPIC } from './thread-data.ts';
import { WorkerHandle } from './worker-handle.ts';

/** A worker that dies soon after its start is replaced after a pause, which doubles up to the second of these. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** One that has lived this long starts with the shortest pause again. */
const SETTLED_MS = 30_000;
/** How long a worker may take to prepare a new script. */
const RELOAD_MS = 30_000;

interface SupervisorParts {
  readonly options: StartOptions;
  readonly log: LogChoice;
  readonly source: ScriptSource;
  readonly env: RecordingEnvironment;
  readonly count: number;
}

/** Starts the workers, replaces those that die, and does what concerns all of them at once: reload, stop, the watch. */
export class Supervisor implements RunningServer {
  readonly settings: Settings;
  sockets: readonly SocketInfo[] = [];
  readonly #options: StartOptions;
  readonly #threadOptions: ThreadOptions;
  readonly #logChoice: LogChoice;
  readonly #log: Log;
  readonly #env: RecordingEnvironment;
  readonly #memory: ReturnType<typeof workerMemory>;
  readonly #control: Int32Array;
  readonly #workers: WorkerHandle[] = [];
  readonly #bus: SupervisorBus;
  readonly #pauses: number[] = [];
  readonly #startedMs: number[] = [];
  /** Of the script that runs. */
  #files: ReadonlyMap<string, string | null> = new Map();
  #positions: readonly ScriptPosition[] = [];
  #ports: readonly number[] | null = null;
  #reloading: Promise<ReloadResult> | null = null;
  #isStopping = false;
  #watch: ClockHandle | null = null;

  private constructor({ options, log, source, env, count }: SupervisorParts) {
    const { log: _log, onSettings: _onSettings, ...threadOptions } = options;
    this.settings = source.settings;
    this.#options = options;
    this.#threadOptions = threadOptions;
    this.#logChoice = log;
    this.#log = options.log;
    this.#env = env;
    this.#memory = workerMemory(count, env.random.uint32());
    this.#control = new Int32Array(this.#memory.control);
    this.#bus = new SupervisorBus(() => this.#workers, env.clock);
  }

  /** Resolves once all workers serve. Rejects with ScriptError, or what the first that can not start rejects with. */
  static async start(parts: SupervisorParts): Promise<Supervisor> {
    const supervisor = new Supervisor(parts);
    supervisor.#take(await loadScript(parts.options, parts.env, parts.source), parts.env);
    parts.options.onSettings?.(supervisor.settings);
    await supervisor.#startAll(parts.count);
    return supervisor;
  }

  async #startAll(count: number): Promise<void> {
    this.#log.info(`starting ${count} workers`);
    try {
      // The first finds the ports where the script leaves them to the system, and whatever is wrong.
      const first = await this.#spawn(0, false).ready;
      this.sockets = first.sockets;
      this.#ports = first.sockets.map((socket) => socket.port);
      const others = Array.from({ length: count - 1 }, (_, at) => this.#spawn(at + 1, false).ready);
      await Promise.all(others);
    } catch (error) {
      this.#isStopping = true;
      await Promise.all(this.#workers.map((worker) => worker.terminate()));
      throw error;
    }
    this.#look();
  }

  files(): readonly string[] {
    return [...this.#files.keys()];
  }

  /** One reload at a time: a second caller gets the result of the first. */
  reload(): Promise<ReloadResult> {
    this.#reloading ??= this.#reload().finally(() => {
      this.#reloading = null;
    });
    return this.#reloading;
  }

  async stop(graceMs: number): Promise<boolean> {
    this.#isStopping = true;
    if (this.#watch !== null) this.#env.clock.unschedule(this.#watch);
    const answers = await Promise.all(
      this.#workers.map(async ({ isReady, channel }) => {
        if (!isReady) return true;
        return (await channel.request(TOPIC.STOP, graceMs).catch(() => false)) as boolean;
      }),
    );
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
    return answers.every(Boolean);
  }

  #spawn(index: number, isReplacement: boolean): WorkerHandle {
    // Nobody sleeps there, nobody can be woken, no script runs.
    this.#control.fill(0, index * CONTROL_WORDS, (index + 1) * CONTROL_WORDS);
    const worker = new WorkerHandle({
      index,
      memory: this.#memory,
      options: this.#threadOptions,
      log: this.#logChoice,
      files: this.#files,
      ports: this.#ports,
      isReplacement,
    });
    this.#workers[index] = worker;
    this.#startedMs[index] = this.#env.clock.now();
    this.#bus.serve(worker);
    worker.channel.onRequest(TOPIC.RELOAD, () => this.reload());
    void worker.ended.then((why) => this.#died(worker, why));
    return worker;
  }

  /** Its transactions and connections are gone; all else goes on, and another takes its place. */
  #died(worker: WorkerHandle, why: string): void {
    if (this.#isStopping) return;
    const { index } = worker;
    const { clock } = this.#env;
    for (const other of this.#workers) if (other !== worker && other.isReady) other.channel.post(TOPIC.DIED, index);
    const hasSettled = clock.now() - (this.#startedMs[index] ?? 0) > SETTLED_MS;
    const pause = hasSettled ? 0 : (this.#pauses[index] ?? 0);
    this.#pauses[index] = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, pause * 2));
    this.#log.crit(`worker ${index + 1} died and is replaced: ${why}`);
    clock.schedule(pause, () => void this.#replace(index));
  }

  async #replace(index: number): Promise<void> {
    await this.#reloading;
    if (this.#isStopping) return;
    try {
      await this.#spawn(index, true).ready;
      this.#log.notice(`worker ${index + 1} is back`);
    } catch (error) {
      this.#log.error(`worker ${index + 1} can not start: ${(error as Error).message}`);
      // The thread that could not start is still there; its end brings the next attempt.
      await this.#workers[index]?.terminate();
    }
  }

  /** Two phases: all compile, then all switch, or none. */
  async #reload(): Promise<ReloadResult> {
    const env = recordingEnvironment();
    let checked: CheckedScript;
    try {
      checked = await loadScript(this.#options, env);
    } catch (error) {
      return { ok: false, messages: errorTexts(error), unchanged: [] };
    }
    const workers = this.#workers.filter((worker) => worker.isReady);
    const prepared = await this.#askAll(workers, TOPIC.PREPARE, env.files);
    const messages = new Set(prepared.flatMap(messagesOf));
    if (messages.size > 0) {
      await this.#askAll(workers, TOPIC.ABORT, null);
      return { ok: false, messages: [...messages], unchanged: [] };
    }
    this.#take(checked, env);
    const done = await this.#askAll(workers, TOPIC.COMMIT, null);
    const unchanged = new Set(done.flatMap((each) => (each.status === 'fulfilled' ? (each.value as string[]) : [])));
    return { ok: true, messages: [], unchanged: [...unchanged].sort() };
  }

  #askAll(workers: readonly WorkerHandle[], topic: string, value: unknown): Promise<PromiseSettledResult<unknown>[]> {
    return Promise.allSettled(workers.map((worker) => this.#bus.ask(worker, topic, value, RELOAD_MS)));
  }

  #take({ positions }: CheckedScript, { files }: RecordingEnvironment): void {
    this.#files = files;
    this.#positions = positions;
  }

  /** Looks at the heartbeats, once a second. */
  #look(): void {
    for (const { index, isReady, pulse } of this.#workers) {
      if (!isReady) {
        pulse.reset();
        continue;
      }
      const word = (at: number): number => Atomics.load(this.#control, controlWord(index, at));
      const found = pulse.look(word(CONTROL.HEARTBEAT));
      if (found === 'stalled') {
        const where = positionText(word(CONTROL.POSITION), this.#positions);
        this.#log.error(`worker ${index + 1} stands still, for two seconds now, ${where}`);
      } else if (found === 'back') this.#log.warn(`worker ${index + 1} goes on`);
    }
    this.#watch = this.#env.clock.schedule(LOOK_MS, () => this.#look());
  }
}

/** The checker's messages, or what else went wrong. */
function errorTexts(error: unknown): readonly string[] {
  if (!(error instanceof ScriptError)) return [error instanceof Error ? error.message : String(error)];
  const { diagnostics, lineText } = error.result;
  return diagnostics
    .filter((diagnostic) => diagnostic.severity === 'error')
    .map((diagnostic) => formatDiagnostic(diagnostic, { lineText }));
}

/** What a worker has to say against a new script; one that has died begins with it. */
function messagesOf(result: PromiseSettledResult<unknown>): readonly string[] {
  if (result.status === 'fulfilled') return result.value as readonly string[];
  if ((result.reason as { code?: string }).code === 'WORKER_GONE') return [];
  return [(result.reason as Error).message];
}
