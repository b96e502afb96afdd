import { flatCopy, HDR, type SipMsg } from 'strowger';
import { holdsSdp, isSdp } from './body.ts';
import type { LegAuth } from './credentials.ts';
import type { Leg } from './leg.ts';
import { RoundTrip } from './round-trip.ts';
import { SdpOrigin } from './sdp-origin.ts';

/** The ACK of a 2xx. */
export interface Ack {
  readonly cseq: number;
  readonly body: string;
  readonly contentType: string;
}

/** What is known of a leg beside the states of its dialog: whom it talks to, and what was said. */
export class LegFacts {
  /** The leg whose media and requests this one's are joined with. */
  peer: Leg | null = null;
  /** Name of the configured peer on the other end; '' for anybody else. */
  peerName = '';
  /** The other side's Allow names UPDATE. */
  allowsUpdate = false;
  /** The last session descriptions that came from it and that it was given; '' before. */
  remoteSdp = '';
  localSdp = '';
  /** What answers the challenges of the other side; null before the first. */
  auth: LegAuth | null = null;
  /** True while its last description asked for no media from the other side (RFC 3264 §8.4). */
  isHeld = false;
  /** We have stopped its media (b2b_hold). */
  isOnHold = false;
  /** It was asked to transfer its call (REFER of ours), and tells how that goes. */
  isReferred = false;
  /** Its INVITE asks for the place of another leg (Replaces). */
  isReplacing = false;
  /** It was offered a placeholder: its caller made no offer. */
  isConverted = false;
  /** Who made the description it was given last. */
  source: Leg | null = null;
  /** Hosts that its first request went by, and where that came from. */
  readonly hosts: string[] = [];
  /** We have hung up, and their BYE may cross ours. */
  hasSentBye = false;
  /** How we acknowledged the 2xx to our INVITE, to say it again when the 2xx comes again. */
  lastAck: Ack | null = null;
  readonly roundTrip = new RoundTrip();
  /** The o= line of what it is told. */
  readonly origin = new SdpOrigin();

  /** Remembers what a message of the other side tells: its description, and whether it takes UPDATE. */
  hears(msg: SipMsg): void {
    const row = msg.findHdr(HDR.ALLOW);
    if (row >= 0) this.allowsUpdate = /\bUPDATE\b/.test(msg.hdrValue(row));
    if (isSdp(msg)) this.remoteSdp = flatCopy(msg.body);
  }

  /** Remembers what it is told: a session description. */
  protected tells(body: string, contentType: string): void {
    if (holdsSdp(body, contentType)) this.localSdp = body;
  }
}
