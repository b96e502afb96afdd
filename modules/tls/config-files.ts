import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { resolveFile, type TlsFileReader } from 'strowger';

function read(path: string): string {
  if (path.startsWith('/engine:')) throw new Error(`${path}: keys in hardware modules are not supported`);
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    throw new Error(`${path}: ${(error as NodeJS.ErrnoException).code ?? 'cannot be read'}`, { cause: error });
  }
}

/** Reads the files that profiles name, by the rule above. */
export function fileReader(scriptFolder: string): TlsFileReader {
  return {
    file: (name) => read(resolveFile(name, scriptFolder)),
    folder: (name) => {
      const path = resolveFile(name, scriptFolder);
      return filesIn(path).flatMap((file) => {
        const text = read(file);
        return text.includes('-----BEGIN CERTIFICATE-----') ? [text] : [];
      });
    },
  };
}

function filesIn(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch (error) {
    throw new Error(`${folder}: ${(error as NodeJS.ErrnoException).code ?? 'cannot be read'}`, { cause: error });
  }
  return names.map((name) => join(folder, name)).filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

/** The texts of `config`: of the file, or of the `.cfg` files of the folder, by name. Throws with the reason. */
export function configTexts(name: string, scriptFolder: string): { path: string; text: string }[] {
  const path = resolveFile(name, scriptFolder);
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const paths = isFolder ? filesIn(path).filter((file) => file.endsWith('.cfg')) : [path];
  if (paths.length === 0) throw new Error(`${path}: no .cfg file in it`);
  return paths.map((file) => ({ path: file, text: read(file) }));
}
