/**
 * SIP messages for tests: small builders, and a reader of its own, so that a mistake in the server's parser is not
 * hidden by the test making the same one. Text is latin1, one char a byte.
 */

type HeaderValue = string | number | readonly (string | number)[];
/** Headers by name; an array repeats the header, an empty array or '' leaves a default one out. */
export type TestHeaders = { readonly [name: string]: HeaderValue };

export interface RequestOptions {
  readonly from?: string;
  readonly to?: string;
  readonly fromTag?: string;
  readonly toTag?: string;
  readonly callId?: string;
  readonly cseq?: number;
  /** The top Via, or all of them; without it one is made from `sentBy`, `transport` and `branch`. */
  readonly via?: string | readonly string[];
  readonly sentBy?: string;
  readonly transport?: string;
  readonly branch?: string;
  readonly contact?: string;
  readonly route?: readonly string[];
  readonly maxForwards?: number;
  readonly headers?: TestHeaders;
  readonly body?: string;
  readonly contentType?: string;
}

/** A request with the headers RFC 3261 §8.1.1 asks for, Content-Length right and last. */
export function request(method: string, uri: string, options: RequestOptions = {}): string {
  const from = options.from ?? '<sip:alice@example.org>';
  const to = options.to ?? `<${uri}>`;
  const transport = options.transport ?? 'UDP';
  const branch = options.branch ?? 'z9hG4bK-test-1';
  const headers: [string, HeaderValue][] = [
    ['Via', options.via ?? `SIP/2.0/${transport} ${options.sentBy ?? '127.0.0.1:5060'};branch=${branch}`],
    ['Route', options.route ?? []],
    ['Max-Forwards', options.maxForwards ?? 70],
    ['From', options.fromTag === '' ? from : `${from};tag=${options.fromTag ?? 'alice-tag'}`],
    ['To', options.toTag === undefined ? to : `${to};tag=${options.toTag}`],
    ['Call-ID', options.callId ?? 'call-1@test'],
    ['CSeq', `${options.cseq ?? 1} ${method}`],
  ];
  if (options.contact !== undefined) headers.push(['Contact', options.contact]);
  return assemble(`${method} ${uri} SIP/2.0`, headers, options);
}

export interface ResponseOptions {
  readonly reason?: string;
  /** Put on To where it has no tag and the status is above 100. */
  readonly toTag?: string;
  readonly contact?: string;
  readonly headers?: TestHeaders;
  readonly body?: string;
  readonly contentType?: string;
}

/** A reply to a request: Via, From, To, Call-ID and CSeq copied, Record-Route in what may create a dialog (RFC 3261 §8.2.6, §12.1.1). */
export function response(req: string | TestMsg, status: number, options: ResponseOptions = {}): string {
  const msg = typeof req === 'string' ? new TestMsg(req) : req;
  const to = msg.get('To');
  const tag = options.toTag ?? 'uas-tag';
  const headers: [string, HeaderValue][] = [
    ['Via', msg.all('Via')],
    ['Record-Route', status > 100 && status < 300 ? msg.all('Record-Route') : []],
    ['From', msg.get('From')],
    ['To', status > 100 && !/;\s*tag=/i.test(to) ? `${to};tag=${tag}` : to],
    ['Call-ID', msg.get('Call-ID')],
    ['CSeq', msg.get('CSeq')],
  ];
  if (options.contact !== undefined) headers.push(['Contact', options.contact]);
  return assemble(`SIP/2.0 ${status} ${options.reason ?? REASONS[status] ?? 'Test'}`, headers, options);
}

const REASONS: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  183: 'Session Progress',
  200: 'OK',
  202: 'Accepted',
  301: 'Moved Permanently',
  302: 'Moved Temporarily',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  486: 'Busy Here',
  487: 'Request Terminated',
  500: 'Server Internal Error',
  503: 'Service Unavailable',
  600: 'Busy Everywhere',
  603: 'Decline',
};

interface Extras {
  readonly headers?: TestHeaders;
  readonly body?: string;
  readonly contentType?: string;
}

function assemble(startLine: string, defaults: [string, HeaderValue][], extras: Extras): string {
  const body = extras.body ?? '';
  const given = Object.entries(extras.headers ?? {});
  const replaced = new Set(given.map(([name]) => name.toLowerCase()));
  const kept = defaults.filter(([name]) => !replaced.has(name.toLowerCase()));
  const all = [...kept, ...given];
  if (body !== '' && !replaced.has('content-type')) all.push(['Content-Type', extras.contentType ?? 'application/sdp']);
  if (!replaced.has('content-length')) all.push(['Content-Length', body.length]);
  const lines = [startLine];
  for (const [name, value] of all) {
    for (const one of typeof value === 'object' ? value : [value]) if (one !== '') lines.push(`${name}: ${one}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

const COMPACT = new Map([
  ['v', 'via'],
  ['f', 'from'],
  ['t', 'to'],
  ['i', 'call-id'],
  ['m', 'contact'],
  ['l', 'content-length'],
  ['c', 'content-type'],
  ['e', 'content-encoding'],
  ['k', 'supported'],
  ['s', 'subject'],
]);

function fullName(name: string): string {
  const lower = name.trim().toLowerCase();
  return COMPACT.get(lower) ?? lower;
}

/** A received message, read line by line (folded lines joined). */
export class TestMsg {
  readonly text: string;
  readonly startLine: string;
  /** Empty for a reply. */
  readonly method: string;
  /** Request-URI, empty for a reply. */
  readonly uri: string;
  /** 0 for a request. */
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly srcIp: string;
  readonly srcPort: number;

  constructor(text: string, srcIp = '', srcPort = 0) {
    this.text = text;
    this.srcIp = srcIp;
    this.srcPort = srcPort;
    const end = text.indexOf('\r\n\r\n');
    const head = (end < 0 ? text : text.slice(0, end)).replace(/\r\n[ \t]+/g, ' ');
    this.body = end < 0 ? '' : text.slice(end + 4);
    const [startLine = '', ...lines] = head.split('\r\n');
    this.startLine = startLine;
    const isReply = startLine.startsWith('SIP/2.0 ');
    this.method = isReply ? '' : startLine.slice(0, startLine.indexOf(' '));
    this.uri = isReply ? '' : (startLine.split(' ')[1] ?? '');
    this.status = isReply ? Number(startLine.slice(8, 11)) : 0;
    this.headers = lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()] as const;
    });
  }

  /** Every value of a header in order, by long or compact name; comma-joined ones stay joined. */
  all(name: string): string[] {
    const wanted = fullName(name);
    return this.headers.filter(([n]) => fullName(n) === wanted).map(([, value]) => value);
  }

  /** The first value, '' where the header is absent. */
  get(name: string): string {
    return this.all(name)[0] ?? '';
  }

  has(name: string): boolean {
    return this.all(name).length > 0;
  }

  /** Method of a request, or of the CSeq of a reply. */
  get cseqMethod(): string {
    return this.get('CSeq').split(/\s+/)[1] ?? '';
  }

  get cseqNumber(): number {
    return Number(this.get('CSeq').split(/\s+/)[0]);
  }

  /** A header's `;name=value` parameter, '' where absent. */
  param(header: string, name: string): string {
    return new RegExp(`;\\s*${name}\\s*=\\s*"?([^";,>\\s]*)`, 'i').exec(this.get(header))?.[1] ?? '';
  }

  get branch(): string {
    return this.param('Via', 'branch');
  }
}
