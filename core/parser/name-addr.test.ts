import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listValueEnd, parseNameAddr } from './name-addr.ts';

const parse = (text: string) => parseNameAddr(text, 0, text.length);

/** text, display, URI, tag */
const GOOD: [string, string, string, string | null][] = [
  ['<sip:a@b>', '', 'sip:a@b', null],
  ['"A. G. Bell" <sip:agb@bell-telephone.com> ;tag=a48s', '"A. G. Bell"', 'sip:agb@bell-telephone.com', 'a48s'],
  ['sip:+12125551212@server.phone2net.com;tag=887s', '', 'sip:+12125551212@server.phone2net.com', '887s'],
  ['Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8', 'Anonymous', 'sip:c8oqz84zk7z@privacy.org', 'hyh8'],
  ['caller<sip:caller@example.com>;tag=323', 'caller', 'sip:caller@example.com', '323'],
  [
    '"J Rosenberg \\\\\\"" <sip:j@example.com>\r\n  ;\r\n  tag = 98asjd8',
    '"J Rosenberg \\\\\\""',
    'sip:j@example.com',
    '98asjd8',
  ],
  ['"<sip:x@y>;tag=1" <sip:a@b>;tag=2', '"<sip:x@y>;tag=1"', 'sip:a@b', '2'],
  ['<sip:a@b;tag=inside>;tag=outside', '', 'sip:a@b;tag=inside', 'outside'],
  ['<sip:a@b>;x=";tag=quoted";TAG=real', '', 'sip:a@b', 'real'],
  ['sip:a@b ;   tag    = 1918181833n', '', 'sip:a@b', '1918181833n'],
  ['*', '', '*', null],
  ['Bell, Alexander <sip:a.g.bell@bell-tel.com>;tag=43', 'Bell, Alexander', 'sip:a.g.bell@bell-tel.com', '43'],
];
for (const [text, display, uri, tag] of GOOD) {
  test(`parseNameAddr: ${JSON.stringify(text)} (rule 13)`, () => {
    const parsed = parse(text);
    assert.ok(parsed);
    assert.deepEqual([parsed.display, parsed.uriText, parsed.tag], [display, uri, tag]);
  });
}

const BAD = [
  '',
  '  ',
  '<>',
  '<sip:a@b',
  '"Mr. J. User <sip:j.user@example.com>',
  'sip:a@b c',
  '<sip:a@b> x',
  ';tag=1',
  'sip:user@example.com?Route=%3Csip:sip.example.com%3E',
  '"x',
];
for (const text of BAD) test(`parseNameAddr refuses ${JSON.stringify(text)}`, () => assert.equal(parse(text), null));

test('a URI that is none leaves the address readable', () => {
  const parsed = parse('"Watson, Thomas" < sip:t.watson@example.org >');
  assert.equal(parsed?.uriText, ' sip:t.watson@example.org ');
  assert.equal(parsed?.uri, null);
});

test('commas in quotes and brackets do not end a value (RFC 3261 §7.3.1)', () => {
  const text = '"a, b" <sip:a,b@c>;x="y,z", <sip:d@e>';
  assert.equal(listValueEnd(text, 0, text.length), 26);
});
