import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { didYouMean } from '../suggest.ts';
import { builtinEntry, builtinNames } from './builtin.ts';

/** Where a `loadmodule` name leads. */
export interface ModuleSource {
  /** `builtin` ships with the core; `user` is bundled when loaded. */
  readonly kind: 'builtin' | 'user';
  /** The file with the default export, absolute. */
  readonly entry: string;
}

export interface ResolveFrom {
  /** Folder of the script that has the `loadmodule`: `./x` and npm packages are looked for from here. */
  readonly scriptFolder: string;
  /** Folders of `mpath` and -L, in order; relative ones are taken from the script's folder. */
  readonly loadPaths: readonly string[];
}

const SOURCE_FILE = /\.(?:ts|mts|js|mjs)$/;
const INDEX_FILES = ['index.ts', 'index.mts', 'index.js', 'index.mjs'];

/**
 * Finds a module by the name a script gives: `tm`, `tm.so`, `/usr/lib/…/tm.so` (built in, by base name), `./hello` (a
 * folder or file beside the script), a folder along `mpath`, or an npm package (`strowger-module-x`, `@scope/x`, or `x`
 * for `strowger-module-x`). Returns an error text when there is none.
 */
export function resolveModuleName(written: string, from: ResolveFrom): ModuleSource | string {
  const name = written.endsWith('.so') ? written.slice(0, -3) : written;
  const isScoped = /^@[\w.-]+\/[\w.-]+$/.test(name);
  if (name.includes('/') && !isScoped) return resolvePath(written, name, from);

  const builtin = builtinEntry(name);
  if (builtin !== null) return { kind: 'builtin', entry: builtin };
  for (const folder of from.loadPaths) {
    const base = resolve(from.scriptFolder, folder, name);
    const entry = entryOf(base) ?? entryOf(join(base, basename(name)));
    if (entry !== null) return { kind: 'user', entry };
  }
  const entry = npmPackage(name, from.scriptFolder);
  if (entry !== null) return { kind: 'user', entry };
  return `there is no module "${name}"${didYouMean(name, builtinNames())}`;
}

function resolvePath(written: string, name: string, from: ResolveFrom): ModuleSource | string {
  const isRelative = written.startsWith('./') || written.startsWith('../');
  const entry = entryOf(resolve(from.scriptFolder, written)) ?? entryOf(resolve(from.scriptFolder, name));
  if (entry !== null) return { kind: 'user', entry };
  if (!isRelative && !isAbsolute(written)) {
    for (const folder of from.loadPaths) {
      const along = entryOf(resolve(from.scriptFolder, folder, name));
      if (along !== null) return { kind: 'user', entry: along };
    }
  }
  const builtin = builtinEntry(basename(name));
  if (builtin !== null) return { kind: 'builtin', entry: builtin };
  const folder = resolve(from.scriptFolder, name);
  if (existsSync(folder) && statSync(folder).isDirectory()) {
    return `${folder} is no module: it has neither a package.json with "exports" or "main" nor an index.ts or index.js`;
  }
  return `there is no module at ${resolve(from.scriptFolder, written)}`;
}

/** The entry file of a folder (package.json or index), or of a source file with or without its extension. */
function entryOf(path: string): string | null {
  if (SOURCE_FILE.test(path) && isFile(path)) return path;
  for (const extension of ['.ts', '.js', '.mjs']) if (isFile(path + extension)) return path + extension;
  if (!existsSync(path) || !statSync(path).isDirectory()) return null;
  const fromPackage = packageEntry(path);
  if (fromPackage !== null) return fromPackage;
  for (const index of INDEX_FILES) if (isFile(join(path, index))) return join(path, index);
  return null;
}

function packageEntry(folder: string): string | null {
  const file = join(folder, 'package.json');
  if (!isFile(file)) return null;
  let manifest: unknown;
  try {
    manifest = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
  if (typeof manifest !== 'object' || manifest === null) return null;
  const { exports, main } = manifest as { exports?: unknown; main?: unknown };
  for (const target of [exportTarget(exports), typeof main === 'string' ? main : null]) {
    if (target !== null && isFile(resolve(folder, target))) return resolve(folder, target);
  }
  return null;
}

/** The file that `exports` gives for "." to an `import`. */
function exportTarget(exports: unknown): string | null {
  let value = exports;
  for (let depth = 0; depth < 8; depth++) {
    if (typeof value === 'string') return value;
    if (typeof value !== 'object' || value === null) return null;
    const conditions = value as Record<string, unknown>;
    value = conditions['.'] ?? conditions['import'] ?? conditions['node'] ?? conditions['default'];
  }
  return null;
}

function npmPackage(name: string, scriptFolder: string): string | null {
  const names = name.startsWith('@') ? [name] : [`strowger-module-${name}`, name];
  for (let folder = resolve(scriptFolder); ; folder = dirname(folder)) {
    for (const candidate of names) {
      const packageFolder = join(folder, 'node_modules', candidate);
      const entry = entryOf(packageFolder);
      if (entry !== null) return entry;
    }
    if (dirname(folder) === folder) return null;
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
