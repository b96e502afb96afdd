import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileSubst, currentText, type Run, type Subst } from 'strowger';
import { ModuleBench, request, response, sipMsg, TestMsg, TestPv } from 'strowger/testing';
import textops from './index.ts';

const HEADERS = { Subject: 'hello', 'X-M': ['one', 'two', 'three'], Privacy: 'id;Header' };
const BODY = 'v=0\r\na=one\r\na=two\r\n';
const BASE = request('INVITE', 'sip:bob@example.org', { headers: HEADERS, body: BODY });
const PARTS =
  '--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b\r\nc: text/plain\r\nX: y\r\n\r\nhello\r\n--b--\r\n';
const MULTI = request('INVITE', 'sip:bob@example.org', { body: PARTS, contentType: 'multipart/mixed;boundary=b' });

async function setUp(text = BASE) {
  const bench = await new ModuleBench(textops).init();
  return { bench, run: bench.run(sipMsg(text)) };
}
const after = (run: Run): TestMsg => new TestMsg(currentText(run.msg));
function subst(text: string): Subst {
  const compiled = compileSubst(text, (format) => () => format);
  assert.ok(typeof compiled !== 'string');
  return compiled;
}

/** calls with their results, then what a header or the body is */
type Calls = readonly (readonly [command: string, args: readonly unknown[], result: number])[];
const EDITS: [string, Calls, (msg: TestMsg) => unknown, unknown][] = [
  [
    'append_hf in order',
    [
      ['append_hf', ['A: 1\r\n'], 1],
      ['append_hf', ['A: 2\r\n'], 1],
    ],
    (m) => m.headers.slice(-2),
    [
      ['A', '1'],
      ['A', '2'],
    ],
  ],
  [
    'append_hf behind the last of a name',
    [['append_hf', ['A: 1\r\n', 'X-M'], 1]],
    (m) => m.headers.at(m.headers.findIndex(([, v]) => v === 'three') + 1),
    ['A', '1'],
  ],
  ['append_hf without text', [['append_hf', [''], -1]], (m) => m.has('A'), false],
  ['insert_hf first', [['insert_hf', ['A: 1\r\n'], 1]], (m) => m.headers[0], ['A', '1']],
  [
    'remove_hf',
    [
      ['remove_hf', ['x-m'], 1],
      ['remove_hf', ['Nope'], -1],
    ],
    (m) => m.all('X-M'),
    [],
  ],
  ['remove_hf_re ignores case', [['remove_hf_re', ['^x-'], 1]], (m) => m.all('X-M'), []],
  [
    'remove_hf_exp keeps',
    [['remove_hf_exp', ['^(x|s)', '^S'], 1]],
    (m) => [m.all('X-M').length, m.get('Subject')],
    [0, 'hello'],
  ],
  [
    'remove_hf_idx',
    [
      ['remove_hf_idx', ['X-M', -1], 1],
      ['remove_hf_idx', ['X-M', 5], 2],
    ],
    (m) => m.all('X-M'),
    ['one', 'two'],
  ],
  [
    'remove_hf_match',
    [
      ['remove_hf_match', ['X-M', 're', '^t'], 1],
      ['remove_hf_match', ['X-M', 'eq', 'x'], -2],
      ['remove_hf_match', ['X-M', '?', 'x'], -1],
    ],
    (m) => m.all('X-M'),
    ['one'],
  ],
  ['replace: the first, not in the first line', [['replace', ['invite', 'X'], 1]], (m) => m.get('CSeq'), '1 X'],
  [
    'replace_all',
    [['replace_all', ['one', '1'], 1]],
    (m) => [m.all('X-M')[0], m.body],
    ['1', 'v=0\r\na=1\r\na=two\r\n'],
  ],
  ['replace_hdrs leaves the body', [['replace_hdrs', ['a=', 'b='], -1]], (m) => m.body, BODY],
  ['replace_body_all by lines', [['replace_body_all', ['^a=.*$', 'x'], 1]], (m) => m.body, 'v=0\r\nx\nx\n'],
  [
    'replace_body_atonce as one',
    [['replace_body_atonce', ['^.+$', ''], 1]],
    (m) => [m.body, m.get('Content-Length')],
    ['', '0'],
  ],
  [
    'replace_str',
    [
      ['replace_body_str', ['a=', 'bc=', 'a'], 1],
      ['replace_str', ['x', 'y', 'z'], -1],
    ],
    (m) => [m.body, m.get('Content-Length')],
    ['v=0\r\nbc=one\r\nbc=two\r\n', '21'],
  ],
  [
    'search_append',
    [
      ['search_append', ['hello', ' you'], 1],
      ['search_append_body', ['nowhere', 'x'], -1],
    ],
    (m) => m.get('Subject'),
    'hello you',
  ],
  ['subst', [['subst', [subst('/^(Subject): (\\w+)/\\1: <\\2>/')], 1]], (m) => m.get('Subject'), '<hello>'],
  ['subst_body', [['subst_body', [subst('/a=/b=/g')], 1]], (m) => m.body, 'v=0\r\nb=one\r\nb=two\r\n'],
  [
    'subst_hf',
    [
      ['subst_hf', ['X-M', subst('/o/0/'), 'f'], 1],
      ['subst_hf', ['X-M', subst('/zz/0/'), 'a'], -1],
    ],
    (m) => m.all('X-M'),
    ['0ne', 'two', 'three'],
  ],
  [
    'set_body',
    [
      ['set_body', ['new', 'text/plain'], 1],
      ['set_body', ['', 'x/y'], -1],
    ],
    (m) => [m.body, m.get('Content-Type'), m.get('Content-Length')],
    ['new', 'text/plain', '3'],
  ],
  [
    'the place of a new row, with a colon behind its name',
    [['append_hf', ['A: 1\r\n', 'Subject: '], 1]],
    (m) => m.headers[m.headers.findIndex(([name]) => name === 'Subject') + 1],
    ['A', '1'],
  ],
  [
    'set_body_hex',
    [
      ['set_body_hex', ['6b 61\t6D', 'x/y'], 1],
      ['set_body_hex', ['6b6', 'x/y'], -1],
      ['set_body_hex', ['zz', 'x/y'], -1],
    ],
    (m) => [m.body, m.get('Content-Type')],
    ['kam', 'x/y'],
  ],
  [
    'set_body twice',
    [
      ['set_body', ['first', 'text/plain'], 1],
      ['set_body', ['second', 'application/sdp'], 1],
    ],
    (m) => m.body,
    'second',
  ],
  ['append_urihf', [['append_urihf', ['X-U: <', '>\r\n'], 1]], (m) => m.get('X-U'), '<sip:bob@example.org>'],
];
for (const [name, calls, read, expected] of EDITS) {
  test(name, async () => {
    const { bench, run } = await setUp();
    for (const [command, args, result] of calls) assert.equal(bench.call(run, command, ...args), result, command);
    assert.deepEqual(read(after(run)), expected);
  });
}

