/** t_write_req, t_write_unix: a request told to another program, in SER's format 0.3, which Kamailio keeps. */

import { closeSync, constants, openSync, writeSync } from 'node:fs';
import {
  type AvpName,
  HDR,
  type NameAddr,
  nameAddrs,
  openUnixDatagram,
  parseAvpParam,
  parseContacts,
  type Run,
  type SipMsg,
  type UnixDatagramSocket,
  valueToString,
} from 'strowger';
import type { TmCore } from './core.ts';

const VERSION = '0.3';
/** What stands for an empty list, and ends the headers. */
const DOT = '.';

/** One line that tw_append adds: `label: value`. */
interface Addition {
  readonly label: string;
  readonly value: (run: Run) => string | null;
}

/** A value of the parameter tw_append: its name and what it adds; a text says what is wrong. */
export function parseAppend(text: string): readonly [name: string, additions: readonly Addition[]] | string {
  const colon = text.indexOf(':');
  const name = text.slice(0, Math.max(colon, 0)).trim();
  if (name === '') return `"${text}" does not begin with a name and a colon`;
  const additions: Addition[] = [];
  for (const item of text.slice(colon + 1).split(';')) {
    if (item.trim() === '') continue;
    const addition = parseAddition(item.trim());
    if (typeof addition === 'string') return addition;
    if (addition !== null) additions.push(addition);
  }
  return [name, additions];
}

/** Null for msg[body]: the body is written anyway. */
function parseAddition(item: string): Addition | string | null {
  const match = /^(?:([^=[\]]+)=)?\s*(hdr|avp|msg)\[([^\]]+)\]$/.exec(item);
  if (match === null) return `"${item}" is none of hdr[name], avp[name], msg[body], each with label= in front or not`;
  const [, label = '', type = '', key = ''] = match;
  if (type === 'msg') return key === 'body' ? null : `msg[${key}] is not supported: msg[body]`;
  if (type === 'hdr') return { label: label.trim() || key, value: ({ msg }) => headerText(msg, key) };
  const avp = parseAvpParam(`$avp(${key})`);
  return avp === null
    ? `"${key}" is no name of an AVP`
    : { label: label.trim() || key.replace(/^[is]:/, ''), value: (run) => avpText(run, avp) };
}

function headerText(msg: SipMsg, name: string): string | null {
  const row = msg.findHdrByName(name);
  return row < 0 ? null : msg.hdrValue(row);
}

function avpText({ msg }: Run, name: AvpName): string | null {
  const value = msg.vars?.avp(name) ?? null;
  return value === null ? null : valueToString(value);
}

/** The two ways out, and what tw_append names. */
export class ExternalWriter {
  readonly #tm: TmCore;
  readonly #additions: ReadonlyMap<string, readonly Addition[]>;
  #socket: UnixDatagramSocket | null = null;

  constructor(tm: TmCore) {
    this.#tm = tm;
    this.#additions = new Map(tm.settings.appends.map(parseAppend).filter((parsed) => typeof parsed !== 'string'));
  }

  /** Is this the action of a t_write_*, `action` or `action/name`? What is wrong with it, or null. */
  checkAction(action: string): string | null {
    const at = action.indexOf('/');
    if (at < 0) return null;
    const name = action.slice(at + 1);
    return this.#additions.has(name) ? null : `tw_append does not define "${name}"`;
  }

  /** 1 written, -1 not: no transaction, or nobody reads the FIFO. */
  writeFifo(run: Run, path: string, action: string): number {
    const text = this.#text(run, action);
    if (text === null) return -1;
    let file = -1;
    try {
      // A FIFO without a reader refuses at once, one that is full too.
      file = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
      const bytes = Buffer.from(text, 'latin1');
      return writeSync(file, bytes) === bytes.length ? 1 : -1;
    } catch (error) {
      this.#tm.server.log.error('tm: t_write_req() failed', { path, reason: (error as Error).message });
      return -1;
    } finally {
      if (file >= 0) closeSync(file);
    }
  }

  /** 1 sent, -1 not: no transaction, nobody listens. */
  writeUnix(run: Run, path: string, action: string): number {
    const text = this.#text(run, action);
    if (text === null) return -1;
    let failure: string | null;
    try {
      this.#socket ??= openUnixDatagram('', () => {});
      failure = this.#socket.send(text, path);
    } catch (error) {
      failure = (error as Error).message;
    }
    if (failure !== null) this.#tm.server.log.error('tm: t_write_unix() failed', { path, reason: failure });
    return failure === null ? 1 : -1;
  }

  close(): void {
    this.#socket?.close();
    this.#socket = null;
  }

  #text(run: Run, action: string): string | null {
    const t = this.#tm.of(run.msg);
    const error = t === null ? 'there is no transaction' : this.checkAction(action);
    if (t === null || error !== null) {
      this.#tm.server.log.error(`tm: t_write_*("${action}"): ${error}`);
      return null;
    }
    const [name = '', append = ''] = action.split('/', 2);
    const { msg } = run;
    const lines = [VERSION, `sip_request.${name}`, ...describe(msg)];
    lines.push(`${t.index}:${t.label}`, ...routeLines(msg), `P-MsgFlags: ${reversedHex(msg.msgFlags)}`);
    for (const { label, value } of this.#additions.get(append) ?? []) {
      const text = value(run);
      if (text !== null) lines.push(`${label}: ${text}`);
    }
    return `${lines.join('\n')}\n${DOT}\n${msg.buf.slice(msg.bodyStart, msg.bodyEnd)}\n`;
  }
}

/** From the method to the number of CSeq. */
function describe(msg: SipMsg): string[] {
  const { from, to, rcv } = msg;
  const target = remoteTarget(msg);
  return [
    msg.methodName,
    msg.ruri?.user ?? '',
    msg.ruri?.host ?? '',
    rcv.dstIp,
    String(rcv.dstPort),
    msg.originalUri,
    strictRoute(msg) ?? target,
    addressText(from),
    addressText(to),
    msg.callId ?? '',
    from?.tag ?? '',
    to?.tag ?? '',
    String(msg.cseqNumber),
  ];
}

/** Name and URI, without parameters. */
function addressText(addr: NameAddr | null): string {
  if (addr === null) return '';
  const isBracketed = addr.buf.charAt(addr.uriEnd) === '>';
  return addr.buf.slice(addr.start, addr.uriEnd + (isBracketed ? 1 : 0));
}

/** Where a request in the dialog would go: the Contact, or From where there is none. */
function remoteTarget(msg: SipMsg): string {
  return parseContacts(msg).values[0]?.uriText ?? msg.from?.uriText ?? '';
}

/** The first Record-Route when it is a strict router (RFC 3261 §12.2.1.1). */
function strictRoute(msg: SipMsg): string | null {
  const first = nameAddrs(msg, HDR.RECORDROUTE)[0];
  return first == null || first.uri?.param('lr') != null ? null : first.uriText;
}

/** The route set of a request in the dialog, and its next hop. */
function routeLines(msg: SipMsg): [routes: string, nextHop: string] {
  const uris = nameAddrs(msg, HDR.RECORDROUTE).flatMap((route) => (route === null ? [] : [route.uriText]));
  const isStrict = strictRoute(msg) !== null;
  const set = isStrict ? [...uris.slice(1), remoteTarget(msg)] : uris;
  const text = set.map((uri) => `<${uri}>`).join(',');
  return [text === '' ? DOT : text, isStrict ? DOT : (uris[0] ?? DOT)];
}

/** Lowest digit first, two at least. */
function reversedHex(value: number): string {
  return value.toString(16).padStart(2, '0').split('').reverse().join('');
}
