import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkMessage } from '../../core/checks.ts';
import { bodyParts, findContent } from '../../core/parser/body.ts';
import { parseContacts } from '../../core/parser/contact.ts';
import { parseContentType } from '../../core/parser/content-type.ts';
import { parseSipDate } from '../../core/parser/date.ts';
import { digestCredentials, digestError, parseAuth } from '../../core/parser/digest.ts';
import { parseEvent, parseSubscriptionState } from '../../core/parser/event.ts';
import { HDR } from '../../core/parser/hf.ts';
import { nameAddrs, tokens, vias } from '../../core/parser/list.ts';
import { parseQ } from '../../core/parser/q-value.ts';
import { quoteString, unescapePercent, unfold, unquote } from '../../core/parser/quoted.ts';
import { parseRack } from '../../core/parser/rack.ts';
import { parseReplaces } from '../../core/parser/replaces.ts';
import { parseRetryAfter } from '../../core/parser/retry-after.ts';
import { parseSdp } from '../../core/parser/sdp.ts';
import { parseSessionExpires } from '../../core/parser/session-expires.ts';
import type { SipMsg } from '../../core/parser/sip-msg.ts';
import { parseUri } from '../../core/parser/uri.ts';
import { urisEqual } from '../../core/parser/uri-compare.ts';
import { request, sipMsg } from '../support/index.ts';

/** FUZZ_SEED=n repeats a run, FUZZ_RUNS=n lengthens it. */
const seed = Number(process.env['FUZZ_SEED'] ?? randomInt(0x7fffffff));
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 300);

const latin1 = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString('latin1'));

// biome-ignore format: one line a kind
const DELIMITERS = ['\r\n', '\n', '\r', ' ', '\t', ';', ',', '<', '>', '"', '\\', '@', ':', '=', '?', '[', ']', '/', '*', '%41', '%', '--b', '&'];
// biome-ignore format: one line a kind
const WORDS = ['1', '99999999999', 'sip:', 'sips:a@b', 'tel:+1', 'SIP/2.0', 'SIP/2.0/UDP h', ';branch=z9hG4bK', ';tag=', ';lr', ';received=[::1]', 'INVITE', 'v=0\r\n', 'm=audio 1 RTP/AVP 0\r\n', 'a=rtpmap:'];
// biome-ignore format: one line a kind
const HEADER_BEGINNINGS = ['Via: ', 'From: ', 'To: ', 'Call-ID: ', 'CSeq: 1 INVITE', 'Contact: ', 'Content-Length: ', 'Content-Type: multipart/mixed;boundary=b\r\n', 'Digest realm="x"'];

/** Pieces that parsers look for, in any order, with noise between. */
const syntax = fc
  .array(fc.oneof(fc.constantFrom(...DELIMITERS, ...WORDS, ...HEADER_BEGINNINGS), latin1(4)), { maxLength: 60 })
  .map((parts) => parts.join(''));

const samples = readdirSync(new URL('../conformance/rfc4475/', import.meta.url))
  .filter((name) => name.endsWith('.dat'))
  .map((name) => readFileSync(new URL(`../conformance/rfc4475/${name}`, import.meta.url), 'latin1'));

/** A torture message with some spans cut out, doubled or replaced. */
const mutated = fc
  .tuple(fc.constantFrom(...samples), fc.array(fc.tuple(fc.nat(2000), fc.nat(40), latin1(6)), { maxLength: 6 }))
  .map(([text, edits]) => {
    let out = text;
    for (const [at, length, noise] of edits) out = out.slice(0, at) + noise + out.slice(at + length);
    return out;
  });

/** Reads everything there is to read. */
function readAll(msg: SipMsg): void {
  checkMessage(msg);
  void [
    msg.methodName,
    msg.reason,
    msg.uri,
    msg.ruri,
    msg.callId,
    msg.fromTag,
    msg.toTag,
    msg.via1,
    msg.via2,
    msg.cseqNumber,
  ];
  void [msg.cseqMethod, msg.body, msg.version, msg.methodBit];
  for (let row = 0; row < msg.hdrCount; row++) {
    assert.ok(msg.hdrStart(row) < msg.hdrValueEnd(row) + 1 && msg.hdrEnd(row) <= msg.buf.length);
    void [msg.hdrName(row), msg.hdrValue(row)];
    const auth = parseAuth(msg.buf, msg.hdrValueStart(row), msg.hdrValueEnd(row));
    if (auth !== null) void [digestError(auth), digestCredentials(auth)];
  }
  assert.ok(msg.bodyStart <= msg.bodyEnd && msg.bodyEnd <= msg.buf.length);
  void [vias(msg), parseContacts(msg), tokens(msg, HDR.SUPPORTED), bodyParts(msg)];
  for (const kind of [HDR.ROUTE, HDR.RECORDROUTE, HDR.PATH, HDR.PAI, HDR.FROM]) {
    for (const value of nameAddrs(msg, kind)) void [value?.uri?.transport, value?.tag];
  }
  const sdp = findContent(msg, 'application/sdp') ?? { start: msg.bodyStart, end: msg.bodyEnd };
  for (const stream of parseSdp(msg.buf, sdp.start, sdp.end)?.streams ?? []) {
    assert.ok(stream.start >= msg.bodyStart && stream.end <= msg.bodyEnd);
    void [stream.connection, stream.direction, stream.formats, stream.port, stream.codecName('0')];
  }
}