/** command, arguments, result */
const QUESTIONS: [string, unknown[], number][] = [
  ['search', ['^invite sip:'], 1],
  ['search_body', ['^a=two'], 1],
  ['search_body', ['Subject'], -1],
  ['search_hf', ['X-M', 'three', 'l'], 1],
  ['search_hf', ['X-M', 'three', 'f'], -1],
  ['search_str', ['abc', 'B'], 1],
  ['search_str', ['', 'B'], -2],
  ['is_present_hf', ['s'], 1],
  ['is_present_hf_pv', ['X-None'], -1],
  ['is_present_hf_re', ['^x-'], 1],
  ['has_body', [], 1],
  ['has_body', ['application/SDP'], 1],
  ['has_body', ['text/plain'], -1],
  ['is_privacy', ['header'], 1],
  ['is_privacy', ['user'], -1],
  ['is_method', ['OPTIONS|INVITE'], 1],
  ['is_method', ['invite'], 1],
  ['is_method', ['BYE'], -1],
  ['is_method', ['FOO'], -1],
  ['in_list', ['fi', 'dk, fi ,no', ','], 1],
  ['in_list', ['', 'dk,,no', ','], -1],
  ['in_list_prefix', ['final', 'dk,fi,no', ','], 1],
  ['cmp_str', ['a', 'A'], -1],
  ['cmp_istr', ['a', 'A'], 1],
  ['starts_with', ['abc', 'ab'], 1],
  ['ends_with', ['abc', 'ab'], -1],
  ['str_find', ['abcabc', 'ca'], 3],
  ['str_ifind', ['abc', 'D'], -1],
  ['str_any_in', ['abc', 'xyc'], 1],
  ['str_any_in', ['abc', 'xyz'], -1],
  ['str_any_in', ['abc', ''], -1],
  ['str_all_in', ['abba', 'abc'], 1],
  ['str_all_in', ['abd', 'abc'], -1],
  ['str_all_in', ['', 'abc'], 1],
  ['is_audio_on_hold', [], -1],
];
for (const [command, args, result] of QUESTIONS) {
  test(`${command}(${args.join(', ')}) is ${result}`, async () => {
    const { bench, run } = await setUp();
    assert.equal(bench.call(run, command, ...args), result);
  });
}

