import { type CustomPatternMatcherFunc, createToken, Lexer, type TokenType } from 'chevrotain';
import { endOfBlockComment, endOfLine, endOfPv, endOfString } from './scan.ts';

/** Chevrotain's form of "the token ends at this offset"; -1 is an element that does not end: it takes its line. */
function matchUpTo(find: (text: string, at: number) => number): CustomPatternMatcherFunc {
  return (text, at) => {
    const end = find(text, at);
    return [text.slice(at, end < 0 ? endOfLine(text, at) : end)];
  };
}

function startsWith(first: string, find: (text: string, at: number) => number): CustomPatternMatcherFunc {
  const match = matchUpTo(find);
  return (text, at, tokens, groups) => (text.startsWith(first, at) ? match(text, at, tokens, groups) : null);
}

const Space = createToken({ name: 'Space', pattern: /[ \t\r\n\f\v]+/, group: Lexer.SKIPPED });

const LineComment = createToken({
  name: 'LineComment',
  pattern: /(?:#|\/\/)[^\n]*/,
  start_chars_hint: ['#', '/'],
  group: Lexer.SKIPPED,
});

/** Nested; one that does not end takes the rest of the text and is reported by the lexer. */
const BlockComment = createToken({
  name: 'BlockComment',
  pattern: startsWith('/*', (text, at) => endOfBlockComment(text, at) || text.length),
  start_chars_hint: ['/'],
  line_breaks: true,
  group: 'comments',
});

/** `"…"` or `'…'`. */
export const Text = createToken({
  name: 'Text',
  pattern: matchUpTo(endOfString),
  start_chars_hint: ['"', "'"],
  line_breaks: true,
  label: 'a string',
});

/** `$ru`, `$hdr(x)`, `$(ru{uri.user})`. */
export const Pv = createToken({
  name: 'Pv',
  pattern: matchUpTo(endOfPv),
  start_chars_hint: ['$'],
  line_breaks: true,
  label: 'a variable',
});

/** SER's `%name`. */
export const Attribute = createToken({ name: 'Attribute', pattern: /%[A-Za-z_]\w*/, label: 'a variable' });

export const Ip6 = createToken({
  name: 'Ip6',
  pattern:
    /(?:::|[0-9a-fA-F]{1,4}:[0-9a-fA-F]{0,4}:)(?:[0-9a-fA-F]{0,4}:){0,6}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]{1,4})?(?![\w:])/,
  start_chars_hint: '0123456789abcdefABCDEF:'.split(''),
  line_breaks: false,
  label: 'an address',
});

export const Ip4 = createToken({
  name: 'Ip4',
  pattern: /\d+\.\d+\.\d+\.\d+(?![\w.])/,
  line_breaks: false,
  label: 'an address',
});

/** What starts with a digit and is neither number nor address: a host name, or a mistake. */
export const DigitWord = createToken({ name: 'DigitWord', pattern: /0X[0-9a-fA-F]+|\d+[A-Za-z_]\w*/, label: 'a word' });

export const NumberToken = createToken({
  name: 'Number',
  pattern: /0x[0-9a-fA-F]+(?!\w)|\d+(?!\w)/,
  line_breaks: false,
  label: 'a number',
});

/** `(int)` and `(str)`. */
export const Cast = createToken({
  name: 'Cast',
  pattern: /\([ \t]*(?:int|str)[ \t]*\)/,
  line_breaks: false,
  label: 'a cast',
});

/** A name: of a command, a parameter, a route. */
export const Word = createToken({ name: 'Word', pattern: /[A-Za-z_]\w*/, label: 'a name' });

/** Keywords with a colon inside. */
export const ColonKeyword = createToken({
  name: 'ColonKeyword',
  pattern: /msg:len(?!\w)|uri:(?:host|port)(?!\w)/,
  line_breaks: false,
});