function check(name: string, property: fc.IProperty<[string]>): void {
  test(`${name} (seed ${seed}, ${numRuns} runs)`, () => fc.assert(property, { seed, numRuns }));
}

check(
  'any bytes: a message never throws',
  fc.property(latin1(600), (text) => readAll(sipMsg(text))),
);
check(
  'any syntax: a message never throws',
  fc.property(syntax, (text) => readAll(sipMsg(`INVITE sip:a@b SIP/2.0\r\n${text}`))),
);
check(
  'mutated torture messages never throw',
  fc.property(mutated, (text) => readAll(sipMsg(text))),
);
check(
  'any text: a header value never throws',
  fc.property(syntax, (text) => {
    const uri = parseUri(text);
    if (uri !== null) assert.ok(urisEqual(uri, uri));
    void [
      parseSipDate(text),
      parseRack(text),
      parseReplaces(text),
      parseSessionExpires(text),
      parseEvent(text),
      parseQ(text),
    ];
    void [
      parseSubscriptionState(text),
      parseRetryAfter(text),
      parseContentType(text),
      unfold(text),
      unescapePercent(text),
    ];
    assert.equal(unquote(quoteString(text)), text.replace(/[\r\n]+/g, ' '));
  }),
);
check(
  'a header of any bytes without line ends comes back as it was sent (rule 6)',
  fc.property(latin1(80), (noise) => {
    const value = `x${noise.replace(/[\r\n]/g, ' ')}x`;
    const msg = sipMsg(request('INVITE', 'sip:a@b', { headers: { 'X-Any': value } }));
    assert.equal(msg.hdrValue(msg.findHdrByName('x-any')), value);
  }),
);

const LONG = 60_000;
/** Inputs made to be slow for a parser that looks back, searches again or recurses. */
const HOSTILE: [string, string][] = [
  ['quotes', '"'.repeat(LONG)],
  ['brackets', '<'.repeat(LONG)],
  ['brackets and commas', '<,'.repeat(LONG / 2)],
  ['semicolons', ';'.repeat(LONG)],
  ['folds', '\r\n '.repeat(LONG / 3)],
  ['blanks', ' '.repeat(LONG)],
  ['escapes', '\\'.repeat(LONG)],
  ['commas', ','.repeat(LONG)],
  ['parameters', ';a=b'.repeat(LONG / 4)],
  ['colons', ':'.repeat(LONG)],
  ['boundaries', '--b\r\n'.repeat(LONG / 5)],
  ['media', 'm=audio 1 RTP/AVP 0\r\n'.repeat(LONG / 21)],
];
for (const [name, noise] of HOSTILE) {
  test(`60 kB of ${name} take bounded time`, { timeout: 5000 }, () => {
    const body = `v=0\r\n${noise}`;
    readAll(
      sipMsg(
        request('INVITE', 'sip:a@b', {
          headers: { Contact: `x${noise}`, Via: `SIP/2.0/UDP h${noise}`, Supported: `y${noise}` },
        }),
      ),
    );
    readAll(
      sipMsg(
        request('INVITE', `sip:${noise}@b`, { from: `a${noise}`, body, contentType: 'multipart/mixed;boundary=b' }),
      ),
    );
    readAll(sipMsg(request('INVITE', 'sip:a@b', { body })));
    void [
      parseUri(`sip:a@b${noise}`),
      parseAuth(`Digest ${noise}`),
      parseAuth(`Digest a="${noise}`),
      parseEvent(noise),
    ];
    void [unfold(`a\n${noise}\n b`), quoteString(noise), unquote(`"${noise}`), unescapePercent(noise)];
  });
}