test('is_method looks at CSeq of a reply', async () => {
  const { bench, run } = await setUp(response(BASE, 200));
  assert.equal(bench.call(run, 'is_method', 'INVITE'), 1);
});

test('subst_uri and subst_user change the Request-URI', async () => {
  const { bench, run } = await setUp();
  assert.equal(bench.call(run, 'subst_user', subst('/^b/B/')), 1);
  assert.equal(bench.call(run, 'subst_uri', subst('/example/test/')), 1);
  assert.equal(bench.call(run, 'subst_uri', subst('/zz/y/')), -1);
  assert.equal(run.msg.uri, 'sip:Bob@test.org');
});

for (const [line, result] of [
  ['a=sendonly', 2],
  ['a=inactive', 2],
  ['c=IN IP4 0.0.0.0', 1],
  ['a=recvonly', -1],
] as const) {
  test(`is_audio_on_hold with ${line} is ${result}`, async () => {
    const body = `v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 0\r\n${line}\r\nm=video 1 RTP/AVP 31\r\na=inactive\r\n`;
    const { bench, run } = await setUp(request('INVITE', 'sip:a@b', { body }));
    assert.equal(bench.call(run, 'is_audio_on_hold'), result);
  });
}

test('replies get rows, a Date and a body', async () => {
  const { bench, run } = await setUp();
  assert.equal(bench.call(run, 'append_to_reply', 'A: 1\r\n'), 1);
  assert.equal(bench.call(run, 'append_time'), 1);
  assert.equal(bench.call(run, 'set_reply_body', 'text', 'text/plain'), 1);
  assert.match(
    (run.msg.replyLumps ?? []).join(''),
    /^A: 1\r\nDate: \w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT\r\nContent-Type: text\/plain\r\n$/,
  );
  assert.equal(run.msg.replyBody, 'text');
  assert.equal(bench.call(run, 'append_time_to_request'), 1);
  assert.match(after(run).get('Date'), /GMT$/);
});

test('parts of a multipart body', async () => {
  const { bench, run } = await setUp(MULTI);
  const part = new TestPv();
  assert.equal(bench.call(run, 'get_body_part', 'text/plain', part), 1);
  assert.equal(part.value, 'X: y\r\n\r\nhello\r\n');
  assert.equal(bench.call(run, 'get_body_part_raw', 'text/plain', part), 1);
  assert.equal(part.value, 'c: text/plain\r\nX: y\r\n\r\nhello\r\n--b--\r\n');
  assert.equal(bench.call(run, 'get_body_part', 'x/y', part), -1);
  assert.equal(bench.call(run, 'append_body_part_hex', '6b 61', 'x/y'), 1);
  assert.equal(bench.call(run, 'append_body_part_hex', '6', 'x/y'), -1);
  assert.equal(bench.call(run, 'remove_body_part', 'application/sdp'), 1);
  assert.equal(
    after(run).body,
    '--b\r\nc: text/plain\r\nX: y\r\n\r\nhello\r\n--b\r\nContent-Type: x/y\r\n\r\nka\r\n--b--\r\n',
  );
});