/** Every keyword below is a Word too, so that it may stand where any name may. */
function keyword(name: string, ...spellings: string[]): TokenType {
  const words = spellings.length > 0 ? spellings : [name.toLowerCase()];
  // Not by longer_alt: `mod` would then make Words of `modparam` and all that begins like it.
  const pattern = new RegExp(`(?:${words.join('|')})(?!\\w)`);
  return createToken({ name, pattern, line_breaks: false, categories: [Word], label: `"${words.join('" or "')}"` });
}

export const If = keyword('If');
export const Else = keyword('Else');
export const While = keyword('While');
export const Switch = keyword('Switch');
export const Case = keyword('Case');
export const Default = keyword('Default');
export const Break = keyword('Break');
export const Continue = keyword('Continue');
/** Statements with an optional value. */
export const Leave = keyword('Leave', 'return', 'exit', 'drop');
export const Not = keyword('Not');
export const Defined = keyword('Defined');
/** `strlen(…)`, `strempty(…)`. */
export const TextFunction = keyword('TextFunction', 'strlen', 'strempty');
export const WordOperator = keyword('WordOperator', 'and', 'or', 'mod', 'eq', 'ne', 'ieq', 'ine');
export const RouteWord = keyword(
  'RouteWord',
  'request_route',
  'reply_route',
  'onreply_route',
  'failure_route',
  'branch_route',
  'onsend_route',
  'event_route',
  'route',
);
export const LoadModuleWord = keyword('LoadModuleWord', 'loadmodulex', 'loadmodule');
export const LoadPathWord = keyword('LoadPathWord', 'loadpath', 'mpath');
export const ModParamWord = keyword('ModParamWord', 'modparamx', 'modparam');
export const FlagsWord = keyword('FlagsWord', 'flags', 'bool', 'avpflags');
export const CfgEngine = keyword('CfgEngine', 'cfgengine');
export const SocketWord = keyword('SocketWord', 'socket');
export const Listen = keyword('Listen');

function mark(name: string, text: string): TokenType {
  return createToken({ name, pattern: text, label: `"${text}"` });
}

/** Binary operators but `-`, which is unary too, `/` and `*`, which stand elsewhere too. */
export const Operator = createToken({
  name: 'Operator',
  pattern: /==|!=|=~|=\^|!~|<=|>=|<<|>>|&&|\|\||[+<>&|^%]/,
  line_breaks: false,
  label: 'an operator',
});
export const Minus = mark('Minus', '-');
export const Slash = mark('Slash', '/');
export const Star = mark('Star', '*');
export const Bang = mark('Bang', '!');
export const Tilde = mark('Tilde', '~');
export const ColonEqual = mark('ColonEqual', ':=');
export const Equal = mark('Equal', '=');
export const Semicolon = mark('Semicolon', ';');
export const Comma = mark('Comma', ',');
export const Colon = mark('Colon', ':');
export const Dot = mark('Dot', '.');
export const At = mark('At', '@');
export const LBrace = mark('LBrace', '{');
export const RBrace = mark('RBrace', '}');
export const LParen = mark('LParen', '(');
export const RParen = mark('RParen', ')');
export const LBracket = mark('LBracket', '[');
export const RBracket = mark('RBracket', ']');

/** In the order in which they are tried. */
export const ALL_TOKENS: TokenType[] = [
  Space,
  LineComment,
  BlockComment,
  Text,
  Pv,
  Attribute,
  Ip6,
  Ip4,
  NumberToken,
  DigitWord,
  ColonKeyword,
  If,
  Else,
  While,
  Switch,
  Case,
  Default,
  Break,
  Continue,
  Leave,
  Not,
  Defined,
  TextFunction,
  WordOperator,
  RouteWord,
  LoadModuleWord,
  LoadPathWord,
  ModParamWord,
  FlagsWord,
  CfgEngine,
  SocketWord,
  Listen,
  Word,
  Cast,
  Operator,
  ColonEqual,
  Minus,
  Slash,
  Star,
  Bang,
  Tilde,
  Equal,
  Semicolon,
  Comma,
  Colon,
  Dot,
  At,
  LBrace,
  RBrace,
  LParen,
  RParen,
  LBracket,
  RBracket,
];
