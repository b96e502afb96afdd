import {
  HDR,
  type Lump,
  type ModuleContext,
  MSG_FLAG,
  type NameAddr,
  ParamPv,
  type Run,
  replaceSpan,
  type SipMsg,
} from 'strowger';
import type { RrApi } from '../rr/api.ts';
import type { TmApi } from '../tm/api.ts';
import { type DialogVariables, dialogPair, storePair } from './dialog-variables.ts';
import { decodeUri, encodeUri } from './uri-code.ts';

export type Side = 'from' | 'to';

/** What restore_mode says is done after a URI was replaced. */
export type RestoreMode = 'none' | 'manual' | 'auto';

export interface ReplaceParts {
  readonly ctx: ModuleContext;
  readonly tm: TmApi;
  /** Null where it is not loaded, which restore_mode auto does not allow. */
  readonly rr: RrApi | null;
  /** Null without restore_dlg. */
  readonly dialogs: DialogVariables | null;
  readonly mode: RestoreMode;
}

/** What was done to one header of a message. */
interface Replaced {
  /** The text it was done to. */
  readonly buf: string;
  /** The edit of the URI. */
  readonly lump: Lump;
}

const REPLACED: Readonly<Record<Side, object>> = { from: {}, to: {} };

/** From and To under other names, and back again on the way back (Kamailio: uac_replace_*, uac_restore_*). */
export class Replacements {
  readonly #parts: ReplaceParts;
  readonly #password: string;
  readonly #params: Readonly<Record<Side, string>>;
  /** restore_from_avp, restore_to_avp */
  readonly #avps: Readonly<Record<Side, ParamPv>>;

  constructor(parts: ReplaceParts) {
    const { ctx } = parts;
    this.#parts = parts;
    this.#password = ctx.str('restore_passwd');
    this.#params = { from: ctx.str('rr_from_store_param'), to: ctx.str('rr_to_store_param') };
    this.#avps = {
      from: new ParamPv(ctx.str('restore_from_avp')),
      to: new ParamPv(ctx.str('restore_to_avp')),
    };
    if (parts.mode === 'auto') parts.rr?.onRouted((run) => this.#restoreBoth(run));
  }

  /** Throws where a parameter's variable can not be assigned. Ask once the script is compiled. */
  check(program: Run['program']): void {
    for (const pv of [this.#avps.from, this.#avps.to]) {
      const error = pv.check(program, true);
      if (error !== null) throw new Error(`uac: ${error}`);
    }
  }

  /**
   * Replaces display name (null: left as it is; '': none) and URI ('': left) of a header. 1 done; -1 it has been replaced
   * before, can not be read, or belongs to a dialog whose names are looked after (restore_mode auto).
   */
  replace(run: Run, side: Side, display: string | null, uri: string): number {
    const { ctx, mode } = this.#parts;
    const { msg } = run;
    const addr = msg[side];
    if (addr === null) return -1;
    if (isReplaced(msg, side)) {
      ctx.log.error(`uac_replace_${side}() was called before on this message`);
      return -1;
    }
    if (mode === 'auto' && msg.toTag !== '') {
      ctx.log.error(`uac_replace_${side}() is for requests that begin a dialog where restore_mode is auto`);
      return -1;
    }
    editDisplay(msg, side, addr, display, uri);
    if (uri === '') return 1;
    this.#replaceUri(msg, side, addr, uri);
    if (mode !== 'none') this.#remember(run, side, addr, display, uri);
    return 1;
  }

  #replaceUri(msg: SipMsg, side: Side, addr: NameAddr, uri: string): void {
    const lump = replaceSpan(msg, addr.uriStart, addr.uriEnd, uri, KIND[side]);
    msg.setExtension(REPLACED[side], { buf: msg.buf, lump } satisfies Replaced);
    msg.msgFlags |= FLAG[side];
  }

  /** Sees to it that the other side's requests and all replies have the names that the caller knows. */
  #remember(run: Run, side: Side, addr: NameAddr, display: string | null, uri: string): void {
    const { tm, rr, dialogs } = this.#parts;
    const { msg } = run;
    const original = namedUri(addr);
    this.#avps[side].set(run, original);
    this.#restoreReplies(tm, msg, side, original);
    const newDisplay = display ?? addr.display;
    const pair = { uri: addr.uriText, newUri: uri, display: addr.display, newDisplay };
    if (dialogs !== null && storePair(dialogs, msg, side, pair)) return;
    const value = encodeUri(addr.uriText, uri, this.#password);
    rr?.addParam(run, `;${this.#params[side]}=${value}`);
  }

