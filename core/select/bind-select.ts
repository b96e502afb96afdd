import type { ModuleDef } from '../module/define-module.ts';
import { CORE_SELECTS } from './core-selects.ts';
import type { SelectGetter, SelectPart } from './select.ts';

export { HF_VALUE_SELECTS } from './hf-value-selects.ts';
export { parseSelect, type SelectDef, type SelectGetter, type SelectPart } from './select.ts';

/** A module with its state, as the host and the module index have it. */
export interface SelectOwner {
  readonly def: ModuleDef<never>;
  readonly state: unknown;
}

/** Binds a select of the core, or of the module that declares it; an error text when nobody does. */
export function bindSelect(parts: readonly SelectPart[], modules: Iterable<SelectOwner>): SelectGetter | string {
  const name = parts[0]?.name ?? '';
  const own = CORE_SELECTS.get(name);
  if (own !== undefined) return own.bind(parts, undefined);
  for (const { def, state } of modules) {
    const { selects } = def;
    if (selects !== undefined && Object.hasOwn(selects, name)) return selects[name]?.bind(parts, state as never) ?? '';
  }
  return `unknown select @${name}`;
}
