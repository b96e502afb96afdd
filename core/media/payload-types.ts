import type { SdpStream } from '../parser/sdp.ts';

/** Static payload types (RFC 3551 §6), by name in lower case. */
export const STATIC_PAYLOAD_TYPES: Readonly<Record<string, readonly string[]>> = {
  pcmu: ['0'],
  gsm: ['3'],
  g723: ['4'],
  dvi4: ['5', '6', '16', '17'],
  lpc: ['7'],
  pcma: ['8'],
  g722: ['9'],
  l16: ['10', '11'],
  qcelp: ['12'],
  cn: ['13'],
  mpa: ['14'],
  g728: ['15'],
  g729: ['18'],
  celb: ['25'],
  jpeg: ['26'],
  nv: ['28'],
  h261: ['31'],
  mpv: ['32'],
  mp2t: ['33'],
  h263: ['34'],
  t38: ['t38'],
};

const BY_TYPE: ReadonlyMap<string, string> = new Map(
  Object.entries(STATIC_PAYLOAD_TYPES).flatMap(([name, types]) => types.map((type) => [type, name.toUpperCase()])),
);

/** What a format of a stream is called: as its `a=rtpmap` says, else by the static table, else the format itself. */
export function codecOf(stream: SdpStream, format: string): string {
  return stream.codecName(format) ?? BY_TYPE.get(format) ?? format;
}
