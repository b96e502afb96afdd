/** Counters and statistics: one registry a server, read by `stats.*`, `cnt.*`, `$stat()`, Prometheus. */
export class Counter {
  value = 0;
  /** What other workers have counted. */
  others = 0;
  /** What other workers compute now, by worker. */
  readonly othersNow: number[] = [];
  /** What the other workers know of ours. */
  told = 0;
  readonly group: string;
  readonly name: string;
  readonly doc: string;
  readonly compute: (() => number) | null;

  constructor(group: string, name: string, doc: string, compute: (() => number) | null = null) {
    this.group = group;
    this.name = name;
    this.doc = doc;
    this.compute = compute;
  }

  inc(): void {
    this.value++;
  }

  add(delta: number): void {
    this.value += delta;
  }

  get(): number {
    return this.compute === null ? this.value + this.others : this.othersNow.reduce(sum, this.compute());
  }

  /** What this worker contributes. */
  get own(): number {
    return this.compute === null ? this.value : this.compute();
  }

  /** With several workers, each is to reset its own (RPC scope `all`). */
  reset(): void {
    this.value = 0;
    this.others = 0;
    this.told = 0;
  }
}

function sum(a: number, b: number): number {
  return a + b;
}

export class CounterRegistry {
  readonly #groups = new Map<string, Map<string, Counter>>();

  /** Registers, or returns the one already there under this group and name. */
  register(group: string, name: string, doc = '', compute: (() => number) | null = null): Counter {
    let members = this.#groups.get(group);
    if (members === undefined) this.#groups.set(group, (members = new Map()));
    let counter = members.get(name);
    if (counter === undefined) members.set(name, (counter = new Counter(group, name, doc, compute)));
    return counter;
  }

  find(group: string, name: string): Counter | undefined {
    return this.#groups.get(group)?.get(name);
  }

  /** The first counter of this name in any group, as `$stat(name)` finds it. */
  findByName(name: string): Counter | undefined {
    for (const members of this.#groups.values()) {
      const counter = members.get(name);
      if (counter !== undefined) return counter;
    }
    return undefined;
  }

  groups(): string[] {
    return [...this.#groups.keys()];
  }

  members(group: string): Counter[] {
    return [...(this.#groups.get(group)?.values() ?? [])];
  }
}
