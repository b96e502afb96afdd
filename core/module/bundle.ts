import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import type { Message, Plugin } from 'esbuild';
import { StrowgerError } from '../errors.ts';
import { coreUrl, testingUrl } from './builtin.ts';

/** Part of every cache key: raise it when what this file writes changes. */
const FORMAT = 1;

interface CacheRecord {
  readonly key: string;
  readonly output: string;
  /** Every file that went in, with the hash of its content. */
  readonly inputs: readonly (readonly [file: string, sha256: string])[];
}

/**
 * systemd's `$CACHE_DIRECTORY`, `$XDG_CACHE_HOME/strowger`, `~/.cache/strowger`, or a folder of this user under the
 * system's temporary one. (core/bin/launch.js keeps compiled code in the first three.)
 */
export function defaultCacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const [service = ''] = (env['CACHE_DIRECTORY'] ?? '').split(':');
  if (service !== '') return service;
  const base = env['XDG_CACHE_HOME'];
  if (base !== undefined && base !== '') return join(base, 'strowger');
  const home = env['HOME'] ?? homedir();
  if (home !== '' && home !== '/' && existsSync(home)) return join(home, '.cache', 'strowger');
  return join(tmpdir(), `strowger-${process.getuid?.() ?? 'user'}`);
}

/**
 * Makes one ES module of a user's module (TypeScript or JavaScript) and returns its URL. `strowger` in it is the
 * running core; npm packages stay outside, by absolute path. Nothing is built when the cache has it: the key covers
 * every input file, esbuild, Node and the core.
 * Rejects with MODULE_BUNDLE, whose text has esbuild's file, line and column.
 */
export async function bundleModule(entry: string, wantedFolder: string): Promise<string> {
  const cacheFolder = ownFolder(wantedFolder);
  const versions = `${FORMAT} ${process.version} ${esbuildVersion()} ${coreUrl}`;
  const recordFile = join(cacheFolder, `${hash(entry)}.json`);
  const known = readRecord(recordFile);
  if (known !== null && known.key === keyOf(versions, known.inputs) && isUnchanged(known)) {
    return pathToFileURL(known.output).href;
  }
  return await build(entry, cacheFolder, recordFile, versions);
}

/** Ends esbuild's child process, if this process ever started one and nobody builds. */
export async function stopBundler(): Promise<void> {
  if (!isBundlerStarted || activeBuilds > 0) return;
  isBundlerStarted = false;
  const { stop } = await import('esbuild');
  await stop();
}

// The child process is esbuild's own, one for the whole process: so is the knowledge that it runs and is busy.
let isBundlerStarted = false;
let activeBuilds = 0;

/**
 * What is in the cache is run: so the folder must be ours and nobody else may write to it. Where it can not be had so
 * (a folder that somebody planted under /tmp, a read-only home), a fresh one that lasts as long as this process.
 */
function ownFolder(wanted: string): string {
  try {
    mkdirSync(wanted, { recursive: true, mode: 0o700 });
    const { uid, mode } = lstatSync(wanted);
    if ((uid === process.getuid?.() || process.getuid === undefined) && (mode & 0o022) === 0) {
      accessSync(wanted, constants.W_OK);
      return wanted;
    }
  } catch {
    // not to be had
  }
  if (scratchFolder === null) {
    const folder = mkdtempSync(join(tmpdir(), 'strowger-'));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    scratchFolder = folder;
  }
  return scratchFolder;
}

let scratchFolder: string | null = null;

async function build(entry: string, cacheFolder: string, recordFile: string, versions: string): Promise<string> {
  const esbuild = await import('esbuild');
  isBundlerStarted = true;
  activeBuilds++;
  const inputs = new Map<string, string>();
  const result = await esbuild
    .build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
      target: 'node24',
      sourcemap: 'inline',
      sourcesContent: false,
      outfile: join(cacheFolder, 'module.mjs'),
      logLevel: 'silent',
      define: {
        'import.meta.url': 'strowger_file_url',
        'import.meta.filename': 'strowger_file_name',
        'import.meta.dirname': 'strowger_file_folder',
      },
      plugins: [modulePlugin(inputs)],
    })
    .catch((error: unknown) => {
      throw new StrowgerError('MODULE_BUNDLE', bundleErrorText(entry, error), error);
    })
    .finally(() => {
      activeBuilds--;
    });
  const text = result.outputFiles[0]?.text ?? '';
  const inputList = [...inputs].sort(([a], [b]) => (a < b ? -1 : 1));
  const key = keyOf(versions, inputList);
  const output = join(cacheFolder, `${basename(dirname(entry))}-${key.slice(0, 16)}.mjs`);
  writeWhole(output, text);
  writeWhole(recordFile, JSON.stringify({ key, output, inputs: inputList } satisfies CacheRecord));
  return pathToFileURL(output).href;
}

