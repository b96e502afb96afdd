import type { SipMsg } from '../parser/sip-msg.ts';
import type { Server } from '../server.ts';
import { PROTO, type Proto, type ReceiveInfo, webSocketOf } from '../transport/socket-info.ts';
import { type Exchange, RECORD } from './exchange.ts';
import { ownerOf } from './ownership.ts';
import type { RingRecord } from './ring.ts';

/** Passes messages to the workers whose transactions they belong to, whichever worker's socket the kernel chose. */
export class Handover {
  readonly #server: Server;
  readonly #exchange: Exchange;
  #lastDropLogMs = -Infinity;

  constructor(server: Server, exchange: Exchange) {
    this.#server = server;
    this.#exchange = exchange;
    exchange.on(RECORD.MESSAGE, (record) => this.#received(record));
  }

  /** True when the message is another worker's: it is on its way there (or lost, where that one does not keep up). */
  takes(msg: SipMsg): boolean {
    const { own, count } = this.#exchange;
    const owner = ownerOf(msg, count);
    if (owner < 0 || owner === own) return false;
    this.hand(msg, owner);
    return true;
  }

  /** Passes a message to a worker whatever its Call-ID or branch says; false, and logged, where it is lost. */
  hand(msg: SipMsg, worker: number): boolean {
    const { proto, srcIp, srcPort, dstIp, dstPort, socket, conId } = msg.rcv;
    const numbers = [proto, srcPort, dstPort, socket.index, conId];
    const isSent = this.#exchange.push(worker, RECORD.MESSAGE, numbers, srcIp, dstIp, msg.buf);
    if (!isSent) this.#dropped(worker);
    return isSent;
  }

  #received({ numbers, a, b, c }: RingRecord): void {
    const [proto = 0, srcPort = 0, dstPort = 0, index = 0, conId = 0] = numbers;
    const bound = this.#server.transport.sockets[index];
    if (bound === undefined) return;
    const socket = proto >= PROTO.WS ? webSocketOf(bound) : bound;
    const rcv: ReceiveInfo = { proto: proto as Proto, srcIp: a, srcPort, dstIp: b, dstPort, socket, conId };
    this.#server.receiveOwn(c, rcv);
  }

  /** One line a second says it; the count is in the statistics. */
  #dropped(owner: number): void {
    const { log, clock } = this.#server;
    const now = clock.now();
    if (now - this.#lastDropLogMs < 1000) return;
    this.#lastDropLogMs = now;
    log.warn(`worker ${owner} does not keep up: messages for it are dropped`, {
      dropped: this.#exchange.counts.dropped,
    });
  }
}
