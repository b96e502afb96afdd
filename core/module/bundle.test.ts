import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bundleModule, defaultCacheFolder, stopBundler } from './bundle.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-bundle-'));
after(async () => {
  await stopBundler();
  rmSync(folder, { recursive: true });
});

const entry = join(folder, 'index.ts');
writeFileSync(join(folder, 'part.ts'), 'export const part: number = 1;');
writeFileSync(entry, `import { part } from './part.ts'; export default part;`);

suite('bundling', () => {
  test('what is in the cache is not built again; a changed part is', async () => {
    const cache = join(folder, 'cache');
    const first = await bundleModule(entry, cache);
    const built = statSync(fileURLToPath(first)).mtimeMs;
    assert.equal(await bundleModule(entry, cache), first);
    assert.equal(statSync(fileURLToPath(first)).mtimeMs, built);
    writeFileSync(join(folder, 'part.ts'), 'export const part: number = 2;');
    const second = await bundleModule(entry, cache);
    assert.notEqual(second, first);
    assert.equal(((await import(second)) as { default: number }).default, 2);
    rmSync(fileURLToPath(second));
    assert.equal(await bundleModule(entry, cache), second, 'a bundle that was deleted is built again');
  });

  test('a cache that others may write to is not used', async () => {
    const shared = join(folder, 'shared');
    mkdirSync(shared);
    chmodSync(shared, 0o777);
    const url = await bundleModule(entry, shared);
    assert.deepEqual(readdirSync(shared), []);
    assert.notEqual(dirname(fileURLToPath(url)), shared);
  });

  test('the cache is the service’s, else the user’s, else one under the temporary folder', () => {
    assert.equal(
      defaultCacheFolder({ CACHE_DIRECTORY: '/var/cache/strowger:/x', HOME: '/root' }),
      '/var/cache/strowger',
    );
    assert.equal(defaultCacheFolder({ XDG_CACHE_HOME: '/c', HOME: '/root' }), '/c/strowger');
    assert.equal(defaultCacheFolder({ HOME: folder }), join(folder, '.cache/strowger'));
    assert.match(defaultCacheFolder({ HOME: '/nonexistent' }), /strowger-\d+$/);
  });
});
