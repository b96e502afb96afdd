/** Starts what the command line runs: one server in this thread, or a supervisor with several in threads of their own. */

import { availableParallelism } from 'node:os';
import type { RunningServer, StartOptions } from '../cli/start-options.ts';
import { type Environment, systemEnvironment } from '../start/environment.ts';
import { readScript } from '../start/script.ts';
import { startServer } from '../start.ts';
import { ALONE } from './seat.ts';
import { watchOwnThread } from './stall-watch.ts';
import type { LogChoice } from './thread-data.ts';
import { workerCount } from './worker-count.ts';

/** An environment that remembers the files it has read. */
export interface RecordingEnvironment extends Environment {
  readonly files: Map<string, string | null>;
}

export function recordingEnvironment(): RecordingEnvironment {
  const env = systemEnvironment();
  const files = new Map<string, string | null>();
  const readFile = (path: string): string | null => {
    const text = env.readFile(path);
    files.set(path, text);
    return text;
  };
  return { ...env, files, readFile };
}

/** Rejects as `startServer`. */
export async function startProcess(options: StartOptions, log: LogChoice): Promise<RunningServer> {
  const env = recordingEnvironment();
  const source = readScript(options, env);
  const count = workerCount(source.settings, availableParallelism());
  if (count > 1) {
    const { Supervisor } = await import('./supervisor.ts');
    return await Supervisor.start({ options, log, source, env, count });
  }
  const files = [...env.files.keys()];
  env.files.clear();
  const watch = watchOwnThread(env.clock, options.log);
  const started = await startServer(options, env, { ...ALONE, source, position: watch.position });
  const { server } = started;
  watch.start(() => server.program.positions);
  return {
    settings: server.settings,
    sockets: server.transport.sockets,
    files: () => (env.files.size === 0 ? files : [...env.files.keys()]),
    reload: () => server.reload(),
    async stop(graceMs) {
      await watch.stop();
      return await started.stop(graceMs);
    },
  };
}
