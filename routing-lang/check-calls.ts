import type { ArgSpec, CommandDef } from '../core/module/define-module.ts';
import type { CallExpr } from './ast.ts';
import { bindArg, literalText } from './bind-args.ts';
import type { BoundCall } from './bound.ts';
import { routeTitle } from './bound.ts';
import type { Checker } from './check.ts';
import { newerHint, suggest } from './diagnostics.ts';
import type { BoundCommand } from './symbols.ts';

const BAD: BoundCall = { kind: 'bad' };

/** Checks a call: its command, where it stands, its arguments; calls of routes and `selval` are calls too. */
export function checkCall(checker: Checker, call: CallExpr): BoundCall {
  if (call.name === 'route') return checkRouteCall(checker, call);
  if (call.name === 'selval') return checkSelval(checker, call);
  const found = checker.symbols.commands(call.name);
  if (found.length === 0) {
    for (const arg of call.args) if (arg.type !== 'word') checker.expr(arg);
    return unknownCommand(checker, call);
  }
  const command = found.find((c) => accepts(c.def, call.args.length));
  if (command === undefined) {
    for (const arg of call.args) if (arg.type !== 'word') checker.expr(arg);
    checker.report('wrong-arguments', call.span, `${call.name} takes ${countsOf(found)}, not ${call.args.length}`);
    return BAD;
  }
  checkPlace(checker, call, found, command);
  const args = call.args.map((arg, i) => bindArg(specAt(command.def.args, i), arg, checker));
  const values = args.map((arg) => (arg.kind === 'const' && isPlain(arg.value) ? arg.value : undefined));
  const problem = command.def.check?.(values, command.state as never) ?? null;
  if (problem !== null) checker.report('wrong-arguments', call.span, `${call.name}: ${problem}`);
  return { kind: 'command', command, args };
}

function isPlain(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

/** The declaration of the i-th argument; the last one of a variadic command serves all that follow. */
function specAt(specs: readonly ArgSpec[], i: number): ArgSpec {
  return specs[Math.min(i, specs.length - 1)] ?? 'value';
}

function range(def: CommandDef<never>): { min: number; max: number } {
  const optionalAt = def.args.findIndex((spec) => spec.endsWith('?'));
  return {
    min: optionalAt < 0 ? def.args.length : optionalAt,
    max: def.isVariadic === true ? Number.POSITIVE_INFINITY : def.args.length,
  };
}

function accepts(def: CommandDef<never>, count: number): boolean {
  const { min, max } = range(def);
  return count >= min && count <= max;
}

function countsOf(commands: readonly BoundCommand[]): string {
  const texts = commands.map(({ def }) => {
    const { min, max } = range(def);
    return max === Number.POSITIVE_INFINITY ? `${min} or more` : min === max ? String(min) : `${min} to ${max}`;
  });
  const list = texts.join(' or ');
  return list === '0' ? 'no arguments' : `${list} argument${list === '1' ? '' : 's'}`;
}

function unknownCommand(checker: Checker, call: CallExpr): BoundCall {
  const owner = checker.symbols.commandOwner(call.name);
  if (owner !== null && checker.isMissing(owner)) return BAD;
  const hint = commandHint(checker, call.name, owner);
  checker.report('unknown-command', call.nameSpan, `unknown command ${call.name}`, hint === null ? {} : { hint });
  return BAD;
}

function commandHint(checker: Checker, name: string, owner: string | null): string | null {
  if (owner !== null) return `loadmodule "${owner}.so"`;
  const newer = checker.symbols.newerCommandOwner(name);
  if (newer !== null) return newerHint(newer);
  const near = suggest(name, checker.symbols.commandNames());
  return near === null ? null : `did you mean ${near}?`;
}

/** Kamailio looks at the kind of the block that holds the call; sub-routes count as request routes. */
function checkPlace(checker: Checker, call: CallExpr, all: readonly BoundCommand[], command: BoundCommand): void {
  const bits = checker.routeBits;
  if ((command.def.routes & bits) !== 0) return;
  const elsewhere = all.some((c) => c !== command && accepts(c.def, call.args.length) && (c.def.routes & bits) !== 0);
  if (!elsewhere) misplaced(checker, call, `it is for ${kindsOf(command.def.routes)}`);
}

function misplaced(checker: Checker, call: CallExpr, hint: string): void {
  const title = routeTitle(checker.kind, null);
  const article = title.startsWith('o') || title.startsWith('e') ? 'an' : 'a';
  checker.report('misplaced-command', call.nameSpan, `${call.name} can not be used in ${article} ${title}`, { hint });
}

const KINDS: readonly (readonly [bits: number, title: string])[] = [
  [1, 'request_route and route'],
  [2, 'failure_route'],
  [4 | 128, 'onreply_route'],
  [8, 'branch_route'],
  [16, 'onsend_route'],
  [512, 'event_route'],
];

function kindsOf(routes: number): string {
  return KINDS.filter(([bits]) => (routes & bits) !== 0)
    .map(([, title]) => title)
    .join(', ');
}

function checkRouteCall(checker: Checker, call: CallExpr): BoundCall {
  const [argument] = call.args;
  if (argument === undefined || call.args.length !== 1) {
    checker.report('wrong-arguments', call.span, `route takes 1 argument, not ${call.args.length}`);
    return BAD;
  }
  if (checker.kind === 'onsend') misplaced(checker, call, 'an onsend_route calls no other route');
  const name = literalText(argument);
  if (name === null) {
    checker.hasDynamicCalls = true;
    checker.expr(argument);
    return { kind: 'dynamicRoute', name: { kind: 'expr', expr: argument, as: 'str' } };
  }
  if (!checker.checkRoute('route', name, argument.span)) return BAD;
  const route = checker.route('route', name);
  return route === undefined ? BAD : { kind: 'route', route };
}

function checkSelval(checker: Checker, call: CallExpr): BoundCall {
  for (const arg of call.args) checker.expr(arg);
  if (call.args.length === 3) return { kind: 'selval' };
  checker.report('wrong-arguments', call.span, `selval takes 3 arguments, not ${call.args.length}`);
  return BAD;
}
