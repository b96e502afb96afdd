import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_SDP_LINES, parseSdp } from './sdp.ts';

const BODY = [
  'v=0',
  'o=alice 1 2 IN IP4 192.0.2.1',
  's=-',
  'c=IN IP4 224.2.1.1/127',
  't=0 0',
  'a=sendonly',
  'm=audio 49170/2 RTP/AVP 0 8 97',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:97 iLBC/8000',
  'm=video 0 RTP/SAVPF 31',
  'c=IN IP6 2001:db8::1',
  'a=inactive',
  'a=rtcp:53020',
  '',
].join('\r\n');

test('sessions, streams, connections, directions', () => {
  const sdp = parseSdp(`xx${BODY}`, 2, BODY.length + 2);
  assert.ok(sdp);
  const [session] = sdp.sessions;
  assert.ok(session);
  assert.equal(session.origin?.address, '192.0.2.1');
  assert.equal(session.connection?.address, '224.2.1.1');
  const [audio, video] = session.streams;
  assert.ok(audio && video);
  assert.deepEqual(
    [audio.media, audio.port, audio.portCount, audio.transport, audio.formats],
    ['audio', 49170, 2, 'RTP/AVP', ['0', '8', '97']],
  );
  assert.equal(audio.connection?.address, '224.2.1.1');
  assert.equal(audio.direction, 'sendonly');
  assert.equal(audio.codecName('97'), 'iLBC');
  assert.equal(audio.codecName('8'), null);
  assert.deepEqual(
    [video.port, video.connection?.address, video.connection?.family, video.direction],
    [0, '2001:db8::1', 6, 'inactive'],
  );
  assert.equal(video.attribute('rtcp')?.value, '53020');
  assert.equal(video.attribute('rtc'), null);
});

test('places are those in the message, so that edits can be lumps', () => {
  const sdp = parseSdp(`xx${BODY}`, 2, BODY.length + 2);
  const audio = sdp?.streams[0];
  assert.ok(audio);
  assert.equal(
    sdp.buf.slice(audio.start, audio.end),
    'm=audio 49170/2 RTP/AVP 0 8 97\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:97 iLBC/8000\r\n',
  );
  assert.equal(sdp.buf.slice(audio.formatsStart, audio.formatsEnd), '0 8 97');
  const attribute = audio.attributes[0];
  assert.ok(attribute);
  assert.equal(sdp.buf.slice(attribute.lineStart, attribute.next), 'a=rtpmap:0 PCMU/8000\r\n');
});

test('several sessions, LF line ends, no line end at the end', () => {
  const text = 'v=0\nm=audio 1 RTP/AVP 0\nv=0\nm=video 2 RTP/AVP 31';
  const sdp = parseSdp(text, 0, text.length);
  assert.equal(sdp?.sessions.length, 2);
  assert.deepEqual(
    sdp?.streams.map((s) => [s.media, s.port]),
    [
      ['audio', 1],
      ['video', 2],
    ],
  );
});

test('broken lines stay harmless', () => {
  for (const text of ['', 'm=audio 1 RTP/AVP 0', 'v', 'x=1\r\n'])
    assert.equal(parseSdp(text, 0, text.length), null, text);
  const text = 'v=0\r\nm=\r\nc=\r\nm=audio x\r\na=\r\n=\r\n\r\nm=audio 99999999 RTP/AVP';
  const sdp = parseSdp(text, 0, text.length);
  assert.deepEqual(
    sdp?.streams.map((s) => [s.media, s.port, s.formats.length, s.connection]),
    [
      ['', -1, 0, null],
      ['audio', -1, 0, null],
      ['audio', -1, 0, null],
    ],
  );
});

test('the number of lines is bounded', () => {
  const text = `v=0\n${'a=x\n'.repeat(MAX_SDP_LINES + 10)}m=audio 1 RTP/AVP 0\n`;
  assert.equal(parseSdp(text, 0, text.length)?.streams.length, 0);
});
