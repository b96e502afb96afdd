import type { Log } from '../log/log.ts';
import type { SipMsg } from '../parser/sip-msg.ts';
import type { Destination, ReceiveInfo } from '../transport/socket-info.ts';

/**
 * Places on a message's way where modules step in (Kamailio's sr_event and script callbacks). An empty list costs one
 * length check. A callback that throws is logged and passed over.
 */
export class HookList<A extends readonly unknown[], R = void> {
  readonly #list: ((...args: A) => R)[] = [];

  get isEmpty(): boolean {
    return this.#list.length === 0;
  }

  add(fn: (...args: A) => R): () => void {
    this.#list.push(fn);
    return () => this.remove(fn);
  }

  remove(fn: (...args: A) => R): void {
    const at = this.#list.indexOf(fn);
    if (at >= 0) this.#list.splice(at, 1);
  }

  /** Calls all in order. */
  run(...args: A): void {
    for (const fn of this.#list) fn(...args);
  }

  /** Calls in order until one returns false; true when none did. */
  every(...args: A): boolean {
    for (const fn of this.#list) if (fn(...args) === false) return false;
    return true;
  }

  /** Passes a value through all: each may replace it. The first argument is the value. */
  reduce(first: A[0], ...rest: A extends readonly [unknown, ...infer T] ? T : never): A[0] {
    let value: A[0] = first;
    for (const fn of this.#list) {
      const out = fn(...([value, ...rest] as unknown as A));
      if (out !== undefined && out !== null) value = out;
    }
    return value;
  }
}

/** Facts about a stream connection that event routes are told. */
export interface ConnectionEvent {
  readonly conId: number;
  readonly reason: 'closed' | 'timeout' | 'reset';
  readonly rcv: ReceiveInfo;
}

/** All hooks of a server. */
export class Hooks {
  /** Received text before parsing: return another text to replace it, '' to drop it. */
  readonly dataIn = new HookList<[text: string, rcv: ReceiveInfo], string | void>();
  /** Text about to be sent: return another to replace it, '' to drop it. */
  readonly dataOut = new HookList<[text: string, dst: Destination], string | void>();
  /** HTTP requests on SIP sockets: false when a module has taken the message; one that nobody takes is a bad message. */
  readonly nonSip = new HookList<[msg: SipMsg], boolean>();
  /** After core checks, before request_route. False ends the message. */
  readonly requestIn = new HookList<[msg: SipMsg], boolean | void>();
  /** After request_route (also when it dropped). */
  readonly requestDone = new HookList<[msg: SipMsg]>();
  /** Replies, before the script; modules' `onReply` are here. False ends the message. */
  readonly replyIn = new HookList<[msg: SipMsg], boolean>();
  readonly replyDone = new HookList<[msg: SipMsg]>();
  readonly connectionClosed = new HookList<[event: ConnectionEvent]>();
  readonly started = new HookList<[]>();
  readonly log: Log;
  constructor(log: Log) {
    this.log = log;
  }
}
