import { type Branch, newBranch } from '../msg/dset.ts';
import { Extensions } from '../msg/extensions.ts';
import { LumpList } from '../msg/lumps.ts';
import type { MsgVars } from '../pv/msg-vars.ts';
import type { ReceiveInfo, SocketInfo } from '../transport/socket-info.ts';
import { firstLine } from './first-line.ts';
import { HDR_STRIDE, headerRows, isFold, type RowIndex } from './header-index.ts';
import { HDR, headerKind } from './hf.ts';
import { METHOD, methodAt, methodText } from './methods.ts';
import { listValueEnd, type NameAddr, parseNameAddr } from './name-addr.ts';
import { isLws, parseDecimal } from './params.ts';
import { cseqMethodStart, cseqNumberOf, firstLineOf, fromOf, secondViaOf, toOf, viaOf } from './row-facts.ts';
import { parseUri, type SipUri } from './uri.ts';
import { parseVia, type Via } from './via.ts';

let lastId = 0;

/** The next message is number 1 again (`$mi`), in this thread. */
export function resetMessageIds(): void {
  lastId = 0;
}

/**
 * One SIP message: a latin1 string, an index of its headers filled in one pass, and what the script has decided
 * about it. Header contents are parsed on first use and kept. Substrings taken from `buf` keep all of it alive:
 * copy flat what outlives the message (`flatCopy`).
 */
export class SipMsg {
  /** `$mi`: counts messages of this process. */
  readonly id: number;
  readonly buf: string;
  /** Where it came from; corex replaces it (set_recv_socket, set_source_address). */
  rcv: ReceiveInfo;
  /** Null when the message could be indexed; otherwise what is wrong with it, and where. */
  error: string | null;
  errorAt: number;

  readonly isRequest: boolean;
  /** An HTTP request, `GET / HTTP/1.1`: read as a SIP one is, for the modules that take such (xhttp). */
  readonly isHttp: boolean;
  /** METHOD bit of the request line, or of CSeq on a reply. */
  method: number;
  /** Request-URI span; on a reply the reason phrase's. */
  readonly uriStart: number;
  readonly uriEnd: number;
  /** 0 on a request. */
  readonly status: number;
  readonly firstLineEnd: number;
  readonly hdrCount: number;
  /** Index of the blank line's first char: where `append_hf` writes. */
  readonly headersEnd: number;
  readonly bodyStart: number;

  /** Row numbers of the headers every message is asked for; -1 when absent. */
  readonly via1At: number;
  readonly toAt: number;
  readonly fromAt: number;
  readonly callIdAt: number;
  readonly cseqAt: number;
  readonly contentLengthAt: number;
  /** Span of the Call-ID; empty when there is none. */
  readonly callIdStart: number;
  readonly callIdEnd: number;
  /** Bits `1 << kind` of the headers above, but Via, that occur more than once. */
  readonly duplicates: number;

  /** The index, `HDR_STRIDE` numbers for each header; null after `release`, until it is asked for again. */
  #hdrs: readonly number[] | null;
  #newUri: string | null;
  #dstUri: string;
  /**
   * False once the Request-URI has been used as a branch: relaying again leaves it out, until the script sets it or `$du`
   * anew (Kamailio's forking state of the R-URI).
   */
  isRuriNew: boolean;
  pathVec: string;
  forceSocket: SocketInfo | null;
  branches: Branch[] | null;
  /** Thousandths; -1 unspecified (`$ruq`-like: q of the first branch). */
  ruriQ: number;
  /** `setflag` bits 0-31. */
  flags: number;
  /** `setxflag` words of 32 bits. */
  xflags: number[] | null;
  /** Branch flags of the Request-URI's own branch. */
  bflags: number;
  /** MSG_FLAG bits. */
  msgFlags: number;
  /** set_advertised_address / port: empty and 0 when unset. */
  setGlobalAddress: string;
  setGlobalPort: number;
  instance: string;
  regId: number;
  ruid: string;
  locationUa: string;
  otcpid: number;
  /** Edits of this message; made on first use. */
  lumpList: LumpList | null;
  /** Header and body texts for the replies we make to it (`append_to_reply`). */
  replyLumps: string[] | null;
  /** Body for those replies (`set_reply_body`); its Content-Type is among the lumps. */
  replyBody: string;
  /** AVPs, XAVPs, XAVUs, XAVIs: shared with the transaction once there is one. */
  vars: MsgVars | null;
  /** tm's own: the transaction found for this message; undefined until looked for, null when there is none. */
  transaction: unknown;
  /** Data of modules about this message, by module-owned key. */
  extensions: Extensions | null;
  /** The same, but only while the message is being routed: `release` drops them. */
  notes: Extensions | null;

