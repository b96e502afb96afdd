/**
 * Puts a server together: script, modules, sockets, program, in this order. The command line, the tests and worker
 * threads all start here.
 */

import { dirname } from 'node:path';
import { standardRunFolder } from './cfg/run-folder.ts';
import type { CheckResult, StartedServer, StartOptions } from './cli/start-options.ts';
import { ScriptError } from './cli/start-options.ts';
import { packageVersion } from './cli/version.ts';
import { StrowgerError } from './errors.ts';
import { ModuleHostImpl } from './module/host-impl.ts';
import { BLST } from './resolve/dst-blocklist.ts';
import { Resolver } from './resolve/resolver.ts';
import { offerControlSocket } from './rpc/control-socket.ts';
import { registerCoreRpc } from './rpc/core-rpc.ts';
import { registerDnsRpc } from './rpc/dns-rpc.ts';
import { rpcEnvironment } from './rpc/rpc-environment.ts';
import type { ScriptProgram } from './script/program.ts';
import { Server } from './server.ts';
import { type Environment, systemEnvironment } from './start/environment.ts';
import { planSockets } from './start/plan-sockets.ts';
import { compileRoutes, loadModules } from './start/program.ts';
import { Reloader } from './start/reload.ts';
import { readScript, type ScriptSource } from './start/script.ts';
import { openTransport } from './start/transport.ts';
import { ALONE, type Seat } from './workers/seat.ts';

/** Version of the product as it calls itself in `Server:` and `User-Agent:`. */
function productHeader(source: ScriptSource, name: 'server_header' | 'user_agent_header', label: string): string {
  const text = source.settings.str(name);
  if (text === '') return `Strowger (${packageVersion()})`;
  // Kamailio's parameter holds the whole row.
  return text.replace(new RegExp(`^${label}:\\s*`, 'i'), '').trim();
}

/** How long between looks at whether open transactions have ended. */
const DRAIN_CHECK_MS = 50;

/**
 * Starts a server. Rejects with ScriptError where the script has errors, with a StrowgerError where a module or a socket
 * can not start; whatever had been started is undone.
 */
export async function startServer(
  options: StartOptions,
  env: Environment = systemEnvironment(),
  seat: Seat = ALONE,
): Promise<StartedServer> {
  const source = seat.source ?? readScript(options, env);
  const host = new ModuleHostImpl();
  await loadModules(host, source, options, env);
  failOnErrors(source);
  const { settings } = source;
  options.onSettings?.(settings);
  const server = new Server(
    {
      clock: env.clock,
      random: env.random,
      log: options.log,
      settings,
      serverHeader: settings.bool('server_signature') ? productHeader(source, 'server_header', 'Server') : '',
      userAgentHeader: settings.bool('server_signature')
        ? productHeader(source, 'user_agent_header', 'User-Agent')
        : '',
      scriptPosition: seat.position,
    },
    seat.index,
  );
  server.workerCount = seat.count;
  server.bus = seat.bus;
  if (seat.heap !== null) server.sharedHeap = seat.heap;
  server.modules = host;
  server.sourceAddress = env.sourceAddress?.bind(env) ?? null;
  server.scriptFolder = dirname(options.scriptPath);
  server.runtimeDir = options.runtimeDir ?? (settings.str('rundir') || standardRunFolder());
  server.resolver = new Resolver({
    wheel: server.wheel,
    random: env.random,
    settings,
    log: options.log,
    counters: server.counters,
    ...(env.dns === null ? {} : { transport: env.dns }),
    ...(env.dnsFiles === null ? {} : { readFiles: env.dnsFiles }),
    canSend: (proto, family) =>
      server.transport.sockets.some((socket) => socket.proto === proto && socket.family === family),
  });
  server.onDestinationFailed = (dst, why) =>
    server.resolver.blocklist.report(dst.proto, dst.ip, dst.port, why === 'timeout' ? BLST.ERR_TIMEOUT : BLST.ERR_SEND);
  const undo: (() => Promise<void> | void)[] = [
    () => server.wheel.close(),
    () => server.resolver.close(),
    () => server.db.close(),
  ];
  try {
    const opened = await openTransport(server, source, options, env, seat.ports);
    undo.push(() => server.transport.close());
    seat.attach(server);
    undo.push(() => seat.end());
    registerCoreRpc(
      rpcEnvironment(server, packageVersion(), {
        defines: () => [...source.parsed.source.defines].map(([name, value]) => ({ name, value })),
        ...opened.rpc,
      }),
    );
    registerDnsRpc(server.rpc, server.resolver);
    undo.push(() => host.destroy());
    await host.init(server);
    await opened.openLate();
    server.program = compileRoutes(source, host.index, server);
    failOnErrors(source);
    if (server.isFirstWorker) logRemarks(source, options);
    server.logPrefix = logPrefixOf(server, options);
    const reloader = new Reloader(server, host, source, options, env);
    server.reload = () => reloader.reload();
    const isFirst = server.isFirstWorker && !seat.isReplacement;
    await seat.join();
    if (isFirst) await runOnce(server, 'core:modinit-before');
    await host.childInit();
    if (options.controlPath !== undefined && server.isFirstWorker)
      undo.push(await offerControlSocket(server, options.controlPath));
    opened.begin();
    seat.begin(reloader);
    server.hooks.started.run();
    if (isFirst) await runOnce(server, 'core:worker-one-init');
  } catch (error) {
    for (const step of undo.reverse()) await step();
    await env.loader.close();
    throw error;
  }
  await env.loader.close();
  const stop = stopper(server, undo);
  server.stop = async () => void (await stop(0));
  return { server, stop };
}

