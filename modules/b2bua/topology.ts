import { flatCopy, HDR, type SipMsg } from 'strowger';
import type { Call } from './call.ts';
import type { Calls } from './calls.ts';
import { LEG, type Leg } from './leg.ts';
import { parseReplaces } from './replaces.ts';
import { UaDialog } from './ua-dialog.ts';

/** URI parameter that tells which hidden URI is meant. */
const ALIAS_PARAM = 'th';
/** Hidden URIs that one call may bring. */
const MAX_ALIASES = 64;

/** One table for what a side may not see: URIs of the other side (Refer-To), and the dialogs that Replaces names. */
export class HiddenNames {
  readonly #uris = new Map<string, string>();
  readonly #dialogs = new Map<string, Leg>();
  readonly #ofCall = new Map<Call, string[]>();
  #last = 0;

  get size(): number {
    return this.#uris.size + this.#dialogs.size;
  }

  /** A URI of ours that stands for one of the other side's. */
  aliasOfUri(call: Call, uri: string, host: string): string {
    const user = /^sips?:([^@;?]*)@/i.exec(uri)?.[1] ?? '';
    const key = this.#key(call);
    if (key === '') return `sip:${host}`;
    this.#uris.set(key, flatCopy(uri));
    return `sip:${user === '' ? '' : `${user}@`}${host};${ALIAS_PARAM}=${key}`;
  }

  /** A Call-ID that stands for the dialog of a leg. */
  aliasOfLeg(call: Call, leg: Leg): string {
    for (const [alias, known] of this.#dialogs) if (known === leg) return alias;
    const name = this.#key(call);
    const key = call.calls.homes.ownCallId(() => `${name}${call.server.random.token(12)}`);
    this.#dialogs.set(key, leg);
    this.#ofCall.get(call)?.push(key);
    return key;
  }

  #key(call: Call): string {
    const keys = this.#ofCall.get(call) ?? [];
    if (keys.length >= MAX_ALIASES) return '';
    this.#ofCall.set(call, keys);
    const key = `${(++this.#last).toString(36)}${call.server.random.token(8)}`;
    keys.push(key);
    return key;
  }

  legOf(callId: string): Leg | null {
    return this.#dialogs.get(callId) ?? null;
  }

  /** Puts the URI back that a Request-URI stands for. */
  restore(msg: SipMsg): void {
    const [, key = ''] = new RegExp(`;${ALIAS_PARAM}=([A-Za-z0-9_.~-]+)`).exec(msg.uri) ?? [];
    const uri = this.#uris.get(key);
    if (uri !== undefined) msg.newUri = uri;
  }

  /** A call is forgotten, with what it hid. */
  release(call: Call): void {
    for (const key of this.#ofCall.get(call) ?? []) {
      this.#uris.delete(key);
      this.#dialogs.delete(key);
    }
    this.#ofCall.delete(call);
  }
}

/** Hosts and Call-IDs of every other leg, and what a leg sees instead. */
function secretsOf(call: Call, leg: Leg): Map<string, string> {
  const found = new Map<string, string>();
  const host = hostOf(leg.contact);
  for (const other of call.hiddenFrom(leg)) {
    const { dialog } = other;
    found.set(dialog.callId, leg.dialog.callId);
    const texts = [dialog.remoteTarget, dialog.remote, dialog.flow, ...dialog.routeSet];
    for (const secret of [...texts.map(hostOf), ...other.hosts, ...addressesOf(other.remoteSdp)])
      if (secret.length > 2) found.set(secret, host);
  }
  // What the leg's own side has, and what is ours, is no secret.
  for (const own of [hostOf(leg.dialog.remoteTarget), ...leg.hosts]) found.delete(own);
  for (const socket of call.server.transport.sockets) found.delete(socket.address);
  found.delete(host);
  return found;
}

function hostOf(text: string): string {
  const [, host = ''] = /sips?:(?:[^@<>;?]*@)?(\[[^\]]*\]|[^:;?>\s]*)/i.exec(text) ?? [];
  return host.replace(/^\[|\]$/g, '');
}

function addressesOf(sdp: string): string[] {
  return [...sdp.matchAll(/^(?:c=IN|o=\S+ \S+ \S+ IN) IP[46] (\S+)/gm)]
    .map(([, address = '']) => address)
    .filter((address) => address !== '0.0.0.0');
}

function replaceAll(text: string, secrets: ReadonlyMap<string, string>): string {
  let out = text;
  for (const [secret, instead] of secrets) {
    if (!out.includes(secret)) continue;
    const pattern = secret.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    out = out.replace(new RegExp(`(?<![A-Za-z0-9.-])${pattern}(?![A-Za-z0-9-]|\\.[A-Za-z0-9])`, 'g'), () => instead);
  }
  return out;
}

