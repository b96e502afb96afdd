import type { SharedHeap } from 'strowger';

/** What a request from an address has met. */
export const VERDICT = { OK: 0, BLOCKED: 1, NEWLY_BLOCKED: 2 } as const;
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];

/** An address whose every byte has a node. */
export interface Leaf {
  readonly bytes: readonly number[];
  readonly previous: number;
  readonly current: number;
  /** Second at which it is forgotten unless it is heard of. */
  readonly expiresSec: number;
  readonly isHot: boolean;
}

/** Words of a node. `BYTE` holds FLAGs too. */
const NEXT = 0;
const KIDS = 1;
const PARENT = 2;
const BYTE = 3;
/** Requests in the last and in the present sampling unit, that ended at this node but not with the address' last byte. */
const HITS_PREVIOUS = 4;
const HITS_CURRENT = 5;
/** Requests of the address that ends here. */
const LEAF_PREVIOUS = 6;
const LEAF_CURRENT = 7;
const EXPIRES = 8;
const NODE_WORDS = 9;

const FLAG_LEAF = 0x100;
const FLAG_RED = 0x200;

/** One list of nodes for each first byte. */
const ROOTS = 256;
/** Longest path, that of an IPv6 address. */
const MOST_BYTES = 16;

/**
 * Addresses by their bytes, in memory that all workers share, as Kamailio's pike keeps them: a node for the first byte is
 * made at once, further ones only where requests for addresses below come often, so that few requests from many
 * addresses need little memory. Each node counts in the present sampling unit and knows what it counted in the last.
 */
export class IpTree {
  readonly #heap: SharedHeap;
  readonly #roots: number;
  readonly #leafLimit: number;
  readonly #splitLimit: number;
  readonly #latencySec: number;

  /** `limit`: requests of one address in a sampling unit. `latencySec`: how long what is not heard of is kept. */
  constructor(heap: SharedHeap, limit: number, latencySec: number) {
    this.#heap = heap;
    this.#roots = heap.region('pike', ROOTS);
    this.#leafLimit = limit;
    this.#splitLimit = limit >> 2;
    this.#latencySec = latencySec;
  }

  /** Counts a request. Where there is no memory left it passes. */
  mark(bytes: readonly number[], nowSec: number): Verdict {
    const heap = this.#heap;
    heap.lock();
    try {
      const { words } = heap;
      let node = 0;
      let depth = 0;
      let kid = this.#kid(words[this.#roots + (bytes[0] ?? 0)] as number, bytes[0] ?? 0);
      while (kid !== 0) {
        node = kid;
        depth++;
        if (depth === bytes.length) break;
        const byte = bytes[depth] as number;
        kid = this.#kid(words[node + KIDS] as number, byte);
      }
      if (depth === bytes.length) return this.#hitLeaf(node, nowSec);
      this.#hitInner(node, depth, bytes, nowSec);
      return VERDICT.OK;
    } finally {
      heap.unlock();
    }
  }

