// `node test/run.ts PATTERN`: runs the test files that match, several at once; then those in which a test failed once
// more, one after the other. Suites with real servers and real timers share the processor with each other: one that
// passes by itself was only late, one that is wrong fails again. Which files had to run again is said at the end.
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { relative, resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/** Longest that one test may take. */
const TIMEOUT_MS = 300_000;

/** Runs these tests, prints how they go, and returns the files with a failure. Throws where there is no test at all. */
async function failingFiles(options: NonNullable<Parameters<typeof run>[0]>): Promise<string[]> {
  const failed = new Set<string>();
  let passed = 0;
  const events = run({ timeout: TIMEOUT_MS, ...options });
  events.on('test:fail', ({ file, todo }) => {
    if (todo === undefined || todo === false) failed.add(file ?? '(unknown file)');
  });
  events.on('test:pass', () => passed++);
  const printed = events.compose(spec);
  printed.pipe(process.stdout, { end: false });
  await once(printed, 'end');
  if (passed === 0 && failed.size === 0) throw new Error(`no test in ${String(options.globPatterns ?? options.files)}`);
  return [...failed];
}

// Hundreds of processes load the same sources: what one compiled the next ones read (half of the time of most files).
process.env['NODE_COMPILE_CACHE'] ??= resolve('node_modules/.cache/compiled-tests');

const late = await failingFiles({ globPatterns: process.argv.slice(2), concurrency: availableParallelism() });
if (late.length > 0) {
  console.log(`\nOnce more, one by one: ${late.map((file) => relative('.', file)).join(' ')}\n`);
  const wrong = await failingFiles({ files: late, concurrency: false });
  for (const file of late)
    console.log(`${wrong.includes(file) ? 'failed twice' : 'passed alone'}: ${relative('.', file)}`);
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
