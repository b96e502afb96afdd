/** Codecs of media streams: by payload type or by name. */

import { type SdpStream, STATIC_PAYLOAD_TYPES } from 'strowger';

/** Items of a list separated by commas. */
export function listItems(list: string): string[] {
  return list
    .split(',', 256)
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** Payload types of a stream that have one of these names (in lower case), by `a=rtpmap` or by the static table. */
export function typesOfNames(stream: SdpStream, names: readonly string[]): Set<string> {
  const types = new Set(
    names.flatMap((name) => (Object.hasOwn(STATIC_PAYLOAD_TYPES, name) ? (STATIC_PAYLOAD_TYPES[name] ?? []) : [])),
  );
  for (const attribute of stream.attributes) {
    if (attribute.name !== 'rtpmap' || attribute.value === null) continue;
    const match = /^(\S+)[ \t]+([^/ \t]+)/.exec(attribute.value);
    if (match !== null && names.includes((match[2] ?? '').toLowerCase())) types.add(match[1] ?? '');
  }
  return types;
}

/** True when the name stands for a payload type in one of the streams, or in the static table. */
export function isKnownName(streams: readonly SdpStream[], name: string): boolean {
  return Object.hasOwn(STATIC_PAYLOAD_TYPES, name) || streams.some((stream) => typesOfNames(stream, [name]).size > 0);
}

/** Attributes whose value begins with a payload type. */
const BY_TYPE = new Set(['rtpmap', 'fmtp', 'rtcp-fb']);

/** Spans to delete so that the stream has lost these payload types: in the `m=` line and its attributes. */
export function codecSpans(stream: SdpStream, isRemoved: (type: string) => boolean): [start: number, end: number][] {
  const { buf } = stream.sdp;
  const spans: [number, number][] = [];
  let at = stream.formatsStart;
  while (at < stream.formatsEnd) {
    let end = at;
    while (end < stream.formatsEnd && !isBlank(buf.charCodeAt(end))) end++;
    if (end > at && isRemoved(buf.slice(at, end))) {
      let start = at;
      while (start > stream.transportStart && isBlank(buf.charCodeAt(start - 1))) start--;
      spans.push([start, end]);
    }
    at = end + 1;
  }
  for (const attribute of stream.attributes) {
    if (!BY_TYPE.has(attribute.name) || attribute.value === null) continue;
    const type = /^\S+/.exec(attribute.value)?.[0] ?? '';
    if (isRemoved(type)) spans.push([attribute.lineStart, attribute.next]);
  }
  return spans;
}

function isBlank(c: number): boolean {
  return c === 32 || c === 9;
}
