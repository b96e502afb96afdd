import assert from 'node:assert/strict';
import { test } from 'node:test';
import { currentText, type PvUse, type Run } from 'strowger';
import { ModuleBench, request, sipMsg, TestMsg, TestPv } from 'strowger/testing';
import sdpops from './index.ts';

const BODY = [
  'v=0',
  'o=alice 1 41 IN IP4 192.0.2.1',
  's=-',
  'c=IN IP4 192.0.2.1',
  't=0 0',
  'm=audio 4000 RTP/AVP 0 8 101',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:101 telephone-event/8000',
  'a=fmtp:101 0-15',
  'a=rtcp-fb:8 nack',
  'm=video 4002 RTP/SAVP 31',
  'a=rtpmap:31 H261/90000',
  'a=inactive',
  '',
].join('\r\n');

async function setUp(body = BODY, contentType = 'application/sdp') {
  const bench = await new ModuleBench(sdpops).init();
  return { bench, run: bench.run(sipMsg(request('INVITE', 'sip:a@b', { body, contentType }))) };
}
const bodyOf = (run: Run): string => new TestMsg(currentText(run.msg)).body;
const without = (...lines: string[]): string =>
  BODY.split('\r\n')
    .filter((line) => !lines.includes(line))
    .join('\r\n');

/** command, arguments, result, body afterwards */
const EDITS: [string, string[], number, string][] = [
  ['sdp_remove_codecs_by_id', ['0'], 1, without('a=rtpmap:0 PCMU/8000').replace('AVP 0 8', 'AVP 8')],
  ['sdp_remove_codecs_by_id', ['8'], 1, without('a=rtcp-fb:8 nack').replace('AVP 0 8', 'AVP 0')],
  ['sdp_remove_codecs_by_id', ['31', 'audio'], 1, BODY],
  ['sdp_remove_codecs_by_id', ['99'], 1, BODY],
  [
    'sdp_remove_codecs_by_name',
    ['telephone-event, pcmu'],
    1,
    without('a=rtpmap:0 PCMU/8000', 'a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-15').replace(
      'AVP 0 8 101',
      'AVP 8',
    ),
  ],
  ['sdp_remove_codecs_by_name', ['PCMA'], 1, without('a=rtcp-fb:8 nack').replace('AVP 0 8', 'AVP 0')],
  ['sdp_remove_codecs_by_name', ['nothing'], -1, BODY],
  [
    'sdp_keep_codecs_by_id',
    ['0,8', 'audio'],
    1,
    without('a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-15').replace(' 8 101', ' 8'),
  ],
  [
    'sdp_keep_codecs_by_name',
    ['PCMU', 'audio'],
    1,
    without('a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-15', 'a=rtcp-fb:8 nack').replace(' 8 101', ''),
  ],
  [
    'sdp_remove_line_by_prefix',
    ['a=rtpmap'],
    1,
    without('a=rtpmap:0 PCMU/8000', 'a=rtpmap:101 telephone-event/8000', 'a=rtpmap:31 H261/90000'),
  ],
  ['sdp_remove_line_by_prefix', ['a=rtpmap', 'video'], 1, without('a=rtpmap:31 H261/90000')],
  ['sdp_remove_line_by_prefix', ['c='], 1, without('c=IN IP4 192.0.2.1')],
  ['sdp_remove_media', ['video'], 1, BODY.slice(0, BODY.indexOf('m=video'))],
  ['sdp_remove_media', ['text'], -1, BODY],
  ['sdp_remove_transport', ['RTP/SAVP'], 1, BODY.slice(0, BODY.indexOf('m=video'))],
  ['sdp_remove_transport', ['X'], -1, BODY],
];
for (const [command, args, result, body] of EDITS) {
  test(`${command}(${args.join(', ')})`, async () => {
    const { bench, run } = await setUp();
    assert.equal(bench.call(run, command, ...args), result);
    assert.equal(bodyOf(run), body);
  });
}

/** command, arguments, result */
const QUESTIONS: [string, unknown[], number][] = [
  ['sdp_with_media', ['VIDEO'], 1],
  ['sdp_with_media', ['text'], -1],
  ['sdp_with_active_media', ['audio'], 1],
  ['sdp_with_active_media', ['video'], -1],
  ['sdp_with_transport', ['RTP/AVP'], 1],
  ['sdp_with_transport', ['RTP'], -1],
  ['sdp_with_transport_like', ['SAV'], 1],
  ['sdp_with_codecs_by_id', ['0'], 2],
  ['sdp_with_codecs_by_id', ['99'], -1],
  ['sdp_with_codecs_by_name', ['pcma'], 2],
  ['sdp_with_codecs_by_name', ['zz'], -1],
  ['sdp_content', [], 1],
  ['sdp_content', ['1'], 1],
  ['sdp_with_ice', [], -1],
  ['sdp_get_address_family', [], 4],
  ['sdp_transport', [new TestPv()], -2],
  ['sdp_print', [1], 1],
];
for (const [command, args, result] of QUESTIONS) {
  test(`${command}(${args.map((arg) => (arg instanceof TestPv ? 'pv' : Number(arg) || (arg as string))).join(', ')}) is ${result}`, async () => {
    const { bench, run } = await setUp();
    assert.equal(bench.call(run, command, ...args), result);
  });
}

