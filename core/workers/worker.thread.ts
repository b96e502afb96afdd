/** The thread of one worker: a whole server, tied to the others by rings and to the supervisor by a channel. */

import { enableCompileCache } from 'node:module';
import process from 'node:process';
import { parentPort, workerData } from 'node:worker_threads';
import { keepRunning } from '../cli/run-server.ts';
import { followSettings, serverLog } from '../cli/server-log.ts';
import { StrowgerError } from '../errors.ts';
import { type Environment, systemEnvironment } from '../start/environment.ts';
import { startServer } from '../start.ts';
import { Channel } from './channel.ts';
import { type FailureReport, type ReadyReport, type ThreadData, TOPIC } from './thread-data.ts';
import { ThreadSeat } from './thread-seat.ts';

/** The machine, but for the script's files. */
function environment(files: () => ReadonlyMap<string, string | null>): Environment {
  const env = systemEnvironment();
  return {
    ...env,
    readFile: (path) => {
      const known = files().get(path);
      return known === undefined ? env.readFile(path) : known;
    },
  };
}

async function main(data: ThreadData, channel: Channel): Promise<void> {
  const { program, process: processOptions, isTerminal } = data.log;
  const log = serverLog(processOptions, program, { number: data.index + 1, isTerminal });
  keepRunning(log);
  let { files } = data;
  const env = environment(() => files);
  const seat = new ThreadSeat(data, channel, env.clock, (next) => {
    files = next;
  });
  try {
    const started = await startServer(
      { ...data.options, log, onSettings: (settings) => followSettings(log, settings, processOptions, program) },
      env,
      seat,
    );
    channel.onRequest(TOPIC.STOP, (graceMs) => started.stop(Number(graceMs)));
    const ready: ReadyReport = { sockets: started.server.transport.sockets };
    channel.post(TOPIC.READY, ready);
  } catch (error) {
    const code = error instanceof StrowgerError ? error.code : 'WORKER_START';
    const text = error instanceof StrowgerError ? error.message : ((error as Error).stack ?? String(error));
    const failure: FailureReport = { code, text };
    channel.post(TOPIC.FAILED, failure);
  } finally {
    log.flush();
  }
}

enableCompileCache();
if (parentPort === null) process.exitCode = 2;
else await main(workerData as ThreadData, new Channel(parentPort));
