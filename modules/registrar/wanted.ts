import {
  contactUri,
  HDR,
  hasToken,
  type NameAddr,
  PROTO_NAMES,
  type Run,
  type SipMsg,
  type SocketInfo,
  unfold,
} from 'strowger';
import type { Ucontact, UcontactInfo } from '../usrloc/api.ts';
import { expiresHeader, expiresOf, methodsOf, unquoted } from './contacts.ts';
import { REG_ERROR, type RegError, tooBrief } from './errors.ts';
import { pathOf } from './path.ts';
import type { Registrar } from './registrar.ts';
import { PATH_MODE } from './settings.ts';

/** Bits of the second argument of `save()`. */
export const SAVE = { MEMORY: 1, NO_REPLY: 2, ONE_CONTACT: 4, EXACT_EXPIRES: 8, REPLY_HEADERS: 16 } as const;

/** usrloc's flag of a contact that is kept in memory only. */
const FL_MEMORY = 1;
/** Longest instance of the location table. */
const MAX_INSTANCE = 255;
/** At or above an hour an interval is never too brief (RFC 3261 §10.3 step 7). */
const HOUR_SEC = 3600;

/** One contact of a REGISTER, as it is to be stored. */
export interface Wanted {
  readonly uri: string;
  readonly info: UcontactInfo;
  readonly isRemoval: boolean;
  /** What it is in the table; null: nothing yet. */
  existing: Ucontact | null;
  /** Nothing is to be done: the same REGISTER has been seen before. */
  isRepeated: boolean;
}

/** Reads what the contacts of one REGISTER ask for. */
export class WantedContacts {
  readonly #reg: Registrar;
  readonly #run: Run;
  readonly #msg: SipMsg;
  readonly #flags: number;
  readonly #nowSec: number;
  #received = '';
  #cflags = 0;
  #expiresHeader: number | null = null;
  /** Path of the contacts, '' for none. */
  path = '';

  constructor(reg: Registrar, run: Run, flags: number, nowSec: number) {
    this.#reg = reg;
    this.#run = run;
    this.#msg = run.msg;
    this.#flags = flags;
    this.#nowSec = nowSec;
  }

  /** All of them, or what is wrong with one: nothing is changed before all are known to be good. */
  readAll(values: readonly NameAddr[]): Wanted[] | RegError {
    const fault = this.#readPath() ?? this.#readReceived();
    if (fault !== null) return fault;
    let wanted: Wanted[] = [];
    for (const value of values) {
      const one = this.#read(value);
      if (!('uri' in one)) return one;
      if (wanted.length === 0) wanted = [one];
      else wanted.push(one);
    }
    return wanted;
  }

