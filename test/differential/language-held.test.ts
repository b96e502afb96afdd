import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LanguageServer } from './language-server.ts';
import { readAnswers, readTable } from './language-table.ts';

/** A debugger may hold a script back at each of its steps: that changes nothing of what it answers. */
test('every case answers the same where each step waits', { timeout: 60_000 }, async () => {
  const cases = readTable().flatMap((section) => section.cases);
  const answers = readAnswers();
  const server = await LanguageServer.start(cases, 'debug=1\nloadmodule "debugger.so"');
  const held = server.holdSteps();
  try {
    const wrong: string[] = [];
    for (const [i, item] of cases.entries()) {
      const wanted = item.ours?.answer ?? answers[i] ?? '';
      const ours = await server.ask(i);
      if (ours !== wanted) wrong.push(`${item.text}\n  wanted: ${wanted}\n  held:   ${ours}`);
    }
    assert.equal(wrong.length, 0, `${wrong.length} differ:\n${wrong.join('\n')}`);
    assert.ok(held() > cases.length, `${held()} of ${cases.length}`);
  } finally {
    await server.stop();
  }
});