/** What the checker found that does not stop a start: each as one line, with its place. */
function logRemarks(source: ScriptSource, options: StartOptions): void {
  for (const { severity, file, line, column, message } of source.parsed.diagnostics.sorted()) {
    const text = `${file}:${line}:${column}: ${message}`;
    if (severity === 'warning') options.log.warn(text);
    else options.log.notice(text);
  }
}

/** `log_prefix`: what stands in front of every line logged for a message; null where the script does not set it. */
function logPrefixOf(server: Server, options: StartOptions): Server['logPrefix'] {
  const format = server.settings.str('log_prefix');
  const { log } = options;
  if (format === '' || log.setPrefix === undefined || server.program.compileFormat === undefined) return null;
  const evaluate = server.program.compileFormat(format);
  const isLive = server.settings.int('log_prefix_mode') === 1;
  return (run) => {
    if (run === null) return log.setPrefix?.(null);
    const fixed = isLive ? null : evaluate(run);
    log.setPrefix?.(() => fixed ?? evaluate(run));
  };
}

/** An event route about no message. */
async function runOnce(server: Server, name: string): Promise<void> {
  const msg = server.fakeMessage();
  if (msg !== null) await server.runEventRoute(name, msg);
}

function failOnErrors(source: ScriptSource): void {
  if (source.parsed.diagnostics.hasErrors) throw new ScriptError(resultOf(source));
}

function resultOf(source: ScriptSource): CheckResult {
  const { diagnostics, source: text } = source.parsed;
  return {
    ok: !diagnostics.hasErrors,
    diagnostics: diagnostics.sorted(),
    lineText: (file, line) => text.lineText(file, line),
  };
}

/** Ends a server: no new requests, open transactions get `graceMs`, then modules and sockets in reverse order of start. */
function stopper(server: Server, undo: (() => Promise<void> | void)[]): (graceMs: number) => Promise<boolean> {
  let result: Promise<boolean> | null = null;
  const stop = async (graceMs: number): Promise<boolean> => {
    server.isStopping = true;
    const isDrained = await drained(server, graceMs);
    for (const step of undo.reverse()) await step();
    return isDrained;
  };
  return (graceMs) => (result ??= stop(graceMs));
}

async function drained(server: Server, graceMs: number): Promise<boolean> {
  const end = server.clock.now() + graceMs;
  while (server.openTransactions() > 0) {
    if (server.clock.now() >= end) return graceMs === 0;
    await new Promise<void>((resolve) => {
      server.clock.schedule(DRAIN_CHECK_MS, resolve);
    });
  }
  return true;
}

/** A script without errors, which nothing runs yet. */
export interface CheckedScript {
  readonly settings: ScriptSource['settings'];
  readonly positions: ScriptProgram['positions'];
}

/** As `checkScript`, but rejects with ScriptError where there are errors. */
export async function loadScript(
  options: StartOptions,
  env: Environment,
  source: ScriptSource = readScript(options, env),
): Promise<CheckedScript> {
  const host = new ModuleHostImpl();
  await loadModules(host, source, options, env);
  failOnErrors(source);
  const { positions } = compileRoutes(source, host.index, null);
  await env.loader.close();
  failOnErrors(source);
  return { settings: source.settings, positions };
}

/** Reads, loads and checks a script without starting anything. */
export async function checkScript(options: StartOptions, env: Environment = systemEnvironment()): Promise<CheckResult> {
  const source = readScript(options, env);
  const host = new ModuleHostImpl();
  await loadModules(host, source, options, env);
  compileRoutes(source, host.index, null);
  await env.loader.close();
  return resultOf(source);
}

/** What is wrong with the sockets that the script and the command line ask for; null for nothing. Opens none. */
export async function checkListens(
  options: StartOptions,
  env: Environment = systemEnvironment(),
): Promise<string | null> {
  try {
    await planSockets(readScript(options, env), options, env);
    return null;
  } catch (error) {
    if (error instanceof StrowgerError && error.code === 'LISTEN') return error.message;
    throw error;
  }
}

/** The script after its preprocessor. */
export function printScript(options: StartOptions, env: Environment = systemEnvironment()): Promise<string> {
  const source = readScript(options, env);
  if (source.parsed.diagnostics.hasErrors) return Promise.reject(new ScriptError(resultOf(source)));
  return Promise.resolve(source.parsed.source.text);
}
