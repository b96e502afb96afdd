import type { CoreParam, CustomParam, ListenItem } from '../../routing-lang/ast.ts';
import { type ParsedScript, parseScript } from '../../routing-lang/index.ts';
import { canonicalParamName, coreParam, coreParamValue, settingsOf } from '../cfg/core-params.ts';
import type { Settings } from '../cfg/settings.ts';
import type { StartOptions } from '../cli/start-options.ts';
import { type ModuleItem, moduleItems } from '../module/load-items.ts';
import type { Environment } from './environment.ts';

/** A script as it was read: its tree, and what it says outside its routes. */
export interface ScriptSource {
  readonly parsed: ParsedScript;
  readonly settings: Settings;
  readonly listens: readonly ListenItem[];
  readonly modules: readonly ModuleItem[];
}

/** Reads and parses the script and gathers its settings. Errors are in `parsed.diagnostics`. */
export function readScript(options: StartOptions, env: Environment): ScriptSource {
  const defines = options.defines.map(({ name, value }) => (value === null ? name : `${name}=${value}`));
  const parsed = parseScript(
    options.scriptPath,
    { readFile: (path) => env.readFile(path), defines, env: env.env, strict: options.strict },
    options.scriptText,
  );
  const items = parsed.script.items;
  return {
    parsed,
    settings: gatherSettings(parsed, options),
    listens: items.filter((item): item is ListenItem => item.type === 'listen'),
    modules: [...commandLineModules(options), ...moduleItems(items), ...commandLineParams(options)],
  };
}

const NOWHERE = { start: 0, end: 0 } as const;

/** --loadmodule: as if they stood at the top of the script. */
function commandLineModules(options: StartOptions): ModuleItem[] {
  return options.loadModules.map((name) => ({
    type: 'loadModule',
    span: NOWHERE,
    name,
    nameSpan: NOWHERE,
    isDynamic: false,
    options: null,
  }));
}

/** --modparam: as if they stood at its end. */
function commandLineParams(options: StartOptions): ModuleItem[] {
  return options.modParams.map(({ module, name, value }) => ({
    type: 'modParam',
    span: NOWHERE,
    modules: module,
    modulesSpan: NOWHERE,
    name,
    nameSpan: NOWHERE,
    value,
    valueSpan: NOWHERE,
    isDynamic: false,
  }));
}

/** Core parameters of the script, then those of the command line, which win. */
function gatherSettings(parsed: ParsedScript, options: StartOptions): Settings {
  const params = parsed.script.items.filter((item): item is CoreParam => item.type === 'coreParam');
  const { settings, remarks } = settingsOf(params);
  for (const remark of remarks) {
    const item = params[remark.index] as CoreParam;
    // Unknown names are the checker's to report: it has the suggestion.
    if (remark.kind === 'error' && coreParam(item.name) === undefined) continue;
    parsed.diagnostics.report(
      remark.kind === 'error' ? 'param-value' : 'no-effect',
      parsed.source.locate(item.span.start),
      parsed.source.locate(item.span.end),
      remark.text,
      remark.kind === 'notice' ? { severity: 'notice' } : {},
    );
  }
  for (const [name, value] of Object.entries(options.settings)) setFromCommandLine(settings, name, value);
  for (const item of parsed.script.items) if (item.type === 'customParam') declareCustom(settings, item);
  return settings;
}

function setFromCommandLine(settings: Settings, name: string, value: string | number): void {
  const def = coreParam(name);
  const key = canonicalParamName(name);
  if (def === undefined || key === undefined) return settings.set(name, value);
  const got = coreParamValue(def, value, typeof value === 'number' ? 'number' : 'word');
  settings.set(key, 'value' in got ? got.value : value);
}

function declareCustom(settings: Settings, item: CustomParam): void {
  const value = item.value.value;
  settings.groups.declareCustom(item.group, item.groupId, item.name, value, item.description);
}
