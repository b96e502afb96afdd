import { pathToFileURL } from 'node:url';
import { StrowgerError } from '../errors.ts';
import { bundleModule, defaultCacheFolder, stopBundler } from './bundle.ts';
import { checkModuleDef } from './check-def.ts';
import type { ModuleDef } from './define-module.ts';
import { type ModuleSource, type ResolveFrom, resolveModuleName } from './resolve-name.ts';

export interface LoadedDef {
  readonly def: ModuleDef<never>;
  /** The file the module came from: for built-in ones and, for a user's own, its entry. */
  readonly path: string;
  /** Changes when a user's module is built anew. */
  readonly url: string;
  readonly isBuiltin: boolean;
}

interface LoaderOptions {
  /** Where bundles are kept; the user's cache folder by default. */
  readonly cacheFolder?: string;
  /** Modules given as objects, found before any file: for tests and embedding. */
  readonly given?: ReadonlyMap<string, ModuleDef<never>>;
}

/** Finds and imports modules. Holds no state of any server: several may share one. */
export class ModuleLoader {
  readonly #cacheFolder: string;
  readonly #given: ReadonlyMap<string, ModuleDef<never>>;

  constructor(options: LoaderOptions = {}) {
    this.#cacheFolder = options.cacheFolder ?? defaultCacheFolder();
    this.#given = options.given ?? new Map();
  }

  /** Loads what a script calls `written`. Rejects with a StrowgerError: MODULE_NOT_FOUND, MODULE_BUNDLE, MODULE_SHAPE, MODULE_IMPORT. */
  async load(written: string, from: ResolveFrom): Promise<LoadedDef> {
    const given = this.#given.get(written) ?? this.#given.get(written.replace(/\.so$/, ''));
    if (given !== undefined) return { def: given, path: '(given)', url: `given:${given.name}`, isBuiltin: false };
    const source = resolveModuleName(written, from);
    if (typeof source === 'string') throw new StrowgerError('MODULE_NOT_FOUND', source);
    return await this.import(source);
  }

  async import(source: ModuleSource): Promise<LoadedDef> {
    const isBuiltin = source.kind === 'builtin';
    const url = isBuiltin ? pathToFileURL(source.entry).href : await bundleModule(source.entry, this.#cacheFolder);
    let exported: { default?: unknown };
    try {
      exported = (await import(url)) as { default?: unknown };
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new StrowgerError('MODULE_IMPORT', `the module ${source.entry} can not be imported: ${text}`, error);
    }
    return { def: checkModuleDef(exported.default, source.entry), path: source.entry, url, isBuiltin };
  }

  /** Ends esbuild's child process. The loader can be used again. */
  async close(): Promise<void> {
    await stopBundler();
  }
}