  #callId: string | null | undefined;
  #from: NameAddr | null | undefined;
  #to: NameAddr | null | undefined;
  #via1: Via | null | undefined;
  #ruri: SipUri | null | undefined;
  #ruriText: string | null;
  #cseqNumber: number;
  #cseqMethod: string | null;
  #contentLength: number;

  /**
   * `text` is one datagram or framed message; line ends before the first line are dropped (RFC 3261 §7.5). `index` is where
   * its header rows are, if the receiver has found them.
   */
  constructor(text: string, rcv: ReceiveInfo, index?: RowIndex) {
    const leading = text.charCodeAt(0);
    const buf = leading === 13 || leading === 10 ? text.slice(skipLineEnds(text)) : text;
    this.id = ++lastId;
    this.buf = buf;
    this.rcv = rcv;
    this.#newUri = null;
    this.#dstUri = '';
    this.isRuriNew = true;
    this.pathVec = '';
    this.forceSocket = null;
    this.branches = null;
    this.ruriQ = -1;
    this.flags = 0;
    this.xflags = null;
    this.bflags = 0;
    this.msgFlags = 0;
    this.setGlobalAddress = '';
    this.setGlobalPort = 0;
    this.instance = '';
    this.regId = 0;
    this.ruid = '';
    this.locationUa = '';
    this.otcpid = 0;
    this.lumpList = null;
    this.replyLumps = null;
    this.replyBody = '';
    this.vars = null;
    this.transaction = undefined;
    this.extensions = null;
    this.notes = null;
    this.#callId = undefined;
    this.#from = undefined;
    this.#to = undefined;
    this.#via1 = undefined;
    this.#ruri = undefined;
    this.#ruriText = null;
    this.#cseqNumber = -1;
    this.#cseqMethod = null;
    this.#contentLength = UNREAD;

    const known = buf === text ? index : undefined;
    const line = (known === undefined ? undefined : firstLineOf(buf, known)) ?? firstLine(buf);
    this.error = line.error;
    this.errorAt = line.errorAt;
    this.firstLineEnd = line.end;
    this.isRequest = line.isRequest;
    this.isHttp = line.isHttp;
    this.method = line.method;
    this.status = line.status;
    this.uriStart = line.uriStart;
    this.uriEnd = line.uriEnd;

    // ---- headers
    const found = headerRows(buf, line.end, known);
    const { rows, count } = found;
    if (found.error !== null && this.error === null) {
      this.error = found.error;
      this.errorAt = found.errorAt;
    }
    let via1At = -1;
    let toAt = -1;
    let fromAt = -1;
    let callIdAt = -1;
    let cseqAt = -1;
    let contentLengthAt = -1;
    let duplicates = 0;
    for (let n = 0; n < count; n++) {
      switch (rows[n * HDR_STRIDE] as number) {
        case HDR.VIA:
          if (via1At < 0) via1At = n;
          break;
        case HDR.TO:
          if (toAt < 0) toAt = n;
          else duplicates |= 1 << HDR.TO;
          break;
        case HDR.FROM:
          if (fromAt < 0) fromAt = n;
          else duplicates |= 1 << HDR.FROM;
          break;
        case HDR.CALLID:
          if (callIdAt < 0) callIdAt = n;
          else duplicates |= 1 << HDR.CALLID;
          break;
        case HDR.CSEQ:
          if (cseqAt < 0) cseqAt = n;
          else duplicates |= 1 << HDR.CSEQ;
          break;
        case HDR.CONTENTLENGTH:
          if (contentLengthAt < 0) contentLengthAt = n;
          else duplicates |= 1 << HDR.CONTENTLENGTH;
          break;
        default:
          break;
      }
    }
    this.#hdrs = rows.slice(0, count * HDR_STRIDE);
    this.hdrCount = count;
    this.headersEnd = found.headersEnd;
    this.bodyStart = found.bodyStart;
    this.via1At = via1At;
    this.toAt = toAt;
    this.fromAt = fromAt;
    this.callIdAt = callIdAt;
    this.callIdStart = callIdAt < 0 ? 0 : (rows[callIdAt * HDR_STRIDE + 2] as number);
    this.callIdEnd = callIdAt < 0 ? 0 : (rows[callIdAt * HDR_STRIDE + 3] as number);
    this.cseqAt = cseqAt;
    this.contentLengthAt = contentLengthAt;
    this.duplicates = duplicates;
    if (known !== undefined) this.#takeFacts(known, rows);
  }