test('1 when every stream has every codec', async () => {
  const { bench, run } = await setUp(BODY.slice(0, BODY.indexOf('m=video')));
  assert.equal(bench.call(run, 'sdp_with_codecs_by_id', '0,8'), 1);
  assert.equal(bench.call(run, 'sdp_with_codecs_by_id', '0,99'), 2);
  const transport = new TestPv();
  assert.equal(bench.call(run, 'sdp_transport', transport), 1);
  assert.equal(transport.value, 'RTP/AVP');
});

test('the SDP inside a multipart body is found', async () => {
  const { bench, run } = await setUp(
    `--b\r\nContent-Type: application/sdp\r\n\r\n${BODY}\r\n--b--\r\n`,
    'multipart/mixed;boundary=b',
  );
  const target = new TestPv();
  assert.equal(bench.call(run, 'sdp_get', target), 1);
  assert.equal(target.value, BODY);
  assert.equal(bench.call(run, 'sdp_content', '1'), 1);
});

test('lines by their beginning', async () => {
  const { bench, run } = await setUp();
  const target = new TestPv();
  assert.equal(bench.call(run, 'sdp_get_line_startswith', target, 'a=rtpmap:101'), 1);
  assert.equal(target.value, 'a=rtpmap:101 telephone-event/8000');
  assert.equal(bench.call(run, 'sdp_get_line_startswith', target, 'zz'), -1);
});

test('without SDP', async () => {
  const { bench, run } = await setUp('hello', 'text/plain');
  const target = new TestPv();
  const results: [string, unknown[], number][] = [
    ['sdp_get', [target], -2],
    ['sdp_get_line_startswith', [target, 'm='], -2],
    ['sdp_with_codecs_by_id', ['0'], -2],
    ['sdp_remove_codecs_by_id', ['0'], -1],
    ['sdp_keep_codecs_by_name', ['PCMU'], -1],
    ['sdp_transport', [target], -1],
    ['sdp_content', [], -1],
    ['sdp_content', ['1'], -1],
    ['sdp_get_address_family', [], -1],
  ];
  for (const [command, args, result] of results) assert.equal(bench.call(run, command, ...args), result, command);
});

test('$sdp(sess_version) is read, set and counted up', async () => {
  const { bench, run } = await setUp();
  const bind = (name: string) => {
    const bound = sdpops.pseudoVariables?.['sdp']?.bind({ name } as PvUse, bench.state);
    assert.ok(typeof bound === 'object');
    return bound;
  };
  assert.equal(bind('sess_version').get(run), '41');
  assert.equal(bind('body').get(run), BODY);
  assert.equal(bind('raw').get(run), BODY);
  bind('sess_version').set?.(run, -1);
  assert.equal(bodyOf(run), BODY.replace(' 41 ', ' 42 '));
  assert.equal(typeof sdpops.pseudoVariables?.['sdp']?.bind({ name: 'x' } as PvUse, bench.state), 'string');
});

test('$sdp(m0:b:…) are bandwidths of a stream', async () => {
  const bandwidths = BODY.replace(/(m=audio .*\r\n)/, '$1b=AS:64\r\nb=RS:800\r\nb=RR:2400\r\n');
  const { bench, run } = await setUp(bandwidths);
  const value = (name: string) => {
    const bound = sdpops.pseudoVariables?.['sdp']?.bind({ name } as PvUse, bench.state);
    assert.ok(typeof bound === 'object');
    return bound.get(run);
  };
  assert.deepEqual(['m0:b:AS', 'm0:b:RR', 'm0:b:RS', 'm9:b:RS'].map(value), [64, 2400, 800, null]);
});

test('iterators go through the lines of the SDP alone, and edit them', async () => {
  const multipart = `--b\r\nContent-Type: application/sdp\r\n\r\n${BODY}\r\n--b--\r\n`;
  const { bench, run } = await setUp(multipart, 'multipart/mixed;boundary=b');
  const call = (name: string, ...args: string[]) => bench.call(run, name, ...args);
  const value = sdpops.pseudoVariables?.['sdpitval']?.bind(
    { nameFormat: () => () => 'i' } as unknown as PvUse,
    bench.state,
  );
  assert.ok(value !== undefined && typeof value !== 'string');
  assert.equal(call('sdp_iterator_next', 'i'), -1);
  assert.equal(call('sdp_iterator_start', 'i'), 1);
  const lines: string[] = [];
  while (call('sdp_iterator_next', 'i') === 1) {
    const line = value.get(run) as string;
    lines.push(line);
    if (line.startsWith('a=inactive')) call('sdp_iterator_rm', 'i');
    if (line.startsWith('m=video')) call('sdp_iterator_append', 'i', 'a=x\r\n');
    if (line.startsWith('m=audio')) call('sdp_iterator_insert', 'i', 'b=AS:64\r\n');
  }
  assert.equal(lines.join(''), BODY);
  assert.equal(call('sdp_iterator_end', 'i'), 1);
  const edited = BODY.replace('a=inactive\r\n', '')
    .replace('RTP/SAVP 31\r\n', '$&a=x\r\n')
    .replace('m=audio', 'b=AS:64\r\n$&');
  assert.equal(bodyOf(run), multipart.replace(BODY, edited));
});