/** Rows for a leg, without what is the other side's. */
export function hideHeaders(call: Call, leg: Leg, headers: string): string {
  if (headers === '') return headers;
  const rows = headers.replace(/^Target-Dialog:[ \t]*([^\r]*)\r\n/gim, (row, value: string) =>
    targetDialog(call, leg, row, value),
  );
  return call.options.isTopologyHidden ? replaceAll(rows, secretsOf(call, leg)) : rows;
}

/** Target-Dialog of one side's dialog names the other side's own dialog of the same call (RFC 4538). */
function targetDialog(call: Call, leg: Leg, row: string, value: string): string {
  const callId = (value.split(';')[0] ?? '').trim();
  const named = call.legs.find((each) => each.dialog.callId === callId);
  const own = named?.peer ?? null;
  if (own === null || own.owner !== call) return call.options.isTopologyHidden ? '' : row;
  const { dialog } = own === leg ? leg : own;
  return `Target-Dialog: ${dialog.callId};local-tag=${dialog.remoteTag};remote-tag=${dialog.localTag}\r\n`;
}

/** The dialog of a leg that is about to call: From with our host in the place of the caller's, To is who is called. */
export function hideParties(call: Call, leg: Leg, uri: string): UaDialog {
  const { callId, local, localTag, localCseq } = leg.dialog;
  const host = hostOf(local);
  const isOurs = call.server.transport.sockets.some(({ address }) => address === host);
  const from = isOurs ? local : replaceAll(local, new Map([[host, hostOf(leg.contact)]]));
  return new UaDialog(callId, replaceAll(from, secretsOf(call, leg)), localTag, `<${uri}>`, uri, localCseq);
}

/** A body for a leg: in a description all but where media flow, when they do so from side to side. */
export function hideBody(call: Call, leg: Leg, body: string, contentType: string): string {
  if (!call.options.isTopologyHidden || body === '') return body;
  const type = contentType.toLowerCase();
  if (type.startsWith('text/')) return body;
  const secrets = secretsOf(call, leg);
  if (!type.startsWith('application/sdp')) return replaceAll(body, secrets);
  const isDirect = call.media === null;
  return body
    .split('\n')
    .map((line) =>
      isDirect && /^(?:c=|a=candidate:|a=rtcp:|a=remote-candidates:)/.test(line) ? line : hideLine(line, secrets),
    )
    .join('\n');
}

function hideLine(line: string, secrets: ReadonlyMap<string, string>): string {
  const anonymous = line.startsWith('o=') ? line.replace(/^o=\S+/, 'o=-') : line;
  return replaceAll(anonymous, secrets);
}

/** Refer-To and Referred-By for the side that a REFER passes to. */
export function referRows(calls: Calls, call: Call, to: Leg, msg: SipMsg): string {
  let rows = '';
  for (const kind of [HDR.REFERTO, HDR.REFERREDBY]) {
    for (let row = msg.findHdr(kind); row >= 0; row = msg.findHdr(kind, row + 1)) {
      const value = msg.hdrValue(row);
      rows += `${msg.hdrName(row)}: ${kind === HDR.REFERTO && call.options.isTopologyHidden ? hideReferTo(calls, call, to, value) : value}\r\n`;
    }
  }
  return rows;
}

function hideReferTo(calls: Calls, call: Call, to: Leg, value: string): string {
  const [, uri = ''] = /<([^>]*)>/.exec(value) ?? /^\s*([^;\s]+)/.exec(value) ?? [];
  const at = uri.indexOf('?');
  const target = at < 0 ? uri : uri.slice(0, at);
  const host = (/<sips?:(?:[^@>]*@)?([^;>]*)/.exec(to.contact) ?? [])[1] ?? '';
  const replaces = at < 0 ? '' : hideReplaces(calls, call, uri.slice(at + 1));
  return `<${calls.hidden.aliasOfUri(call, target, host)}${replaces === '' ? '' : `?${replaces}`}>`;
}

/** Of the headers in a Refer-To only Replaces of a dialog of ours passes, under another name. */
function hideReplaces(calls: Calls, call: Call, headers: string): string {
  const [, text = ''] = /(?:^|&)replaces=([^&]*)/i.exec(headers) ?? [];
  const replaces = parseReplaces(decode(text));
  const leg = replaces === null ? null : calls.legOfReplaces(decode(text));
  if (replaces === null || leg === null || leg.state === LEG.ENDED) return '';
  const value = `${calls.hidden.aliasOfLeg(call, leg)};to-tag=${leg.dialog.localTag};from-tag=${leg.id}`;
  return `Replaces=${encodeURIComponent(value)}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
