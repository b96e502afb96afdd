import { availableParallelism } from 'node:os';
import process from 'node:process';
import { formatDiagnostic } from '../../routing-lang/diagnostics.ts';
import type { Settings } from '../cfg/settings.ts';
import { StrowgerError } from '../errors.ts';
import type { PinoLog } from '../log/pino-log.ts';
import { parseAliases } from '../start/aliases.ts';
import { RealClock } from '../timer/real-clock.ts';
import { hostPort } from '../transport/ip-address.ts';
import { PROTO_NAMES } from '../transport/socket-info.ts';
import { workerCount } from '../workers/worker-count.ts';
import { EXIT } from './command.ts';
import { isDaemonChild, reportReady } from './daemon.ts';
import { processGroupId, writePidFile } from './pid-file.ts';
import { dropPrivileges, type Identity, prepareRuntimeDir } from './privileges.ts';
import { readable } from './readable-diagnostics.ts';
import type { ProcessOptions, ScriptOptions } from './run-options.ts';
import { followSettings, serverLog } from './server-log.ts';
import { type RunningServer, ScriptError, type StartProcess } from './start-options.ts';
import { versionText } from './version.ts';
import { watchFiles } from './watch-script.ts';

export type Program = 'strowger' | 'strowger-kamailio';

/** After the time for open transactions, the rest of the stop may take this long before the process ends anyway. */
const CLOSE_LIMIT_MS = 5000;

/**
 * Runs a server in this process until a signal ends it. Resolves to an exit code of `strowger` (EXIT); the caller exits
 * with it, for a module may have left something open that keeps the process alive.
 */
export async function runServer(
  program: Program,
  script: ScriptOptions,
  options: ProcessOptions,
  startProcess: StartProcess,
): Promise<number> {
  const log = serverLog(options, program);
  const cleanUp: (() => void)[] = [];
  let running: RunningServer | null = null;
  try {
    if (isDaemonChild()) process.chdir('/');
    if (options.workdir !== null) process.chdir(options.workdir);
    const stopped = waitForSignals(log, () => running);
    if (options.pidFile !== null) cleanUp.push(writePidFile(options.pidFile, process.pid));
    if (options.pgidFile !== null) cleanUp.push(writePidFile(options.pgidFile, processGroupId() ?? process.pid));
    const onSettings = (settings: Settings): void => {
      followSettings(log, settings, options, program);
      if (script.runtimeDir !== null)
        prepareRuntimeDir(script.runtimeDir, identity(options, settings.str.bind(settings)));
      // Sockets that share a port must be one user's, and a worker may have to be replaced later.
      if (workerCount(settings, availableParallelism()) > 1)
        dropPrivileges(identity(options, settings.str.bind(settings)));
    };
    const choice = { program, process: options, isTerminal: process.stderr.isTTY };
    running = await startProcess({ ...script, log, onSettings }, choice);
    becomeServer(running, program, options, log);
    const server = running;
    if (options.watchesScript)
      cleanUp.push(
        watchFiles(
          () => server.files(),
          new RealClock(),
          () => reload(server, log, 'the script was written'),
        ),
      );
    await stopped;
    const grace = options.stopGraceMs ?? stopGrace(running.settings);
    return (await stopInTime(running, grace, log)) ? EXIT.OK : EXIT.UNCLEAN;
  } catch (error) {
    reportStartError(error, log);
    return EXIT.FAILED;
  } finally {
    for (const undo of cleanUp.reverse()) undo();
    log.flush();
  }
}

/** What is done once all sockets are open and the modules run. */
function becomeServer(server: RunningServer, program: Program, options: ProcessOptions, log: PinoLog): void {
  const { settings } = server;
  const workdir = settings.str('workdir');
  if (options.workdir === null && workdir !== '') process.chdir(workdir);
  if (program === 'strowger-kamailio') process.stdout.write(listing(server));
  dropPrivileges(identity(options, (name) => settings.str(name)));
  keepRunning(log);
  const sockets = server.sockets.map((socket) => socket.uri).join(', ');
  log.always(`${versionText()} is ready on ${sockets === '' ? 'no socket' : sockets}`);
  if (!isDaemonChild()) return;
  const staysInForeground = !settings.bool('fork');
  log.flush();
  reportReady(staysInForeground ? 'foreground' : 'ready', options.isStderrForced || settings.bool('log_stderror'));
}

function identity(options: ProcessOptions, setting: (name: string) => string): Identity {
  return { user: options.user ?? setting('user'), group: options.group ?? setting('group') };
}