test('filter_body leaves the content of one part', async () => {
  const { bench, run } = await setUp(MULTI);
  assert.equal(bench.call(run, 'filter_body', 'x/y'), -1);
  assert.equal(bench.call(run, 'filter_body', 'text/plain'), 1);
  assert.equal(after(run).body, 'hello');
});

test('set_body_multipart wraps the body, or sets one', async () => {
  const wrapped = await setUp();
  assert.equal(wrapped.bench.call(wrapped.run, 'set_body_multipart'), 1);
  const msg = after(wrapped.run);
  assert.equal(msg.get('Content-Type'), 'multipart/mixed;boundary="unique-boundary-1"');
  assert.equal(
    msg.body,
    `--unique-boundary-1\r\nContent-Type: application/sdp\r\n\r\n${BODY}\r\n--unique-boundary-1--\r\n`,
  );
  const set = await setUp(request('INVITE', 'sip:a@b'));
  assert.equal(set.bench.call(set.run, 'set_body_multipart', 'x'), -1);
  assert.equal(set.bench.call(set.run, 'set_body_multipart', 'text', 'text/plain', 'd'), 1);
  assert.equal(after(set.run).body, '--d\r\nContent-Type: text/plain\r\n\r\ntext\r\n--d--\r\n');
});

test('regex_substring', async () => {
  const { bench, run } = await setUp();
  const target = new TestPv();
  const call = (index: number, text = '_ abc123 _') =>
    bench.call(run, 'regex_substring', text, '([a-z]+)([0-9]+)', index, 3, target);
  assert.equal(call(2), 1);
  assert.equal(target.value, '123');
  assert.equal(call(0), 1);
  assert.equal(target.value, 'abc123');
  assert.equal(call(1, '___'), -2);
  assert.equal(call(3), -3);
});

test('constant arguments are checked when the script is compiled', async () => {
  const { bench } = await setUp();
  const check = (name: string, ...values: (string | undefined)[]) =>
    bench.command(name, values.length).check?.(values, bench.state) ?? null;
  assert.equal(check('search', 'a+'), null);
  assert.notEqual(check('search', '('), null);
  assert.notEqual(check('search_hf', 'X', 'a', 'q'), null);
  assert.notEqual(check('remove_hf', '$var(x)'), null);
  assert.equal(check('append_hf', undefined, 'X-One'), null);
  assert.notEqual(check('is_method', 'FOO|INVITE'), null);
  assert.notEqual(check('is_privacy', 'foo'), null);
  assert.notEqual(check('in_list', undefined, undefined, ',,'), null);
});

test('{re.subst} replaces, and leaves what does not match', () => {
  const def = textops.transformations?.['re']?.['subst'];
  const bound = def?.bind([{ kind: 'text', text: '/a\\{2\\}/<\\0>/g' }], {} as never, (text) => () => text);
  assert.ok(typeof bound === 'function');
  const run = {} as Run;
  assert.equal(bound(run, 'xaay'), 'x<aa>y');
  assert.equal(bound(run, 'x'), 'x');
  assert.equal(bound(run, null), null);
  assert.equal(typeof def?.bind([{ kind: 'text', text: '/a' }], {} as never), 'string');
});

test('subst_v puts the result into a variable, and leaves it alone when nothing matches', async () => {
  const { bench, run } = await setUp();
  const target = new TestPv();
  assert.equal(bench.call(run, 'subst_v', 'abcabc', subst('/b(c)/[\\1]/g'), target), 1);
  assert.equal(target.value, 'a[c]a[c]');
  assert.equal(bench.call(run, 'subst_v', 'abc', subst('/x/y/'), target), -1);
  assert.equal(target.value, 'a[c]a[c]');
});

test('set_reply_body_hex', async () => {
  const { bench, run } = await setUp();
  assert.equal(bench.call(run, 'set_reply_body_hex', '6869', 'text/plain'), 1);
  assert.equal(run.msg.replyBody, 'hi');
});
