/** Bencode, the notation of rtpengine's NG protocol: strings, integers, lists and dictionaries. */

/** A value; strings are latin1, one char a byte. */
export type BValue = string | number | readonly BValue[] | BDict;

/** Deeper values are refused: replies of rtpengine have eight levels. */
const MAX_DEPTH = 64;

/** A dictionary. Keys are kept in the order they came in, and one may come twice: the first is what `get` finds. */
export class BDict {
  readonly entries: (readonly [key: string, value: BValue])[] = [];
  readonly #first = new Map<string, BValue>();

  add(key: string, value: BValue): this {
    this.entries.push([key, value]);
    if (!this.#first.has(key)) this.#first.set(key, value);
    return this;
  }

  get(key: string): BValue | undefined {
    return this.#first.get(key);
  }

  /** '' where it is absent or no string. */
  str(key: string): string {
    const value = this.get(key);
    return typeof value === 'string' ? value : '';
  }

  /** Null where it is absent or neither an integer nor a string of digits. */
  int(key: string): number | null {
    const value = this.get(key);
    if (typeof value === 'number') return value;
    return typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : null;
  }

  dict(key: string): BDict | null {
    const value = this.get(key);
    return value instanceof BDict ? value : null;
  }

  list(key: string): readonly BValue[] {
    const value = this.get(key);
    return Array.isArray(value) ? (value as readonly BValue[]) : [];
  }
}

/** Writes a value. Integers are whole numbers below 2^53. */
export function bencode(value: BValue): string {
  if (typeof value === 'string') return `${value.length}:${value}`;
  if (typeof value === 'number') return `i${Math.trunc(value)}e`;
  if (!(value instanceof BDict)) return `l${value.map(bencode).join('')}e`;
  let text = 'd';
  for (const [key, item] of value.entries) text += `${key.length}:${key}${bencode(item)}`;
  return `${text}e`;
}

/** A list or dictionary whose end has not come yet; `key` waits for its value. */
interface Open {
  readonly items: BValue[] | BDict;
  key: string | null;
}

/**
 * Reads one value that is all of the text. Null where it is malformed, too deep, or something follows it. Takes no
 * more than one pass, and no stack of calls.
 */
export function bdecode(text: string): BValue | null {
  const open: Open[] = [];
  let at = 0;
  while (at < text.length) {
    let value: BValue | null = null;
    const c = text.charCodeAt(at);
    if (c === 0x6c || c === 0x64) {
      if (open.length === MAX_DEPTH) return null;
      open.push({ items: c === 0x6c ? [] : new BDict(), key: null });
      at++;
      continue;
    }
    if (c === 0x65) {
      const ended = open.pop();
      if (ended === undefined || ended.key !== null) return null;
      value = ended.items;
      at++;
    } else {
      const read = c === 0x69 ? readInteger(text, at) : readString(text, at);
      if (read === null) return null;
      [value, at] = read;
    }
    const parent = open.at(-1);
    if (parent === undefined) return at === text.length ? value : null;
    if (!put(parent, value)) return null;
  }
  return null;
}

/** False where a key is no string. */
function put(parent: Open, value: BValue): boolean {
  const { items } = parent;
  if (!(items instanceof BDict)) items.push(value);
  else if (parent.key === null) {
    if (typeof value !== 'string') return false;
    parent.key = value;
  } else {
    items.add(parent.key, value);
    parent.key = null;
  }
  return true;
}

type Read = readonly [value: BValue, end: number];

function readInteger(text: string, at: number): Read | null {
  const end = text.indexOf('e', at + 1);
  if (end < 0 || end - at > 21) return null;
  const digits = text.slice(at + 1, end);
  return /^-?\d+$/.test(digits) ? [Number(digits), end + 1] : null;
}

function readString(text: string, at: number): Read | null {
  let length = 0;
  let i = at;
  for (; i < text.length && i - at < 9; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) break;
    length = length * 10 + digit;
  }
  if (i === at || text.charCodeAt(i) !== 0x3a || i + 1 + length > text.length) return null;
  return [text.slice(i + 1, i + 1 + length), i + 1 + length];
}
