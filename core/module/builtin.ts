import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Where the running core and its built-in modules are. From a checkout they are the sources (`core/index.ts`,
 * `modules/NAME/index.ts`); in the packed build, bundles beside this one (`index.js`, `modules/NAME/index.js`).
 */
const here = import.meta.url;
const isCheckout = here.endsWith('.ts');

/** The running core's own URL: what `strowger` is in a module that is bundled here. */
export const coreUrl: string = new URL(isCheckout ? '../index.ts' : './index.js', here).href;
/** What `strowger/testing` is. */
export const testingUrl: string = new URL(isCheckout ? '../../test/support/index.ts' : './testing.js', here).href;

const modulesFolder = fileURLToPath(new URL(isCheckout ? '../../modules' : './modules', here));
const indexFile = isCheckout ? 'index.ts' : 'index.js';

/** The root of the package: where its package.json is. */
export const packageFolder: string = isCheckout
  ? fileURLToPath(new URL('../..', here))
  : dirname(fileURLToPath(new URL('.', here)));

/** File of a built-in module, or null when there is none of that name. */
export function builtinEntry(name: string): string | null {
  if (!/^[a-z0-9_]+$/i.test(name)) return null;
  const file = join(modulesFolder, name, indexFile);
  return existsSync(file) ? file : null;
}

/** Names of all built-in modules, sorted. */
export function builtinNames(): string[] {
  if (!existsSync(modulesFolder)) return [];
  return readdirSync(modulesFolder)
    .filter((name) => builtinEntry(name) !== null)
    .sort();
}
