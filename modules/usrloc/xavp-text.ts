import { XavpList } from 'strowger';

type Item = readonly [name: string, value: string | number | null | readonly Item[]];

/** Attributes as one text, for the memory; '' for none. */
export function xavpToText(list: XavpList | null): string {
  return list === null || list.items.length === 0 ? '' : JSON.stringify(itemsOf(list, 0));
}

/** The inverse. */
export function xavpFromText(text: string): XavpList | null {
  return text === '' ? null : listOf(JSON.parse(text) as readonly Item[]);
}

/** Lists in lists are kept down to this depth. */
const MAX_DEPTH = 8;

function itemsOf(list: XavpList, depth: number): Item[] {
  return list.items.flatMap(({ name, value }): Item[] => {
    if (!(value instanceof XavpList)) return [[name, value]];
    return depth < MAX_DEPTH ? [[name, itemsOf(value, depth + 1)]] : [];
  });
}

function listOf(items: readonly Item[]): XavpList {
  const list = new XavpList();
  for (const [name, value] of items)
    list.append(name, typeof value === 'object' && value !== null ? listOf(value) : value);
  return list;
}
