import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../core/timer/clock.ts';
import { request } from '../support/msg.ts';

const TORTURE = join(import.meta.dirname, '../conformance/rfc4475');

/** What software in the field, scanners and broken middle boxes send; most of it is not SIP at all. */
const FIELD: readonly string[] = [
  '',
  '\0',
  '\0\0\0\0',
  '\r\n',
  '\r\n\r\n',
  ' ',
  '\t\r\n\t',
  'jaK',
  'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
  '\x80\x60\x00\x01\x00\x00\x00\xa0\x12\x34\x56\x78RTPRTPRTP',
  '\x00\x01\x00\x08\x21\x12\xa4\x42aaaaaaaaaaaa',
  '\xff'.repeat(1500),
  '\0'.repeat(65_000),
  'A'.repeat(65_000),
  `INVITE ${'sip:'.repeat(10_000)} SIP/2.0\r\n\r\n`,
  'INVITE\r\n\r\n',
  'INVITE sip:a@b\r\n\r\n',
  'INVITE sip:a@b SIP/2.0',
  'INVITE sip:a@b SIP/2.0\r\n',
  'INVITE sip:a@b SIP/2.0\r\n\r\n',
  'INVITE sip:a@b SIP/3.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKa\r\n\r\n',
  'SIP/2.0\r\n\r\n',
  'SIP/2.0 \r\n\r\n',
  'SIP/2.0 99999999999 OK\r\nVia: SIP/2.0/UDP x\r\n\r\n',
  'SIP/2.0 200 OK\r\n\r\n',
  'SIP/2.0 -1 OK\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKa\r\nFrom: a\r\nTo: b\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n',
];

/** One header of a good request replaced by each of these. */
const HEADERS: readonly (readonly [string, string])[] = [
  ['Via', ''],
  ['Via', 'SIP/2.0/UDP'],
  ['Via', 'SIP/2.0/UDP ;branch='],
  ['Via', 'SIP/2.0/UDP [::1;branch=z9hG4bKa'],
  ['Via', 'SIP/2.0/UDP h:99999999;branch=z9hG4bKa'],
  ['Via', `SIP/2.0/UDP h${';a=b'.repeat(10_000)}`],
  ['Via', Array.from({ length: 2000 }, () => 'SIP/2.0/UDP h').join(', ')],
  ['From', '"unterminated <sip:a@b>;tag=1'],
  ['From', '<sip:a@b;tag=1'],
  ['From', ';;;;'],
  ['To', '<<<<<>>>>>'],
  ['To', '"'.repeat(2000)],
  ['Call-ID', ''],
  ['Call-ID', 'x'.repeat(60_000)],
  ['CSeq', ''],
  ['CSeq', '99999999999999999999 OPTIONS'],
  ['CSeq', '-1 OPTIONS'],
  ['CSeq', '1 INVITE'],
  ['CSeq', 'OPTIONS 1'],
  ['Content-Length', '-5'],
  ['Content-Length', '99999999999'],
  ['Content-Length', 'abc'],
  ['Max-Forwards', '-1'],
  ['Max-Forwards', '99999999999'],
  ['Route', '<sip:;lr>'],
  ['Route', '<'],
  ['Route', Array.from({ length: 2000 }, () => '<sip:10.0.0.1;lr>').join(', ')],
  ['Contact', `<sip:a@${'b.'.repeat(20_000)}>`],
];

/**
 * Datagrams no server should have to read: those above, RFC 4475's messages, and pieces of these cut, doubled, joined
 * and sprinkled with noise. The same random source gives the same list.
 */
export function malformedDatagrams(random: Random, count: number): readonly string[] {
  const good = (overrides: Readonly<Record<string, string>>): string =>
    request('MESSAGE', 'sip:bob@10.0.0.1', { sentBy: '10.0.0.66:5060', headers: overrides });
  const torture = readdirSync(TORTURE)
    .filter((name) => name.endsWith('.dat'))
    .map((name) => readFileSync(join(TORTURE, name), 'latin1'));
  const out = [...FIELD, ...HEADERS.map(([name, value]) => good({ [name]: value })), ...torture];
  const sources = [...torture, good({})];
  while (out.length < count) out.push(mutated(sources[random.int(sources.length)] ?? '', random));
  return out.slice(0, count).map((text) => text.slice(0, 65_000));
}

// biome-ignore format: one line a kind
const NOISE = ['\0', '\r\n', '\n', '\r', ' ', '\t', ';', ',', '<', '>', '"', '\\', '@', ':', '=', '?', '[', ']', '%', '%00', '%zz', '\xff\xfe', 'sip:', 'SIP/2.0 ', '\r\n\r\n', '99999999999', '(', ')'];

function mutated(text: string, random: Random): string {
  let out = text;
  for (let edits = 1 + random.int(6); edits > 0; edits--) {
    const at = random.int(out.length + 1);
    const length = random.int(30);
    const noise = NOISE[random.int(NOISE.length)] ?? '';
    switch (random.int(4)) {
      case 0:
        out = out.slice(0, at) + out.slice(at + length);
        break;
      case 1:
        out = out.slice(0, at) + noise + out.slice(at);
        break;
      case 2:
        out = out.slice(0, at) + noise.repeat(1 + random.int(50)) + out.slice(at + length);
        break;
      default:
        out = out.slice(0, at);
    }
  }
  return out;
}
