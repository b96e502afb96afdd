/**
 * RPC methods: one table a server, reached through ctl (binrpc), jsonrpcs, xmlrpc and the command line. Reply shapes
 * are Kamailio's, so a reply is a value that each transport can write in its own way.
 */

import { mergeLists } from './merge.ts';

/** A double, which binrpc and JSON write differently from an integer (`1.000000`). */
export class RpcDouble {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A struct that may hold one name several times, in order (Kamailio's `rpc->struct_add`). */
export class RpcStruct {
  readonly entries: [name: string, value: RpcValue][] = [];
  add(name: string, value: RpcValue): this {
    this.entries.push([name, value]);
    return this;
  }
}

/**
 * A struct that is an element of an array by itself (`rpc->array_add`): binrpc keeps it together, where it writes the
 * members of other structs in an array side by side.
 */
export class RpcElement extends RpcStruct {
  static of(members: { readonly [name: string]: RpcValue }): RpcElement {
    const element = new RpcElement();
    for (const [name, value] of Object.entries(members)) element.add(name, value);
    return element;
  }
}

/** Several values at the top of a reply (each `rpc->add` of its own). An ordinary array is an array inside one value. */
export class RpcMany {
  readonly values: readonly RpcValue[];
  constructor(values: readonly RpcValue[]) {
    this.values = values;
  }
}

/** Strings are latin1 text. A plain object is a struct with its keys in insertion order. */
export type RpcValue =
  | string
  | number
  | bigint
  | null
  | RpcDouble
  | RpcStruct
  | readonly RpcValue[]
  | { readonly [name: string]: RpcValue };
export type RpcReply = RpcValue | RpcMany | undefined;
export type RpcParam = string | number | RpcDouble | RpcStruct | readonly RpcParam[];

/** A fault: code and text as Kamailio gives them (`rpc->fault(c, 500, "…")`). */
export class RpcFault extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Arguments that a method can not do without: `read` takes them, and where one is missing or of another type the fault
 * is this one, Kamailio's for that method.
 */
export function requireArgs<T>(code: number, fault: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof RpcFault ? new RpcFault(code, fault) : error;
  }
}

export interface RpcMethod<S = unknown> {
  readonly doc: string;
  /** Names for help, optional ones in brackets. */
  readonly params?: readonly string[];
  /**
   * Where it runs when there are several workers: `any` (default; state is replicated or belongs to the supervisor),
   * or `all`, with the replies merged by `merge`, or else by `mergeLists`. It then fails where it fails on all.
   */
  readonly scope?: 'any' | 'all';
  /** Loads data anew: the core parameter `rpc_exec_delta` says how often it may run. */
  readonly isReload?: boolean;
  readonly merge?: (replies: readonly RpcReply[]) => RpcReply;
  run(params: RpcArgs, state: S): RpcReply | Promise<RpcReply>;
}

/** Parameters with Kamailio's conversions: a number may be given as text and the other way round. */
export class RpcArgs {
  readonly all: readonly RpcParam[];
  constructor(all: readonly RpcParam[]) {
    this.all = all;
  }

  get length(): number {
    return this.all.length;
  }

  /** The parameter as text; a fault 400 when it is missing and no default is given. */
  str(index: number, fallback?: string): string {
    const value = this.all[index];
    if (typeof value === 'string') return value;
    if (typeof value === 'number') return String(value);
    if (value instanceof RpcDouble) return String(value.value);
    if (value === undefined && fallback !== undefined) return fallback;
    throw this.#mismatch(index, 'string');
  }

  int(index: number, fallback?: number): number {
    const value = this.all[index];
    if (typeof value === 'number') return Math.trunc(value);
    if (value instanceof RpcDouble) return Math.trunc(value.value);
    if (typeof value === 'string' && /^[-+]?\d+$/.test(value)) return Number(value);
    if (value === undefined && fallback !== undefined) return fallback;
    throw this.#mismatch(index, 'integer');
  }

  has(index: number): boolean {
    return index < this.all.length;
  }

  /** The fault with the words Kamailio's ctl module uses. */
  #mismatch(index: number, type: string): RpcFault {
    const why = index < this.all.length ? "record doesn't match type" : 'end of packet encountered';
    return new RpcFault(400, `error at parameter ${index}: expected ${type} type but ${why}`);
  }
}

export class RpcRegistry {
  readonly #methods = new Map<string, { method: RpcMethod<never>; state: unknown; lastRunMs: number }>();
  #now: (() => number) | null = null;
  #reloadDeltaSec: () => number = () => 0;

  /** Runs a method on all other workers; null where there are none. Replies of those that failed are left out. */
  elsewhere: ((name: string, params: readonly RpcParam[]) => Promise<RpcReply[]>) | null = null;
  /** Done before a method runs: brings replicas up to date. */
  before: (() => Promise<void>) | null = null;

  /** Told of what a method throws beside faults: a bug of that method. */
  onError: (name: string, error: unknown) => void = () => {};

  register<S>(name: string, method: RpcMethod<S>, state: S): void {
    this.#methods.set(name, { method, state, lastRunMs: -Infinity });
  }

  unregister(name: string): void {
    this.#methods.delete(name);
  }

  names(): string[] {
    return [...this.#methods.keys()];
  }

  find(name: string): RpcMethod<never> | undefined {
    return this.#methods.get(name)?.method;
  }

  /** Keeps `deltaSec` seconds (0: none) between two runs of one method that is a reload. */
  limitReloads(now: () => number, deltaSec: () => number): void {
    this.#now = now;
    this.#reloadDeltaSec = deltaSec;
  }

  /**
   * Runs a method, on all workers where that is its scope. Rejects with RpcFault; anything else thrown becomes a fault 500
   * without its stack.
   */
  async call(name: string, params: readonly RpcParam[]): Promise<RpcReply> {
    const found = this.#methods.get(name);
    if (found === undefined) throw new RpcFault(500, `command ${name} not found`);
    if (found.method.isReload === true && this.#now !== null) {
      const nowMs = this.#now();
      if (nowMs - found.lastRunMs < this.#reloadDeltaSec() * 1000) throw new RpcFault(500, 'executed too often');
      found.lastRunMs = nowMs;
    }
    if (this.before !== null) await this.before();
    if (found.method.scope !== 'all' || this.elsewhere === null) return await this.callHere(name, params);
    return await this.#callEverywhere(found.method, name, params, this.elsewhere);
  }

  /** Here and on all other workers. It is a fault where all say so: what one does not know may be another's. */
  async #callEverywhere(
    { merge = mergeLists }: RpcMethod<never>,
    name: string,
    params: readonly RpcParam[],
    elsewhere: NonNullable<RpcRegistry['elsewhere']>,
  ): Promise<RpcReply> {
    const replies: RpcReply[] = [];
    let fault: unknown = null;
    try {
      replies.push(await this.callHere(name, params));
    } catch (error) {
      fault = error;
    }
    replies.push(...(await elsewhere(name, params)));
    if (replies.length === 0) throw fault;
    return merge(replies);
  }

  /** Runs a method on this worker only. */
  async callHere(name: string, params: readonly RpcParam[]): Promise<RpcReply> {
    const found = this.#methods.get(name);
    if (found === undefined) throw new RpcFault(500, `command ${name} not found`);
    try {
      return await found.method.run(new RpcArgs(params), found.state as never);
    } catch (error) {
      if (error instanceof RpcFault) throw error;
      this.onError(name, error);
      throw new RpcFault(500, 'internal error');
    }
  }
}
