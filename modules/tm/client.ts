import { type Destination, type SipMsg, Timer } from 'strowger';
import type { TmCore } from './core.ts';
import { ACT, CLIENT, CLIENT_STATE, INVITE_CLIENT, type Machine, OTHER_CLIENT, step } from './fsm.ts';

/**
 * One client transaction (RFC 3261 §17.1): a request sent to one place, and its retransmissions. What the replies
 * mean is the business of the subclass: a branch of a proxied request, or a CANCEL.
 */
export abstract class ClientTransaction {
  readonly tm: TmCore;
  readonly machine: Machine;
  state: number = CLIENT_STATE.TRYING;
  /** The request as sent; '' before. */
  text = '';
  dst: Destination;
  /** Next retransmission interval in ms. */
  intervalMs = 0;
  retransmitTimer: Timer<ClientTransaction> | null = null;
  timeoutTimer: Timer<ClientTransaction> | null = null;

  constructor(tm: TmCore, isInvite: boolean, dst: Destination) {
    this.tm = tm;
    this.machine = isInvite ? INVITE_CLIENT : OTHER_CLIENT;
    this.dst = dst;
  }

  /** Sends the request for the first time and starts timers A/E and B/F. */
  start(text: string): void {
    this.text = text;
    this.armTimeout(this.frTimeoutMs());
    if (!this.isReliable) {
      this.intervalMs = this.retransmitT1Ms();
      this.retransmitTimer = new Timer<ClientTransaction>(onRetransmit, this);
      this.tm.wheel.arm(this.retransmitTimer, this.intervalMs);
    }
    this.transmit();
  }

  get isReliable(): boolean {
    return this.dst.socket?.isReliable === true;
  }

  /** True while a final reply may still come. */
  get isWaiting(): boolean {
    return this.state < CLIENT_STATE.COMPLETED;
  }

  /** A reply that matched this transaction. */
  receive(reply: SipMsg): void {
    const status = reply.status;
    this.event(status < 200 ? CLIENT.REPLY_1XX : status < 300 ? CLIENT.REPLY_2XX : CLIENT.REPLY_3TO6XX, reply);
  }

  event(event: number, reply: SipMsg | null): void {
    const found = step(this.machine, this.state, event);
    if (found === null) return;
    this.state = found.next;
    const act = found.actions;
    if ((act & ACT.STOP_RETRANSMIT) !== 0) this.stopRetransmit();
    if ((act & ACT.STOP_TIMEOUT) !== 0) this.stopTimeout();
    if ((act & ACT.SEND_REQUEST) !== 0) this.transmit();
    if ((act & (ACT.RETRANSMIT | ACT.SLOW_RETRANSMIT)) !== 0) this.#rearm((act & ACT.SLOW_RETRANSMIT) !== 0);
    if ((act & ACT.START_FINAL_WAIT) !== 0 && reply !== null) this.startFinalWait(reply);
    if ((act & ACT.SEND_ACK) !== 0 && reply !== null) this.acknowledge(reply);
    if ((act & ACT.PASS_UP) !== 0 && reply !== null) this.passUp(reply);
    if ((act & ACT.TIMEOUT) !== 0) this.timedOut();
    if ((act & ACT.FAIL) !== 0) this.failed();
    if (event === CLIENT.REPLY_2XX && (act & ACT.LINGER) !== 0) this.release();
  }

  /** A 2xx came: what is left to do is to absorb or pass on its repeats. */
  release(): void {}

  #rearm(isSlow: boolean): void {
    if (this.isReliable || this.retransmitTimer === null) return;
    this.intervalMs = isSlow
      ? this.retransmitT2Ms()
      : this.machine === INVITE_CLIENT
        ? this.intervalMs * 2
        : Math.min(this.intervalMs * 2, this.retransmitT2Ms());
    this.tm.wheel.arm(this.retransmitTimer, this.intervalMs);
  }

  armTimeout(ms: number): void {
    this.timeoutTimer ??= new Timer<ClientTransaction>(onTimeout, this);
    this.tm.wheel.arm(this.timeoutTimer, ms);
  }

  stopRetransmit(): void {
    if (this.retransmitTimer !== null) this.tm.wheel.cancel(this.retransmitTimer);
  }

  stopTimeout(): void {
    if (this.timeoutTimer !== null) this.tm.wheel.cancel(this.timeoutTimer);
  }

  /** Ends without a final reply: nothing is armed any more. */
  stop(): void {
    this.stopRetransmit();
    this.stopTimeout();
    this.state = CLIENT_STATE.TERMINATED;
  }

  transmit(): void {
    // Datagrams fail at once or never; only a stream tells later.
    const sent = this.isReliable
      ? this.tm.server.transport.send(this.text, this.dst, () => this.event(CLIENT.TRANSPORT_ERROR, null))
      : this.tm.server.transport.send(this.text, this.dst);
    // A refusal is dealt with after the caller is done: it may be in the middle of starting several branches.
    if (sent < 0) queueMicrotask(() => this.event(CLIENT.TRANSPORT_ERROR, null));
  }

  /** The timeout timer fired. */
  onTimeoutTimer(): void {
    this.event(CLIENT.TIMEOUT, null);
  }

  /** A provisional reply to an INVITE: the time to wait for the final one begins (again). */
  startFinalWait(_reply: SipMsg): void {
    this.armTimeout(this.finalWaitMs());
  }

  abstract frTimeoutMs(): number;
  abstract finalWaitMs(): number;
  abstract retransmitT1Ms(): number;
  abstract retransmitT2Ms(): number;
  /** Every reply the machine passes up, in order. */
  abstract passUp(reply: SipMsg): void;
  abstract timedOut(): void;
  abstract failed(): void;
  abstract acknowledge(reply: SipMsg): void;
}

function onRetransmit(client: ClientTransaction): void {
  client.event(CLIENT.RETRANSMIT, null);
}

function onTimeout(client: ClientTransaction): void {
  client.onTimeoutTimer();
}
