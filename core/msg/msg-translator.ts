/**
 * Writes messages: a request for one branch, a reply made from a request, a reply passed on. Bytes nobody edited stay
 * as they were received.
 */

import process from 'node:process';
import { HDR } from '../parser/hf.ts';
import { METHOD } from '../parser/methods.ts';
import { MSG_FLAG } from '../parser/msg-flag.ts';
import type { SipMsg } from '../parser/sip-msg.ts';
import type { Via } from '../parser/via.ts';
import { bracketed } from '../transport/ip-address.ts';
import { PROTO_VIA, type SocketInfo } from '../transport/socket-info.ts';
import { applyLumps, Lump, type LumpList, mergeLumps, type SendContext } from './lumps.ts';
import { viaExtension } from './via-extension.ts';

/** Magic cookie of RFC 3261 §8.1.1.7. */
export const BRANCH_MAGIC = 'z9hG4bK';

/** What one branch sends: everything that differs from the received message. */
interface RequestForm {
  readonly uri: string;
  readonly branchId: string;
  readonly outgoing: SocketInfo;
  /** Edits of this branch on top of the message's. */
  readonly branchLumps: LumpList | null;
  /** Route header values to put in front (Path of a binding); '' for none. */
  readonly pathVec: string;
  /** Connection id for `;i=` in Via, 0 for none. */
  readonly conId: number;
  /** What our Via shows where the request leaves by another socket than its Record-Route says (`udp_mtu`). */
  readonly viaSocket?: SocketInfo;
}

/** True when the value of `branch` begins with the cookie, and so is unique to its request. */
export function hasBranchCookie(via: Via): boolean {
  const start = via.branchStart;
  return start > 0 && via.buf.startsWith(BRANCH_MAGIC, start);
}

const CONTENT_LENGTH_ZERO = 'Content-Length: 0\r\n\r\n';

/** The Via header row this server adds; ends with CRLF. */
export function viaRow(msg: SipMsg, outgoing: SocketInfo, branchId: string, conId: number): string {
  let sentBy = outgoing.sentBy;
  if (msg.setGlobalAddress !== '' || msg.setGlobalPort !== 0) {
    const host = msg.setGlobalAddress === '' ? bracketed(outgoing.advertisedHost) : msg.setGlobalAddress;
    const port = msg.setGlobalPort === 0 ? outgoing.advertisedPort : msg.setGlobalPort;
    sentBy = `${host}:${port}`;
  }
  const extension = viaExtension(msg);
  const own = extension?.sentBy(msg) ?? null;
  if (own !== null) sentBy = own.port === '' ? own.host : `${own.host}:${own.port}`;
  let row = `Via: SIP/2.0/${PROTO_VIA[outgoing.proto]} ${sentBy};branch=${branchId}`;
  if (conId !== 0) row += `;i=${conId.toString(16)}`;
  if ((msg.msgFlags & MSG_FLAG.ADD_LOCAL_RPORT) !== 0) row += ';rport';
  if (extension !== undefined) row += extension.params(msg);
  return `${row}\r\n`;
}

/** True when the reply can not be trusted to find its way by sent-by alone (RFC 3261 §18.2.1). */
function needsReceived(msg: SipMsg, via: Via): boolean {
  return (via.host !== msg.rcv.srcIp && bracketed(msg.rcv.srcIp) !== via.host) || wantsRport(msg, via);
}

function wantsRport(msg: SipMsg, via: Via): boolean {
  return (msg.msgFlags & MSG_FLAG.FORCE_RPORT) !== 0 || via.paramAt('rport') >= 0;
}

/**
 * The Via row below ours up to where nothing more is to be written into its first value: as `receivedLumps` edits it,
 * without a list of edits, for a Via that has no `received` yet.
 */
function receivedVia(msg: SipMsg, via: Via, rportAt: number): string {
  const { buf } = msg;
  const { srcIp, srcPort } = msg.rcv;
  const isForced = (msg.msgFlags & MSG_FLAG.FORCE_RPORT) !== 0;
  let out = buf.slice(msg.hdrStart(msg.via1At), via.hostEnd);
  if (rportAt >= 0 || isForced || (via.host !== srcIp && bracketed(srcIp) !== via.host)) out += `;received=${srcIp}`;
  if (rportAt < 0) return isForced ? `${out};rport=${srcPort}` : out;
  return `${out}${buf.slice(via.hostEnd, rportAt + RPORT.length)}=${srcPort}`;
}

