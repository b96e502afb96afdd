import { findContent, type Lump, type ParamPv, type Run, type SipMsg } from 'strowger';

/** The SDP a command works on. */
export interface SdpSource {
  readonly text: string;
  /** ICE candidates of their own (RFC 8840), not a whole SDP. */
  readonly isFragment: boolean;
}

/** Content types of a session description, and of a fragment of one. */
const SDP_TYPE = 'application/sdp';
const FRAGMENT_TYPE = 'application/trickle-ice-sdpfrag';

/** What a module has put in the place of the body: another replaces it. */
const REPLACED: object = { name: 'rtpengine-body' };

interface Replaced {
  readonly buf: string;
  readonly lump: Lump;
}

function spanOf(msg: SipMsg): { readonly start: number; readonly end: number; readonly isFragment: boolean } | null {
  const sdp = findContent(msg, SDP_TYPE);
  if (sdp !== null) return { ...sdp, isFragment: false };
  const fragment = findContent(msg, FRAGMENT_TYPE);
  return fragment === null ? null : { ...fragment, isFragment: true };
}

/** From the variable where one is named, else from the body; null where there is none. */
export function readSdp(run: Run, variable: ParamPv): SdpSource | null {
  if (variable.isNamed) {
    const value = variable.get(run);
    return typeof value === 'string' && value !== '' ? { text: value, isFragment: false } : null;
  }
  const span = spanOf(run.msg);
  return span === null ? null : { text: run.msg.buf.slice(span.start, span.end), isFragment: span.isFragment };
}

/** True where the message has a body that offer and answer can work on. */
export function hasSdp(msg: SipMsg): boolean {
  return spanOf(msg) !== null;
}

/** Into the variable where one is named, else in the place of the SDP in the body. False where it could not be put. */
export function writeSdp(run: Run, variable: ParamPv, text: string): boolean {
  if (variable.isNamed) return variable.set(run, text);
  const { msg } = run;
  const span = spanOf(msg);
  if (span === null) return false;
  const earlier = msg.extension<Replaced>(REPLACED);
  // Only among the same edits: another branch keeps its own.
  if (earlier?.buf === msg.buf && msg.lumps.items.includes(earlier.lump)) earlier.lump.isCancelled = true;
  const lump = msg.lumps.del(span.start, span.end - span.start).insertAfter(text);
  msg.setExtension(REPLACED, { buf: msg.buf, lump } satisfies Replaced);
  return true;
}
