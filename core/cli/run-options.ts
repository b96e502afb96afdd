import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { didYouMean } from '../suggest.ts';
import { lastValue, UsageError } from './command.ts';
import { SCRIPT_FOLDERS, SCRIPT_NAMES } from './options.ts';
import type { StartOptions } from './start-options.ts';

type Values = ReadonlyMap<string, readonly string[]>;

/** What concerns the process, not the server in it. */
export interface ProcessOptions {
  readonly action: 'run' | 'check' | 'print';
  /** Times -D was given. */
  readonly foreground: number;
  readonly pidFile: string | null;
  readonly pgidFile: string | null;
  readonly user: string | null;
  readonly group: string | null;
  readonly workdir: string | null;
  /** -E */
  readonly isStderrForced: boolean;
  readonly color: boolean | null;
  readonly logFormat: 'text' | 'json' | null;
  /** How long open transactions may take at the end, milliseconds; null for the script's `exit_timeout`. */
  readonly stopGraceMs: number | null;
  /** --watch */
  readonly watchesScript: boolean;
}

export type ScriptOptions = Omit<StartOptions, 'log'>;

/** Where a script may be found without -f; the first that exists. */
export function findScript(exists: (path: string) => boolean = existsSync): string | null {
  for (const name of SCRIPT_NAMES) {
    for (const folder of SCRIPT_FOLDERS) {
      const path = join(folder, name);
      if (exists(path)) return path;
    }
  }
  return null;
}

/** The script's side of the options. Throws UsageError for a bad value. */
export function scriptOptions(values: Values, cwd: string): ScriptOptions {
  const all = (name: string): readonly string[] => values.get(name) ?? [];
  const last = (name: string): string | undefined => lastValue({ values }, name);
  const file = last('file');
  const script =
    file === '-' ? { scriptPath: join(cwd, '-'), scriptText: readFileSync(0, 'latin1') } : scriptAt(file, cwd);
  return {
    ...script,
    defines: all('define').map(parseDefine),
    substitutions: (['subst', 'substdef', 'substdefs'] as const).flatMap((kind) =>
      all(kind).map((text) => ({ kind, text })),
    ),
    listens: all('listen'),
    aliases: all('alias'),
    loadPaths: all('load-path').flatMap((path) => path.split(':').filter((folder) => folder !== '')),
    loadModules: all('loadmodule'),
    modParams: all('modparam').map(parseModParam),
    settings: settings(values),
    runtimeDir: last('rundir') === undefined ? null : resolve(cwd, last('rundir') ?? ''),
    ...control(last('control'), cwd),
    strict: values.has('strict'),
  };
}

/** Where the control socket goes; `none` for nowhere. */
function control(value: string | undefined, cwd: string): { readonly controlPath?: string } {
  if (value === 'none') return {};
  return { controlPath: value === undefined ? '' : resolve(cwd, value) };
}

/** The process's side of the options. Throws UsageError for a bad value. */
export function processOptions(values: Values, cwd: string): ProcessOptions {
  const last = (name: string): string | undefined => lastValue({ values }, name);
  const path = (name: string): string | null => {
    const value = last(name);
    return value === undefined ? null : resolve(cwd, value);
  };
  if (values.has('chroot')) {
    throw new UsageError('-t: Node.js can not change its root folder; use RootDirectory= of systemd or a container');
  }
  const stopTimeout = last('stop-timeout');
  return {
    action: values.has('check') ? 'check' : values.has('cfg-print') ? 'print' : 'run',
    foreground: values.get('foreground')?.length ?? 0,
    pidFile: path('pid-file'),
    pgidFile: path('pgid-file'),
    user: last('user') ?? null,
    group: last('group') ?? null,
    workdir: path('workdir'),
    isStderrForced: values.has('stderr'),
    color: values.has('color') ? true : null,
    logFormat: logFormat(last('log-format'), last('log-engine')),
    stopGraceMs: stopTimeout === undefined ? null : number('--stop-timeout', stopTimeout, 0) * 1000,
    watchesScript: values.has('watch'),
  };
}

function scriptAt(file: string | undefined, cwd: string): { scriptPath: string } {
  if (file !== undefined) return { scriptPath: resolve(cwd, file) };
  const found = findScript();
  if (found !== null) return { scriptPath: found };
  throw new UsageError(
    `no script: give one with -f, or put ${SCRIPT_NAMES.join(' or ')} into ${SCRIPT_FOLDERS.join(', ')}`,
  );
}

