import {
  HDR,
  type Lump,
  MSG_FLAG,
  type NameAddr,
  type PvDef,
  type PvValue,
  parseUri,
  readOnly,
  readWrite,
  type SipMsg,
  writeUri,
} from 'strowger';
import type { PvState } from './state.ts';
import { URI_ATTRIBUTES } from './uri-attributes.ts';

type Side = 'from' | 'to';

/**
 * $fu, $fU, $tn …: From and To. Assigning edits the message that will be sent; what is read stays as received until
 * msg_apply_changes().
 */
export const FROM_TO_PVS: Readonly<Record<string, PvDef<PvState>>> = {
  fu: uriOf('from'),
  from: uriOf('from'),
  fU: userOf('from'),
  'from.user': userOf('from'),
  fd: domainOf('from'),
  'from.domain': domainOf('from'),
  fn: displayOf('from'),
  fUl: readOnly('Length of the user of the From URI.', (run) => userLength(run.msg.from)),
  ful: readOnly('Length of the From URI.', (run) => run.msg.from?.uriText.length ?? null),
  ft: readOnly('Tag of From.', (run) => run.msg.from?.tag || null),
  tu: uriOf('to'),
  to: uriOf('to'),
  tU: userOf('to'),
  'to.user': userOf('to'),
  td: domainOf('to'),
  'to.domain': domainOf('to'),
  tn: displayOf('to'),
  // Assigning it sets the user, as in Kamailio.
  tUl: readWrite(
    'Length of the user of the To URI.',
    (run) => userLength(run.msg.to),
    (run, value) => setUser(run.msg, 'to', value),
  ),
  tt: readOnly('Tag of To.', (run) => run.msg.to?.tag || null),
  tts: readOnly('1 when To has a tag, else 0.', (run) => (run.msg.to?.tag ? 1 : 0)),
};

/** `msg[side]` would be a lookup by name where a script reads both. */
function addressOf(msg: SipMsg, side: Side): NameAddr | null {
  return side === 'from' ? msg.from : msg.to;
}

function label(side: Side): string {
  return side === 'from' ? 'From' : 'To';
}

function uriOf(side: Side): PvDef<PvState> {
  return readWrite(
    `URI of ${label(side)}.`,
    (run) => addressOf(run.msg, side)?.uriText ?? null,
    (run, value) => typeof value === 'string' && value !== '' && editUri(run.msg, side, () => value),
  );
}

function userOf(side: Side): PvDef<PvState> {
  return readWrite(
    `User of the ${label(side)} URI.`,
    (run) => {
      const uri = addressOf(run.msg, side)?.uri;
      return uri == null ? null : URI_ATTRIBUTES.user(uri);
    },
    (run, value) => setUser(run.msg, side, value),
  );
}

function setUser(msg: SipMsg, side: Side, value: PvValue): boolean {
  return typeof value !== 'number' && editUri(msg, side, (uri) => withPart(uri, { user: value ?? '' }));
}

function domainOf(side: Side): PvDef<PvState> {
  return readWrite(
    `Host of the ${label(side)} URI.`,
    (run) => {
      const uri = addressOf(run.msg, side)?.uri;
      return uri == null ? null : URI_ATTRIBUTES.host(uri);
    },
    (run, value) =>
      typeof value === 'string' && value !== '' && editUri(run.msg, side, (uri) => withPart(uri, { host: value })),
  );
}

function displayOf(side: Side): PvDef<PvState> {
  return readWrite(
    `Display name of ${label(side)}, quotes kept.`,
    (run) => addressOf(run.msg, side)?.display || null,
    (run, value) => typeof value !== 'number' && editDisplay(run.msg, side, value ?? ''),
  );
}

function userLength(addr: NameAddr | null): PvValue {
  const uri = addr?.uri;
  return uri == null ? null : uri.user.length;
}

function withPart(uri: string, parts: { readonly user?: string; readonly host?: string }): string | null {
  const parsed = parseUri(uri);
  return parsed === null ? null : writeUri(parsed, parts);
}

/** What a script has made of a From or To so far: one lump in front of the URI, one on it, so that the last assignment wins. */
interface Edit {
  uri: string;
  display: string;
  head: Lump | null;
  body: Lump | null;
  /** The text the lumps are about. */
  readonly buf: string;
}

const EDITS: Readonly<Record<Side, object>> = { from: {}, to: {} };

function editUri(msg: SipMsg, side: Side, change: (uri: string) => string | null): boolean {
  const addr = addressOf(msg, side);
  if (addr === null) return false;
  const edit = editOf(msg, side, addr);
  const uri = change(edit.uri);
  if (uri === null) return false;
  edit.uri = uri;
  // Of one offset, the lump made first is written first.
  if (!isBracketed(addr)) writeHead(msg, side, addr, edit);
  writeBody(msg, side, addr, edit);
  return true;
}

function editDisplay(msg: SipMsg, side: Side, display: string): boolean {
  const addr = addressOf(msg, side);
  if (addr === null) return false;
  const edit = editOf(msg, side, addr);
  edit.display = display;
  writeHead(msg, side, addr, edit);
  if (!isBracketed(addr)) writeBody(msg, side, addr, edit);
  return true;
}

function editOf(msg: SipMsg, side: Side, addr: NameAddr): Edit {
  let edit = msg.extension<Edit>(EDITS[side]);
  // After msg_apply_changes() the text is another and the lumps are gone.
  if (edit === undefined || edit.buf !== msg.buf) {
    edit = { uri: addr.uriText, display: addr.display, head: null, body: null, buf: msg.buf };
    msg.setExtension(EDITS[side], edit);
    msg.msgFlags |= side === 'from' ? MSG_FLAG.USE_UAC_FROM : MSG_FLAG.USE_UAC_TO;
  }
  return edit;
}

function isBracketed(addr: NameAddr): boolean {
  return addr.buf.charCodeAt(addr.uriStart - 1) === 60;
}

/** Everything in front of the URI: display name and opening bracket. */
function writeHead(msg: SipMsg, side: Side, addr: NameAddr, edit: Edit): void {
  edit.head ??= msg.lumps.del(addr.start, addr.uriStart - addr.start, side === 'from' ? HDR.FROM : HDR.TO);
  edit.head.after = [edit.display === '' ? '<' : `${edit.display} <`];
}

/** The URI; where there was no bracket, the closing one that the head now opens. */
function writeBody(msg: SipMsg, side: Side, addr: NameAddr, edit: Edit): void {
  edit.body ??= msg.lumps.del(addr.uriStart, addr.uriEnd - addr.uriStart, side === 'from' ? HDR.FROM : HDR.TO);
  edit.body.after = [isBracketed(addr) ? edit.uri : `${edit.uri}>`];
}