/** The edits to the Via below ours: `received`, and the value of `rport` (RFC 3581 §4). */
function receivedLumps(msg: SipMsg, via: Via, into: Lump[]): void {
  const rportAt = via.paramAt('rport');
  const forced = (msg.msgFlags & MSG_FLAG.FORCE_RPORT) !== 0;
  let text = '';
  if (needsReceived(msg, via)) text = `;received=${msg.rcv.srcIp}`;
  if (forced && rportAt < 0) text += `;rport=${msg.rcv.srcPort}`;
  const receivedAt = via.paramAt('received');
  if (receivedAt >= 0 && text !== '') deleteParam(via, receivedAt, into);
  if (text !== '') into.push(new Lump(via.hostEnd, 0, HDR.VIA).insertAfter(text));
  if (rportAt >= 0) replaceRport(msg, via, rportAt, into);
}

function deleteParam(via: Via, nameAt: number, into: Lump[]): void {
  let end = via.buf.indexOf(';', nameAt);
  if (end < 0 || end > via.end) end = via.end;
  into.push(new Lump(nameAt - 1, end - nameAt + 1, HDR.VIA));
}

function replaceRport(msg: SipMsg, via: Via, rportAt: number, into: Lump[]): void {
  const nameEnd = rportAt + RPORT.length;
  const end = rportValueEnd(via, nameEnd);
  into.push(new Lump(nameEnd, end - nameEnd, HDR.VIA).insertAfter(`=${msg.rcv.srcPort}`));
}

/** Where the value of `rport` ends whose name ends at `nameEnd`. */
function rportValueEnd(via: Via, nameEnd: number): number {
  let end = via.buf.indexOf(';', nameEnd);
  if (end < 0 || end > via.end) end = via.end;
  while (end > nameEnd && via.buf.charCodeAt(end - 1) <= 32) end--;
  return end;
}

/** The request as one branch sends it. */
export function buildRequest(msg: SipMsg, form: RequestForm): string {
  const ctx: SendContext = { outgoing: form.outgoing, incoming: msg.rcv.socket, branchLumps: form.branchLumps };
  const via = msg.via1;
  const leaving = form.viaSocket ?? form.outgoing;
  let lumps = mergeLumps(msg.lumpList, form.branchLumps);
  if (form.pathVec !== '')
    lumps = mergeSorted(lumps, [new Lump(routeOffset(msg), 0, HDR.ROUTE).insertAfter(`Route: ${form.pathVec}\r\n`)]);
  const line = `${msg.buf.slice(0, msg.uriStart)}${form.uri} SIP/2.0\r\n`;
  const viaText = viaRow(msg, leaving, form.branchId, form.conId);
  const isReceived = (msg.msgFlags & MSG_FLAG.FAKED) === 0 || msg.rcv.srcPort !== 0;
  if (via !== null && isReceived && isUsualEdit(msg, via, lumps, leaving.isReliable)) {
    const rowStart = msg.hdrStart(msg.via1At);
    // Most often Via is the first header.
    const before =
      rowStart === msg.firstLineEnd && (lumps.length === 0 || (lumps[0] as Lump).offset > rowStart)
        ? line
        : line + applyLumps(msg.buf, msg.firstLineEnd, rowStart, lumps, ctx);
    const rportAt = via.paramAt(RPORT);
    const head = `${before}${viaText}${receivedVia(msg, via, rportAt)}`;
    const resumeAt = rportAt < 0 ? via.hostEnd : rportValueEnd(via, rportAt + RPORT.length);
    return head + applyLumps(msg.buf, resumeAt, msg.bodyEnd, lumps, ctx);
  }
  const own: Lump[] = [];
  if (via === null) {
    own.push(new Lump(msg.firstLineEnd, 0, HDR.VIA).insertAfter(viaText));
  } else {
    own.push(new Lump(msg.hdrStart(msg.via1At), 0, HDR.VIA).insertAfter(viaText));
    if (isReceived) receivedLumps(msg, via, own);
  }
  lumps = lumps.length === 0 ? sorted(own) : mergeSorted(lumps, sorted(own));
  return line + assemble(msg, msg.firstLineEnd, lumps, ctx, leaving.isReliable);
}

