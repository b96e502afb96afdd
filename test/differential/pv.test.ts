import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindSelect, defineModule, HF_VALUE_SELECTS, type PvValue, parseSelect, type Run } from '../../core/index.ts';
import pv from '../../modules/pv/index.ts';
import textops from '../../modules/textops/index.ts';
import { PvEvaluator, testMsg } from '../support/pv-eval.ts';
import { type Answer, type PvCase, readAnswers, readMessage, readSections } from './pv-table.ts';

function answerOf(value: PvValue): Answer {
  return value === null ? 'N' : typeof value === 'number' ? `I ${value}` : `S ${value}`;
}

function evaluate(evaluator: PvEvaluator, run: Run, { setup, expression, isCommand }: PvCase): Answer {
  try {
    evaluator.exec(setup, run);
    if (isCommand) return evaluator.exec(expression, run) > 0 ? 'S T' : 'S F';
    if (!expression.startsWith('@')) return answerOf(evaluator.pv(expression).get(run));
    const parts = parseSelect(expression.slice(1));
    const get = typeof parts === 'string' ? parts : bindSelect(parts, [{ def: WITH_SELECTS, state: undefined }]);
    return typeof get === 'string' ? 'refused' : answerOf(get(run));
  } catch {
    return 'refused';
  }
}

const WITH_SELECTS = defineModule<never>({ name: 'x', summary: '', selects: HF_VALUE_SELECTS });

const answers = readAnswers();
let compared = 0;
for (const [at, section] of readSections().entries()) {
  test(`variables of ${section.message}.sip are those of Kamailio (section ${at + 1})`, async () => {
    const evaluator = new PvEvaluator();
    await evaluator.load(pv);
    await evaluator.load(textops);
    evaluator.nameVariables(section.cases.map(({ text }) => text).join('\n'));
    const run = evaluator.run(testMsg(readMessage(section.message)));
    const wrong: string[] = [];
    for (const [i, item] of section.cases.entries()) {
      const kamailio = answers[at]?.[i] ?? 'no answer recorded';
      const ours = evaluate(evaluator, run, item);
      compared++;
      if (ours === (item.ours ?? kamailio)) continue;
      wrong.push(`${item.text}\n  kamailio: ${JSON.stringify(kamailio)}\n  ours:     ${JSON.stringify(ours)}`);
    }
    assert.equal(wrong.length, 0, `${wrong.length} differ:\n${wrong.join('\n')}`);
  });
}

test('the table has at least 400 cases', () => {
  assert.ok(compared >= 400, String(compared));
});
