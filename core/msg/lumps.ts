import type { SocketInfo } from '../transport/socket-info.ts';

/** What is known when a message is written for one destination: deferred insertions are made from it. */
export interface SendContext {
  /** The socket the message leaves from. */
  readonly outgoing: SocketInfo;
  /** The socket the request came in on. */
  readonly incoming: SocketInfo;
  /** Edits of the one branch that is written, beside the message's own; null for none. */
  readonly branchLumps: LumpList | null;
}

/** Text to insert, or a function that makes it once the outgoing socket is known ('' inserts nothing). */
export type Insertion = string | ((ctx: SendContext) => string);

/**
 * An edit of a message (Kamailio's lump): at `offset`, `deleted` chars of the original go and the insertions come.
 * `before` is written in front of the place, `after` behind it. An anchor deletes nothing.
 */
export class Lump {
  readonly offset: number;
  readonly deleted: number;
  /** HDR kind the edit is about, OTHER when unknown: lets `remove_hf` and Record-Route see their own edits. */
  readonly kind: number;
  before: Insertion[] | null = null;
  after: Insertion[] | null = null;
  /** Set by `undo`: writes the original bytes again and drops the insertions. */
  isCancelled = false;

  constructor(offset: number, deleted: number, kind: number) {
    this.offset = offset;
    this.deleted = deleted;
    this.kind = kind;
  }

  insertAfter(text: Insertion): this {
    if (this.after === null) this.after = [text];
    else this.after.push(text);
    return this;
  }

  /** Nearest to the place comes last: successive calls put their text in front of what was there before. */
  insertBefore(text: Insertion): this {
    if (this.before === null) this.before = [text];
    else this.before.unshift(text);
    return this;
  }
}

/** Lumps of one message or branch, by offset; those of one offset stay in order of arrival. */
export class LumpList {
  #items: Lump[];

  constructor(items: Lump[] = []) {
    this.#items = items;
  }

  get items(): Lump[] {
    return this.#items;
  }

  get isEmpty(): boolean {
    return this.items.length === 0;
  }

  /** Deletes `length` chars at `offset`. */
  del(offset: number, length: number, kind = 0): Lump {
    return this.#add(new Lump(offset, length, kind));
  }

  /** A place to insert at. */
  anchor(offset: number, kind = 0): Lump {
    return this.#add(new Lump(offset, 0, kind));
  }

  clear(): void {
    this.items.length = 0;
  }

  #add(lump: Lump): Lump {
    const items = this.#items;
    let at = items.length;
    // Most messages have one: an array that grows by itself has room for 17.
    if (at === 0) {
      this.#items = [lump];
      return lump;
    }
    while (at > 0 && (items[at - 1] as Lump).offset > lump.offset) at--;
    if (at === items.length) items.push(lump);
    else items.splice(at, 0, lump);
    return lump;
  }
}

/** Both lists as one, by offset; of one offset the message's own come first. */
export function mergeLumps(own: LumpList | null, branch: LumpList | null): readonly Lump[] {
  if (branch === null || branch.isEmpty) return own === null ? NONE : own.items;
  if (own === null || own.isEmpty) return branch.items;
  const a = own.items;
  const b = branch.items;
  const merged: Lump[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const left = a[i] as Lump;
    const right = b[j] as Lump;
    if (left.offset <= right.offset) {
      merged.push(left);
      i++;
    } else {
      merged.push(right);
      j++;
    }
  }
  while (i < a.length) merged.push(a[i++] as Lump);
  while (j < b.length) merged.push(b[j++] as Lump);
  return merged;
}

const NONE: readonly Lump[] = [];

/**
 * Writes `buf[start … end)` with the edits applied. Overlapping deletions delete their union once.
 * Returns the text; linear in buf and edits.
 */
export function applyLumps(buf: string, start: number, end: number, lumps: readonly Lump[], ctx: SendContext): string {
  let out = '';
  let at = start;
  for (let i = 0; i < lumps.length; i++) {
    const lump = lumps[i] as Lump;
    if (lump.offset < start || lump.isCancelled) continue;
    if (lump.offset > end) break;
    if (lump.offset > at) {
      out += buf.slice(at, lump.offset);
      at = lump.offset;
    }
    if (lump.before !== null) out += insertions(lump.before, ctx);
    const resume = lump.offset + lump.deleted;
    if (resume > at) at = resume;
    if (lump.after !== null) out += insertions(lump.after, ctx);
  }
  return at < end ? out + buf.slice(at, end) : out;
}

function insertions(list: readonly Insertion[], ctx: SendContext): string {
  let out = '';
  for (let i = 0; i < list.length; i++) {
    const item = list[i] as Insertion;
    out += typeof item === 'string' ? item : item(ctx);
  }
  return out;
}
