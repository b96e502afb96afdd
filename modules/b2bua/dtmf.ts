import type { SipMsg } from 'strowger';
import { contentTypeOf } from './body.ts';
import type { Call } from './call.ts';
import { LEG, type Leg } from './leg.ts';

/** How long a digit is, in ms. */
const DURATION_MS = 160;

/** The digit of an INFO (application/dtmf-relay, application/dtmf); '' where it holds none. */
export function dtmfOf(msg: SipMsg): string {
  const type = contentTypeOf(msg).toLowerCase();
  if (type.startsWith('application/dtmf-relay')) {
    const [, signal = ''] = /^\s*Signal\s*=\s*([0-9A-D*#]+)/im.exec(msg.body) ?? [];
    return digitOf(signal);
  }
  return type.startsWith('application/dtmf') ? digitOf(msg.body.trim()) : '';
}

/** 10 and 11 are * and # (RFC 4733 §3.2), as some write them. */
function digitOf(signal: string): string {
  const upper = signal.toUpperCase();
  if (/^1[0-5]$/.test(upper)) return '*#ABCD'[Number(upper) - 10] ?? '';
  return /^[0-9A-D*#]$/.test(upper) ? upper : '';
}

/** Sends digits to a leg, one after the other. False where it is in no call, or they are none. */
export function sendDtmf(leg: Leg, digits: string): boolean {
  if (leg.state !== LEG.CONFIRMED || !/^[0-9A-D*#]+$/i.test(digits)) return false;
  next(leg, digits.toUpperCase(), 0);
  return true;
}

function next(leg: Leg, digits: string, at: number): void {
  const digit = digits[at];
  if (digit === undefined || leg.state !== LEG.CONFIRMED) return;
  const then = (): void => next(leg, digits, at + 1);
  const { media } = leg.owner as Call;
  if (media !== null) return void media.playDtmf(leg, digit, DURATION_MS).then(then);
  leg.send('INFO', {
    body: `Signal=${digit}\r\nDuration=${DURATION_MS}\r\n`,
    contentType: 'application/dtmf-relay',
    onFinal: then,
  });
}
