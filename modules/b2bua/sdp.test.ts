import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OFFER } from '../../test/support/b2b-world.ts';
import { blackHoleAnswer, isHold, withDirection } from './sdp.ts';
import { SdpOrigin } from './sdp-origin.ts';

const AUDIO = 'm=audio 4000 RTP/AVP 8\r\n';
const HEAD = 'v=0\r\no=a 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\n';

test('A20: hold in three notations, for a session and for its media', () => {
  assert.equal(isHold(OFFER), false);
  assert.equal(isHold(`${OFFER}a=sendonly\r\n`), true);
  assert.equal(isHold(`${OFFER}a=inactive\r\n`), true);
  assert.equal(isHold(`${OFFER}a=recvonly\r\n`), false);
  assert.equal(isHold(OFFER.replace('c=IN IP4 10.0.1.1', 'c=IN IP4 0.0.0.0')), true);
  assert.equal(isHold(OFFER.replace('c=IN IP4 10.0.1.1', 'c=IN IP6 ::')), true);
  assert.equal(isHold(`${HEAD}a=inactive\r\n${AUDIO}`), true);
  assert.equal(isHold(`${HEAD}a=inactive\r\n${AUDIO}a=sendrecv\r\n`), false);
  assert.equal(isHold(`${HEAD}${AUDIO}a=inactive\r\nm=video 4002 RTP/AVP 99\r\n`), false);
  assert.equal(isHold(`${HEAD}${AUDIO}a=inactive\r\nm=video 0 RTP/AVP 99\r\n`), true);
  assert.equal(isHold(`${HEAD}m=audio 0 RTP/AVP 8\r\n`), false);
  assert.equal(isHold(HEAD), false);
});

test('withDirection gives every medium one direction', () => {
  const text = `${HEAD}a=sendrecv\r\n${AUDIO}a=sendonly\r\na=ptime:20\r\nm=video 1 RTP/AVP 99\r\n`;
  assert.equal(
    withDirection(text, 'inactive'),
    `${HEAD}${AUDIO}a=ptime:20\r\na=inactive\r\nm=video 1 RTP/AVP 99\r\na=inactive\r\n`,
  );
});

test('blackHoleAnswer takes all media, sends none, refuses what was refused', () => {
  const answer = blackHoleAnswer(`${HEAD}${AUDIO}a=rtpmap:8 PCMA/8000\r\na=ice-ufrag:x\r\nm=video 0 RTP/AVP 99\r\n`, 5);
  assert.match(
    answer,
    /t=0 0\r\nm=audio 9 RTP\/AVP 8\r\na=rtpmap:8 PCMA\/8000\r\na=inactive\r\nm=video 0 RTP\/AVP 99\r\na=inactive\r\n$/,
  );
  assert.match(answer, /c=IN IP4 0\.0\.0\.0/);
});

test('SdpOrigin: one side alone passes as it is; another one continues its identity and version (RFC 3264 §8)', () => {
  const origin = new SdpOrigin();
  const sdp = (line: string, port: number) => `v=0\r\no=${line}\r\ns=-\r\nm=audio ${port} RTP/AVP 8\r\n`;
  assert.equal(origin.apply(sdp('a 1 5 IN IP4 x', 1)), sdp('a 1 5 IN IP4 x', 1));
  assert.equal(origin.apply(sdp('a 1 7 IN IP4 x', 2)), sdp('a 1 7 IN IP4 x', 2));
  assert.equal(origin.apply(sdp('b 9 1 IN IP4 y', 3)), sdp('a 1 8 IN IP4 x', 3));
  assert.equal(origin.apply(sdp('b 9 1 IN IP4 y', 3)), sdp('a 1 8 IN IP4 x', 3));
  assert.equal(origin.apply(sdp('a 1 8 IN IP4 x', 4)), sdp('a 1 9 IN IP4 x', 4));
  assert.equal(origin.apply(sdp('a 1 18446744073709551615 IN IP4 x', 5)), sdp('a 1 18446744073709551615 IN IP4 x', 5));
  assert.equal(origin.apply('v=0\r\n'), 'v=0\r\n');
});
