import assert from 'node:assert/strict';
import test from 'node:test';
import { parseScript } from '../../routing-lang/index.ts';
import { CONDITIONS, GLOBALS, SCRIPTS, type Snippets, STATEMENTS } from './syntax-snippets.ts';

/** How a snippet becomes a script; `syntax.peer.test.ts` gives kamailio the same behind its loadmodule lines. */
const WRAPPERS: readonly (readonly [name: string, snippets: Snippets, wrap: (snippet: string) => string])[] = [
  ['conditions', CONDITIONS, (s) => `request_route {\nif (${s}) exit;\n}\nroute[R] { exit; }\n`],
  ['statements', STATEMENTS, (s) => `request_route {\n${s}\n}\nroute[R] { exit; }\n`],
  ['global parameters', GLOBALS, (s) => `${s}\nrequest_route { exit; }\n`],
  ['scripts', SCRIPTS, (s) => s],
];

function strictErrors(text: string): string[] {
  const { diagnostics } = parseScript('x.cfg', { readFile: () => null, strict: true }, text);
  return diagnostics.items.filter((d) => d.severity === 'error').map((d) => d.message);
}

for (const [name, snippets, wrap] of WRAPPERS) {
  test(`${name} that Kamailio accepts are accepted`, () => {
    for (const snippet of snippets.accepted) assert.deepEqual(strictErrors(wrap(snippet)), [], snippet);
  });

  test(`${name} that Kamailio refuses are refused with --strict, by few messages`, () => {
    for (const snippet of snippets.refused) {
      const errors = strictErrors(wrap(snippet));
      assert.ok(errors.length > 0, `accepted: ${snippet}`);
      assert.ok(errors.length <= 3, `${snippet}: ${errors.join(' | ')}`);
    }
  });
}
