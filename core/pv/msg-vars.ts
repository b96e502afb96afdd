import type { SipMsg } from '../parser/sip-msg.ts';
import type { PvValue } from '../values.ts';

/** Name of an AVP: a string (`$avp(x)`, `$avp(s:x)`), or a number (`$avp(i:10)`): the two never meet. */
export type AvpName = string | number;

/**
 * The variables that live with a message and its transaction: AVPs (Kamailio's from/to × user/domain/uri tracks are one
 * here), XAVPs, XAVUs and XAVIs. Values are flat copies: they outlive the message.
 */
export class MsgVars {
  /** AVPs by name, newest first: `$avp(x)` reads [0]. No entry is empty. */
  readonly avps = new Map<AvpName, PvValue[]>();
  readonly xavps = new XavpList();
  /** XAVPs with names that compare without case: they are kept in lower case. */
  readonly xavis = new XavpList();
  /** XAVUs: unique by name. */
  readonly xavus = new Map<string, XavuValue>();

  /** The newest AVP of the name, null when there is none. */
  avp(name: AvpName): PvValue {
    return this.avps.get(name)?.[0] ?? null;
  }

  /** Adds an AVP in front of those of its name. */
  addAvp(name: AvpName, value: PvValue): void {
    const list = this.avps.get(name);
    if (list === undefined) this.avps.set(name, [value]);
    else list.unshift(value);
  }

  /** Replaces all AVPs of the name by one. */
  setAvp(name: AvpName, value: PvValue): void {
    this.avps.set(name, [value]);
  }

  /** Removes the newest AVP of the name; false when there is none. */
  removeAvp(name: AvpName): boolean {
    const list = this.avps.get(name);
    if (list === undefined) return false;
    if (list.length === 1) this.avps.delete(name);
    else list.shift();
    return true;
  }

  removeAvps(name: AvpName): boolean {
    return this.avps.delete(name);
  }
}

/** The variables of a message, made on first use. */
export function varsOf(msg: SipMsg): MsgVars {
  msg.vars ??= new MsgVars();
  return msg.vars;
}

export type XavpValue = PvValue | XavpList;
export type XavuValue = PvValue | Map<string, XavuValue>;

/** One extended AVP: a value, or a list of named ones. */
export interface Xavp {
  readonly name: string;
  value: XavpValue;
}

/** Fields that many lists have in common, in the order of `XavpList.items`. */
export type XavpFields = readonly { readonly name: string; readonly value: PvValue }[];

const NO_FIELDS: XavpFields = [];

/**
 * A list of extended AVPs: several of one name, newest first, each a value or a list. One that begins with fields it has
 * in common with others copies them when it is first looked into.
 */
export class XavpList {
  readonly #fields: XavpFields;
  #items: Xavp[] | null;
  /** What a module made the list for; nobody else looks at it. */
  readonly source: object | null;

  constructor(fields: XavpFields = NO_FIELDS, source: object | null = null) {
    this.#fields = fields;
    this.#items = null;
    this.source = source;
  }

  /** The fields it began with, as long as nothing has looked into the list; null from then on. */
  get untouched(): XavpFields | null {
    return this.#items === null ? this.#fields : null;
  }

  get items(): Xavp[] {
    this.#items ??= this.#fields.map(({ name, value }) => ({ name, value }));
    return this.#items;
  }

  set items(items: Xavp[]) {
    this.#items = items;
  }

  /** The `index`-th of the name, newest first; a negative index counts from the oldest (-1). */
  get(name: string, index = 0): Xavp | undefined {
    const items = this.items;
    if (index >= 0) {
      let left = index;
      for (let i = 0; i < items.length; i++) {
        const item = items[i] as Xavp;
        if (item.name === name && left-- === 0) return item;
      }
      return undefined;
    }
    let left = -index - 1;
    for (let i = items.length - 1; i >= 0; i--) {
      const item = items[i] as Xavp;
      if (item.name === name && left-- === 0) return item;
    }
    return undefined;
  }

  /** The list that the `index`-th of the name holds: `$xavp(name[index]=>…)`. */
  list(name: string, index = 0): XavpList | undefined {
    const value = this.get(name, index)?.value;
    return value instanceof XavpList ? value : undefined;
  }

  /** The newest value of the name; undefined when there is none or it is a list. */
  value(name: string): PvValue | undefined {
    const value = this.get(name)?.value;
    return value instanceof XavpList ? undefined : value;
  }

  all(name: string): Xavp[] {
    return this.items.filter((item) => item.name === name);
  }

  /** Adds in front. */
  push(name: string, value: XavpValue): void {
    this.items.unshift({ name, value });
  }

  /** Adds several in front, in this order. The array is the list's from then on. */
  prepend(added: Xavp[]): void {
    const { items } = this;
    this.#items = items.length === 0 ? added : added.concat(items);
  }

  /** Adds behind all others, as the oldest. */
  append(name: string, value: XavpValue): void {
    this.items.push({ name, value });
  }

  /** Adds right behind `item` (which must be in the list). */
  insertAfter(item: Xavp, name: string, value: XavpValue): void {
    this.items.splice(this.items.indexOf(item) + 1, 0, { name, value });
  }

  remove(item: Xavp): void {
    const at = this.items.indexOf(item);
    if (at >= 0) this.items.splice(at, 1);
  }

  count(name: string): number {
    let n = 0;
    for (const item of this.items) if (item.name === name) n++;
    return n;
  }

  removeAll(name: string): void {
    this.items = this.items.filter((item) => item.name !== name);
  }

  /** A copy, lists within included. */
  clone(): XavpList {
    const copy = new XavpList();
    copy.items = this.items.map(({ name, value }) => ({
      name,
      value: value instanceof XavpList ? value.clone() : value,
    }));
    return copy;
  }
}
