import { codecOf, parseSdp, type SdpStream } from 'strowger';

/** Formats that come along with a codec and are none that talks. */
const BESIDE = new Set(['telephone-event', 'cn', 'red']);

/**
 * The codec that two descriptions, an offer and its answer, agree on: of their first stream that both take, the first
 * format of the one that both have. '' where there is none, or one of them is missing.
 */
export function agreedCodec(first: string, second: string): string {
  const ones = streamsOf(first);
  const others = streamsOf(second);
  for (const [at, one] of ones.entries()) {
    const other = others[at];
    if (other === undefined || one.port <= 0 || other.port <= 0) continue;
    const names = new Set(codecsOf(other).map((name) => name.toLowerCase()));
    const agreed = codecsOf(one).find((name) => names.has(name.toLowerCase()) && !BESIDE.has(name.toLowerCase()));
    if (agreed !== undefined) return agreed;
  }
  return '';
}

function streamsOf(sdp: string): readonly SdpStream[] {
  return sdp === '' ? [] : (parseSdp(sdp, 0, sdp.length)?.streams ?? []);
}

function codecsOf(stream: SdpStream): string[] {
  return stream.formats.map((format) => codecOf(stream, format));
}
