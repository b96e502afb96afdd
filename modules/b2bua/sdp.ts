/** Edits of session descriptions (RFC 4566, RFC 3264) that need no parse of their own: line by line. */

const DIRECTION = /^a=(?:sendrecv|sendonly|recvonly|inactive)$/;

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** The lines, without their ends and without empty ones. */
function sdpLines(sdp: string): string[] {
  return sdp.split(/\r?\n/).filter((line) => line !== '');
}

export function sdpText(lines: readonly string[]): string {
  return `${lines.join('\r\n')}\r\n`;
}

/** The same description with all its media in one direction. */
export function withDirection(sdp: string, direction: Direction): string {
  const out: string[] = [];
  let isInMedia = false;
  for (const line of sdpLines(sdp)) {
    if (line.startsWith('m=')) {
      if (isInMedia) out.push(`a=${direction}`);
      isInMedia = true;
    }
    if (!DIRECTION.test(line)) out.push(line);
  }
  if (isInMedia) out.push(`a=${direction}`);
  return sdpText(out);
}

/**
 * True where a description puts the other side on hold, in any of the three ways: `sendonly` or `inactive` (RFC 3264
 * §8.4), or the address 0.0.0.0 (RFC 2543). Media that were refused (port 0) do not count.
 */
export function isHold(sdp: string): boolean {
  let session = { isStopped: false, isNowhere: false };
  let media: { isStopped: boolean; isNowhere: boolean } | null = null;
  let count = 0;
  let held = 0;
  const close = (): void => {
    if (media !== null && (media.isStopped || media.isNowhere)) held++;
  };
  for (const line of sdpLines(sdp)) {
    if (line.startsWith('m=')) {
      close();
      media = /^m=\S+ 0[ /]/.test(line) ? null : { ...session };
      if (media !== null) count++;
      else media = null;
    } else if (DIRECTION.test(line)) {
      const isStopped = line === 'a=sendonly' || line === 'a=inactive';
      if (count === 0) session = { ...session, isStopped };
      else if (media !== null) media.isStopped = isStopped;
    } else if (line.startsWith('c=')) {
      const isNowhere = /^c=IN IP[46] (?:0\.0\.0\.0|::)$/.test(line.trim());
      if (count === 0) session = { ...session, isNowhere };
      else if (media !== null) media.isNowhere = isNowhere;
    }
  }
  close();
  return count > 0 && held === count;
}

/** An offer without media (RFC 3725 §4.4, flow IV). */
export function emptyOffer(id: number): string {
  return `v=0\r\no=- ${id} 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n`;
}

/** An offer of telephone audio that goes nowhere yet, for who takes no INVITE without one. */
export function placeholderOffer(id: number): string {
  return (
    `v=0\r\no=- ${id} 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n` +
    'm=audio 9 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=inactive\r\n'
  );
}

/** An answer that takes all the media of an offer and sends them nowhere (RFC 3725 §4.3, flow III). */
export function blackHoleAnswer(offer: string, id: number): string {
  const kept = sdpLines(offer).filter((line) => /^(?:m=|a=(?:rtpmap|fmtp|mid|group):)/.test(line));
  const media = kept.map((line) => line.replace(/^m=(\S+) (?!0 )\d+(?:\/\d+)? /, 'm=$1 9 '));
  const head = `v=0\r\no=- ${id} 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n`;
  return withDirection(head + sdpText(media), 'inactive');
}