  #readPath(): RegError | null {
    const { settings, ul } = this.#reg;
    const msg = this.#msg;
    this.#cflags = msg.bflags;
    if (!settings.usesPath || msg.findHdr(HDR.PATH) < 0) return null;
    if (settings.pathMode === PATH_MODE.STRICT && !hasToken(msg, HDR.SUPPORTED, 'path')) {
      const path = pathOf(msg);
      return path === null
        ? REG_ERROR.pathParse
        : { ...REG_ERROR.pathUnsupported, rows: `${REG_ERROR.pathUnsupported.rows}Path: ${path.text}\r\n` };
    }
    const path = pathOf(msg);
    if (path === null) return REG_ERROR.pathParse;
    this.path = path.text;
    if (settings.usesReceivedOfPath && path.received !== '') {
      this.#received = path.received;
      this.#cflags |= ul.natFlag;
    }
    return null;
  }

  /** The address NAT handling found (received_avp). */
  #readReceived(): RegError | null {
    const { receivedAvp, contactMaxSize } = this.#reg.settings;
    if (this.#received === '' && receivedAvp !== null) {
      const value = this.#msg.vars?.avp(receivedAvp) ?? null;
      if (typeof value === 'string') this.#received = value;
    }
    if (this.#received.length > contactMaxSize) return REG_ERROR.contactLength;
    // It is written into replies between quotes.
    return this.#received !== '' && /["\r\n]/.test(this.#received) ? REG_ERROR.parse : null;
  }

  #read(contact: NameAddr): Wanted | RegError {
    const msg = this.#msg;
    const { settings, ul } = this.#reg;
    const uri = contactUri(msg, contact);
    const expiresSec = this.#expiresOf(contact);
    if (expiresSec < 0) return tooBrief(settings.minExpiresSec);
    const q = this.#qOf(contact);
    if (q < -1) return REG_ERROR.badQ;
    const methodsText = contact.param('methods');
    const methods = methodsText === null ? this.#reg.allow.of(msg) : methodsOf(unquoted(methodsText));
    if (methods < 0) return REG_ERROR.parse;
    const instance = this.#instanceOf(contact);
    if (instance === null) return REG_ERROR.parse;
    const regId = instance === '' ? 0 : regIdOf(contact);
    if (regId < 0) return REG_ERROR.parse;
    const isRemoval = expiresSec === 0;
    const agentRow = msg.findHdr(HDR.USERAGENT);
    const info: UcontactInfo = {
      contact: uri,
      expires: isRemoval ? this.#nowSec : this.#nowSec + expiresSec,
      q,
      callid: msg.callId ?? '',
      cseq: msg.cseqNumber,
      flags: (this.#flags & SAVE.MEMORY) !== 0 ? FL_MEMORY : 0,
      cflags: this.#cflags,
      userAgent: agentRow < 0 ? 'n/a' : unfold(msg.hdrValue(agentRow)),
      received: this.#received,
      path: this.path,
      socket: this.#socket(),
      methods,
      instance,
      regId,
      tcpconnId: msg.rcv.conId === 0 ? -1 : msg.rcv.conId,
      keepalive: (this.#cflags & ul.natFlag) === 0 ? 0 : 1,
      xavp: this.#reg.contactXavp(msg),
    };
    return { uri, info, isRemoval, existing: null, isRepeated: false };
  }

  /** Seconds a contact is to live, 0 to remove it, -1 where that is too brief. */
  #expiresOf(contact: NameAddr): number {
    const { settings } = this.#reg;
    let seconds = expiresOf(contact);
    if (seconds === -1) seconds = this.#expiresHeader ??= expiresHeader(this.#msg);
    const isExact = (this.#flags & SAVE.EXACT_EXPIRES) !== 0;
    if (seconds < 0) {
      seconds = settings.defaultExpiresSec;
      if (!isExact) seconds = this.#shortened(seconds, settings.defaultExpiresRange);
    } else if (!isExact && seconds > 0) seconds = this.#shortened(seconds, settings.expiresRange);
    seconds = this.#reg.cfgInt(this.#msg, 'expires') ?? seconds;
    if (seconds <= 0) return 0;
    const min = settings.minExpiresSec;
    if (min > 0 && seconds < min) {
      if (settings.minExpiresMode !== 0 && seconds < HOUR_SEC) return -1;
      seconds = min;
    }
    const max = settings.maxExpiresSec;
    return max > 0 && seconds > max ? max : seconds;
  }

  /** Takes off up to `range` percent, at random. */
  #shortened(seconds: number, range: number): number {
    const most = Math.floor((seconds * range) / 100);
    return most <= 0 ? seconds : seconds - this.#run.server.random.int(most + 1);
  }

  /** Thousandths, -1 for none, -2 where it can not be read. */
  #qOf(contact: NameAddr): number {
    const forced = this.#reg.cfgInt(this.#msg, 'q');
    if (forced !== null) return forced >= 0 && forced <= 1000 ? forced : -2;
    const text = contact.param('q');
    if (text === null || text === '') return this.#reg.settings.defaultQ;
    return this.#reg.qOf(text);
  }

  /** '' for none, null where it can not be stored. */
  #instanceOf(contact: NameAddr): string | null {
    const text = contact.param('+sip.instance');
    if (text === null || text === '') return '';
    const instance = unquoted(text);
    return /["\\\r\n]/.test(instance) || instance.length > MAX_INSTANCE ? null : instance;
  }

  /** Our socket of the contact: the one it came in on, or what the script or a header says. */
  #socket(): string {
    const { settings } = this.#reg;
    const msg = this.#msg;
    const given = this.#reg.cfgText(msg, 'socket');
    if (given !== '') return this.#localSocket(given) ?? socketText(msg.rcv.socket, settings.sockMode);
    if (settings.sockFlag >= 0 && settings.sockHeader !== '' && ((msg.flags >>> settings.sockFlag) & 1) !== 0) {
      const row = msg.findHdrByName(settings.sockHeader);
      const socket = row < 0 ? null : this.#localSocket(msg.hdrValue(row));
      if (socket !== null) return socket;
    }
    return socketText(msg.rcv.socket, settings.sockMode);
  }

  #localSocket(text: string): string | null {
    const socket = this.#run.server.transport.findSocket(text.trim());
    if (socket === null) this.#reg.ctx.log.error('not a socket of this server', { socket: text });
    return socket === null ? null : socketText(socket, this.#reg.settings.sockMode);
  }
}

/** reg-id (RFC 5626 §11.1): 0 without one, -1 where it is no number from 1 to 2^31-1. */
function regIdOf(contact: NameAddr): number {
  const text = contact.param('reg-id');
  if (text === null) return 0;
  const number = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  return number >= 1 && number <= 0x7fff_ffff ? number : -1;
}

function socketText(socket: SocketInfo, isAdvertised: boolean): string {
  return isAdvertised && socket.isAdvertised ? `${PROTO_NAMES[socket.proto]}:${socket.sentBy}` : socket.uri;
}
