import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Where MySQL's programs look, in this order (MySQL manual: option files). */
const FILES = ['/etc/my.cnf', '/etc/mysql/my.cnf'];
/** Files that include files. */
const MAX_DEPTH = 8;

/** Options of some groups of my.cnf; those read later win. Names have dashes. */
export function readOptionFiles(groups: readonly string[], home: string | undefined): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (const file of home === undefined ? FILES : [...FILES, join(home, '.my.cnf')])
    readInto(options, file, new Set(groups), 0);
  return options;
}

/** The options of one file's text, and what it includes: `!include` a file, `!includedir` those in a folder. */
export function parseOptions(
  text: string,
  groups: ReadonlySet<string>,
  include: (path: string, isFolder: boolean) => void,
  set: (name: string, value: string) => void,
): void {
  let isWanted = false;
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    const [, directive, path = ''] = /^!(include|includedir)\s+(.+)$/.exec(line) ?? [];
    const [, group] = /^\[([^\]]*)\]$/.exec(line) ?? [];
    if (directive !== undefined) include(path, directive === 'includedir');
    else if (group !== undefined) isWanted = groups.has(group);
    else if (isWanted) {
      const [, name = '', , value = ''] = /^([\w-]+)\s*(=\s*(.*))?$/.exec(line) ?? [];
      if (name !== '') set(name.replaceAll('_', '-'), unquoted(value));
    }
  }
}

function readInto(options: Map<string, string>, file: string, groups: ReadonlySet<string>, depth: number): void {
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch {
    // One that is not there, or not for us, says nothing.
    return;
  }
  const include = (path: string, isFolder: boolean): void => {
    if (depth >= MAX_DEPTH) return;
    const full = resolve(dirname(file), path);
    for (const each of isFolder ? filesOf(full) : [full]) readInto(options, each, groups, depth + 1);
  };
  parseOptions(text, groups, include, (name, value) => void options.set(name, value));
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.cnf'))
      .toSorted()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function unquoted(value: string): string {
  const quoted = /^(['"])(.*)\1$/.exec(value);
  return quoted?.[2] ?? value.replace(/\s+#.*$/, '');
}
