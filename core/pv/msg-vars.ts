import type { PvValue } from '../values.ts';

/**
 * The variables that live with a message and its transaction: AVPs (three tracks are one here: Kamailio's
 * from/to × user/domain/uri lists differ only for `avpops`), XAVPs, XAVUs and XAVIs.
 */
export class MsgVars {
  /** AVPs by name, newest first: `$avp(x)` reads [0]. */
  readonly avps = new Map<string, PvValue[]>();
  readonly xavps = new XavpList();
  /** XAVPs with names that compare without case. */
  readonly xavis = new XavpList();
  /** XAVUs: unique by name, like XAVPs of one value. */
  readonly xavus = new Map<string, XavuValue>();
}

export type XavpValue = PvValue | XavpList;
export type XavuValue = PvValue | Map<string, XavuValue>;

/** A list of extended AVPs: several of one name, newest first, each a value or a list. */
export class XavpList {
  items: { readonly name: string; value: XavpValue }[] = [];

  /** The `index`-th of the name, newest first. */
  get(name: string, index = 0): { readonly name: string; value: XavpValue } | undefined {
    let left = index;
    for (const item of this.items) if (item.name === name && left-- === 0) return item;
    return undefined;
  }

  all(name: string): { readonly name: string; value: XavpValue }[] {
    return this.items.filter((item) => item.name === name);
  }

  /** Adds in front. */
  push(name: string, value: XavpValue): void {
    this.items.unshift({ name, value });
  }

  count(name: string): number {
    return this.all(name).length;
  }

  removeAll(name: string): void {
    this.items = this.items.filter((item) => item.name !== name);
  }
}
