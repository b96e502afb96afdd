import type { ModuleHost } from '../module/host.ts';
import { CORE_SELECTS } from './core-selects.ts';
import type { SelectDef, SelectGetter, SelectPart } from './select.ts';

export { parseSelect, type SelectDef, type SelectGetter, type SelectPart } from './select.ts';

/** Binds a select of the core, or of the loaded module that declares it; an error text when nobody does. */
export function bindSelect(
  parts: readonly SelectPart[],
  modules: Pick<ModuleHost, 'loaded'> | null,
): SelectGetter | string {
  const name = parts[0]?.name ?? '';
  const own = CORE_SELECTS.get(name);
  if (own !== undefined) return own.bind(parts, undefined);
  for (const { def, state } of modules?.loaded ?? []) {
    const select = ownSelect(def.selects, name);
    if (select !== undefined) return select.bind(parts, state as never);
  }
  return `unknown select @${name}`;
}

/** Names of all selects, for suggestions. */
export function selectNames(modules: Pick<ModuleHost, 'loaded'> | null): string[] {
  return [...CORE_SELECTS.keys(), ...(modules?.loaded ?? []).flatMap(({ def }) => Object.keys(def.selects ?? {}))];
}

function ownSelect(
  selects: Readonly<Record<string, SelectDef<never>>> | undefined,
  name: string,
): SelectDef<never> | undefined {
  return selects !== undefined && Object.hasOwn(selects, name) ? selects[name] : undefined;
}
