import type { PvAccessor, TransformFn } from '../core/pv/spec.ts';
import type { PosixRegex } from '../core/script/posix-regex.ts';
import type { Run } from '../core/script/run.ts';
import type { PvValue } from '../core/values.ts';
import type { CallExpr, Expr, PvExpr, RouteBlock, RouteKind } from './ast.ts';
import type { BoundCommand } from './symbols.ts';

/** What the checker finds out about a script and the compiler works from: each use with the declaration behind it. */

/** A use of a variable: its accessor without the transformations, these, and the whole as one accessor. */
export interface BoundUse {
  readonly base: PvAccessor;
  readonly transforms: readonly TransformFn[];
  readonly whole: PvAccessor;
  /** It is `$null` itself. */
  readonly isNull: boolean;
}

/** A format string in pieces. */
export interface BoundFormat {
  readonly parts: readonly (string | BoundUse)[];
}

/** How a call gets an argument. */
export type BoundArg =
  /** Prepared when the script is compiled. */
  | { readonly kind: 'const'; readonly value: unknown }
  | { readonly kind: 'expr'; readonly expr: Expr; readonly as: 'int' | 'str' | 'value' }
  | { readonly kind: 'format'; readonly format: BoundFormat; readonly as: 'int' | 'str' | 'regex' };

export type BoundCall =
  | { readonly kind: 'command'; readonly command: BoundCommand; readonly args: readonly BoundArg[] }
  | { readonly kind: 'route'; readonly route: RouteEntry }
  | { readonly kind: 'dynamicRoute'; readonly name: BoundArg }
  | { readonly kind: 'selval' }
  /** Reported as an error. */
  | { readonly kind: 'bad' };

/** One route of the program; blocks of the same name are run one behind the other, as Kamailio does. */
export interface RouteEntry {
  readonly index: number;
  readonly kind: RouteKind;
  readonly name: string | null;
  /** `route[RELAY]`, for messages. */
  readonly title: string;
  readonly blocks: RouteBlock[];
}

/** `int` and `str` are known before the script runs, `any` only then. */
export type StaticType = 'int' | 'str' | 'any';

/** Tests an old-style keyword against an operand given per run (null for one known at compile time). */
export type KeywordTest = (run: Run, operand: PvValue) => boolean;

export interface Bindings {
  readonly pvs: Map<PvExpr, BoundUse>;
  readonly selects: Map<Expr, (run: Run) => PvValue>;
  readonly keywords: Map<Expr, (run: Run) => PvValue>;
  /** By comparison: `src_ip == 10.0.0.0/8`. */
  readonly keywordTests: Map<Expr, KeywordTest>;
  readonly calls: Map<CallExpr, BoundCall>;
  /** Constant expressions by the node that holds them: the right side of `=~`, a case label. */
  readonly regexes: Map<Expr, PosixRegex>;
  readonly types: Map<Expr, StaticType>;
  readonly routes: readonly RouteEntry[];
  readonly varSlots: Map<string, number>;
  /** Slots of the variables that the script looks into: it transforms them, or matches expressions against them. */
  readonly cutSlots: Set<number>;
}

/** Numbers of the kinds of route (`ROUTE` of the core), by kind of block; `route` and `event_route` blocks count as request ones. */
export const KIND_BITS: Readonly<Record<RouteKind, number>> = {
  request: 1,
  route: 1,
  failure: 2,
  onreply: 4 | 128,
  reply: 4 | 128,
  branch: 8,
  onsend: 16,
  event: 1 | 64 | 256 | 512,
};

export function routeTitle(kind: RouteKind, name: string | null): string {
  switch (kind) {
    case 'request':
      return 'request_route';
    case 'reply':
      return 'reply_route';
    case 'route':
      return `route[${name ?? ''}]`;
    case 'branch':
    case 'event':
    case 'failure':
    case 'onreply':
    case 'onsend':
    default:
      return name === null ? `${kind}_route` : `${kind}_route[${name}]`;
  }
}
