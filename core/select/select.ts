import type { Run } from '../script/run.ts';

/** One part of a select: `via[1]`, `host`, `params["x"]`. */
export interface SelectPart {
  readonly name: string;
  readonly index: string | number | null;
}

/** What a select gives: text, '' where the message does not have it. */
export type SelectGetter = (run: Run) => string;

/**
 * A select by the name of its first part. Binds the whole of it once, at compile time: a getter, or an error text for
 * parts that do not exist.
 */
export interface SelectDef<S = unknown> {
  readonly doc: string;
  bind(parts: readonly SelectPart[], state: S): SelectGetter | string;
}

/** Reads of one kind of thing (a URI, an address): the text of a part of it. */
export type Reader<T> = (value: T) => string;

/** The error text for parts that a select does not have. */
export function noSuchPart(parts: readonly SelectPart[], known: Iterable<string>): string {
  const name = parts[0]?.name ?? '';
  return `a select has no part '${name}' here: it is one of ${[...known].join(', ')}`;
}

/** Name of a parameter in `params["x"]` or `params.x`, in lower case; null where none is written. */
export function paramName(parts: readonly SelectPart[]): string | null {
  const [params, name] = parts;
  if (params !== undefined && params.index !== null)
    return parts.length === 1 ? String(params.index).toLowerCase() : null;
  return parts.length === 2 && name !== undefined && name.index === null ? name.name.toLowerCase() : null;
}

/** A part name without an index, at the end of a select. */
export function isLeaf(parts: readonly SelectPart[]): boolean {
  return parts.length === 1 && parts[0]?.index === null;
}

/** Parses what stands behind an `@`: `via[1].host`, `msg.header["X-A"].params["p"]`. A string says what is wrong. */
export function parseSelect(text: string): SelectPart[] | string {
  const parts: SelectPart[] = [];
  const part = /([A-Za-z_][\w-]*)(?:\[(?:(-?\d{1,9})|"([^"]*)"|([\w-]+))\])?(\.|$)/y;
  let at = 0;
  const trimmed = text.trim();
  while (at < trimmed.length) {
    part.lastIndex = at;
    const match = part.exec(trimmed);
    if (match === null) return `'${text}' is no select: name[index].name …`;
    const [whole, name = '', number, quoted, word] = match;
    parts.push({ name, index: number === undefined ? (quoted ?? word ?? null) : Number(number) });
    at += whole.length;
    if (match[5] === '.' && at === trimmed.length) return `'${text}' ends with a dot`;
  }
  return parts.length === 0 ? 'a select has no name' : parts;
}
