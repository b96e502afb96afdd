import {
  type Destination,
  isDestination,
  type Log,
  PROTO,
  type Server,
  type SipMsg,
  type SocketInfo,
  type TimerWheel,
} from 'strowger';
import type { Ucontact, UcontactFilter, UsrlocApi } from '../usrloc/api.ts';
import { answeredPing, pingTarget, sipPing, UDP_PING } from './ping-message.ts';

/** What decides whether and how a contact is pinged. */
export interface PingSettings {
  readonly intervalSec: number;
  /** Bits of a contact's flags; 0 for none. */
  readonly natFlag: number;
  readonly sipFlag: number;
  readonly disableFlag: number;
  readonly onlyNated: boolean;
  readonly ownOnly: boolean;
  /** '' for no SIP pings. */
  readonly from: string;
  readonly method: string;
  readonly forcedSocket: SocketInfo | null;
}

/** What pings are made with. */
export interface PingParts {
  readonly server: Pick<Server, 'transport' | 'destinations' | 'random' | 'clock'>;
  readonly wheel: TimerWheel;
  readonly usrloc: UsrlocApi;
  readonly log: Log;
  readonly settings: PingSettings;
  /** First part of the Call-ID of each ping. */
  readonly callIdPrefix: () => string;
}

/** A contact's turn comes once an interval: with part `n` of the table, in second `n`. */
const PART_MS = 1000;
/** Pings leave in so small groups that no queue along the way sees a burst. */
const SLICE_MS = 10;
const SLICES = PART_MS / SLICE_MS;
/** Parts are not equally large: what is too much for one second may wait so long. */
const CATCH_UP_SEC = 3;
/** Few contacts need not wait long for their turn. */
const LEAST_PER_SEC = 10;

/** Pings the contacts of usrloc, spread evenly over the interval (Kamailio: nathelper, natping_interval). */
export class NatPinger {
  isEnabled = true;
  /** Pings sent since start, for tests and debug logs. */
  sent = 0;
  readonly #parts: PingParts;
  #part = 0;
  #queue: Ucontact[] = [];
  #at = 0;
  /** Size of each part when it was last read, by part. */
  readonly #sizes: number[] = [];
  /** Pings that may leave now, with a fraction. */
  #credit = 0;
  #calls = 0;

  constructor(parts: PingParts) {
    this.#parts = parts;
  }

  start(): void {
    const { wheel } = this.#parts;
    wheel.every(PART_MS, () => void this.#nextPart());
    wheel.every(SLICE_MS, () => this.#slice());
  }

  /** Takes the contacts whose turn is in the second that begins. What is left of the last one goes first. */
  async #nextPart(): Promise<void> {
    const { usrloc, settings, log } = this.#parts;
    const part = this.#part;
    this.#part = (part + 1) % settings.intervalSec;
    if (!this.isEnabled) return;
    const filter: UcontactFilter = {
      part,
      parts: settings.intervalSec,
      ...(settings.onlyNated ? { cflags: settings.natFlag } : {}),
      ...(settings.ownOnly ? { ownOnly: true } : {}),
    };
    const due: Ucontact[] = [];
    try {
      for (const domain of usrloc.domains())
        await domain.each((contact) => {
          if ((contact.cflags & settings.disableFlag) === 0) due.push(contact);
        }, filter);
    } catch (error) {
      log.error(`can not read the contacts to ping: ${(error as Error).message}`);
    }
    this.#queue = [...this.#queue.slice(this.#at), ...due];
    this.#at = 0;
    this.#sizes[part] = due.length;
  }

  /** Contacts in a second, if all were alike. */
  get #perSecond(): number {
    let sum = 0;
    for (const size of this.#sizes) sum += size;
    return sum / Math.max(1, this.#sizes.length);
  }

  /** So many as an even spread over the interval has in this time; more only where too many wait. */
  #slice(): void {
    const left = this.#queue.length - this.#at;
    if (left === 0) return;
    this.#credit += Math.max(this.#perSecond, left / CATCH_UP_SEC, LEAST_PER_SEC) / SLICES;
    const count = Math.min(left, Math.floor(this.#credit));
    this.#credit -= count;
    for (let i = 0; i < count; i++) {
      const contact = this.#queue[this.#at++];
      if (contact !== undefined) this.#ping(contact);
    }
    if (this.#at === this.#queue.length) {
      this.#queue = [];
      this.#at = 0;
      this.#credit = 0;
    }
  }

  #ping(contact: Ucontact): void {
    const { settings, server, usrloc } = this.#parts;
    const bySip =
      settings.from !== '' &&
      settings.sipFlag !== 0 &&
      (!settings.onlyNated || (contact.cflags & settings.sipFlag) !== 0);
    const target = pingTarget(contact, bySip);
    if (target === '') return;
    const forced = bySip ? null : settings.forcedSocket;
    const found = server.destinations.resolve(target, forced ?? usrloc.socketOf(contact), PROTO.UDP);
    if (found instanceof Promise)
      void found.then((result) => {
        if (isDestination(result)) this.#send(contact, result.first, bySip);
      });
    else if (isDestination(found)) this.#send(contact, found.first, bySip);
  }

  #send(contact: Ucontact, dst: Destination, bySip: boolean): void {
    const { settings, server, callIdPrefix, log } = this.#parts;
    const { socket } = dst;
    if (socket === null) return;
    const text = bySip
      ? sipPing(contact, {
          method: settings.method,
          from: settings.from,
          sentBy: socket.sentBy,
          host: socket.advertisedHost,
          branch: server.random.token(12),
          callId: `${callIdPrefix()}-${(++this.#calls).toString(36)}`,
          stamp: server.clock.now().toString(36),
        })
      : UDP_PING;
    if (server.transport.send(text, dst) < 0) log.info(`a ping to ${dst.ip}:${dst.port} could not be sent`);
    else this.sent++;
  }
}

/** True for the answer to a ping; the contact it is about has shown that it lives. */
export function takeAnswer(reply: SipMsg, callIdPrefix: string, usrloc: UsrlocApi | undefined, nowMs: number): boolean {
  if (callIdPrefix === '' || reply.callId?.startsWith(`${callIdPrefix}-`) !== true) return false;
  const answered = answeredPing(reply);
  if (answered === null || usrloc === undefined) return true;
  const sentMs = Number.parseInt(answered.stamp, 36);
  const roundtripUs = Number.isNaN(sentMs) ? 0 : Math.max(0, nowMs - sentMs) * 1000;
  for (const domain of usrloc.domains()) if (domain.refreshKeepalive(answered.ruid, roundtripUs)) break;
  return true;
}
