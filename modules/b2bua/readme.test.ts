import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

const ROOT = join(import.meta.dirname, '..', '..');
const README = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
/** Mechanisms that apply: A42 does not. */
const COUNT = 41;

interface Row {
  readonly numbers: readonly string[];
  /** As the table names them. */
  readonly files: readonly string[];
}

function rows(): Row[] {
  const found: Row[] = [];
  for (const [, numbers = '', files = ''] of README.matchAll(/^\| (A\d+(?:, A\d+)*) \|[^|]*\| ([^|]*) \|$/gm))
    found.push({ numbers: numbers.split(', '), files: files.replaceAll('`', '').split(', ') });
  return found;
}

/** A path from the root, or a name of this folder. */
function pathOf(name: string): string {
  return name.includes('/') ? join(ROOT, `${name}.test.ts`) : join(import.meta.dirname, `${name}.test.ts`);
}

/** What the tests of a file name: `A1` and so on. */
function namedIn(path: string): Set<string> {
  const titles = readFileSync(path, 'utf8').matchAll(/\b(?:test|describe)\(\s*(['"`])(.*?)\1/g);
  return new Set([...titles].flatMap(([, , title = '']) => title.match(/\bA\d+\b/g) ?? []));
}

describe('the table of mechanisms in README.md', () => {
  test('has each once', () => {
    const listed = rows().flatMap(({ numbers }) => numbers);
    const expected = Array.from({ length: COUNT }, (_, i) => `A${i + 1}`);
    assert.deepEqual([...listed].sort(), expected.sort());
  });

  for (const { numbers, files } of rows())
    test(`${numbers.join(', ')}: ${files.join(', ')}`, () => {
      for (const file of files) assert.ok(existsSync(pathOf(file)), file);
      const named = files.map((file) => namedIn(pathOf(file)));
      for (const number of numbers)
        for (const [at, file] of files.entries())
          assert.ok(named[at]?.has(number) === true, `no title in ${file} names ${number}`);
    });
});