  /** Takes over what the receiver has found out about the usual headers. `rows` is the index. */
  #takeFacts(index: RowIndex, rows: readonly number[]): void {
    const { buf, via1At, fromAt, toAt, cseqAt } = this;
    const start = (row: number): number => rows[row * HDR_STRIDE + 2] as number;
    const end = (row: number): number => rows[row * HDR_STRIDE + 3] as number;
    if (via1At >= 0) this.#via1 = viaOf(buf, index, start(via1At), end(via1At));
    if (fromAt >= 0) this.#from = fromOf(buf, index, start(fromAt), end(fromAt));
    if (toAt >= 0) this.#to = toOf(buf, index, start(toAt), end(toAt));
    const method = cseqAt < 0 ? 0 : cseqMethodStart(index, start(cseqAt));
    if (method !== 0) this.#setCseq(cseqNumberOf(index), method, end(cseqAt));
  }

  /** A message that was received before, from its text: it is the same for `$mi`. */
  static again(text: string, rcv: ReceiveInfo, id: number): SipMsg {
    const msg = new SipMsg(text, rcv);
    lastId--;
    (msg as { id: number }).id = id;
    return msg;
  }

  // ---- headers by row

  get hdrs(): readonly number[] {
    if (this.#hdrs !== null) return this.#hdrs;
    this.#hdrs = SipMsg.again(this.buf, this.rcv, this.id).hdrs;
    return this.#hdrs;
  }

  hdrKind(row: number): number {
    return this.hdrs[row * HDR_STRIDE] as number;
  }
  /** Start of the row: of its name. */
  hdrStart(row: number): number {
    return this.hdrs[row * HDR_STRIDE + 1] as number;
  }
  hdrValueStart(row: number): number {
    return this.hdrs[row * HDR_STRIDE + 2] as number;
  }
  hdrValueEnd(row: number): number {
    return this.hdrs[row * HDR_STRIDE + 3] as number;
  }
  /** One past the row's line end. */
  hdrEnd(row: number): number {
    const eol = this.buf.indexOf('\n', this.hdrValueEnd(row));
    return eol < 0 ? this.buf.length : eol + 1;
  }
  hdrName(row: number): string {
    const start = this.hdrStart(row);
    let end = this.buf.indexOf(':', start);
    while (isFold(this.buf.charCodeAt(end - 1))) end--;
    return this.buf.slice(start, end);
  }
  /** The value as written, folding kept. */
  hdrValue(row: number): string {
    return this.buf.slice(this.hdrValueStart(row), this.hdrValueEnd(row));
  }

  /** Row of the next header of this kind at or after `from`; -1 when there is none. */
  findHdr(kind: number, from = 0): number {
    const hdrs = this.hdrs;
    for (let at = from * HDR_STRIDE; at < hdrs.length; at += HDR_STRIDE) if (hdrs[at] === kind) return at / HDR_STRIDE;
    return -1;
  }

  /** Row of the next header of this name, long or compact, any case; -1 when there is none. */
  findHdrByName(name: string, from = 0): number {
    const kind = headerKind(name, 0, name.length);
    if (kind !== HDR.OTHER) return this.findHdr(kind, from);
    const lower = name.toLowerCase();
    for (let row = this.findHdr(HDR.OTHER, from); row >= 0; row = this.findHdr(HDR.OTHER, row + 1)) {
      if (this.hdrName(row).toLowerCase() === lower) return row;
    }
    return -1;
  }

  /** Value of the first header of this kind, or null. */
  header(kind: number): string | null {
    const row = this.findHdr(kind);
    return row < 0 ? null : this.hdrValue(row);
  }

  // ---- parsed on first use

  get methodName(): string {
    return this.isRequest ? methodText(this.method, this.buf, 0, this.uriStart - 1) : this.cseqMethod;
  }

  get reason(): string {
    return this.isRequest ? '' : this.buf.slice(this.uriStart, this.uriEnd);
  }

  /** The Request-URI as received. */
  get originalUri(): string {
    return this.buf.slice(this.uriStart, this.uriEnd);
  }

  /**
   * Request-URI rewritten by the script; null while it is the received one. Line ends and NUL, which a contact or a
   * header can bring along folded, are taken out: a request line has one line.
   */
  get newUri(): string | null {
    return this.#newUri;
  }

  set newUri(uri: string | null) {
    this.#newUri = uri === null ? null : withoutLineEnds(uri);
    this.isRuriNew = true;
  }

  /** `$du`; '' when unset. */
  get dstUri(): string {
    return this.#dstUri;
  }

  set dstUri(uri: string) {
    this.#dstUri = uri;
    this.isRuriNew = true;
  }

  /** The Request-URI now: rewritten, or as received. `$ru`. */
  get uri(): string {
    return this.#newUri ?? this.originalUri;
  }

  /** Parsed form of `uri`; parsed again when it has been rewritten. */
  get ruri(): SipUri | null {
    const text =
      this.newUri ?? (this.#ruriText === null || this.#ruri === undefined ? this.originalUri : this.#ruriText);
    if (this.#ruri === undefined || this.#ruriText !== text) {
      this.#ruriText = text;
      this.#ruri = parseUri(text);
    }
    return this.#ruri;
  }

  /** Back to the received Request-URI. */
  revertUri(): void {
    this.newUri = null;
    this.#ruri = undefined;
    this.#ruriText = null;
  }

  get callId(): string | null {
    if (this.#callId === undefined)
      this.#callId = this.callIdAt < 0 ? null : this.buf.slice(this.callIdStart, this.callIdEnd);
    return this.#callId;
  }

  /** True when its Call-ID is this text: asked of messages that were released, too, and makes nothing they would keep. */
  hasCallId(text: string): boolean {
    const { callIdStart } = this;
    return this.callIdEnd - callIdStart === text.length && this.buf.startsWith(text, callIdStart);
  }

  get from(): NameAddr | null {
    if (this.#from === undefined)
      this.#from =
        this.fromAt < 0
          ? null
          : parseNameAddr(this.buf, this.hdrValueStart(this.fromAt), this.hdrValueEnd(this.fromAt));
    return this.#from;
  }

  get to(): NameAddr | null {
    if (this.#to === undefined)
      this.#to =
        this.toAt < 0 ? null : parseNameAddr(this.buf, this.hdrValueStart(this.toAt), this.hdrValueEnd(this.toAt));
    return this.#to;
  }

  /** '' when there is none. */
  get fromTag(): string {
    return this.from?.tag ?? '';
  }

  get toTag(): string {
    return this.to?.tag ?? '';
  }

  /** The topmost Via value; null when there is none or it can not be read. */
  get via1(): Via | null {
    if (this.#via1 === undefined)
      this.#via1 =
        this.via1At < 0 ? null : this.#parseFirstVia(this.hdrValueStart(this.via1At), this.hdrValueEnd(this.via1At));
    return this.#via1;
  }

  /** The second Via value, in the first row or the next. */
  get via2(): Via | null {
    const first = this.via1;
    if (first === null) return null;
    const rowEnd = this.hdrValueEnd(this.via1At);
    if (first.end < rowEnd) return this.#parseFirstVia(first.end + 1, rowEnd);
    const next = this.findHdr(HDR.VIA, this.via1At + 1);
    if (next < 0) return null;
    const start = this.hdrValueStart(next);
    const end = this.hdrValueEnd(next);
    return secondViaOf(this.buf, start, end) ?? this.#parseFirstVia(start, end);
  }

  #parseFirstVia(start: number, end: number): Via | null {
    return parseVia(this.buf, start, listValueEnd(this.buf, start, end));
  }

  /** -1 when CSeq is absent or its number is none below 2^31. */
  get cseqNumber(): number {
    if (this.#cseqMethod === null) this.#parseCseq();
    return this.#cseqNumber;
  }

  /** '' when CSeq is absent or broken. */
  get cseqMethod(): string {
    if (this.#cseqMethod === null) this.#parseCseq();
    return this.#cseqMethod ?? '';
  }

  #parseCseq(): void {
    this.#cseqMethod = '';
    if (this.cseqAt < 0) return;
    const buf = this.buf;
    const end = this.hdrValueEnd(this.cseqAt);
    let i = this.hdrValueStart(this.cseqAt);
    const first = i;
    let number = 0;
    for (; i < end; i++) {
      const c = buf.charCodeAt(i);
      if (c < 48 || c > 57) break;
      number = number * 10 + c - 48;
    }
    if (i === first || number >= 0x80000000 || !isLws(buf.charCodeAt(i))) return;
    while (i < end && isLws(buf.charCodeAt(i))) i++;
    if (i >= end) return;
    this.#setCseq(number, i, end);
  }

  #setCseq(number: number, methodStart: number, end: number): void {
    const bit = methodAt(this.buf, methodStart, end);
    this.#cseqMethod = methodText(bit, this.buf, methodStart, end);
    this.#cseqNumber = number;
    if (!this.isRequest && this.method === METHOD.UNDEF) this.method = bit;
  }

  /** METHOD bit: the request's, or for a reply its CSeq's. */
  get methodBit(): number {
    if (this.method === METHOD.UNDEF && !this.isRequest) this.#parseCseq();
    return this.method;
  }

  /** The number in Content-Length; -1 when the header is absent, -2 when it holds no number below 2^31. */
  get contentLength(): number {
    if (this.#contentLength === UNREAD) {
      const row = this.contentLengthAt;
      this.#contentLength =
        row < 0 ? -1 : parseDecimal(this.buf, this.hdrValueStart(row), this.hdrValueEnd(row), 0x7fffffff);
    }
    return this.#contentLength;
  }

  /**
   * Where the body ends: chars past Content-Length are no part of the message (RFC 3261 §18.3). The end of `buf` where
   * the header is absent, can not be read or claims more than there is.
   */
  get bodyEnd(): number {
    const length = this.contentLength;
    const end = this.bodyStart + length;
    return length < 0 || end > this.buf.length ? this.buf.length : end;
  }

  get body(): string {
    return this.buf.slice(this.bodyStart, this.bodyEnd);
  }

  /** The version as the first line has it, `SIP/2.0`. */
  get version(): string {
    if (!this.isRequest) return this.buf.slice(0, 7);
    return this.buf.slice(this.uriEnd + 1, this.buf.indexOf('\n', this.uriEnd)).trimEnd();
  }

  /**
   * Drops edits, the index and what has been parsed (which are made again when asked for): the message has been dealt with,
   * and is kept only for what may come late.
   */
  release(): void {
    this.#hdrs = null;
    this.notes = null;
    this.lumpList = null;
    this.#callId = undefined;
    this.#from = undefined;
    this.#to = undefined;
    this.#via1 = undefined;
    this.#ruri = undefined;
    this.#ruriText = null;
  }

  // ---- edits

  /** Edits of this message, made on first use. */
  get lumps(): LumpList {
    this.lumpList ??= new LumpList();
    return this.lumpList;
  }

  /** Adds a branch to the destination set. */
  appendBranch(uri: string): Branch {
    const branch = newBranch(uri);
    if (this.branches === null) this.branches = [branch];
    else this.branches.push(branch);
    return branch;
  }

  /**
   * Makes this message one of another text (`msg_apply_changes`): everything the script has decided stays, edits and the
   * rewritten Request-URI are part of the text now. False, and nothing changed, when the text can not be indexed. What a
   * module has remembered of places in the message holds only while `buf` is the same string.
   */
  replaceText(text: string): boolean {
    const fresh = new SipMsg(text, this.rcv);
    if (fresh.error !== null || fresh.isRequest !== this.isRequest) return false;
    const self = this as { -readonly [K in keyof SipMsg]: SipMsg[K] };
    self.buf = fresh.buf;
    self.method = fresh.method;
    self.uriStart = fresh.uriStart;
    self.uriEnd = fresh.uriEnd;
    self.status = fresh.status;
    self.firstLineEnd = fresh.firstLineEnd;
    this.#hdrs = fresh.hdrs;
    self.hdrCount = fresh.hdrCount;
    self.headersEnd = fresh.headersEnd;
    self.bodyStart = fresh.bodyStart;
    self.via1At = fresh.via1At;
    self.toAt = fresh.toAt;
    self.fromAt = fresh.fromAt;
    self.callIdAt = fresh.callIdAt;
    self.callIdStart = fresh.callIdStart;
    self.callIdEnd = fresh.callIdEnd;
    self.cseqAt = fresh.cseqAt;
    self.contentLengthAt = fresh.contentLengthAt;
    self.duplicates = fresh.duplicates;
    this.revertUri();
    this.lumpList = null;
    this.#callId = undefined;
    this.#from = undefined;
    this.#to = undefined;
    this.#via1 = undefined;
    this.#cseqNumber = -1;
    this.#cseqMethod = null;
    this.#contentLength = UNREAD;
    return true;
  }

  /** Data a module keeps with this message. */
  extension<T>(key: object): T | undefined {
    return this.extensions?.get(key) as T | undefined;
  }

  setExtension(key: object, value: unknown): void {
    this.extensions ??= new Extensions();
    this.extensions.set(key, value);
  }

  /** Data a module keeps with this message until it has been dealt with. */
  note<T>(key: object): T | undefined {
    return this.notes?.get(key) as T | undefined;
  }

  setNote(key: object, value: unknown): void {
    this.notes ??= new Extensions();
    this.notes.set(key, value);
  }
}

/** `#contentLength` before it was read. */
const UNREAD = -3;

function skipLineEnds(text: string): number {
  let i = 0;
  while (text.charCodeAt(i) === 13 || text.charCodeAt(i) === 10) i++;
  return i;
}

function withoutLineEnds(text: string): string {
  // Set with each request that is looked up; walking over the usual thirty chars costs half of a regular expression.
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 13 || c === 10 || c === 0) return text.replace(/[\r\n\0]/g, '');
  }
  return text;
}