/** Sends imports where they belong, and notes each file that is read. */
function modulePlugin(inputs: Map<string, string>): Plugin {
  const inner = {};
  return {
    name: 'strowger',
    setup(build) {
      build.onResolve({ filter: /^strowger$/ }, () => ({ path: coreUrl, external: true }));
      build.onResolve({ filter: /^strowger\/testing$/ }, () => ({ path: testingUrl, external: true }));
      build.onResolve({ filter: /^[^./]/ }, async (args) => {
        if (args.kind === 'entry-point' || args.pluginData === inner || args.path.startsWith('node:')) return undefined;
        const { resolveDir, kind } = args;
        const found = await build.resolve(args.path, { resolveDir, kind, pluginData: inner });
        if (found.errors.length > 0) return { errors: found.errors };
        if (found.external || !found.path.startsWith('/') || isTypeScript(found.path)) return found;
        return { path: pathToFileURL(found.path).href, external: true };
      });
      build.onLoad({ filter: /\.(?:[mc]?[jt]s|json)$/ }, ({ path }) => {
        const contents = readFileSync(path, 'utf8');
        inputs.set(path, hash(contents));
        if (path.endsWith('.json')) return { contents, loader: 'json' };
        return { contents: withOwnPlace(path, contents), loader: isTypeScript(path) ? 'ts' : 'js' };
      });
    },
  };
}

/** `import.meta.url` and its kin keep meaning the source file, not the bundle in the cache. On its first line, so that lines hold. */
function withOwnPlace(path: string, contents: string): string {
  if (!contents.includes('import.meta')) return contents;
  const url = JSON.stringify(pathToFileURL(path).href);
  const names = `strowger_file_name = ${JSON.stringify(path)}, strowger_file_folder = ${JSON.stringify(dirname(path))}`;
  return `const strowger_file_url = ${url}, ${names}; ${contents}`;
}

function isTypeScript(path: string): boolean {
  return /\.[mc]?ts$/.test(path);
}

function bundleErrorText(entry: string, error: unknown): string {
  const errors = (error as { errors?: readonly Message[] } | null)?.errors;
  if (errors === undefined || errors.length === 0) {
    return `${entry} can not be bundled: ${error instanceof Error ? error.message : String(error)}`;
  }
  const lines = errors.map(({ text, location }) => {
    if (location === null) return text;
    const at = `${location.file}:${location.line}:${location.column + 1}`;
    return `${at}: ${text}\n    ${location.lineText}\n    ${' '.repeat(location.column)}^`;
  });
  return `the module ${entry} can not be bundled:\n  ${lines.join('\n  ')}`;
}

function esbuildVersion(): string {
  const { version } = createRequire(import.meta.url)('esbuild/package.json') as { version: string };
  return version;
}

function readRecord(file: string): CacheRecord | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as CacheRecord;
  } catch {
    return null;
  }
}

function isUnchanged(record: CacheRecord): boolean {
  if (!existsSync(record.output)) return false;
  return record.inputs.every(([file, sum]) => {
    try {
      return hash(readFileSync(file, 'utf8')) === sum;
    } catch {
      return false;
    }
  });
}

function keyOf(versions: string, inputs: CacheRecord['inputs']): string {
  return hash(`${versions}\n${inputs.map(([file, sum]) => `${file} ${sum}`).join('\n')}`);
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Another process may read or write the same: never a half-written file. */
function writeWhole(file: string, text: string): void {
  const scratch = `${file}.${process.pid}.tmp`;
  writeFileSync(scratch, text, { mode: 0o600 });
  renameSync(scratch, file);
}