/**
 * True where ours are the only edits of the first Via value, that has no `received` to be taken out, and Content-Length
 * stays: then the message is written piece by piece, which costs half of merging lists of edits.
 */
function isUsualEdit(msg: SipMsg, via: Via, lumps: readonly Lump[], isReliable: boolean): boolean {
  if (via.paramAt('received') >= 0 || (isReliable && msg.contentLengthAt < 0)) return false;
  const rowStart = msg.hdrStart(msg.via1At);
  for (let i = 0; i < lumps.length; i++) {
    const { offset, deleted } = lumps[i] as Lump;
    if (offset >= msg.bodyStart || (offset < via.end && offset + deleted > rowStart)) return false;
  }
  return true;
}

/** Where a Route row goes: before the first Route, else at the end of the first Via row. */
function routeOffset(msg: SipMsg): number {
  const route = msg.findHdr(HDR.ROUTE);
  return route >= 0 ? msg.hdrStart(route) : msg.headersEnd;
}

/** A reply passed on: the topmost Via value removed, edits applied. */
export function buildForwardedReply(msg: SipMsg, lumps: readonly Lump[], isReliable: boolean): string {
  const via = msg.via1 as Via;
  // The common case, a reply nobody edited and our Via alone in its row, is two slices around that.
  if (lumps.length === 0 && !isReliable && via.end >= msg.hdrValueEnd(msg.via1At))
    return msg.buf.slice(0, msg.hdrStart(msg.via1At)) + msg.buf.slice(msg.hdrEnd(msg.via1At), msg.bodyEnd);
  const removal = viaRemoval(msg);
  const ctx: SendContext = { outgoing: msg.rcv.socket, incoming: msg.rcv.socket, branchLumps: null };
  const all = mergeSorted(lumps, [removal]);
  // From the very start: change_reply_status edits the first line.
  return assemble(msg, 0, all, ctx, isReliable);
}

/** Removes the topmost Via value: the whole row when it is alone in it. */
function viaRemoval(msg: SipMsg): Lump {
  const via = msg.via1 as Via;
  const rowEnd = msg.hdrValueEnd(msg.via1At);
  if (via.end < rowEnd) {
    let next = via.end + 1;
    while (next < rowEnd && msg.buf.charCodeAt(next) <= 32) next++;
    return new Lump(via.start, next - via.start, HDR.VIA);
  }
  const start = msg.hdrStart(msg.via1At);
  return new Lump(start, msg.hdrEnd(msg.via1At) - start, HDR.VIA);
}

/** Headers and body with edits; Content-Length follows the body when edits touch it. */
export function assemble(
  msg: SipMsg,
  start: number,
  lumps: readonly Lump[],
  ctx: SendContext,
  isReliable: boolean,
): string {
  const bodyStart = msg.bodyStart;
  const last = lumps.length === 0 ? null : (lumps[lumps.length - 1] as Lump);
  const isBodyEdited = last !== null && last.offset >= bodyStart;
  if (!isBodyEdited && !(isReliable && msg.findHdr(HDR.CONTENTLENGTH) < 0)) {
    return applyLumps(msg.buf, start, msg.bodyEnd, lumps, ctx);
  }
  const body = applyLumps(msg.buf, bodyStart, msg.bodyEnd, lumps, ctx);
  const header = lumps.filter((lump) => lump.offset < bodyStart);
  const row = keptContentLength(msg, header);
  const edit =
    row < 0
      ? new Lump(msg.headersEnd, 0, HDR.CONTENTLENGTH).insertAfter(`Content-Length: ${body.length}\r\n`)
      : new Lump(msg.hdrValueStart(row), msg.hdrValueEnd(row) - msg.hdrValueStart(row), HDR.CONTENTLENGTH).insertAfter(
          String(body.length),
        );
  return applyLumps(msg.buf, start, bodyStart, mergeSorted(header, [edit]), ctx) + body;
}

