/** The syntax tree of a routing script, after preprocessing. Plain data; every node says where it stands. */

/** A place in the preprocessed text; `Preprocessed.locate` maps offsets back to file, line and column. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Script {
  readonly items: readonly Item[];
}

export type Item = CoreParam | CustomParam | LoadModule | LoadPath | ModParam | RouteBlock | ListenItem;

/** `debug=3`, `alias="x"`, `tcp_connection_lifetime=3605`: one core parameter. Lists (`alias=a b c`) have several values. */
export interface CoreParam {
  readonly type: 'coreParam';
  readonly span: Span;
  readonly name: string;
  readonly nameSpan: Span;
  readonly values: readonly ParamValue[];
}

export interface ParamValue {
  readonly span: Span;
  readonly value: string | number;
  /** How it was written: `"x"` (also joined adjacent strings), a bare word or address, or a number. */
  readonly kind: 'string' | 'word' | 'number';
}

/** `group.name = value desc "text"`; also `group[id].name`. */
export interface CustomParam {
  readonly type: 'customParam';
  readonly span: Span;
  readonly group: string;
  readonly groupId: number | null;
  readonly name: string;
  readonly value: ParamValue;
  readonly description: string | null;
}

/** `listen=udp:10.0.0.1:5060 advertise a.example.org:5060 name "x" virtual` (also the `{ }` and socket forms of 5.7+). */
export interface ListenItem {
  readonly type: 'listen';
  readonly span: Span;
  /** As written: `udp:10.0.0.1:5060`, `tls:eth0`, `(udp, tcp):any`: protocol null for all. */
  readonly sockets: readonly {
    readonly proto: string | null;
    readonly host: string;
    readonly port: number | null;
    readonly span: Span;
  }[];
  readonly advertise: { readonly host: string; readonly port: number | null } | null;
  readonly name: string | null;
  readonly isVirtual: boolean;
  readonly bindAgent?: string | null;
}

export interface LoadModule {
  readonly type: 'loadModule';
  readonly span: Span;
  /** As written: `tm`, `tm.so`, `./hello`, `/usr/lib/…/tm.so`. */
  readonly name: string;
  readonly nameSpan: Span;
  /** `loadmodulex`: the name is a format string evaluated at load. */
  readonly isDynamic: boolean;
  /** `loadmodule("tm.so", "g")`-style options; null where absent. */
  readonly options: string | null;
}

export interface LoadPath {
  readonly type: 'loadPath';
  readonly span: Span;
  /** Folders, `:`-separated as written. */
  readonly path: string;
}

export interface ModParam {
  readonly type: 'modParam';
  readonly span: Span;
  /** `a|b` or a pattern, as written. */
  readonly modules: string;
  readonly modulesSpan: Span;
  readonly name: string;
  readonly nameSpan: Span;
  readonly value: string | number;
  readonly valueSpan: Span;
  /** `modparamx`: a string value is a format string evaluated at load. */
  readonly isDynamic: boolean;
}

export type RouteKind = 'request' | 'reply' | 'onreply' | 'failure' | 'branch' | 'onsend' | 'event' | 'route';

export interface RouteBlock {
  readonly type: 'route';
  readonly span: Span;
  /** `request` is the main `request_route`/`route`; `route` a named sub-route; `reply` the unnamed `reply_route`/`onreply_route`. */
  readonly kind: RouteKind;
  /** Null for request, reply and onsend. Numbers are text: `route[1]` is `"1"`. */
  readonly name: string | null;
  readonly nameSpan: Span;
  readonly body: readonly Statement[];
}

export type Statement =
  | {
      readonly type: 'if';
      readonly span: Span;
      readonly test: Expr;
      readonly then: readonly Statement[];
      readonly otherwise: readonly Statement[] | null;
    }
  | { readonly type: 'while'; readonly span: Span; readonly test: Expr; readonly body: readonly Statement[] }
  | { readonly type: 'switch'; readonly span: Span; readonly subject: Expr; readonly cases: readonly SwitchCase[] }
  | {
      readonly type: 'assign';
      readonly span: Span;
      readonly target: PvExpr;
      readonly op: '=' | ':=';
      readonly value: Expr;
    }
  /** A call or any expression for its effect: `t_relay();`, `$var(x) == 1;`. */
  | { readonly type: 'expr'; readonly span: Span; readonly expr: Expr }
  | { readonly type: 'return'; readonly span: Span; readonly value: Expr | null }
  | { readonly type: 'exit'; readonly span: Span; readonly value: Expr | null }
  | { readonly type: 'drop'; readonly span: Span; readonly value: Expr | null }
  | { readonly type: 'break'; readonly span: Span }
  | { readonly type: 'continue'; readonly span: Span }
  | { readonly type: 'empty'; readonly span: Span };

