import type { Server } from '../server.ts';
import type { RelayNode, RelayUrl } from './relay-node.ts';

/** A node's state as other workers hear of it. */
interface StateChange {
  readonly setId: number;
  readonly url: string;
  readonly isDisabled: boolean;
  readonly isPermanent: boolean;
  /** Milliseconds from now until it may be tried again. */
  readonly recheckInMs: number;
}

/** All sets of nodes; every worker has the same and hears of changes to their states. */
export class RelaySets {
  readonly #server: Server;
  readonly #topic: string;
  readonly #sets = new Map<number, RelayNode[]>();
  #count = 0;

  /** `topic` names it on the bus: where workers tell each other which nodes answer. */
  constructor(server: Server, topic: string) {
    this.#server = server;
    this.#topic = topic;
    server.bus.on(topic, (value) => this.#apply(value as StateChange));
    server.bus.replicate(topic, {
      snapshot: () => this.all().map((node) => this.#changeOf(node)),
      restore: (value) => {
        for (const change of value as StateChange[]) this.#apply(change);
      },
    });
  }

  has(setId: number): boolean {
    return this.#sets.has(setId);
  }

  /** In the order of the script, those hidden too; empty where there is no such set. */
  set(setId: number): readonly RelayNode[] {
    return this.#sets.get(setId) ?? [];
  }

  all(): RelayNode[] {
    return [...this.#sets.values()].flat();
  }

  /** Those that RPC shows, of this URL or all. */
  shown(url: string | null): RelayNode[] {
    return this.all().filter((node) => !node.isHidden && (url === null || node.url === url));
  }

  /** A set exists once it is named, with nodes or without. */
  declare(setId: number): void {
    if (!this.#sets.has(setId)) this.#sets.set(setId, []);
  }

  add(setId: number, { url, host, port, family, weight }: RelayUrl): RelayNode {
    this.declare(setId);
    const node: RelayNode = {
      url,
      host,
      port,
      family,
      setId,
      index: this.#count++,
      weight,
      isDisabled: false,
      isPermanent: false,
      isHidden: false,
      recheckMs: 0,
    };
    this.#sets.get(setId)?.push(node);
    return node;
  }

  find(setId: number, url: string): RelayNode | undefined {
    return this.#sets.get(setId)?.find((node) => node.url === url);
  }

  /** It answers. */
  enable(node: RelayNode): void {
    const wasUp = !node.isDisabled;
    node.isDisabled = false;
    node.isPermanent = false;
    node.recheckMs = 0;
    if (!wasUp) this.#tell(node);
  }

  /** It does not answer: not to be tried for a time. */
  disable(node: RelayNode, forMs: number): void {
    node.isDisabled = true;
    node.isPermanent = false;
    node.recheckMs = this.#server.clock.now() + forMs;
    this.#tell(node);
  }

  /** An administrator takes it out. */
  disableForGood(node: RelayNode): void {
    node.isDisabled = true;
    node.isPermanent = true;
    this.#tell(node);
  }

  #tell(node: RelayNode): void {
    this.#server.bus.publish(this.#topic, this.#changeOf(node));
  }

  #changeOf({ setId, url, isDisabled, isPermanent, recheckMs }: RelayNode): StateChange {
    return { setId, url, isDisabled, isPermanent, recheckInMs: Math.max(0, recheckMs - this.#server.clock.now()) };
  }

  #apply({ setId, url, isDisabled, isPermanent, recheckInMs }: StateChange): void {
    for (const node of this.set(setId)) {
      if (node.url !== url) continue;
      node.isDisabled = isDisabled;
      node.isPermanent = isPermanent;
      node.recheckMs = this.#server.clock.now() + recheckInMs;
    }
  }
}