  /** A sampling unit has ended. Calls `onUnblocked` with the addresses that are no longer blocked. */
  swap(onUnblocked: (bytes: readonly number[]) => void): void {
    const unblocked: (readonly number[])[] = [];
    for (let root = 0; root < ROOTS; root++) {
      this.#walk(root, (node, path) => {
        const { words } = this.#heap;
        words[node + HITS_PREVIOUS] = words[node + HITS_CURRENT] as number;
        words[node + HITS_CURRENT] = 0;
        words[node + LEAF_PREVIOUS] = words[node + LEAF_CURRENT] as number;
        words[node + LEAF_CURRENT] = 0;
        const flags = words[node + BYTE] as number;
        if ((flags & FLAG_RED) !== 0 && !this.#isHot(node, LEAF_PREVIOUS, this.#leafLimit)) {
          words[node + BYTE] = flags & ~FLAG_RED;
          unblocked.push([...path]);
        }
      });
    }
    for (const bytes of unblocked) onUnblocked(bytes);
  }

  /** Forgets what was not heard of; a node whose last child goes is kept for another while. */
  clean(nowSec: number): void {
    for (let root = 0; root < ROOTS; root++) {
      const over: number[] = [];
      this.#walk(
        root,
        (node) => {
          const { words } = this.#heap;
          if (words[node + KIDS] === 0 && (words[node + EXPIRES] as number) <= nowSec) over.push(node);
        },
        () => {
          for (const node of over) this.#remove(root, node, nowSec);
        },
      );
    }
  }

  leaves(): Leaf[] {
    const found: Leaf[] = [];
    for (let root = 0; root < ROOTS; root++) {
      this.#walk(root, (node, path) => {
        const { words } = this.#heap;
        if (((words[node + BYTE] as number) & FLAG_LEAF) === 0) return;
        found.push({
          bytes: [...path],
          previous: words[node + LEAF_PREVIOUS] as number,
          current: words[node + LEAF_CURRENT] as number,
          expiresSec: words[node + EXPIRES] as number,
          isHot: this.#isHot(node, LEAF_PREVIOUS, this.#leafLimit),
        });
      });
    }
    return found;
  }

  #kid(first: number, byte: number): number {
    const { words } = this.#heap;
    let node = first;
    while (node !== 0 && ((words[node + BYTE] as number) & 0xff) !== byte) node = words[node + NEXT] as number;
    return node;
  }

  #hitLeaf(node: number, nowSec: number): Verdict {
    const { words } = this.#heap;
    words[node + EXPIRES] = nowSec + this.#latencySec;
    words[node + LEAF_CURRENT] = (words[node + LEAF_CURRENT] as number) + 1;
    const flags = (words[node + BYTE] as number) | FLAG_LEAF;
    const isHot = this.#isHot(node, LEAF_PREVIOUS, this.#leafLimit);
    words[node + BYTE] = isHot ? flags | FLAG_RED : flags;
    if (!isHot) return VERDICT.OK;
    return (flags & FLAG_RED) === 0 ? VERDICT.NEWLY_BLOCKED : VERDICT.BLOCKED;
  }

  /** The address goes on below `node` (0: it is not even begun). */
  #hitInner(node: number, depth: number, bytes: readonly number[], nowSec: number): void {
    if (node === 0) {
      this.#add(0, bytes[0] ?? 0, depth + 1 === bytes.length, nowSec);
      return;
    }
    const { words } = this.#heap;
    words[node + EXPIRES] = nowSec + this.#latencySec;
    words[node + HITS_CURRENT] = (words[node + HITS_CURRENT] as number) + 1;
    if (this.#isHot(node, HITS_PREVIOUS, this.#splitLimit))
      this.#add(node, bytes[depth] as number, depth + 1 === bytes.length, nowSec);
  }

  #isHot(node: number, previousWord: number, limit: number): boolean {
    const { words } = this.#heap;
    const previous = words[node + previousWord] as number;
    const current = words[node + previousWord + 1] as number;
    return previous >= limit || current >= limit || (previous + current) >> 1 >= limit;
  }

  /** A new node counts as its parent does, so that it is split as soon. */
  #add(parent: number, byte: number, isLeaf: boolean, nowSec: number): void {
    const node = this.#heap.allocate(NODE_WORDS);
    if (node === 0) return;
    const { words } = this.#heap;
    const list = parent === 0 ? this.#roots + byte : parent + KIDS;
    words.fill(0, node, node + NODE_WORDS);
    words[node + PARENT] = parent;
    words[node + BYTE] = isLeaf ? byte | FLAG_LEAF : byte;
    words[node + HITS_CURRENT] = parent === 0 ? 1 : (words[parent + HITS_CURRENT] as number);
    words[node + HITS_PREVIOUS] = parent === 0 ? 0 : (words[parent + HITS_PREVIOUS] as number);
    words[node + EXPIRES] = nowSec + this.#latencySec;
    words[node + NEXT] = words[list] as number;
    words[list] = node;
  }

  #remove(root: number, node: number, nowSec: number): void {
    const { words } = this.#heap;
    const parent = words[node + PARENT] as number;
    let link = parent === 0 ? this.#roots + root : parent + KIDS;
    while (words[link] !== node) link = (words[link] as number) + NEXT;
    words[link] = words[node + NEXT] as number;
    if (parent !== 0 && words[parent + KIDS] === 0) words[parent + EXPIRES] = nowSec + this.#latencySec;
    this.#heap.release(node);
  }

  /** Visits the nodes of one first byte, parents first, with the bytes of their path; locked, as is `after`. */
  #walk(root: number, visit: (node: number, path: readonly number[]) => void, after?: () => void): void {
    const heap = this.#heap;
    heap.lock();
    try {
      const { words } = heap;
      const path: number[] = [];
      let node = words[this.#roots + root] as number;
      while (node !== 0) {
        path.push((words[node + BYTE] as number) & 0xff);
        visit(node, path);
        let next = path.length < MOST_BYTES ? (words[node + KIDS] as number) : 0;
        while (next === 0 && node !== 0) {
          path.pop();
          next = words[node + NEXT] as number;
          node = words[node + PARENT] as number;
        }
        node = next;
      }
      after?.();
    } finally {
      heap.unlock();
    }
  }
}
