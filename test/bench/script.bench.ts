/**
 * What a compiled route costs beyond its commands: `node test/bench/script.bench.ts`. Commands answer at once; `plain`
 * ones are known never to wait. The other ways to await what may be a promise stand beside it.
 */
import { Bench } from 'tinybench';
import { ScriptBench } from '../support/script-bench.ts';

const SCRIPT = `request_route {
  if (!CALL(1)) { exit; }
  CALL(2);
  if (CALL(3)) { CALL(4); }
  route(A);
}
route[A] { CALL(5); CALL(6); }`;

const LOOP = `request_route {
  $var(i) = 0;
  while ($var(i) < 1000) {
    $var(i) = $var(i) + 1;
    $var(s) = "user-" + $var(i) + "@" + $rU;
    if ($var(s) =~ "^user-[0-9]+5@") { $var(n) = $var(n) + 1; }
  }
}`;

const answer = (n: number): number | Promise<number> => n;

async function sixAwaits(): Promise<number> {
  await answer(1);
  await answer(2);
  await answer(3);
  await answer(4);
  await answer(5);
  return answer(6);
}

function* generator(): Generator<unknown, number, number> {
  let last = 0;
  for (let n = 1; n <= 6; n++) {
    const result = answer(n);
    last = typeof result === 'number' ? result : yield result;
  }
  return last;
}

const bench = new Bench({ time: 500 });
for (const call of ['plain', 'now']) {
  const script = new ScriptBench();
  const { run } = script.start(SCRIPT.replaceAll('CALL', call));
  const route = script.program?.request;
  bench.add(`route, six calls of ${call}()`, () => void route?.(run));
}
const loop = new ScriptBench();
loop.limits.loops = 0;
const { run } = loop.start(LOOP);
const looped = loop.program?.request;
bench.add('loop of 1000: assignment, join, regular expression', () => void looped?.(run));
bench.add('generator, six calls', () => void generator().next());
bench.add('async function, six awaits', async () => void (await sixAwaits()));
await bench.run();
console.table(bench.table());