/** Row of Content-Length; -1 when there is none, or the edits take it out. */
function keptContentLength(msg: SipMsg, lumps: readonly Lump[]): number {
  const row = msg.findHdr(HDR.CONTENTLENGTH);
  if (row < 0) return -1;
  const at = msg.hdrStart(row);
  for (const lump of lumps) if (!lump.isCancelled && lump.offset <= at && lump.offset + lump.deleted > at) return -1;
  return row;
}

/** Merges two lists that are each in order of offset; of one offset `a` comes first. */
export function mergeSorted(a: readonly Lump[], b: readonly Lump[]): readonly Lump[] {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const merged: Lump[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const left = a[i];
    const right = b[j];
    if (right === undefined || (left !== undefined && left.offset <= right.offset)) {
      merged.push(left as Lump);
      i++;
    } else {
      merged.push(right);
      j++;
    }
  }
  return merged;
}

function sorted(list: Lump[]): Lump[] {
  // At most four, nearly in order: moved into place by hand, without the sort's set-up.
  for (let i = 1; i < list.length; i++) {
    const lump = list[i] as Lump;
    let at = i;
    for (; at > 0 && (list[at - 1] as Lump).offset > lump.offset; at--) list[at] = list[at - 1] as Lump;
    list[at] = lump;
  }
  return list;
}

/** Further contents of a reply this server makes. */
interface ReplyForm {
  readonly code: number;
  readonly reason: string;
  /** '' for none (100, or the request's To has one). */
  readonly toTag: string;
  /** Whole rows, each with CRLF, from `append_to_reply` and the like. */
  readonly extraHeaders: string;
  readonly body: string;
  /** `Server:` value, '' for none. */
  readonly server: string;
}

/**
 * A reply to a request (RFC 3261 §8.2.6): Via rows, From, To, Call-ID, CSeq in the order received, Record-Route where
 * the reply makes a dialog. To an HTTP request it is an HTTP response, whose Via, which browsers would take for one of
 * theirs, is called `Sia`, as in Kamailio.
 */
export function buildReply(msg: SipMsg, form: ReplyForm): string {
  const buf = msg.buf;
  let out = `${msg.isHttp ? msg.version : 'SIP/2.0'} ${form.code} ${onOneLine(form.reason)}\r\n`;
  // REGISTER makes no dialog: Record-Route means nothing in it (RFC 3261 §10.3).
  const withRecordRoute = form.code >= 180 && form.code < 300 && msg.method !== METHOD.REGISTER;
  // What is copied as it stands waits in `from … to` for what follows it: rows in a row are one piece of the text.
  let from = 0;
  let to = 0;
  for (let row = 0; row < msg.hdrCount; row++) {
    const kind = msg.hdrKind(row);
    if (!isCopied(kind) && !(kind === HDR.RECORDROUTE && withRecordRoute)) continue;
    const start = msg.hdrStart(row);
    const end = rowEnd(msg, row);
    if (start !== to) {
      if (to > from) out += buf.slice(from, to);
      from = start;
    }
    to = end;
    if (kind === HDR.VIA && (row === msg.via1At || msg.isHttp)) {
      if (start > from) out += buf.slice(from, start);
      out += msg.isHttp ? `S${buf.slice(start + 1, end)}` : firstViaForReply(msg, end);
      from = end;
    } else if (row === msg.toAt && form.toTag !== '' && msg.toTag === '') {
      const valueEnd = msg.hdrValueEnd(row);
      out += `${buf.slice(from, valueEnd)};tag=${form.toTag}`;
      from = valueEnd;
    }
  }
  if (to > from) out += buf.slice(from, to);
  out += form.extraHeaders;
  if (form.server !== '') out += `Server: ${form.server}\r\n`;
  if ((msg.msgFlags & MSG_FLAG.SIP_WARNING) !== 0) out += warningRow(msg);
  if (msg.isHttp) return out + endOfHttpReply(msg, form);
  return form.body === '' ? out + CONTENT_LENGTH_ZERO : `${out}Content-Length: ${form.body.length}\r\n\r\n${form.body}`;
}

