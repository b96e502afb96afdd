import { compileProgram } from '../../routing-lang/compile.ts';
import type { SymbolTable } from '../../routing-lang/symbols.ts';
import { CORE_PARAMS } from '../cfg/core-params.ts';
import type { StartOptions } from '../cli/start-options.ts';
import type { ModuleHostImpl } from '../module/host-impl.ts';
import type { LoadEnvironment } from '../module/load-items.ts';
import type { ModuleIndex } from '../module/module-index.ts';
import { CORE_PVS } from '../pv/core-pvs.ts';
import { SOCK_TRANSFORMS } from '../pv/socket-transforms.ts';
import type { PvDef } from '../pv/spec.ts';

import { CORE_COMMANDS } from '../script/core-commands.ts';

import { isMyself, KEYWORDS, wordValue } from '../script/operands.ts';
import { compilePosix, PosixCache } from '../script/posix-cache.ts';
import type { ScriptProgram } from '../script/program.ts';

import { compileSubst } from '../script/subst.ts';
import { buildSymbolTable, type CoreTables } from '../script/symbol-table.ts';
import { timedCommands } from '../script/timed-commands.ts';
import { bindSelect } from '../select/bind-select.ts';
import type { Server } from '../server.ts';
import type { Environment } from './environment.ts';
import type { ScriptSource } from './script.ts';

/** Event routes that the core itself runs. */
const CORE_EVENTS = [
  'core:modinit-before',
  'core:worker-one-init',
  'core:pre-routing',
  'core:receive-parse-error',
  'core:msg-received',
  'tcp:closed',
  'tcp:timeout',
  'tcp:reset',
];

/** REG_ICASE and REG_NEWLINE by where an expression stands (Kamailio 5.6.3, asked). */
const FLAGS = { match: { ignoreCase: true }, case: {}, argument: { ignoreCase: true, newline: true } } as const;

let lastProgramId = 0;

/** Loads the script's modules; errors go to its diagnostics. */
export async function loadModules(
  host: ModuleHostImpl,
  source: ScriptSource,
  options: StartOptions,
  env: Environment,
): Promise<void> {
  await host.load(source.modules, loadEnvironment(source, options, env));
}

/** How the modules of this script are found and its mistakes reported. */
export function loadEnvironment(source: ScriptSource, options: StartOptions, env: Environment): LoadEnvironment {
  const { diagnostics, source: text } = source.parsed;
  return {
    loader: env.loader,
    diagnostics,
    locate: (offset) => text.locate(offset),
    loadPaths: options.loadPaths,
  };
}

/**
 * Checks and compiles the routes against the core and the loaded modules. Without a server (a check) the program can not
 * run. Where there are errors the diagnostics have them, and the program is empty.
 */
export function compileRoutes(source: ScriptSource, index: ModuleIndex, server: Server | null): ScriptProgram {
  const tables: CoreTables = {
    commands: CORE_COMMANDS,
    pvs: CORE_PVS,
    transformations: { sock: SOCK_TRANSFORMS },
    params: CORE_PARAMS,
    keywords: KEYWORDS,
    select: (parts) => bindSelect(parts, index.modules.values()),
    word: wordValue,
    isMyself,
    eventRoutes: CORE_EVENTS,
    state: server,
  };
  const dynamic = { match: new PosixCache(FLAGS.match), argument: new PosixCache(FLAGS.argument) };
  const { settings } = source;
  const symbols = buildSymbolTable(index, tables);
  const program = compileProgram(
    source.parsed,
    server === null ? stateless(symbols) : measured(symbols, server),
    {
      regex: (text, kind) => compilePosix(text, FLAGS[kind]),
      dynamicRegex: (text, kind) => dynamic[kind].get(text),
      subst: compileSubst,
      maxWhileLoops: () => settings.int('max_while_loops'),
      maxRecursiveLevel: () => settings.int('max_recursive_level'),
      ...(server === null ? {} : { position: server.scriptPosition }),
      ...(server?.tracer == null ? {} : { tracer: server.tracer }),
    },
    { id: ++lastProgramId, debug: settings.bool('script_debug') },
  );
  return program ?? EMPTY_PROGRAM;
}

/** `latency_limit_action`: commands that tell when they were slow. */
function measured(symbols: SymbolTable, { settings, clock, log }: Server): SymbolTable {
  const limitMicros = settings.int('latency_limit_action');
  if (limitMicros === 0) return symbols;
  return timedCommands(symbols, { clock, log, level: settings.int('latency_log'), limitMicros });
}

/**
 * For a check, where no module has been initialised: what a variable's binder refuses by an error text is still
 * reported, what it would have needed state for is taken as good.
 */
function stateless(symbols: SymbolTable): SymbolTable {
  return {
    ...symbols,
    pv(className) {
      const found = symbols.pv(className);
      if (found === undefined || found.state !== undefined) return found;
      const bind: PvDef<never>['bind'] = (use, state) => {
        try {
          return found.def.bind(use, state);
        } catch {
          return { get: () => null, set: () => true, getAll: () => [] };
        }
      };
      return { ...found, def: { ...found.def, bind } };
    },
  };
}

const EMPTY_PROGRAM: ScriptProgram = {
  id: 0,
  request: null,
  reply: null,
  routes: new Map(),
  onreply: new Map(),
  failure: new Map(),
  branch: new Map(),
  onsend: null,
  event: new Map(),
  varSlots: new Map(),
  positions: [],
};
