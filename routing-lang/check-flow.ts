import type { Statement } from './ast.ts';
import type { RouteEntry } from './bound.ts';
import type { Checker } from './check.ts';

/** Warnings about what a script holds and can not reach: routes never called, statements behind an exit. */
export function checkFlow(checker: Checker): void {
  for (const route of checker.routes) {
    warnUnused(checker, route);
    for (const block of route.blocks) warnUnreachable(checker, block.body);
  }
}

function warnUnused(checker: Checker, route: RouteEntry): void {
  if (route.kind !== 'route' || checker.hasDynamicCalls || checker.used.has(route.index)) return;
  const span = route.blocks[0]?.nameSpan;
  if (span !== undefined)
    checker.report('unused-route', span, `${route.title} is never called`, { severity: 'warning' });
}

/** Reports the first statement behind one that always leaves; returns true when the list always leaves the route. */
function warnUnreachable(checker: Checker, body: readonly Statement[]): boolean {
  for (const [i, statement] of body.entries()) {
    if (!leaves(checker, statement)) continue;
    const rest = body.slice(i + 1).find((s) => s.type !== 'empty' && s.type !== 'break');
    if (rest !== undefined) {
      checker.report('unreachable', rest.span, 'this is never reached', { severity: 'warning' });
      for (const later of body.slice(i + 1)) leaves(checker, later);
    }
    return true;
  }
  return false;
}

function leaves(checker: Checker, statement: Statement): boolean {
  switch (statement.type) {
    case 'return':
    case 'exit':
    case 'drop':
    case 'break':
    case 'continue':
      return true;
    case 'if': {
      const then = warnUnreachable(checker, statement.then);
      const otherwise = statement.otherwise !== null && warnUnreachable(checker, statement.otherwise);
      return then && otherwise;
    }
    case 'while':
      warnUnreachable(checker, statement.body);
      return false;
    case 'switch':
      for (const { body } of statement.cases) warnUnreachable(checker, body);
      return false;
    case 'assign':
    case 'expr':
    case 'empty':
      return false;
  }
}
