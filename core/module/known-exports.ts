import tables from './known-exports.json' with { type: 'json' };

/**
 * Which of Kamailio's modules declares what, for hints: "t_relay is exported by the module tm, which is not
 * loaded". Where several export one name, the usual one. Names of modules that do not exist here are in it too.
 * What versions after 5.6 added to a module, and the module here does not have, is kept apart.
 */
interface KnownExports {
  command(name: string): string | null;
  pv(className: string): string | null;
  transformation(className: string): string | null;
  newerCommand(name: string): string | null;
  newerPv(className: string): string | null;
  /** Does a newer version of the module have the parameter? */
  isNewerParam(module: string, name: string): boolean;
}

type Table = Readonly<Record<string, string>>;

type Kind = Exclude<keyof typeof tables, 'newerParams'>;

const inverted = new Map<Kind, ReadonlyMap<string, string>>();

export const knownExports: KnownExports = {
  command: (name) => lookUp('commands', name),
  pv: (className) => lookUp('pvs', className),
  transformation: (className) => lookUp('transformations', className),
  newerCommand: (name) => lookUp('newerCommands', name),
  newerPv: (className) => lookUp('newerPvs', className),
  isNewerParam: (module, name) => (tables.newerParams as Table)[module]?.split(' ').includes(name) ?? false,
};

function lookUp(kind: Kind, name: string): string | null {
  let owners = inverted.get(kind);
  if (owners === undefined) inverted.set(kind, (owners = invert(tables[kind])));
  return owners.get(name) ?? null;
}

/** The file has one line a module; the look-up goes the other way. */
function invert(table: Table): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const [module, names] of Object.entries(table)) for (const name of names.split(' ')) owners.set(name, module);
  return owners;
}
