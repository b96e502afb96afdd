import {
  askUnixStream,
  CALL_HASH,
  callHash,
  type Log,
  pickRelay,
  type RelayNode,
  type RelaySets,
  type Server,
  type UdpClient,
  type UdpPatience,
} from 'strowger';

/** What a node can do beyond the basics; dates are rtpproxy's names of protocol versions. */
export interface Capabilities {
  /** 20071116: re-packetization. */
  readonly repacketizes: boolean;
  /** 20081102: codecs in commands. */
  readonly takesCodecs: boolean;
}

/** The protocol that every node speaks, and the extension that is needed: several streams in a session. */
const BASE_VERSION = '20040107';
const NEEDED = '20050322';

/** What relays are reached with. */
interface RelayParts {
  readonly server: Server;
  readonly nodes: RelaySets;
  readonly client: UdpClient;
  readonly log: Log;
  readonly patience: () => UdpPatience;
  readonly disableMs: () => number;
}

/** A command's answer, and who gave it. */
export interface RelayAnswer {
  readonly node: RelayNode;
  readonly text: string;
}

/** Sends commands to the rtpproxies of a set: a call falls to one by weight, the dead are passed over. */
export class Relay {
  readonly #parts: RelayParts;
  /** By node; a worker asks each node itself. */
  readonly #known = new Map<RelayNode, Capabilities>();
  readonly #tests = new Map<RelayNode, Promise<boolean>>();

  constructor(parts: RelayParts) {
    this.#parts = parts;
  }

  /** `make` writes the command for a node that can do this; null where no node answers. */
  async send(setId: number, callId: string, make: (capabilities: Capabilities) => string): Promise<RelayAnswer | null> {
    const { nodes, log, disableMs } = this.#parts;
    const asked = new Set<RelayNode>();
    for (;;) {
      const node = await this.#select(setId, callId, asked);
      const capabilities = node === null ? undefined : this.#known.get(node);
      if (node === null || capabilities === undefined) {
        log.error('no rtpproxy is available', { set: setId, callId });
        return null;
      }
      asked.add(node);
      const text = await this.ask(node, make(capabilities));
      if (text !== null) return { node, text };
      log.error(`rtpproxy ${node.url} does not respond: disabled`);
      nodes.disable(node, disableMs());
    }
  }

  /** One command to one node; null where it does not answer. */
  async ask(node: RelayNode, command: string): Promise<string | null> {
    const { client, server, patience } = this.#parts;
    if (node.port === 0) return await askUnixStream(node.host, `${command}\n`, patience().timeoutMs, server.wheel);
    const addresses = server.resolver.addresses(node.host);
    const [ip] = addresses instanceof Promise ? await addresses : addresses;
    if (ip === undefined) return null;
    const answer = await client.ask({ ip, port: node.port }, command, patience());
    return answer.ok ? answer.text.replace(/[\r\n]+$/, '') : null;
  }

  /** Whether the node is there and can do what is needed; enabled or disabled accordingly. */
  test(node: RelayNode): Promise<boolean> {
    const running = this.#tests.get(node);
    if (running !== undefined) return running;
    const test = this.#test(node).finally(() => this.#tests.delete(node));
    this.#tests.set(node, test);
    return test;
  }

  async #test(node: RelayNode): Promise<boolean> {
    const { nodes, log, disableMs } = this.#parts;
    const problem = await this.#learn(node);
    if (problem === null) {
      log.info(`rtpproxy ${node.url} found`);
      nodes.enable(node);
      return true;
    }
    log.warn(`rtpproxy ${node.url} ${problem}: disabled`);
    nodes.disable(node, disableMs());
    return false;
  }

  /** Asks for the version and extensions; what is wrong, or null. */
  async #learn(node: RelayNode): Promise<string | null> {
    const version = await this.ask(node, 'V');
    if (version === null) return 'does not respond';
    if (!version.startsWith(BASE_VERSION)) return `speaks version "${version.slice(0, 20)}"`;
    const can = async (extension: string): Promise<boolean> => (await this.ask(node, `VF ${extension}`)) === '1';
    if (!(await can(NEEDED))) return `lacks the extension ${NEEDED}`;
    this.#known.set(node, { repacketizes: await can('20071116'), takesCodecs: await can('20081102') });
    return null;
  }

  async #select(setId: number, callId: string, asked: ReadonlySet<RelayNode>): Promise<RelayNode | null> {
    const { nodes, server } = this.#parts;
    const candidates = nodes.set(setId).filter((node) => !asked.has(node) && !node.isPermanent);
    const isDue = (node: RelayNode): boolean =>
      node.isDisabled ? node.recheckMs <= server.clock.now() : !this.#known.has(node);
    const due = candidates.filter(isDue);
    if (due.length > 0) await Promise.all(due.map((node) => this.test(node)));
    const hash = callHash(callId, CALL_HASH.LEGACY);
    const usable = (): RelayNode[] => candidates.filter((node) => !node.isDisabled);
    const found = pickRelay(usable(), hash);
    if (found !== undefined) return found;
    // None is left: those that failed a while ago may be back.
    await Promise.all(candidates.filter((node) => !due.includes(node)).map((node) => this.test(node)));
    return pickRelay(usable(), hash) ?? null;
  }
}
