import type { PosixMatch, PosixRegex } from './posix-regex.ts';
import {
  type Assertion,
  hasByte,
  type ParsedRegex,
  type RegexNode,
  type RegexSyntax,
  WORD_SET,
} from './regex-parse.ts';

/** Steps one search may take; what needs more does not match. About a tenth of a second. */
const MAX_STEPS = 2_000_000;
/** Calls within each other: the matcher recurses with the length of what it matches, to about 250 chars. */
const MAX_DEPTH = 800;

/** What remains to be matched behind a node: true when it matches from there. */
type Rest = (at: number) => boolean;

/**
 * A backtracking matcher with a bounded number of steps, for the few expressions that V8's linear engine refuses. A
 * search that runs out of steps does not match.
 */
export class BudgetMatcher implements PosixRegex {
  readonly source: string;
  readonly #parsed: ParsedRegex;
  readonly #syntax: RegexSyntax;
  #text = '';
  #steps = 0;
  #depth = 0;
  #end = 0;
  #groups: ({ start: number; end: number } | undefined)[] = [];

  constructor(source: string, parsed: ParsedRegex, syntax: RegexSyntax) {
    this.source = source;
    this.#parsed = parsed;
    this.#syntax = syntax;
  }

  test(text: string): boolean {
    return this.exec(text) !== null;
  }

  exec(text: string, from = 0): PosixMatch | null {
    this.#text = text;
    this.#steps = 0;
    this.#depth = 0;
    for (let start = from; start <= text.length; start++) {
      this.#groups = [];
      const found = this.#match(this.#parsed.root, start, (at) => {
        this.#end = at;
        return true;
      });
      if (this.#steps > MAX_STEPS) return null;
      if (found) return this.#result(start);
    }
    return null;
  }

  #result(start: number): PosixMatch {
    const groups: (string | undefined)[] = [this.#text.slice(start, this.#end)];
    for (let i = 1; i <= this.#parsed.groupCount; i++) {
      const group = this.#groups[i];
      groups.push(group === undefined ? undefined : this.#text.slice(group.start, group.end));
    }
    return { start, end: this.#end, groups };
  }

  #match(node: RegexNode, at: number, rest: Rest): boolean {
    if (++this.#steps > MAX_STEPS) return false;
    if (this.#depth >= MAX_DEPTH) {
      this.#steps = MAX_STEPS + 1;
      return false;
    }
    this.#depth++;
    const found = this.#matchNode(node, at, rest);
    this.#depth--;
    return found;
  }

  #matchNode(node: RegexNode, at: number, rest: Rest): boolean {
    switch (node.type) {
      case 'set':
        return at < this.#text.length && hasByte(node.set, this.#text.charCodeAt(at)) && rest(at + 1);
      case 'assert':
        return assertionHolds(node.what, this.#text, at, this.#syntax.newline) && rest(at);
      case 'sequence':
        return this.#sequence(node.items, 0, at, rest);
      case 'choice':
        return node.items.some((item) => this.#match(item, at, rest));
      case 'group':
        return this.#group(node.index, node.body, at, rest);
      case 'repeat':
        return this.#repeat(node.body, node.min, node.max, 0, at, rest);
      case 'backref':
        return this.#backref(node.index, at, rest);
    }
  }

  #sequence(items: readonly RegexNode[], i: number, at: number, rest: Rest): boolean {
    const item = items[i];
    return item === undefined ? rest(at) : this.#match(item, at, (next) => this.#sequence(items, i + 1, next, rest));
  }

  #group(index: number, body: RegexNode, at: number, rest: Rest): boolean {
    const before = this.#groups[index];
    const found = this.#match(body, at, (end) => {
      const inner = this.#groups[index];
      this.#groups[index] = { start: at, end };
      if (rest(end)) return true;
      this.#groups[index] = inner;
      return false;
    });
    if (!found) this.#groups[index] = before;
    return found;
  }

  #repeat(body: RegexNode, min: number, max: number, count: number, at: number, rest: Rest): boolean {
    if (count < max) {
      const again = this.#match(body, at, (next) =>
        next === at && count >= min ? false : this.#repeat(body, min, max, count + 1, next, rest),
      );
      if (again) return true;
    }
    return count >= min && rest(at);
  }

  #backref(index: number, at: number, rest: Rest): boolean {
    const group = this.#groups[index];
    if (group === undefined) return false;
    const wanted = this.#text.slice(group.start, group.end);
    const found = this.#text.slice(at, at + wanted.length);
    const same = this.#syntax.ignoreCase ? found.toLowerCase() === wanted.toLowerCase() : found === wanted;
    return same && rest(at + wanted.length);
  }
}

/** Whether an assertion holds in front of the char at `at`. */
export function assertionHolds(what: Assertion, text: string, at: number, newline: boolean): boolean {
  const isWordBefore = at > 0 && hasByte(WORD_SET, text.charCodeAt(at - 1));
  const isWordAfter = at < text.length && hasByte(WORD_SET, text.charCodeAt(at));
  switch (what) {
    case 'start':
      return at === 0 || (newline && text.charCodeAt(at - 1) === 10);
    case 'end':
      return at === text.length || (newline && text.charCodeAt(at) === 10);
    case 'bufferStart':
      return at === 0;
    case 'bufferEnd':
      return at === text.length;
    case 'boundary':
      return isWordBefore !== isWordAfter;
    case 'inside':
      return isWordBefore === isWordAfter;
    case 'wordStart':
      return !isWordBefore && isWordAfter;
    case 'wordEnd':
      return isWordBefore && !isWordAfter;
  }
}
