import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

/** Who may import whom (core/README.md), and that what is exported is imported. */

const ROOT = join(import.meta.dirname, '../..');
const FILES = globSync('{core,modules,routing-lang,test}/**/*.{ts,js}', { cwd: ROOT }).filter(
  (file) => !/\/(?:build|testdata)\//.test(file),
);
const CODE = new Map(
  FILES.map((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    return [file, text.replace(/\/\*[^]*?\*\//g, '').replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1')];
  }),
);

const isTest = (file: string): boolean => /^test\/|\.test\.ts$/.test(file);

interface Import {
  readonly isType: boolean;
  readonly from: string;
}

function importsOf(code: string): Import[] {
  const found: Import[] = [];
  for (const match of code.matchAll(/^(?:import|export) (type )?[^;']*?from '([^']+)'/gm))
    found.push({ isType: match[1] !== undefined, from: match[2] ?? '' });
  for (const match of code.matchAll(/\bimport\('([^']+)'\)/g)) found.push({ isType: false, from: match[1] ?? '' });
  return found;
}

/** `modules/tm`, or the folder at the top. */
function areaOf(file: string): string {
  return file
    .split('/')
    .slice(0, file.startsWith('modules/') ? 2 : 1)
    .join('/');
}

function isAllowed(file: string, { isType, from }: Import): boolean {
  const area = areaOf(file);
  if (!from.startsWith('.')) return from !== 'strowger' || area !== 'core';
  const target = normalize(join(dirname(file), from));
  const wanted = areaOf(target);
  if (wanted === area) return true;
  if (area === 'core') return wanted === 'routing-lang' || target === 'package.json';
  if (area === 'routing-lang') return wanted === 'core' && isType;
  return isType && /^modules\/\w+\/api\.ts$/.test(target);
}

test('core imports no module, routing-lang types of core only, a module another one’s api as a type', () => {
  const wrong: string[] = [];
  for (const [file, code] of CODE) {
    if (isTest(file) || file === 'core/build.ts') continue;
    for (const each of importsOf(code)) if (!isAllowed(file, each)) wrong.push(`${file}: ${each.from}`);
  }
  assert.deepEqual(wrong, []);
});

/** Files all of whose exports are for others: of `strowger`, of `strowger/testing`. */
function publicFiles(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const match of (CODE.get(file) ?? '').matchAll(/^export (?:type )?\* from '(\.[^']+)'/gm))
    publicFiles(normalize(join(dirname(file), match[1] ?? '')), found);
  return found;
}

test('what a file exports, another one uses', () => {
  const open = publicFiles('test/support/index.ts', publicFiles('core/index.ts'));
  const users = new Map<string, Set<string>>();
  for (const [file, code] of CODE) {
    for (const word of new Set(code.match(/[A-Za-z_$][\w$]*/g) ?? [])) {
      const files = users.get(word);
      if (files === undefined) users.set(word, new Set([file]));
      else files.add(file);
    }
  }
  const unused: string[] = [];
  for (const [file, code] of CODE) {
    if (open.has(file) || file.endsWith('/api.ts') || file === 'core/cli/module-template.ts') continue;
    for (const match of code.matchAll(/^export (?:async )?(?:abstract )?(?:function\*?|class|const|let) ([\w$]+)/gm))
      if (users.get(match[1] ?? '')?.size === 1) unused.push(`${file}: ${match[1]}`);
  }
  assert.deepEqual(unused, []);
});
