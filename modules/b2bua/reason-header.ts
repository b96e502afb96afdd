/** Reason (RFC 3326) in CANCEL and BYE: ours and what came, the same with a Q.850 cause beside it, or none. */
export type ReasonMode = 'sip' | 'q850' | 'off';

/** Q.850 causes of SIP statuses (RFC 3398 §8.2.6.1); of others that of their class. */
const CAUSES: Readonly<Record<number, number>> = {
  400: 41,
  401: 21,
  402: 21,
  403: 21,
  404: 1,
  405: 63,
  406: 79,
  407: 21,
  408: 102,
  410: 22,
  413: 127,
  414: 127,
  415: 79,
  416: 127,
  420: 127,
  421: 127,
  423: 127,
  480: 18,
  481: 41,
  482: 25,
  483: 25,
  484: 28,
  485: 1,
  486: 17,
  487: 16,
  488: 79,
  500: 41,
  501: 79,
  502: 38,
  503: 41,
  504: 102,
  505: 127,
  513: 127,
  600: 17,
  603: 21,
  604: 1,
  606: 79,
};
const NORMAL_CLEARING = 16;
const INTERWORKING = 127;

function causeOf(status: number): number {
  if (status < 300) return NORMAL_CLEARING;
  return CAUSES[status] ?? (status < 500 ? INTERWORKING : 41);
}

const ROW = /^Reason[ \t]*:[^\r]*\r\n/gim;

/** The rows of a CANCEL or BYE with the Reason headers that the mode wants. */
export function withReasons(headers: string, mode: ReasonMode): string {
  if (mode === 'sip') return headers;
  if (mode === 'off') return headers.replace(ROW, '');
  const rows = headers.match(ROW) ?? [];
  if (rows.some((row) => /Q\.850/i.test(row))) return headers;
  const status = Number(/SIP\s*;[^,]*?cause\s*=\s*(\d{3})/i.exec(rows.join(''))?.[1] ?? 200);
  return `${headers}Reason: Q.850;cause=${causeOf(status)}\r\n`;
}