/** Kamailio prints its sockets like this, on standard output; scripts read it. */
function listing(server: RunningServer): string {
  const lines = server.sockets.map((socket) => {
    const advertised = socket.isAdvertised ? ` advertise ${socket.advertisedHost}:${socket.advertisedPort}` : '';
    const name = socket.name === '' ? '' : ` name ${socket.name}`;
    return `             ${PROTO_NAMES[socket.proto]}: ${hostPort(socket.address, socket.port)}${advertised}${name}\n`;
  });
  const aliases = parseAliases(server.settings.list('alias').toReversed()).map(
    ({ host, port, proto }) =>
      `             ${proto === 0 ? '*' : PROTO_NAMES[proto]}: ${host}:${port === 0 ? '*' : port}\n`,
  );
  return `Listening on \n${lines.join('')}Aliases: \n${aliases.join('')}\n`;
}

/** One Ctrl-C comes twice where an older Node runs this one: to the whole group, and passed on (core/bin/launch.js). */
const SAME_SIGNAL_MS = 300;

/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. SIGHUP reloads the script. */
function waitForSignals(log: PinoLog, server: () => RunningServer | null): Promise<void> {
  return new Promise((resolve) => {
    const clock = new RealClock();
    let firstMs = -1;
    const end = (signal: string): void => {
      if (firstMs >= 0) {
        if (clock.now() - firstMs > SAME_SIGNAL_MS) process.exit(EXIT.UNCLEAN);
        return;
      }
      if (server() === null) process.exit(EXIT.OK);
      firstMs = clock.now();
      log.always(`${signal}: stopping`);
      resolve();
    };
    process.on('SIGTERM', end);
    process.on('SIGINT', end);
    process.on('SIGHUP', () => {
      const running = server();
      if (running !== null) void reload(running, log, 'SIGHUP');
    });
    // Without a handler these would start the inspector, or end the process; Kamailio prints its memory use.
    process.on('SIGUSR1', () => logMemory(log));
    process.on('SIGUSR2', () => logMemory(log));
  });
}

async function reload(server: RunningServer, log: PinoLog, why: string): Promise<void> {
  try {
    const result = await server.reload();
    if (!result.ok) log.error(`${why}: the script has errors, the old one goes on\n${result.messages.join('\n')}`);
    else if (result.unchanged.length === 0) log.always(`${why}: the script is reloaded`);
    else log.always(`${why}: the script is reloaded; unchanged until a restart: ${result.unchanged.join(', ')}`);
  } catch (error) {
    log.error(`${why}: the reload failed, the old script goes on: ${textOf(error)}`, { err: error });
  }
}

function logMemory(log: PinoLog): void {
  const { rss, heapUsed } = process.memoryUsage();
  log.always(
    `memory: ${Math.round(rss / 1048576)} MB resident, ${Math.round(heapUsed / 1048576)} MB in JavaScript objects`,
  );
}

/** A mistake in a module must not end the calls of all others: it is logged, and the server goes on. */
export function keepRunning(log: PinoLog): void {
  const report = (error: unknown): void => log.crit(`a mistake that nobody caught: ${textOf(error)}`, { err: error });
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);
}

/** `exit_timeout` of the script bounds the whole stop in Kamailio; open transactions get ten seconds of it. */
function stopGrace(settings: Settings): number {
  const limit = settings.int('exit_timeout');
  return (limit === 0 ? 10 : Math.min(10, limit)) * 1000;
}

async function stopInTime(running: RunningServer, graceMs: number, log: PinoLog): Promise<boolean> {
  const clock = new RealClock();
  let timer: ReturnType<RealClock['schedule']> | null = null;
  const tooLate = new Promise<false>((resolve) => {
    timer = clock.schedule(graceMs + CLOSE_LIMIT_MS, () => resolve(false));
  });
  try {
    const isClean = await Promise.race([running.stop(graceMs), tooLate]);
    if (!isClean) log.warn('the stop was cut short: transactions were still open');
    return isClean;
  } catch (error) {
    log.error(`the stop failed: ${textOf(error)}`, { err: error });
    return false;
  } finally {
    if (timer !== null) clock.unschedule(timer);
  }
}

function reportStartError(error: unknown, log: PinoLog): void {
  if (error instanceof ScriptError) {
    const { diagnostics, lineText } = readable(error.result);
    for (const diagnostic of diagnostics) {
      if (diagnostic.severity === 'error') log.error(formatDiagnostic(diagnostic, { lineText }));
    }
    log.crit(error.message);
  } else if (error instanceof StrowgerError) log.crit(error.message);
  else log.crit(`the start failed: ${textOf(error)}`, { err: error });
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
