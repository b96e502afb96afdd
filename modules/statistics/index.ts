import {
  ANY_ROUTE,
  BRANCH_ROUTE,
  type Counter,
  type CounterRegistry,
  command,
  defineModule,
  FAILURE_ROUTE,
  LOCAL_ROUTE,
  type Log,
  listParam,
  ONREPLY_ROUTE,
  REQUEST_ROUTE,
  ROUTE,
} from 'strowger';

interface StatisticsState {
  readonly registry: CounterRegistry;
  readonly log: Log;
  /** Declared with /no_reset. */
  readonly fixed: ReadonlySet<Counter>;
}

/** Group of the variables declared here, as Kamailio's. */
const GROUP = 'script';

function parseVariable(text: string): { name: string; isFixed: boolean } | string {
  const [name = '', ...flags] = text.split('/');
  if (name.trim() === '') return 'a name expected';
  const unknown = flags.find((flag) => flag !== 'no_reset');
  return unknown === undefined ? { name: name.trim(), isFixed: flags.length > 0 } : `unknown flag "${unknown}"`;
}

export default defineModule<StatisticsState>({
  name: 'statistics',
  summary: "Statistics of the script's own.",
  params: {
    variable: listParam({
      doc: 'Declares a statistic: name[/no_reset].',
      check: (value) => {
        const parsed = parseVariable(String(value));
        return typeof parsed === 'string' ? parsed : null;
      },
    }),
  },
  commands: {
    update_stat: command({
      doc: 'Adds a number, which may have a sign, to a statistic.',
      args: ['str', 'int'],
      argNames: ['variable', 'value'],
      routes: ANY_ROUTE,
      check: known,
      run: (_run, state, name, delta) => {
        const counter = state.registry.findByName(name);
        if (counter === undefined) return missing(state, name);
        counter.add(delta);
        return 1;
      },
    }),
    reset_stat: command({
      doc: 'Sets a statistic to 0.',
      args: ['str'],
      argNames: ['variable'],
      routes: REQUEST_ROUTE | BRANCH_ROUTE | FAILURE_ROUTE | ONREPLY_ROUTE | LOCAL_ROUTE | ROUTE.EVENT,
      check: known,
      run: (_run, state, name) => {
        const counter = state.registry.findByName(name);
        if (counter === undefined) return missing(state, name);
        if (!state.fixed.has(counter)) counter.reset();
        return 1;
      },
    }),
  },
  init(ctx) {
    const registry = ctx.server.counters;
    const fixed = new Set<Counter>();
    for (const text of ctx.list('variable')) {
      const parsed = parseVariable(text);
      if (typeof parsed === 'string') throw new Error(`variable "${text}": ${parsed}`);
      const counter = registry.register(GROUP, parsed.name, 'custom script statistic');
      if (parsed.isFixed) fixed.add(counter);
    }
    return { registry, log: ctx.log, fixed };
  },
});

function missing({ log }: StatisticsState, name: string): number {
  log.error('no such statistic', { name });
  return -1;
}

/** Without state (`strowger check` starts no module) nothing is known to be missing. */
function known([name]: readonly (string | number | undefined)[], state: StatisticsState): string | null {
  if (
    (state as StatisticsState | undefined) === undefined ||
    name === undefined ||
    state.registry.findByName(String(name)) !== undefined
  )
    return null;
  return `there is no statistic "${name}": declare it with modparam("statistics", "variable", "${name}")`;
}