/** What every reply repeats of its request. */
function isCopied(kind: number): boolean {
  return kind === HDR.VIA || kind === HDR.FROM || kind === HDR.TO || kind === HDR.CALLID || kind === HDR.CSEQ;
}

/** `hdrEnd` without a search where the value ends with its line. */
function rowEnd(msg: SipMsg, row: number): number {
  const end = msg.hdrValueEnd(row);
  return msg.buf.charCodeAt(end) === 13 && msg.buf.charCodeAt(end + 1) === 10 ? end + 2 : msg.hdrEnd(row);
}

/** A start line can not be folded: what a script has copied into it from a folded header is put on one line. */
function onOneLine(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 13 || c === 10 || c === 0) return text.replace(/[\s\0]+/g, ' ');
  }
  return text;
}

/** Content-Length and body of an HTTP response: none after a HEAD (RFC 9110 §9.3.2) or with a 101. */
function endOfHttpReply(msg: SipMsg, { code, body }: ReplyForm): string {
  const close = (msg.msgFlags & MSG_FLAG.REPLY_CLOSE) !== 0 && code >= 200 ? 'Connection: close\r\n' : '';
  const length = code < 200 ? '' : `Content-Length: ${body.length}\r\n`;
  return `${close}${length}\r\n${msg.methodName === 'HEAD' ? '' : body}`;
}

/** What `sip_warning` tells in replies (RFC 3261 §20.43, Kamailio's words); ends with CRLF. */
function warningRow(msg: SipMsg): string {
  const { rcv } = msg;
  let vias = 0;
  for (let row = msg.findHdr(HDR.VIA); row >= 0; row = msg.findHdr(HDR.VIA, row + 1)) vias++;
  const uris = `in_uri=${msg.originalUri} out_uri=${msg.uri}`.replaceAll('"', "'");
  return (
    `Warning: 392 ${rcv.socket.sentBy} "Noisy feedback tells:  pid=${process.pid} req_src_ip=${rcv.srcIp} ` +
    `req_src_port=${rcv.srcPort} ${uris} via_cnt==${vias}"\r\n`
  );
}

/** The topmost Via row with rport filled in place and received at the end of its first value, as Kamailio writes it. `end` is the row's. */
function firstViaForReply(msg: SipMsg, end: number): string {
  const buf = msg.buf;
  const start = msg.hdrStart(msg.via1At);
  const via = msg.via1;
  if (via === null || !needsReceived(msg, via)) return buf.slice(start, end);
  const rportAt = via.paramAt('rport');
  const receivedAt = via.paramAt('received');
  let tail = rportAt < 0 && (msg.msgFlags & MSG_FLAG.FORCE_RPORT) !== 0 ? `;rport=${msg.rcv.srcPort}` : '';
  tail += `;received=${msg.rcv.srcIp}`;
  let valueEnd = via.end;
  while (valueEnd > via.start && buf.charCodeAt(valueEnd - 1) <= 32) valueEnd--;
  const at = rportAt + RPORT.length;
  // What nearly every client sends, an empty rport, needs no list of edits.
  if (receivedAt < 0 && rportAt >= 0 && (at === valueEnd || buf.charCodeAt(at) === SEMICOLON)) {
    return `${buf.slice(start, at)}=${msg.rcv.srcPort}${buf.slice(at, valueEnd)}${tail}${buf.slice(valueEnd, end)}`;
  }
  const lumps: Lump[] = [];
  if (receivedAt >= 0) deleteParam(via, receivedAt, lumps);
  if (rportAt >= 0) replaceRport(msg, via, rportAt, lumps);
  lumps.push(new Lump(valueEnd, 0, HDR.VIA).insertAfter(tail));
  return applyLumps(buf, start, end, sorted(lumps), NO_CONTEXT);
}

const RPORT = 'rport';
const SEMICOLON = 59;

/** Insertions made here are plain text: nobody reads the context. */
const NO_CONTEXT = {} as SendContext;
