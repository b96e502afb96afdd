import {
  callHash,
  type Log,
  pickRelay,
  type RelayNode,
  type RelaySets,
  type UdpAnswer,
  type UdpPatience,
} from 'strowger';
import { BDict, bdecode, bencode } from './bencode.ts';
import type { CallTable } from './call-table.ts';
import type { NgCommand } from './request.ts';

/** What may change while the server runs. */
export interface DispatchSettings {
  readonly patience: UdpPatience;
  readonly disableMs: number;
  readonly aggressive: boolean;
  /** Nodes asked for one request at most. */
  readonly queriedLimit: number;
  /** `rtpengine_allow_op`: 0, 1 or 2. */
  readonly allowOp: number;
  readonly hashAlgo: number;
}

/** What a dispatcher works with. */
interface DispatchParts {
  readonly nodes: RelaySets;
  readonly calls: CallTable;
  readonly log: Log;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly settings: () => DispatchSettings;
  /** Sends one request to one node, which is at this address. */
  readonly ask: (node: RelayNode, ip: string, payload: string, patience: UdpPatience) => Promise<UdpAnswer>;
  /** Addresses of a node's host. */
  readonly resolve: (node: RelayNode) => readonly string[] | Promise<readonly string[]>;
}

/** A request about a call. */
interface CallRequest {
  readonly command: NgCommand;
  readonly callId: string;
  readonly viaBranch: string;
  readonly setId: number;
  readonly request: BDict;
}

/** The reply, and who gave it. */
interface NodeReply {
  readonly node: RelayNode;
  readonly reply: BDict;
}

const PING = bencode(new BDict().add('command', 'ping'));

/** Sends requests to the nodes of a set: a call stays with its node, others fall to one by weight, the dead are passed over. */
export class Dispatch {
  readonly #parts: DispatchParts;
  /** Tests under way, by node: those who want to know wait for the same. */
  readonly #tests = new Map<RelayNode, Promise<boolean>>();

  constructor(parts: DispatchParts) {
    this.#parts = parts;
  }

  /** The answer of the first node that gives one; null, and logged, where none does. */
  async send(call: CallRequest): Promise<NodeReply | null> {
    const { settings, log, calls, nodes, now } = this.#parts;
    const payload = bencode(call.request);
    const asked = new Set<RelayNode>();
    const { queriedLimit } = settings();
    while (asked.size < queriedLimit) {
      const node = await this.#nodeFor(call, asked);
      if (node === null) {
        log.error('no rtpengine is available', { set: call.setId, callId: call.callId });
        return null;
      }
      asked.add(node);
      const reply = await this.#ask(node, payload);
      if (reply === null) {
        log.error(`rtpengine ${node.url} does not answer: disabled`, { command: call.command });
        nodes.disable(node, settings().disableMs);
        continue;
      }
      if (reply.str('result') === 'load limit') {
        log.warn(`rtpengine ${node.url} has all the calls it takes`, { reason: reply.str('message') });
        continue;
      }
      if (call.command === 'delete') calls.remove(call.callId, call.viaBranch);
      else calls.insert(call.callId, call.viaBranch, node, now());
      return { node, reply };
    }
    log.error('no rtpengine has taken the request', { asked: asked.size, callId: call.callId });
    return null;
  }

  /** Whether the node answers a ping; it is enabled then. One that does not is disabled, unless it is so for good. */
  test(node: RelayNode): Promise<boolean> {
    const running = this.#tests.get(node);
    if (running !== undefined) return running;
    const test = this.#test(node).finally(() => this.#tests.delete(node));
    this.#tests.set(node, test);
    return test;
  }

  async #test(node: RelayNode): Promise<boolean> {
    const { nodes, log, settings } = this.#parts;
    const reply = await this.#ask(node, PING);
    const isUp = reply?.str('result') === 'pong';
    if (isUp) {
      log.info(`rtpengine ${node.url} found`);
      nodes.enable(node);
    } else {
      log.error(`rtpengine ${node.url} did not respond to ping`);
      nodes.disable(node, settings().disableMs);
    }
    return isUp;
  }

  /** The call's own node, or one for a new call; null where there is none. */
  async #nodeFor(call: CallRequest, asked: ReadonlySet<RelayNode>): Promise<RelayNode | null> {
    const { calls, now, settings } = this.#parts;
    const own = calls.find(call.callId, call.viaBranch, now());
    if (own !== undefined && own.setId === call.setId && !asked.has(own)) {
      const { allowOp } = settings();
      if (!own.isDisabled || allowOp === 1 || (allowOp === 2 && own.isPermanent)) return own;
    }
    const node = await this.#newNode(call, asked);
    if (node !== null && own !== undefined) calls.remove(call.callId, call.viaBranch);
    return node;
  }

  async #newNode(call: CallRequest, asked: ReadonlySet<RelayNode>): Promise<RelayNode | null> {
    const { nodes, settings, now } = this.#parts;
    const candidates = nodes.set(call.setId).filter((node) => !asked.has(node));
    const hash = callHash(call.callId, settings().hashAlgo);
    // Those whose time out is over prove themselves first.
    const due = candidates.filter((node) => node.isDisabled && !node.isPermanent && node.recheckMs <= now());
    await Promise.all(due.map((node) => this.test(node)));
    const usable = (): RelayNode[] => candidates.filter((node) => !node.isDisabled);
    const found = pickRelay(usable(), hash);
    if (found !== undefined || !settings().aggressive) return found ?? null;
    const down = candidates.filter((node) => !node.isPermanent && !due.includes(node));
    await Promise.all(down.map((node) => this.test(node)));
    return pickRelay(usable(), hash) ?? null;
  }

  /** Null where there was no answer, or one that nobody can read. */
  async #ask(node: RelayNode, payload: string): Promise<BDict | null> {
    const { resolve, ask, settings, log } = this.#parts;
    const [ip] = await resolve(node);
    if (ip === undefined) {
      log.error(`rtpengine ${node.url}: its name has no address`);
      return null;
    }
    const answer = await ask(node, ip, payload, settings().patience);
    if (!answer.ok) return null;
    const reply = bdecode(answer.text);
    if (reply instanceof BDict) return reply;
    log.error(`rtpengine ${node.url} sent what is no dictionary`, { text: answer.text.slice(0, 100) });
    return null;
  }
}
