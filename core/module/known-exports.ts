import tables from './known-exports.json' with { type: 'json' };

/**
 * Which of Kamailio 5.6's modules declares what, for hints: "t_relay is exported by the module tm, which is not
 * loaded". Where several export one name, the usual one. Names of modules that do not exist here are in it too.
 */
interface KnownExports {
  command(name: string): string | null;
  pv(className: string): string | null;
  transformation(className: string): string | null;
}

type Table = Readonly<Record<string, string>>;

let inverted: Record<keyof typeof tables, ReadonlyMap<string, string>> | null = null;

export const knownExports: KnownExports = {
  command: (name) => lookUp('commands', name),
  pv: (className) => lookUp('pvs', className),
  transformation: (className) => lookUp('transformations', className),
};

function lookUp(kind: keyof typeof tables, name: string): string | null {
  inverted ??= {
    commands: invert(tables.commands),
    pvs: invert(tables.pvs),
    transformations: invert(tables.transformations),
  };
  return inverted[kind].get(name) ?? null;
}

/** The file has one line a module; the look-up goes the other way. */
function invert(table: Table): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const [module, names] of Object.entries(table)) for (const name of names.split(' ')) owners.set(name, module);
  return owners;
}
