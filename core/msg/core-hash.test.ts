import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coreHash } from './core-hash.ts';

test('the numbers of Kamailio 5.6.3, whose bytes have a sign', () => {
  for (const [text, bucket] of [
    ['127.0.0.1', 23],
    ['gw.example.org', 7],
    ['\x7f\x00\x00\x01', 98],
    ['\x80\x00\x00\x01', 33],
    ['\x01\x80\x00\x01', 2],
    ['\x01\x01\x80\x01', 25],
    ['\x01\x01\x01\x80', 63],
    ['\xff\xff\xff\xff', 15],
    ['\xc3\xbcber.example', 36],
    ['a\xc3\xbc', 108],
    ['abc\xc3\xbf', 51],
    ['\xc3\xbf\xc3\xbe\xc3\xbd', 60],
  ] as const)
    assert.equal(coreHash(text, 128), bucket, JSON.stringify(text));
});
