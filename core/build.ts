/**
 * Makes the publishable package in `dist`: `node core/build.ts [FOLDER]`. JavaScript that Node reads without
 * stripping types (it refuses to under node_modules), few files for a fast start, declarations for module authors.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { type BuildOptions, build, type Metafile } from 'esbuild';

const root = resolve(import.meta.dirname, '..');

/** Files that are started or imported by name; all else is bundled into them, and what they share into chunks. */
const CORE_ENTRIES: Readonly<Record<string, string>> = {
  index: 'core/index.ts',
  main: 'core/main.ts',
  testing: 'test/support/index.ts',
};
/** Files that run in a thread of their own, `new Worker(new URL('./x.thread.ts', import.meta.url))`. */
const THREAD_ENTRIES = globSync('{core,modules}/**/*.thread.{ts,js}', { cwd: root }).filter(
  (file) => !file.includes('/testdata/'),
);

/** Not bundled: esbuild has a program of its own, the headers are for the addon, and there is one core for all modules. */
const EXTERNAL = ['esbuild', 'node-api-headers', 'strowger', 'strowger/testing'];

const COMMON: BuildOptions = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  external: EXTERNAL,
  metafile: true,
  // What a CommonJS package in the bundle requires of Node.
  banner: {
    js: "import { createRequire as nodeRequire } from 'node:module'; const require = nodeRequire(import.meta.url);",
  },
  charset: 'utf8',
  legalComments: 'none',
  absWorkingDir: root,
  logLevel: 'warning',
};

interface Manifest {
  readonly [key: string]: unknown;
  readonly dependencies: Readonly<Record<string, string>>;
}

async function main(): Promise<void> {
  const out = resolve(process.argv[2] ?? join(root, 'dist'));
  rmSync(out, { recursive: true, force: true });
  const bundled = new Set<string>();
  await bundleCore(out, bundled);
  await bundleModules(out, bundled);
  writeLicences(out, bundled);
  writeTypes(out);
  copyFiles(out);
  writeManifest(out);
}

/** `lib/index.js`, `lib/main.js`, `lib/testing.js`, and chunks: one instance of the core whichever comes first. */
async function bundleCore(out: string, bundled: Set<string>): Promise<void> {
  const threads = THREAD_ENTRIES.filter((file) => file.startsWith('core/'));
  const entryPoints: Record<string, string> = { ...CORE_ENTRIES };
  for (const file of threads) entryPoints[nameOf(file)] = file;
  const outdir = join(out, 'lib');
  const { metafile } = await build({ ...COMMON, entryPoints, outdir, splitting: true, chunkNames: 'chunk-[hash]' });
  addPackages(metafile, bundled);
}

/** `lib/modules/NAME/index.js`; `strowger` in them is this package itself. */
async function bundleModules(out: string, bundled: Set<string>): Promise<void> {
  for (const name of moduleNames()) {
    const threads = THREAD_ENTRIES.filter((file) => file.startsWith(`modules/${name}/`));
    const entryPoints: Record<string, string> = { index: `modules/${name}/index.ts` };
    for (const file of threads) entryPoints[nameOf(file)] = file;
    const outdir = join(out, 'lib/modules', name);
    const { metafile } = await build({ ...COMMON, entryPoints, outdir, splitting: threads.length > 0 });
    addPackages(metafile, bundled);
    const readme = join(root, 'modules', name, 'README.md');
    if (existsSync(readme)) cpSync(readme, join(outdir, 'README.md'));
  }
}

/** Folders, relative to the checkout, of the npm packages that went into a bundle. */
function addPackages(metafile: Metafile | undefined, bundled: Set<string>): void {
  for (const file of Object.keys(metafile?.inputs ?? {})) {
    const at = file.lastIndexOf('node_modules/');
    if (at < 0) continue;
    const [scope = '', name = ''] = file.slice(at + 13).split('/');
    bundled.add(`${file.slice(0, at + 13)}${scope.startsWith('@') ? `${scope}/${name}` : scope}`);
  }
}

/** Their licences ask that their texts go along. */
function writeLicences(out: string, bundled: ReadonlySet<string>): void {
  const texts = [...bundled].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest;
    const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file === undefined ? `Licence: ${String(license)}\n` : readFileSync(join(root, folder, file), 'utf8');
    return `${String(name)} ${String(version)}\n\n${text.trimEnd()}\n`;
  });
  writeFileSync(join(out, 'THIRD-PARTY-LICENSES'), texts.join(`\n${'-'.repeat(72)}\n\n`));
}

/** A thread's file keeps its place beside the bundle: `./x.thread.ts` becomes `./x.thread.js`. */
function nameOf(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1).replace(/\.[tj]s$/, '');
}

function moduleNames(): string[] {
  return readdirSync(join(root, 'modules')).filter((name) => existsSync(join(root, 'modules', name, 'index.ts')));
}

function writeTypes(out: string): void {
  const project = join(out, 'tsconfig.types.json');
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    stripInternal: true,
    rootDir: root,
    outDir: join(out, 'types'),
    typeRoots: [join(root, 'node_modules/@types')],
  };
  const ambient = globSync('{core,test}/**/*.d.ts', { cwd: root });
  const entries = Object.entries(CORE_ENTRIES).filter(([name]) => name !== 'main');
  const files = [...entries.map(([, file]) => file), ...ambient];
  const content = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions,
    include: [],
    files: files.map((file) => join(root, file)),
  };
  writeFileSync(project, JSON.stringify(content));
  const tsc = join(root, 'node_modules/.bin/tsc');
  const result = spawnSync(tsc, ['-p', project], { stdio: 'inherit' });
  rmSync(project);
  if (result.status !== 0) throw new Error('tsc could not write the declarations');
}

function copyFiles(out: string): void {
  const copies: readonly (readonly [from: string, to: string])[] = [
    ['core/bin', 'bin'],
    ['core/transport/native/build.js', 'native/build.js'],
    ['core/transport/native/datagram.c', 'native/datagram.c'],
    ['core/transport/native/rows.h', 'native/rows.h'],
    ['core/transport/native/facts.h', 'native/facts.h'],
    ['cfg', 'cfg'],
    ['README.md', 'README.md'],
    ['LICENSE', 'LICENSE'],
  ];
  for (const [from, to] of copies) {
    mkdirSync(dirname(join(out, to)), { recursive: true });
    cpSync(join(root, from), join(out, to), { recursive: true });
  }
}

/** The checkout's package.json with what only a package has, and without what only a checkout has. */
function writeManifest(out: string): void {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  const { private: _private, scripts: _scripts, devDependencies: _dev, ...kept } = manifest;
  const needed = Object.entries(manifest.dependencies).filter(([name]) => EXTERNAL.includes(name));
  const entry = (name: string, source: string): object => ({
    types: `./types/${source.replace(/\.ts$/, '.d.ts')}`,
    default: `./lib/${name}.js`,
  });
  const content = {
    ...kept,
    exports: {
      '.': entry('index', CORE_ENTRIES['index'] ?? ''),
      './testing': entry('testing', CORE_ENTRIES['testing'] ?? ''),
      './package.json': './package.json',
    },
    bin: { strowger: './bin/strowger.js', 'strowger-kamailio': './bin/strowger-kamailio.js' },
    dependencies: Object.fromEntries(needed),
    files: ['bin', 'lib', 'types', 'native', 'cfg', 'THIRD-PARTY-LICENSES'],
    scripts: { install: 'node native/build.js' },
  };
  writeFileSync(join(out, 'package.json'), `${JSON.stringify(content, null, 2)}\n`);
}

await main();
