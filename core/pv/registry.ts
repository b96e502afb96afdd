import type { BoundPv, BoundTransform } from '../../routing-lang/symbols.ts';
import type { ModuleDef } from '../module/define-module.ts';
import type { PvDef, TransformDef } from './spec.ts';

/**
 * The pseudo-variables and transformations a script can name: the core's and those of its modules, each with the state it
 * is bound to. One per server and program; the symbol table answers from it.
 */
export class PvRegistry {
  readonly #pvs = new Map<string, BoundPv>();
  /** By class, then by name. */
  readonly #transforms = new Map<string, Map<string, BoundTransform>>();

  /** Adds everything a module declares. The first to declare a name keeps it; returns the names that were taken already. */
  addModule<S>(def: Pick<ModuleDef<S>, 'name' | 'pseudoVariables' | 'transformations'>, state: S): string[] {
    const taken: string[] = [];
    for (const [className, pv] of Object.entries(def.pseudoVariables ?? {}))
      if (!this.addPv(className, pv, state, def.name)) taken.push(`$${className}`);
    for (const [className, byName] of Object.entries(def.transformations ?? {}))
      for (const [name, transform] of Object.entries(byName))
        if (!this.addTransform(className, name, transform, state, def.name)) taken.push(`{${className}.${name}}`);
    return taken;
  }

  /** False when the class exists already. */
  addPv<S>(className: string, def: PvDef<S>, state: S, module: string): boolean {
    if (this.#pvs.has(className)) return false;
    this.#pvs.set(className, { module, def, state });
    return true;
  }

  addTransform<S>(className: string, name: string, def: TransformDef<S>, state: S, module: string): boolean {
    let byName = this.#transforms.get(className);
    if (byName === undefined) {
      byName = new Map();
      this.#transforms.set(className, byName);
    }
    if (byName.has(name)) return false;
    byName.set(name, { module, def, state });
    return true;
  }

  pv(className: string): BoundPv | undefined {
    return this.#pvs.get(className);
  }

  pvNames(): readonly string[] {
    return [...this.#pvs.keys()];
  }

  transform(className: string, name: string): BoundTransform | undefined {
    return this.#transforms.get(className)?.get(name);
  }

  transformClasses(): readonly string[] {
    return [...this.#transforms.keys()];
  }

  transformNames(className: string): readonly string[] {
    return [...(this.#transforms.get(className)?.keys() ?? [])];
  }
}
