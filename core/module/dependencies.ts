/** What ordering needs to know of a module. */
interface Dependent {
  readonly name: string;
  /** A trailing `?` means "if loaded". */
  readonly depends: readonly string[];
}

interface DependencyOrder<T> {
  /** Each after those it depends on; otherwise in the order given. */
  readonly order: readonly T[];
  readonly missing: readonly { readonly module: T; readonly needs: string }[];
  /** Each as its path, first name repeated at the end: `a, b, a`. */
  readonly cycles: readonly { readonly module: T; readonly path: readonly string[] }[];
}

/** Splits `tm?` into name and whether it may be absent. */
export function parseDependency(text: string): { readonly name: string; readonly isOptional: boolean } {
  return text.endsWith('?') ? { name: text.slice(0, -1), isOptional: true } : { name: text, isOptional: false };
}

/** Orders modules so that each is initialised after its dependencies. Never throws: what is wrong is in the result. */
export function orderByDependencies<T extends Dependent>(modules: readonly T[]): DependencyOrder<T> {
  const byName = new Map(modules.map((module) => [module.name, module]));
  const order: T[] = [];
  const missing: { module: T; needs: string }[] = [];
  const cycles: { module: T; path: readonly string[] }[] = [];
  const done = new Set<T>();
  const path: T[] = [];

  // The depth is bounded by the number of modules, and each is entered once.
  const visit = (module: T): void => {
    if (done.has(module)) return;
    const at = path.indexOf(module);
    if (at >= 0) {
      cycles.push({ module, path: [...path.slice(at), module].map((m) => m.name) });
      return;
    }
    path.push(module);
    for (const text of module.depends) {
      const { name, isOptional } = parseDependency(text);
      const other = byName.get(name);
      if (other !== undefined) visit(other);
      else if (!isOptional) missing.push({ module, needs: name });
    }
    path.pop();
    done.add(module);
    order.push(module);
  };
  for (const module of modules) visit(module);
  return { order, missing, cycles };
}
