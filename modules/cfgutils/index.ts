import {
  ANY_ROUTE,
  type CommandDef,
  command,
  coreHash,
  defineModule,
  intParam,
  type Log,
  memoryUsage,
  type Random,
  type RpcArgs,
  RpcFault,
  RUN_EXIT,
  type Run,
  readOnly,
  type Server,
  sharedMap,
  strParam,
} from 'strowger';
import { ConfigHash } from './config-hash.ts';
import { LockSet } from './locks.ts';

interface CfgutilsState {
  readonly server: Server;
  readonly log: Log;
  readonly random: Random;
  readonly initialProbability: number;
  /** 0 … 100 */
  probability: number;
  /** Bits 0 … 31; as the probability, the same on all workers. */
  gflags: number;
  readonly locks: LockSet;
  readonly hash: ConfigHash;
}

type Def = CommandDef<CfgutilsState>;

const MAX_SLEEP_SEC = 3600;

function randomCommands(): Record<string, Def> {
  const probability = (doc: string, run: (state: CfgutilsState) => number): Def =>
    command<CfgutilsState, []>({ doc, args: [], routes: ANY_ROUTE, run: (_run, state) => run(state) });
  return {
    rand_set_prob: command<CfgutilsState, ['int']>({
      doc: 'Sets the probability of rand_event(), 0 … 100.',
      args: ['int'],
      argNames: ['percent'],
      routes: ANY_ROUTE,
      run: (_run, state, percent) => (setProbability(state, percent) ? 1 : -1),
    }),
    rand_reset_prob: probability('Sets the probability back to the one at the start.', (state) => {
      state.probability = state.initialProbability;
      return 1;
    }),
    rand_get_prob: probability('Returns the probability; 0 is -1, for 0 would end the script.', (state) =>
      state.probability === 0 ? -1 : state.probability,
    ),
    rand_event: probability('Is true with the probability.', ({ random, probability: percent }) =>
      random.int(100) < percent ? 1 : -1,
    ),
  };
}

function setProbability(state: CfgutilsState, percent: number): boolean {
  if (percent < 0 || percent > 100) return false;
  state.probability = percent;
  return true;
}

function flagCommand(doc: string, run: (state: CfgutilsState, bit: number) => number): Def {
  return command<CfgutilsState, ['int']>({
    doc,
    args: ['int'],
    argNames: ['flag'],
    routes: ANY_ROUTE,
    run: (_run, state, flag) => (flag < 0 || flag > 31 ? -1 : run(state, 1 << flag)),
  });
}

function keyCommand(doc: string, run: (run: Run, locks: LockSet, key: string) => boolean | Promise<boolean>): Def {
  return command<CfgutilsState, ['str', 'str?']>({
    doc,
    args: ['str', 'str?'],
    argNames: ['key', 'key2'],
    routes: ANY_ROUTE,
    isAsync: true,
    run: (current, { locks, log }, key, key2) => {
      if (locks.isEmpty) {
        log.error('there are no locks: set the parameter lock_set_size');
        return -1;
      }
      const result = run(current, locks, key2 === undefined ? key : `${key}\n${key2}`);
      return typeof result === 'boolean' ? toCode(result) : result.then(toCode);
    },
  });
}

const toCode = (isTrue: boolean): number => (isTrue ? 1 : -1);

/** Waits without holding up other messages. */
function wait(doc: string, argName: string, milliseconds: (value: number) => number): Def {
  return command<CfgutilsState, ['int']>({
    doc,
    args: ['int'],
    argNames: [argName],
    routes: ANY_ROUTE,
    isAsync: true,
    run: (_run, { server }, value) => {
      const delayMs = Math.min(Math.max(milliseconds(value), 0), MAX_SLEEP_SEC * 1000);
      if (delayMs < 1) return 1;
      return new Promise((resolve) => {
        server.clock.schedule(Math.ceil(delayMs), () => resolve(1));
      });
    },
  });
}

function memoryCommand(doc: string): Def {
  return command<CfgutilsState, []>({
    doc,
    args: [],
    routes: ANY_ROUTE,
    run: (_run, { log }) => {
      log.notice(
        `memory: ${Object.entries(memoryUsage())
          .map(([name, value]) => `${name} ${value}`)
          .join(', ')}`,
      );
      return 1;
    },
  });
}

