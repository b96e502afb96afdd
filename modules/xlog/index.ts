import {
  ANY_ROUTE,
  type CommandDef,
  command,
  defineModule,
  intParam,
  LOG_LEVELS,
  listParam,
  type PvDef,
  strParam,
} from 'strowger';
import { checkFacility, parseLevel, Xlog } from './xlog.ts';

type Check = NonNullable<CommandDef['check']>;

const levelAt =
  (place: number): Check =>
  (values) => {
    const value = values[place];
    return value === undefined || parseLevel(String(value)) !== null ? null : `unknown log level '${value}'`;
  };

/** Level given in a variable that holds none: nothing would be written, so it is an error of the script's. */
const FALLBACK_LEVEL = LOG_LEVELS.ERR;
const levelOf = (text: string): number => parseLevel(text) ?? FALLBACK_LEVEL;

/** xlog and xlogl: [[facility,] level,] format. */
function family(doc: string, withPlace: boolean): readonly CommandDef<Xlog>[] {
  const write = withPlace ? 'writeWithPlace' : 'write';
  const routes = ANY_ROUTE;
  return [
    command({
      doc,
      args: ['fmt'],
      argNames: ['format'],
      routes,
      run: (run, state: Xlog, format) => state[write](run, LOG_LEVELS.ERR, format),
    }),
    command({
      doc,
      args: ['str', 'fmt'],
      argNames: ['level', 'format'],
      routes,
      check: levelAt(0),
      run: (run, state: Xlog, level, format) => state[write](run, levelOf(level), format),
    }),
    command({
      doc,
      args: ['const-str', 'str', 'fmt'],
      argNames: ['facility', 'level', 'format'],
      routes,
      check: (values, state) => checkFacility(values[0]) ?? levelAt(1)(values, state),
      run: (run, state: Xlog, facility, level, format) => state[write](run, levelOf(level), format, facility),
    }),
  ];
}

function fixed(level: number, name: string): CommandDef<Xlog> {
  return command({
    doc: `Logs at level ${name}.`,
    args: ['fmt'],
    argNames: ['format'],
    routes: ANY_ROUTE,
    run: (run, state: Xlog, format) => state.write(run, level, format),
  });
}

/** Letters of the eight colours in the order of their numbers, black first. */
const COLOR_LETTERS = 'srgybpcw';
const DEFAULT_COLOR = 9;

const COLOR: PvDef<Xlog> = {
  doc: 'Terminal colours, $C(xy): x the text, y behind it; s black, r, g, y, b, p, c, w, x default; upper case is bright.',
  name: 'required',
  bind: (use) => {
    const name = use.name ?? '';
    if (!/^(?:[srgybpcwx]|[SRGYBPCW])[srgybpcwx]$/.test(name)) return `'${name}' are not two colours: text, background`;
    const [front = DEFAULT_COLOR, back = DEFAULT_COLOR] = name
      .toLowerCase()
      .split('')
      .map((letter) => (letter === 'x' ? DEFAULT_COLOR : COLOR_LETTERS.indexOf(letter)));
    const sequence = `\x1b[${/^[A-Z]/.test(name) ? 1 : 0};3${front};4${back}m`;
    return { get: () => sequence };
  },
};

export default defineModule<Xlog>({
  name: 'xlog',
  summary: 'Writes lines with pseudo-variables to the log.',
  params: {
    buf_size: intParam({ default: 4096, min: 16, doc: 'Longest text of a line; a longer one is not written.' }),
    force_color: intParam({
      default: 0,
      min: 0,
      max: 1,
      doc: 'Colours also where the log is no terminal.',
      noEffect: 'colours reach terminals only, with log_color',
    }),
    long_format: intParam({ default: 0, min: 0, max: 1, doc: 'xlogl() and xdbgl() write the name of the file too.' }),
    prefix: strParam({ default: '<script>: ', doc: 'Written in front of each text.' }),
    prefix_mode: intParam({ default: 0, min: 0, max: 1, doc: '1: the prefix is a format string.' }),
    log_facility: strParam({ default: null, doc: 'Syslog facility of these lines.', check: checkFacility }),
    log_colors: listParam({
      doc: 'Colours of a level, L_ERR=cr.',
      noEffect: 'lines are coloured by level with log_color',
    }),
    auto_newline: intParam({
      default: 0,
      min: 0,
      max: 1,
      doc: 'End each text with a new line.',
      noEffect: 'each text is a line of its own, with one at its end or without',
    }),
    methods_filter: intParam({ default: -1, runtime: true, doc: 'Methods that xlogm() does not log, as bits.' }),
  },
  commands: {
    xlog: family('Logs a line: [[facility,] level,] format.', false),
    xlogl: family('As xlog, with the line number of the script.', true),
    xdbg: fixed(LOG_LEVELS.DBG, 'L_DBG'),
    xinfo: fixed(LOG_LEVELS.INFO, 'L_INFO'),
    xnotice: fixed(LOG_LEVELS.NOTICE, 'L_NOTICE'),
    xwarn: fixed(LOG_LEVELS.WARN, 'L_WARN'),
    xerr: fixed(LOG_LEVELS.ERR, 'L_ERR'),
    xbug: fixed(LOG_LEVELS.BUG, 'L_BUG'),
    xcrit: fixed(LOG_LEVELS.CRIT, 'L_CRIT'),
    xalert: fixed(LOG_LEVELS.ALERT, 'L_ALERT'),
    xdbgl: command({
      doc: 'As xdbg, with the line number of the script.',
      args: ['fmt'],
      argNames: ['format'],
      routes: ANY_ROUTE,
      run: (run, state: Xlog, format) => state.writeWithPlace(run, LOG_LEVELS.DBG, format),
    }),
    xlogm: command({
      doc: 'As xlog, but not for methods in methods_filter.',
      args: ['str', 'fmt'],
      argNames: ['level', 'format'],
      routes: ANY_ROUTE,
      check: levelAt(0),
      run: (run, state: Xlog, level, format) => state.writeFiltered(run, levelOf(level), format),
    }),
  },
  pseudoVariables: { C: COLOR },
  init: (ctx) => new Xlog(ctx),
});
