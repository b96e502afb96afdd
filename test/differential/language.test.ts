import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { LanguageServer } from './language-server.ts';
import { readAnswers, readTable } from './language-table.ts';

const sections = readTable();
const cases = sections.flatMap((section) => section.cases);
const answers = readAnswers();
const server = await LanguageServer.start(cases);
after(() => server.stop());

test('every case has an answer recorded', () => {
  assert.equal(answers.length, cases.length);
  assert.ok(cases.length >= 400);
});

let first = 0;
for (const section of sections) {
  const start = first;
  first += section.cases.length;
  test(`${section.title}: as Kamailio answers`, async () => {
    const wrong: string[] = [];
    for (const [i, item] of section.cases.entries()) {
      const kamailio = answers[start + i] ?? '';
      const ours = await server.ask(start + i);
      if (ours === (item.ours?.answer ?? kamailio)) continue;
      wrong.push(`${item.text}\n  kamailio: ${kamailio}\n  ours:     ${ours}`);
    }
    assert.equal(wrong.length, 0, `${wrong.length} differ:\n${wrong.join('\n')}`);
  });
}
