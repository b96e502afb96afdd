import type { RouteKind, Script, Statement } from './ast.ts';
import type { RouteEntry } from './bound.ts';
import type { Checker } from './check.ts';

/** Warnings about what a script holds and can not reach: routes never called, statements behind an exit. */
export function checkFlow(checker: Checker): void {
  const unused = checker.routes.filter((route) => mayBeUnused(checker, route));
  const named = unused.length === 0 ? NO_TEXTS : textsOf(checker.input.script);
  for (const route of checker.routes) {
    if (unused.includes(route) && !named.has(route.name ?? '')) warnUnused(checker, route);
    for (const block of route.blocks) warnUnreachable(checker, block.body);
  }
}

/** Routes that only the script calls, by name; the others run by themselves. */
const CALLED: ReadonlySet<RouteKind> = new Set<RouteKind>(['route', 'failure', 'branch', 'onreply']);

const NO_TEXTS: ReadonlySet<string> = new Set();

function mayBeUnused(checker: Checker, route: RouteEntry): boolean {
  return CALLED.has(route.kind) && route.name !== null && !checker.hasDynamicCalls && !checker.used.has(route.index);
}

/**
 * All strings of a script and the values of its parameters: a route whose name is among them may be called by a command, a
 * variable or a module (`route_if_exists("X")`, `$dlg_ctx(timeout_route) = "X"`, `modparam("xmlrpc", "route", "X")`).
 */
function textsOf(script: Script): ReadonlySet<string> {
  const texts = new Set<string>();
  const nodes: unknown[] = [...script.items];
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    if (typeof node !== 'object' || node === null) continue;
    if ('type' in node && (node.type === 'string' || node.type === 'modParam') && 'value' in node)
      texts.add(String(node.value));
    for (const part of Object.values(node)) if (typeof part === 'object' && part !== null) nodes.push(part);
  }
  return texts;
}

function warnUnused(checker: Checker, route: RouteEntry): void {
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
