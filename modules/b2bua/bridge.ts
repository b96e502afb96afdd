import type { SipMsg } from 'strowger';
import { USAGE } from './invite-usage.ts';
import type { Leg } from './leg.ts';

/** What a re-INVITE of ours came to. */
export interface ReinviteResult {
  readonly code: number;
  /** Null where nobody answered. */
  readonly reply: SipMsg | null;
}

/**
 * Sends a re-INVITE as soon as no other is under way, and again when it crosses one of theirs (RFC 3261 §14.1). Its 2xx
 * is to be acknowledged by whoever asked. Without `sdp` it asks for an offer.
 */
export async function reinvite(leg: Leg, sdp: string, headers = ''): Promise<ReinviteResult> {
  for (let tries = 1; ; tries++) {
    await leg.whenIdle();
    if (leg.isEnded) return { code: 481, reply: null };
    const result = await once(leg, sdp, headers);
    if (result === null) continue;
    if (result.code === 491) leg.owner.onGlare();
    if (result.code !== 491 || tries > leg.owner.settings.glareRetries) return result;
    await pause(leg, glareDelayMs(leg));
  }
}

/** Null where another INVITE was quicker. */
function once(leg: Leg, sdp: string, headers: string): Promise<ReinviteResult | null> {
  return new Promise((resolve) => {
    const isSent = leg.sendInvite({
      body: sdp,
      headers,
      onOk: (reply) => resolve({ code: reply.status, reply }),
      onFinal: (code, reply) => resolve({ code, reply }),
    });
    if (!isSent) resolve(null);
  });
}

/** RFC 3261 §14.1: 2.1 to 4 s for the side that made the Call-ID, up to 2 s for the other, in steps of 10 ms. */
function glareDelayMs(leg: Leg): number {
  const { random } = leg.server;
  return leg.role === 'uac' ? 2100 + 10 * random.int(190) : 10 * random.int(200);
}

function pause(leg: Leg, ms: number): Promise<void> {
  return new Promise((resolve) => void leg.server.wheel.after(ms, resolve));
}

/**
 * Joins the media of two confirmed legs (RFC 3725 §4.1): `p` is asked for an offer, `q` gets it, and its answer goes back
 * in p's ACK. False when one of them refuses: both then have the session they had.
 */
export async function bridge(p: Leg, q: Leg): Promise<boolean> {
  const offered = await reinvite(p, '');
  if (offered.reply === null || offered.code >= 300) return false;
  const before = p.localSdp;
  const answered = await reinvite(q, offered.reply.body);
  if (answered.reply === null || answered.code >= 300) {
    p.ack(before);
    return false;
  }
  p.ack(answered.reply.body);
  q.ack();
  join(p, q);
  return true;
}

/**
 * Joins `p`, which is in a call, with `q`, which has just answered an INVITE that held p's last description: p gets q's
 * answer as an offer; where p answers it otherwise than before, q is told.
 */
export async function joinAnswered(p: Leg, q: Leg, answer: string): Promise<boolean> {
  const before = p.remoteSdp;
  if (q.usage === USAGE.SENT_OK) q.ack();
  const result = await reinvite(p, answer);
  if (result.reply === null || result.code >= 300) return false;
  p.ack();
  join(p, q);
  if (mediaOf(result.reply.body) === mediaOf(before)) return true;
  const told = await reinvite(q, result.reply.body);
  if (told.reply !== null && told.code < 300) q.ack();
  return true;
}

function join(p: Leg, q: Leg): void {
  p.peer = q;
  q.peer = p;
}

/** The lines of a description that say where and how media flow. */
function mediaOf(sdp: string): string {
  return sdp
    .split(/\r?\n/)
    .filter((line) => /^(?:[cm]=|a=(?:rtpmap|fmtp|crypto|fingerprint|sendrecv|sendonly|recvonly|inactive))/.test(line))
    .join('\n');
}
