/** RAck of a PRACK (RFC 3262 §7.2): `776656 1 INVITE`. */
export interface Rack {
  readonly rseq: number;
  readonly cseq: number;
  readonly method: string;
}

/** Null when it is not two numbers below 2^32 and a method. */
export function parseRack(text: string): Rack | null {
  const match = /^(\d{1,10})\s+(\d{1,10})\s+(\S+)$/.exec(text);
  if (match === null) return null;
  const rseq = Number(match[1]);
  const cseq = Number(match[2]);
  return rseq > 0xffffffff || cseq > 0x7fffffff ? null : { rseq, cseq, method: match[3] ?? '' };
}