  #restoreReplies(tm: TmApi, msg: SipMsg, side: Side, original: string): void {
    tm.onTransaction(msg, 'replyIn', ({ reply }) => {
      if (reply !== null) restoreReply(reply, side, original);
    });
  }

  /** uac_restore_from, uac_restore_to: by the parameter of our Route. 1 done; -1 there is none, or it is of no use. */
  restore(run: Run, side: Side): number {
    return this.#restore(run, side) === null ? -1 : 1;
  }

  /** Null where nothing was restored; else the header that was, and what it held. */
  #restore(run: Run, side: Side): { readonly side: Side; readonly original: string } | null {
    const { rr, ctx, dialogs } = this.#parts;
    const { msg } = run;
    if (rr === null) return null;
    const isUpstream = rr.isDirection(run, 'upstream') > 0;
    const target = isUpstream ? other(side) : side;
    const addr = msg[target];
    if (addr === null || isReplaced(msg, target)) return null;
    const stored = dialogs === null ? null : dialogPair(dialogs, msg, side);
    if (stored !== null) {
      const original = namedUri(addr);
      const uri = isUpstream ? stored.uri : stored.newUri;
      editDisplay(msg, target, addr, isUpstream ? stored.display : stored.newDisplay, uri);
      this.#replaceUri(msg, target, addr, uri);
      return { side: target, original };
    }
    const value = rr.routeParam(msg, this.#params[side].toLowerCase());
    if (value === null || value === '') return null;
    const uri = decodeUri(value, addr.uriText, this.#password);
    if (uri === null) {
      ctx.log.warn('the Route does not tell the URI to restore: an end point has changed it', { uri: addr.uriText });
      return null;
    }
    editDisplay(msg, target, addr, null, uri);
    this.#replaceUri(msg, target, addr, uri);
    return { side: target, original: namedUri(addr) };
  }

  /** Every request that our Route brought here (restore_mode auto). */
  #restoreBoth(run: Run): void {
    for (const side of ['from', 'to'] as const) {
      const restored = this.#restore(run, side);
      if (restored !== null) this.#restoreReplies(this.#parts.tm, run.msg, restored.side, restored.original);
    }
  }
}

const KIND = { from: HDR.FROM, to: HDR.TO } as const;
const FLAG = { from: MSG_FLAG.USE_UAC_FROM, to: MSG_FLAG.USE_UAC_TO } as const;

function other(side: Side): Side {
  return side === 'from' ? 'to' : 'from';
}

/** An edit of another branch does not count; one that has become the text (msg_apply_changes) does. */
function isReplaced(msg: SipMsg, side: Side): boolean {
  const done = msg.extension<Replaced>(REPLACED[side]);
  return done !== undefined && (done.buf !== msg.buf || msg.lumpList?.items.includes(done.lump) === true);
}

function isBracketed(addr: NameAddr): boolean {
  return addr.buf.charCodeAt(addr.uriStart - 1) === 60;
}

/** Display name, brackets and URI as written, without header parameters. */
function namedUri(addr: NameAddr): string {
  return addr.buf.slice(addr.start, endOfUri(addr));
}

function endOfUri(addr: NameAddr): number {
  return isBracketed(addr) ? addr.uriEnd + 1 : addr.uriEnd;
}

/** A display name needs brackets around the URI, and so do parameters of it (RFC 3261 §20.10): they come with it. */
function editDisplay(msg: SipMsg, side: Side, addr: NameAddr, display: string | null, uri: string): void {
  const kind = KIND[side];
  if (!isBracketed(addr)) {
    const isNamed = display !== null && display !== '';
    if (!isNamed && !/[;?,]/.test(uri)) return;
    msg.lumps.anchor(addr.uriStart, kind).insertAfter(isNamed ? `${display} <` : '<');
    msg.lumps.anchor(addr.uriEnd, kind).insertAfter('>');
    return;
  }
  if (display === null || (display === '' && addr.display === '')) return;
  if (addr.display !== '') replaceSpan(msg, addr.start, addr.start + addr.display.length, display, kind);
  else msg.lumps.anchor(addr.start, kind).insertAfter(`${display} `);
}

/** The header of a reply as its request had it when it came in; its parameters, the tag among them, stay. */
function restoreReply(reply: SipMsg, side: Side, original: string): void {
  const addr = reply[side];
  // Each branch asks for it, where branch routes replaced names.
  if (addr === null || isReplaced(reply, side)) return;
  const lump = replaceSpan(reply, addr.start, endOfUri(addr), original, KIND[side]);
  reply.setExtension(REPLACED[side], { buf: reply.buf, lump } satisfies Replaced);
}