export interface SwitchCase {
  readonly span: Span;
  /** Null for `default`. A regex label is `case /re/flags:`. */
  readonly label: Expr | null;
  readonly body: readonly Statement[];
}

export type BinaryOp =
  | '+'
  | '-'
  | '*'
  | '/'
  | 'mod'
  | '&'
  | '|'
  | '^'
  | '<<'
  | '>>'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '=~'
  /** The left text begins with the right one. */
  | '=^'
  | '!~'
  | '&&'
  | '||'
  /** Typed comparisons and concatenation of the core cookbook: ieq, ine, eq, ne, `.` . */
  | 'ieq'
  | 'ine'
  | 'eq'
  | 'ne'
  | '.';

export type UnaryOp = '!' | '-' | '~' | 'defined' | 'strlen' | 'strempty' | '(int)' | '(str)';

export type Expr =
  | { readonly type: 'number'; readonly span: Span; readonly value: number }
  | { readonly type: 'string'; readonly span: Span; readonly value: string }
  /** A bare word where an expression stands: `UDP`, `myself`, `INVITE`, an address, `10.0.0.0/8`. */
  | { readonly type: 'word'; readonly span: Span; readonly value: string }
  | { readonly type: 'regex'; readonly span: Span; readonly pattern: string; readonly flags: string }
  | PvExpr
  /** `@to.tag`, `@hf_value["x"]`: a select, as written without the @. */
  | { readonly type: 'select'; readonly span: Span; readonly parts: readonly SelectPart[]; readonly text: string }
  /** `method`, `uri`, `src_ip`, `msg:len`, `status`, `from_uri`, `proto`, `af`, `snd_ip`, `retcode`, `max_len` … */
  | { readonly type: 'keyword'; readonly span: Span; readonly name: string }
  | CallExpr
  | { readonly type: 'unary'; readonly span: Span; readonly op: UnaryOp; readonly operand: Expr }
  | { readonly type: 'binary'; readonly span: Span; readonly op: BinaryOp; readonly left: Expr; readonly right: Expr }
  /** An assignment used as an expression, `$var(x) = func()` inside a condition. */
  | { readonly type: 'assignExpr'; readonly span: Span; readonly target: PvExpr; readonly value: Expr };

export interface SelectPart {
  readonly name: string;
  /** `["x"]`, `[1]`, `[*]`; null where absent. */
  readonly index: string | number | null;
}

export interface CallExpr {
  readonly type: 'call';
  readonly span: Span;
  /** Core or module command, or `route`, `forward`, `setflag`, `force_rport` … Core commands are in the signature table too. */
  readonly name: string;
  readonly nameSpan: Span;
  readonly args: readonly Expr[];
  /** Written without parentheses (`exit`, `force_rport;`, `drop`). */
  readonly isBare: boolean;
}

/** `$ru`, `$(hdr(Via)[0]{s.len})`: parsed into its parts by `pv-parser.ts`. */
export interface PvExpr {
  readonly type: 'pv';
  readonly span: Span;
  readonly pv: PvSyntax;
}

export interface PvSyntax {
  readonly text: string;
  /** Class name: `ru`, `avp`, `hdr`. */
  readonly className: string;
  /** Inner name, raw text; null where there is none. */
  readonly name: string | null;
  readonly index: null | number | '*' | PvSyntax;
  readonly transformations: readonly TransformSyntax[];
  /** Offset of the text within its span or format string. */
  readonly offset: number;
}

export interface TransformSyntax {
  /** `s.substr,1,2` as written between the braces. */
  readonly text: string;
  readonly className: string;
  readonly name: string;
  /** Everything after the first comma, unsplit; null where there is none. */
  readonly params: string | null;
  readonly offset: number;
}