export default defineModule<CfgutilsState>({
  name: 'cfgutils',
  summary: 'Chance, waiting, global flags, locks and other helpers for scripts.',
  params: {
    initial_probability: intParam({ default: 10, min: 0, max: 100, doc: 'Probability of rand_event() at the start.' }),
    initial_gflags: intParam({ default: 0, doc: 'Global flags at the start, a bit mask.' }),
    hash_file: strParam({ default: '', doc: 'File whose hash is kept for cfgutils.check_config_hash.' }),
    lock_set_size: intParam({ default: 0, min: 0, max: 16, doc: 'Logarithm of the number of locks; 0 for none.' }),
  },
  commands: {
    ...randomCommands(),
    sleep: wait('Waits some seconds.', 'seconds', (seconds) => seconds * 1000),
    usleep: wait('Waits some microseconds.', 'microseconds', (microseconds) => microseconds / 1000),
    abort: command({
      doc: 'Ends the process at once, for debugging.',
      args: [],
      routes: ANY_ROUTE,
      run: (_run, { log }) => {
        log.alert('abort() called from the script');
        process.abort();
      },
    }),
    pkg_status: memoryCommand('Logs the use of memory.'),
    pkg_summary: memoryCommand('Logs the use of memory.'),
    shm_status: memoryCommand('Logs the use of memory.'),
    shm_summary: memoryCommand('Logs the use of memory.'),
    set_gflag: flagCommand('Sets a global flag.', (state, bit) => {
      state.gflags |= bit;
      return 1;
    }),
    reset_gflag: flagCommand('Clears a global flag.', (state, bit) => {
      state.gflags &= ~bit;
      return 1;
    }),
    is_gflag: flagCommand('Is the global flag set?', (state, bit) => ((state.gflags & bit) === 0 ? -1 : 1)),
    lock: keyCommand('Takes the lock of a key; waits for it.', (run, locks, key) => locks.lock(run, key)),
    trylock: keyCommand('Takes the lock of a key if it is free.', (run, locks, key) => locks.tryLock(run, key)),
    unlock: keyCommand('Gives the lock of a key back.', (_run, locks, key) => locks.unlock(key)),
    core_hash: command({
      doc: 'Hash of one or two texts, below 2^size, plus 1.',
      args: ['str', 'str', 'int'],
      argNames: ['text', 'text2', 'size'],
      routes: ANY_ROUTE,
      run: (_run, _state, first, second, size) => {
        // One more than the hash: 0 would end the script. A size of 0 counts as 1.
        const slots = 2 ** Math.min(Math.max(size, 1), 31);
        return coreHash(first, slots, second) + 1;
      },
    }),
    check_route_exists: command({
      doc: 'Does the script have a route of this name?',
      args: ['str'],
      argNames: ['route'],
      routes: ANY_ROUTE,
      run: (run, _state, name) => toCode(run.program.routes.has(name)),
    }),
    route_if_exists: command({
      doc: 'Runs a route if the script has it, and returns its code.',
      args: ['str'],
      argNames: ['route'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: routeIfExists,
    }),
  },
  pseudoVariables: {
    RANDOM: readOnly('A random number, 0 … 2^31-1.', (_run, { random }: CfgutilsState) => random.uint32() >>> 1),
  },
  rpc: {
    'cfgutils.rand_set_prob': {
      doc: 'Sets the probability of rand_event(), percent.',
      params: ['percent'],
      run: (args, state) => {
        if (!setProbability(state, args.int(0))) throw new RpcFault(500, 'Invalid Percent');
        return undefined;
      },
    },
    'cfgutils.rand_reset_prob': {
      doc: 'Sets the probability back to the one at the start.',
      run: (_args, state) => {
        state.probability = state.initialProbability;
        return undefined;
      },
    },
    'cfgutils.rand_get_prob': {
      doc: 'Returns the probability of rand_event().',
      run: (_args, { probability }) => `actual probability: ${probability} percent`,
    },
    'cfgutils.set_gflag': {
      doc: 'Sets the global flags of a bit mask.',
      params: ['mask'],
      run: (args, state) => {
        state.gflags |= mask(args);
        return undefined;
      },
    },
    'cfgutils.reset_gflag': {
      doc: 'Clears the global flags of a bit mask.',
      params: ['mask'],
      run: (args, state) => {
        state.gflags &= ~mask(args);
        return undefined;
      },
    },
    'cfgutils.is_gflag': {
      doc: 'Are all global flags of a bit mask set?',
      params: ['mask'],
      run: (args, { gflags }) => ((gflags & mask(args)) === mask(args) && mask(args) !== 0 ? 'TRUE' : 'FALSE'),
    },
    'cfgutils.get_gflags': {
      doc: 'Returns the global flags.',
      run: (_args, { gflags }) => `0x${(gflags >>> 0).toString(16).toUpperCase()} (${gflags >>> 0})`,
    },
    'cfgutils.get_config_hash': {
      doc: 'Returns the hash of the file at the start.',
      run: (_args, { hash }) => hash.stored,
    },
    'cfgutils.check_config_hash': {
      doc: 'Is the hash of the file the one of the start?',
      run: (_args, { hash }) => hash.check(),
    },
  },

  async init(ctx) {
    const hash = new ConfigHash(ctx.str('hash_file'));
    await hash.store();
    const shared = sharedMap<number>(ctx.server, 'cfgutils', [
      ['probability', ctx.int('initial_probability')],
      ['gflags', ctx.int('initial_gflags') | 0],
    ]);
    return {
      server: ctx.server,
      log: ctx.log,
      random: ctx.server.random,
      initialProbability: ctx.int('initial_probability'),
      get probability(): number {
        return shared.get('probability') ?? 0;
      },
      set probability(percent: number) {
        shared.set('probability', percent);
      },
      get gflags(): number {
        return shared.get('gflags') ?? 0;
      },
      set gflags(bits: number) {
        shared.set('gflags', bits);
      },
      locks: new LockSet(ctx.int('lock_set_size')),
      hash,
    };
  },
  destroy({ locks }) {
    locks.releaseAll();
  },
});

/** A mask in decimal or 0x hexadecimal. */
function mask(args: RpcArgs): number {
  const given = args.all[0];
  const value = typeof given === 'string' && /^0x[0-9a-f]{1,8}$/i.test(given) ? Number(given) : args.int(0);
  return value | 0;
}

/** An `exit` or `drop` in the route ends the caller's run too. */
function routeIfExists(run: Run, { server, log }: CfgutilsState, name: string): number | Promise<number> {
  const route = run.program.routes.get(name);
  if (route === undefined) return -1;
  if (run.depth >= server.settings.int('max_recursive_level')) {
    log.error('route_if_exists: too many nested routes', { route: name });
    return -1;
  }
  const { position } = run;
  run.depth++;
  const done = (bits: number): number => {
    run.depth--;
    run.position = position;
    return (bits & RUN_EXIT) === 0 ? run.rc : 0;
  };
  const result = route(run);
  return typeof result === 'number' ? done(result) : result.then(done);
}
