import { assertionHolds } from './regex-budget.ts';
import { type Assertion, type ByteSet, hasByte, type RegexNode } from './regex-parse.ts';

/**
 * Where the longest match ends, which POSIX wants and a backtracking engine, taking the first of several alternatives,
 * may miss: all paths are followed at once, one char after the other.
 */

/** States of one expression, intervals written out; larger ones are left as the engine matches them. */
const MAX_STATES = 3000;
/** State and char pairs one search looks at. */
const MAX_STEPS = 1_000_000;

/** A state: eats a char of a set, or asks something of the place, or forks; the last one accepts. */
interface State {
  readonly set: ByteSet | null;
  readonly what: Assertion | null;
  /** Where it goes on; -1 for nowhere. */
  next: number;
  other: number;
}

export class LongestEnd {
  readonly #states: State[] = [];
  readonly #start: number;
  readonly #newline: boolean;
  /** In which round a state was seen last. */
  readonly #seen: Uint32Array;
  #round = 0;

  private constructor(root: RegexNode, newline: boolean) {
    this.#newline = newline;
    const accept = this.#add({ set: null, what: null, next: -1, other: -1 });
    this.#start = this.#build(root, accept);
    this.#seen = new Uint32Array(this.#states.length);
  }

  /** Null for an expression whose first match is the longest anyway, or which is too large. */
  static of(root: RegexNode, newline: boolean): LongestEnd | null {
    if (!isAmbiguous(root)) return null;
    try {
      return new LongestEnd(root, newline);
    } catch (error) {
      if (error === TOO_LARGE) return null;
      throw error;
    }
  }

  /** The end of the longest match that begins at `start`; -1 for none, or where it takes too long to say. */
  find(text: string, start: number): number {
    let current: number[] = [];
    let end = -1;
    let steps = 0;
    this.#begin();
    this.#enter(this.#start, text, start, current);
    for (let at = start; current.length > 0; at++) {
      if (current.includes(0)) end = at;
      steps += current.length;
      if (at >= text.length || steps > MAX_STEPS) break;
      const byte = text.charCodeAt(at);
      const following: number[] = [];
      this.#begin();
      for (const index of current) {
        const state = this.#states[index];
        if (state?.set != null && hasByte(state.set, byte)) this.#enter(state.next, text, at + 1, following);
      }
      current = following;
    }
    return steps > MAX_STEPS ? -1 : end;
  }

  #begin(): void {
    this.#round = this.#round === 0xffffffff ? 1 : this.#round + 1;
    if (this.#round === 1) this.#seen.fill(0);
  }

  /** Adds a state, and those that are reached from it without a char. */
  #enter(first: number, text: string, at: number, into: number[]): void {
    const waiting = [first];
    for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
      const state = this.#states[index];
      if (state === undefined || this.#seen[index] === this.#round) continue;
      this.#seen[index] = this.#round;
      if (state.set !== null || index === 0) into.push(index);
      else if (state.what === null || assertionHolds(state.what, text, at, this.#newline))
        waiting.push(state.next, state.other);
    }
  }

  #add(state: State): number {
    if (this.#states.length >= MAX_STATES) throw TOO_LARGE;
    return this.#states.push(state) - 1;
  }

  /** States that match a node and go on to `next`; the first of them. */
  #build(node: RegexNode, next: number): number {
    switch (node.type) {
      case 'set':
        return this.#add({ set: node.set, what: null, next, other: -1 });
      case 'assert':
        return this.#add({ set: null, what: node.what, next, other: -1 });
      case 'group':
        return this.#build(node.body, next);
      case 'sequence':
        return node.items.reduceRight((after, item) => this.#build(item, after), next);
      case 'choice':
        return node.items
          .map((item) => this.#build(item, next))
          .reduce((a, b) => this.#add({ set: null, what: null, next: a, other: b }));
      case 'repeat':
        return this.#repeat(node.body, node.min, node.max, next);
      case 'backref':
        throw TOO_LARGE;
    }
  }

  #repeat(body: RegexNode, min: number, max: number, next: number): number {
    let first = next;
    if (max === Number.POSITIVE_INFINITY) {
      first = this.#add({ set: null, what: null, next, other: -1 });
      const loop = this.#states[first];
      const inside = this.#build(body, first);
      if (loop !== undefined) loop.other = inside;
    } else {
      for (let i = min; i < max; i++) {
        const inside = this.#build(body, first);
        first = this.#add({ set: null, what: null, next: inside, other: next });
      }
    }
    for (let i = 0; i < min; i++) first = this.#build(body, first);
    return first;
  }
}

const TOO_LARGE = new Error('too many states');

/** True where a first match may be shorter than another: alternatives that can begin alike, repeats of groups. */
function isAmbiguous(node: RegexNode): boolean {
  switch (node.type) {
    case 'group':
      return isAmbiguous(node.body);
    case 'sequence':
      return node.items.some(isAmbiguous);
    case 'choice':
      return !areDisjoint(node.items) || node.items.some(isAmbiguous);
    case 'repeat':
      return node.body.type !== 'set' && (node.min !== node.max || isAmbiguous(node.body));
    case 'set':
    case 'assert':
    case 'backref':
      return false;
  }
}

/** True when no two of them can match at the same place, so that there is no choice. */
function areDisjoint(items: readonly RegexNode[]): boolean {
  const all = new Uint32Array(8);
  for (const item of items) {
    const first = new Uint32Array(8);
    if (addFirst(item, first)) return false;
    if (first.some((word, i) => (word & (all[i] ?? 0)) !== 0)) return false;
    for (const [i, word] of first.entries()) all[i] = (all[i] ?? 0) | word;
  }
  return true;
}

/** Adds the chars a node can begin with; true when it can match nothing. */
function addFirst(node: RegexNode, into: ByteSet): boolean {
  switch (node.type) {
    case 'set':
      for (const [i, word] of node.set.entries()) into[i] = (into[i] ?? 0) | word;
      return false;
    case 'group':
      return addFirst(node.body, into);
    case 'sequence':
      return node.items.every((item) => addFirst(item, into));
    case 'choice':
      return node.items.map((item) => addFirst(item, into)).includes(true);
    case 'repeat':
      return addFirst(node.body, into) || node.min === 0;
    case 'assert':
    case 'backref':
      return true;
  }
}
