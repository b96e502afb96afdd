/** fix_nated_sdp: media addresses rewritten to where a message came from. */

import {
  findContent,
  ipFamily,
  type Log,
  parseSdp,
  type Run,
  type Sdp,
  type SdpConnection,
  type SdpStream,
  type SipMsg,
  unbracketed,
} from 'strowger';

/** Bits of the `flags` argument. */
const FIX_SDP = { ADD_DIRECTION: 1, MEDIA_IP: 2, ADD_NORTPPROXY: 4, ORIGIN_IP: 8 } as const;

/** A connection with this address is on hold, and stays so. */
const HOLD = '0.0.0.0';

/** What of the module's parameters it needs. */
export interface SdpSettings {
  /** `nortpproxy_str`, a whole line with its end; '' adds none. */
  readonly marker: string;
  /** `append_sdp_oldmediaip` */
  readonly keepsOldAddress: boolean;
}

/** 1 where an address was replaced, 2 where none was, -1 without a body of SDP or with a bad address. */
export function fixNatedSdp({ msg }: Run, log: Log, settings: SdpSettings, flags: number, ip: string): number {
  const span = findContent(msg, 'application/sdp');
  if (span === null) return -1;
  const sdp = parseSdp(msg.buf, span.start, span.end);
  if (sdp === null) return 2;
  const bare = unbracketed(ip);
  const family = ipFamily(bare);
  if (family === 0) {
    log.error(`fix_nated_sdp: "${ip}" is no IP address`);
    return -1;
  }
  if ((flags & FIX_SDP.ADD_DIRECTION) !== 0)
    for (const stream of sdp.streams) addLine(msg, lastText(sdp, stream), 'a=direction:active');
  const end = bodyTextEnd(sdp);
  const marker = settings.marker.replace(/[\r\n]+$/, '');
  if ((flags & FIX_SDP.ADD_NORTPPROXY) !== 0 && marker !== '') addLine(msg, end, marker);
  const old = new AddressFixer(msg, bare, family).fix(sdp, flags);
  if (settings.keepsOldAddress)
    for (const { address, family: was } of old) addLine(msg, end, `a=oldmediaip${was === 6 ? '6' : ''}:${address}`);
  return old.length > 0 ? 1 : 2;
}

/** A line behind the one whose text ends at `at`. */
function addLine(msg: SipMsg, at: number, line: string): void {
  msg.lumps.anchor(at).insertAfter(`\r\n${line}`);
}

/** Where the text of a stream's last line that is not empty ends. */
function lastText(sdp: Sdp, stream: SdpStream): number {
  let line = stream.stopLine - 1;
  while (line > stream.firstLine && sdp.lineEnd(line) === sdp.lineStart(line)) line--;
  return sdp.lineEnd(line);
}

function bodyTextEnd(sdp: Sdp): number {
  let line = sdp.lineCount - 1;
  while (line > 0 && sdp.lineEnd(line) === sdp.lineStart(line)) line--;
  return sdp.lineEnd(line);
}

/** Replaces addresses and remembers what they were. */
class AddressFixer {
  readonly #msg: SipMsg;
  readonly #ip: string;
  readonly #family: 4 | 6;
  readonly #old: { readonly address: string; readonly family: number }[] = [];

  constructor(msg: SipMsg, ip: string, family: 4 | 6) {
    this.#msg = msg;
    this.#ip = ip;
    this.#family = family;
  }

  fix(sdp: Sdp, flags: number): readonly { readonly address: string; readonly family: number }[] {
    const fixesMedia = (flags & FIX_SDP.MEDIA_IP) !== 0;
    const fixesOrigin = (flags & FIX_SDP.ORIGIN_IP) !== 0;
    if (fixesMedia || fixesOrigin) for (const stream of sdp.streams) this.#replace(rtcpAddress(stream));
    if (fixesMedia)
      for (const session of sdp.sessions) {
        this.#replace(session.connection);
        for (const stream of session.streams) this.#replace(stream.ownConnection);
      }
    if (fixesOrigin) for (const session of sdp.sessions) this.#replace(session.origin);
    return this.#old;
  }

  /** The address type before it is written anew where the family changes (RFC 8866 §5.7). */
  #replace(connection: SdpConnection | null): void {
    if (connection === null || connection.address === HOLD || connection.family === 0) return;
    const { addressStart, addressEnd, address, family } = connection;
    this.#msg.lumps.del(addressStart, addressEnd - addressStart).insertAfter(this.#ip);
    if (family !== this.#family) {
      const digit = this.#msg.buf.lastIndexOf(String(family), addressStart - 1);
      this.#msg.lumps.del(digit, 1).insertAfter(String(this.#family));
    }
    this.#old.push({ address, family });
  }
}

/** The address in `a=rtcp:port IN IP4 address` (RFC 3605), null where there is none. */
function rtcpAddress(stream: SdpStream): SdpConnection | null {
  const attribute = stream.attribute('rtcp');
  const match = /^(\d+[ \t]+IN[ \t]+(IP[46])[ \t]+)([^ \t/]+)/i.exec(attribute?.value ?? '');
  if (attribute === null || match === null) return null;
  const [, head = '', type = '', address = ''] = match;
  const addressStart = attribute.valueStart + head.length;
  return {
    lineStart: attribute.lineStart,
    lineEnd: attribute.lineEnd,
    addressStart,
    addressEnd: addressStart + address.length,
    address,
    family: type.endsWith('6') ? 6 : 4,
  };
}
