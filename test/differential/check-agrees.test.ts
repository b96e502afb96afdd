import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkScript, startServer } from '../../core/start.ts';
import { scriptOptions } from '../support/both-servers.ts';
import { type PvCase, readAnswers, readSections } from './pv-table.ts';

/** What Kamailio loads and we run, as a route for each. */
function routes(): string[] {
  const answers = readAnswers();
  return readSections().flatMap((section, at) =>
    section.cases
      .filter((item, i) => answers[at]?.[i] !== 'refused' && item.ours !== 'refused')
      // Its second argument is checked when the script is read; Kamailio finds out when it runs.
      .filter(({ expression }) => !expression.startsWith('typeof('))
      .map((item, i) => `route[S${at}_${i}] { ${statements(item)} }`),
  );
}

function statements({ setup, expression, isCommand }: PvCase): string {
  const before = setup === '' ? '' : `${setup.replace(/;\s*$/, '')}; `;
  if (isCommand) return `${before}if (${expression.replace(/;\s*$/, '')}) $vn(r) = 1;`;
  return `${before}$vn(r) = ${expression};`;
}

test('a script with all variables, transformations and selects that Kamailio takes is checked and started', async () => {
  const modules = [
    'pv',
    'textops',
    'textopsx',
    'xlog',
    'sl',
    'rr',
    'siputils',
    'tm',
    'tmx',
    'corex',
    'kex',
    'cfgutils',
  ];
  const text = [
    ...modules.map((name) => `loadmodule "${name}.so"`),
    'request_route { exit; }',
    ...new Set(routes()),
  ].join('\n');
  const result = await checkScript(scriptOptions(text));
  const errors = result.diagnostics.filter(({ severity }) => severity === 'error');
  const lines = text.split('\n');
  assert.deepEqual(
    errors.map(({ line, message }) => `${message}: ${lines[line - 1] ?? ''}`),
    [],
  );
  const started = await startServer(scriptOptions(text));
  await started.stop(0);
});
