/** Why a registration is refused: the code of the reply, its reason, and what P-Registrar-Error says (Kamailio's words). */
export interface RegError {
  readonly code: number;
  readonly text: string;
  /** Rows that come before P-Registrar-Error; made from what the caller knows. */
  readonly rows?: string;
}

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  403: 'Forbidden',
  420: 'Bad Extension',
  421: 'Extension Required',
  423: 'Interval Too Brief',
  439: 'First Hop Lacks Outbound Support',
  500: 'Server Internal Error',
  503: 'Service Unavailable',
};

/** Reason phrase of a reply of the registrar. */
export function reasonOf(code: number): string {
  return REASONS[code] ?? 'Error';
}

/** The refusals that need nothing but their text. */
export const REG_ERROR = {
  aorParse: { code: 400, text: 'Error while parsing AOR' },
  aorLength: { code: 500, text: 'Address Of Record too long' },
  noUser: { code: 400, text: 'No username in To URI' },
  parse: { code: 400, text: 'Message parse error' },
  noTo: { code: 400, text: 'To header not found' },
  noCallId: { code: 400, text: 'Call-ID header not found' },
  noCseq: { code: 400, text: 'CSeq header not found' },
  contactParse: { code: 400, text: 'Contact parse error' },
  contactLength: { code: 400, text: 'Contact/received too long' },
  callIdLength: { code: 400, text: 'Callid too long' },
  starExpires: { code: 400, text: '* used in contact and expires is not zero' },
  starContacts: { code: 400, text: '* used in contact and more than 1 contact' },
  badQ: { code: 400, text: 'Invalid q param in contact' },
  badCseq: { code: 400, text: 'Invalid CSeq number' },
  pathParse: { code: 400, text: 'Path parse error' },
  ownGruu: { code: 403, text: 'Contact is a GRUU of this AOR' },
  pathUnsupported: { code: 420, text: 'No support for found Path indicated', rows: 'Unsupported: path\r\n' },
  outboundUnsupported: {
    code: 420,
    text: 'No support for Outbound on server',
    rows: 'Unsupported: outbound\r\n',
  },
  outboundRequired: {
    code: 421,
    text: 'No support for Outbound indicated',
    rows: 'Require: outbound\r\nSupported: outbound\r\n',
  },
  edgeLacksOutbound: { code: 439, text: 'No support for Outbound on edge proxy' },
  tooMany: { code: 503, text: 'Too many registered contacts' },
  database: { code: 500, text: 'Database operation failed' },
} as const satisfies Record<string, RegError>;

/** 423, with the shortest interval that is taken (RFC 3261 §10.3 step 7). */
export function tooBrief(minExpiresSec: number): RegError {
  return { code: 423, text: 'Interval too brief', rows: `Min-Expires: ${minExpiresSec}\r\n` };
}