/** Core parameters that win over the script's. */
function settings(values: Values): Record<string, string | number> {
  const last = (name: string): string | undefined => lastValue({ values }, name);
  const result: Record<string, string | number> = {};
  const setNumber = (option: string, flag: string, param: string, min: number): void => {
    const value = last(option);
    if (value !== undefined) result[param] = number(flag, value, min);
  };
  setNumber('debug', '--debug', 'debug', -5);
  if (values.has('debug-more')) result['debug'] = values.get('debug-more')?.length ?? 0;
  setNumber('children', '-n', 'children', 1);
  setNumber('workers', '--workers', 'workers', 1);
  setNumber('server-id', '--server-id', 'server_id', 0);
  setNumber('max-buffer', '-b', 'maxbuffer', 0);
  for (const [option, flag] of NUMBERS_WITHOUT_EFFECT) {
    const value = last(option);
    if (value !== undefined) number(flag, value, 0);
  }
  for (const [option, flag] of MANAGERS) {
    const value = last(option);
    if (value !== undefined && !MANAGER_NAMES.has(value))
      throw new UsageError(`${flag}: there is no memory manager "${value}": fm, qm or tlsf expected`);
  }
  if (values.has('no-tcp')) result['disable_tcp'] = 1;
  if (values.has('check-via')) result['check_via'] = 1;
  if (values.has('stderr')) result['log_stderror'] = 1;
  const autoAliases = last('auto-aliases');
  if (autoAliases !== undefined) result['auto_aliases'] = yesNo('-a', autoAliases);
  return result;
}

/** They do nothing, but a script that starts us with `-m abc` has a mistake in it all the same. */
const NUMBERS_WITHOUT_EFFECT = [
  ['shm', '-m'],
  ['pkg', '-M'],
  ['tcp-children', '-N'],
  ['sctp-children', '-Q'],
] as const;

const MANAGERS = [
  ['shm-manager', '-x'],
  ['pkg-manager', '-X'],
] as const;
const MANAGER_NAMES = new Set(['fm', 'f_malloc', 'qm', 'q_malloc', 'tlsf', 'tlsf_malloc']);

/** `NAME` or `NAME=VALUE`; a value may be quoted once more, as in `DEFVAL="str"`, and then keeps its quotes. */
function parseDefine(text: string): { name: string; value: string | null } {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  if (!/^\w+$/.test(name)) throw new UsageError(`-A: "${name}" is not a name`);
  return { name, value: equals < 0 ? null : text.slice(equals + 1) };
}

function parseModParam(text: string): StartOptions['modParams'][number] {
  const [module = '', name = '', type = '', ...rest] = text.split(':');
  const value = rest.join(':');
  if (module === '' || name === '' || rest.length === 0 || (type !== 's' && type !== 'i')) {
    throw new UsageError(`--modparam: MODULE:NAME:TYPE:VALUE with TYPE s or i expected, not "${text}"`);
  }
  return { module, name, value: type === 'i' ? number('--modparam', value, Number.NEGATIVE_INFINITY) : value };
}

function number(flag: string, text: string, min: number): number {
  if (!/^-?\d+$/.test(text) || Number(text) < min) {
    const least = Number.isFinite(min) ? ` of at least ${min}` : '';
    throw new UsageError(`${flag}: a number${least} expected, not "${text}"`);
  }
  return Number(text);
}

function yesNo(flag: string, text: string): number {
  const lower = text.toLowerCase();
  if (['yes', 'on', 'true', '1'].includes(lower)) return 1;
  if (['no', 'off', 'false', '0'].includes(lower)) return 0;
  throw new UsageError(`${flag}: yes or no expected, not "${text}"`);
}

function logFormat(format: string | undefined, engine: string | undefined): 'text' | 'json' | null {
  if (format === 'text' || format === 'json') return format;
  if (format !== undefined) {
    throw new UsageError(`--log-format: text or json expected, not "${format}"${didYouMean(format, ['text', 'json'])}`);
  }
  if (engine === undefined) return null;
  if (engine === 'json' || engine.startsWith('json:')) return 'json';
  throw new UsageError(`--log-engine: only json is known, not "${engine}"`);
}
