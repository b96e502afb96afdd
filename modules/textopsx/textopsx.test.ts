import assert from 'node:assert/strict';
import { test } from 'node:test';
import { currentText, MSG_FLAG, type PvUse, type Run } from 'strowger';
import { ModuleBench, request, response, sipMsg, TestMsg } from 'strowger/testing';
import { parsePlace } from './hf-value.ts';
import textopsx from './index.ts';
import { fnmatch } from './message.ts';

const HEADERS = {
  'X-One': 'hello',
  'X-L': 'one;p=1;q="2", two ,three;p=3',
  'X-M': ['a', 'b'],
  Authorization: 'Digest username="a, b", realm="r"',
};
const BASE = request('INVITE', 'sip:bob@example.org', { headers: HEADERS, body: 'v=0\r\ns=-\r\nt=0 0' });

async function setUp(text = BASE) {
  const bench = await new ModuleBench(textopsx).init();
  return { bench, run: bench.run(sipMsg(text)) };
}
const after = (run: Run): TestMsg => new TestMsg(currentText(run.msg));

/** command, arguments, result, header, its values afterwards */
const VALUES: [string, string[], number, string, string[]][] = [
  ['append_hf_value', ['X-L', 'n'], 1, 'X-L', ['one;p=1;q="2", two ,three;p=3', 'n']],
  ['append_hf_value', ['X-L[1]', 'n'], 1, 'X-L', ['one;p=1;q="2",n, two ,three;p=3']],
  ['append_hf_value', ['X-New[1]', 'n'], 1, 'X-New', ['n']],
  ['insert_hf_value', ['X-M', 'n'], 1, 'X-M', ['n', 'a', 'b']],
  ['insert_hf_value', ['X-M[2]', 'n'], 1, 'X-M', ['a', 'n,b']],
  ['insert_hf_value', ['X-M[7]', 'n'], -1, 'X-M', ['a', 'b']],
  ['remove_hf_value', ['X-L'], 1, 'X-L', ['two ,three;p=3']],
  ['remove_hf_value', ['X-L[0]'], 1, 'X-L', ['two ,three;p=3']],
  ['remove_hf_value', ['X-L[-1]'], 1, 'X-L', ['one;p=1;q="2", two']],
  ['remove_hf_value', ['X-M[*]'], 1, 'X-M', []],
  ['remove_hf_value', ['X-M[1]'], 1, 'X-M', ['b']],
  ['remove_hf_value', ['X-L[*].p'], 1, 'X-L', ['one;q="2", two ,three']],
  ['remove_hf_value', ['X-L.zz'], -1, 'X-L', ['one;p=1;q="2", two ,three;p=3']],
  ['assign_hf_value', ['X-L[2]', 'n'], 1, 'X-L', ['one;p=1;q="2", n ,three;p=3']],
  ['assign_hf_value', ['X-L[1].q', 'n'], 1, 'X-L', ['one;p=1;q=n, two ,three;p=3']],
  ['assign_hf_value', ['X-L[*].p', ''], 1, 'X-L', ['one;p;q="2", two;p ,three;p']],
  ['assign_hf_value', ['X-None', 'n'], -1, 'X-None', []],
  ['include_hf_value', ['X-L', 'TWO'], 1, 'X-L', ['one;p=1;q="2", two ,three;p=3']],
  ['include_hf_value', ['X-L', 'n'], 1, 'X-L', ['one;p=1;q="2", two ,three;p=3,n']],
  ['exclude_hf_value', ['X-L', 'two'], 1, 'X-L', ['one;p=1;q="2",three;p=3']],
  ['hf_value_exists', ['X_L', 'Two'], 1, 'X-M', ['a', 'b']],
  ['hf_value_exists', ['X-L', 'one'], -1, 'X-M', ['a', 'b']],
  ['remove_hf_value2', ['Authorization.username'], 1, 'Authorization', ['Digest  realm="r"']],
  ['remove_hf_value2', ['Authorization.realm'], 1, 'Authorization', ['Digest username="a, b"']],
  ['remove_hf_value2', ['Authorization'], 1, 'Authorization', []],
  ['assign_hf_value2', ['Authorization.realm', '"n"'], 1, 'Authorization', ['Digest username="a, b", realm="n"']],
  ['assign_hf_value2', ['Authorization.x', 'y'], 1, 'Authorization', ['Digest username="a, b", realm="r",x=y']],
];
for (const [command, args, result, header, values] of VALUES) {
  test(`${command}(${args.join(', ')})`, async () => {
    const { bench, run } = await setUp();
    assert.equal(bench.call(run, command, ...args), result);
    assert.deepEqual(after(run).all(header), values);
  });
}

test('msg_apply_changes changes nothing after record_route', async () => {
  const { bench, run } = await setUp();
  run.msg.lumps.anchor(run.msg.headersEnd).insertAfter('X-New: 1\r\n');
  run.msg.msgFlags |= MSG_FLAG.RR_ADDED;
  assert.equal(bench.call(run, 'msg_apply_changes'), -1);
  assert.equal(run.msg.findHdrByName('X-New'), -1);
});

test('msg_apply_changes makes edits part of the message, which stays the same object', async () => {
  const { bench, run } = await setUp();
  const { msg } = run;
  msg.flags = 5;
  msg.dstUri = 'sip:next';
  msg.newUri = 'sip:new@example.org';
  msg.lumps.anchor(msg.headersEnd).insertAfter('X-New: 1\r\n');
  msg.lumps.del(msg.bodyStart, 5);
  assert.equal(msg.findHdrByName('X-New'), -1);
  assert.equal(bench.call(run, 'msg_apply_changes'), 1);
  assert.equal(run.msg, msg);
  assert.equal(msg.hdrValue(msg.findHdrByName('X-New')), '1');
  assert.deepEqual([msg.originalUri, msg.newUri, msg.uri], ['sip:new@example.org', null, 'sip:new@example.org']);
  assert.deepEqual([msg.body, msg.contentLength], ['s=-\r\nt=0 0', 10]);
  assert.deepEqual([msg.flags, msg.dstUri, msg.lumpList], [5, 'sip:next', null]);
  assert.equal(msg.fromTag, 'alice-tag');
});

test('msg_apply_changes of a reply, and of edits that leave no message', async () => {
  const reply = await setUp(response(BASE, 200));
  assert.equal(reply.bench.call(reply.run, 'msg_apply_changes'), 1);
  const { bench, run } = await setUp();
  run.msg.lumps.anchor(run.msg.firstLineEnd).insertAfter('oops\r\n');
  assert.equal(bench.call(run, 'msg_apply_changes'), -1);
  assert.equal(run.msg.buf, BASE);
});

test('msg_set_buffer takes a message of the same kind', async () => {
  const { bench, run } = await setUp();
  assert.equal(bench.call(run, 'msg_set_buffer', response(BASE, 200)), -1);
  assert.equal(bench.call(run, 'msg_set_buffer', 'x'), -1);
  assert.equal(bench.call(run, 'msg_set_buffer', request('OPTIONS', 'sip:x')), 1);
  assert.deepEqual([run.msg.methodName, run.msg.cseqMethod, run.msg.uri], ['OPTIONS', 'OPTIONS', 'sip:x']);
});

/** status, arguments, result, first line */
const STATUSES: [number, (number | string)[], number, string][] = [
  [603, [404, 'Not Found'], 1, 'SIP/2.0 404 Not Found'],
  [486, [603], 1, 'SIP/2.0 603 Busy Here'],
  [180, [183, 'Progress'], 1, 'SIP/2.0 183 Progress'],
  [180, [200, 'OK'], -1, 'SIP/2.0 180 Ringing'],
  [200, [202, 'Accepted'], 1, 'SIP/2.0 202 Accepted'],
  [404, [200, 'OK'], -1, 'SIP/2.0 404 Not Found'],
  [404, [700, 'x'], -1, 'SIP/2.0 404 Not Found'],
  [404, [405, ''], -1, 'SIP/2.0 404 Not Found'],
];
for (const [status, args, result, line] of STATUSES) {
  test(`a ${status} becomes ${args.join(' ')}: ${result}`, async () => {
    const { bench, run } = await setUp(response(BASE, status));
    const command = args.length === 1 ? 'change_reply_status_code' : 'change_reply_status';
    assert.equal(bench.call(run, command, ...args), result);
    assert.equal(after(run).startLine, line);
    assert.equal(run.msg.status, Number(line.slice(8, 11)));
  });
}

test('remove_body, keep_hf', async () => {
  const { bench, run } = await setUp();
  assert.equal(bench.call(run, 'remove_body'), 1);
  assert.equal(bench.call(run, 'keep_hf', '^x-m'), -1);
  const msg = after(run);
  assert.deepEqual(
    [msg.body, msg.get('Content-Length'), msg.all('X-M'), msg.has('X-One'), msg.has('Max-Forwards')],
    ['', '0', ['a', 'b'], false, true],
  );
});

const GLOBS: [string, string, boolean][] = [
  ['abc', 'a?c', true],
  ['abc', '*', true],
  ['', '*', true],
  ['abc', 'abc*', true],
  ['aaab', 'a*ab', true],
  ['abc', '[!a]bc', false],
  ['abc', '[a-b]*', true],
  ['a]c', 'a[]]c', true],
  ['a*c', 'a\\*c', true],
  ['abc', 'a\\*c', false],
  ['[x', '[x', true],
  ['abc', 'ab', false],
];
for (const [text, pattern, matches] of GLOBS) {
  test(`fnmatch ${text} ${pattern}`, () => assert.equal(fnmatch(text, pattern, false), matches));
}

test('fnmatch without case, and in bounded time', async () => {
  const { bench, run } = await setUp();
  assert.equal(bench.call(run, 'fnmatch', 'abc', 'A*[B-D]', 'i'), 1);
  assert.equal(bench.call(run, 'fnmatch', 'abc', 'A*'), -1);
  assert.equal(fnmatch('a'.repeat(3000), `${'*a'.repeat(300)}b`, false), false);
});

test('iterators over headers', async () => {
  const { bench, run } = await setUp();
  const bind = (name: string) => {
    const bound = textopsx.pseudoVariables?.[name]?.bind(
      { nameFormat: () => () => 'i' } as unknown as PvUse,
      bench.state,
    );
    assert.ok(typeof bound === 'object');
    return () => bound.get(run);
  };
  const name = bind('hfitname');
  assert.equal(name(), null);
  assert.equal(bench.call(run, 'hf_iterator_next', 'i'), -1);
  assert.equal(bench.call(run, 'hf_iterator_start', 'i'), 1);
  assert.equal(bench.call(run, 'hf_iterator_rm', 'i'), -1);
  const names: unknown[] = [];
  while (bench.call(run, 'hf_iterator_next', 'i') > 0) {
    names.push(name());
    if (name() === 'X-One') {
      assert.equal(bind('hfitbody')(), 'hello');
      assert.equal(bench.call(run, 'hf_iterator_append', 'i', 'After: 1\r\n'), 1);
      assert.equal(bench.call(run, 'hf_iterator_insert', 'i', 'Before: 1\r\n'), 1);
      assert.equal(bench.call(run, 'hf_iterator_rm', 'i'), 1);
    }
  }
  assert.equal(names.length, run.msg.hdrCount);
  assert.equal(bench.call(run, 'hf_iterator_prev', 'i'), 1);
  assert.equal(name(), names.at(-2));
  assert.equal(bench.call(run, 'hf_iterator_end', 'i'), 1);
  assert.equal(bench.call(run, 'hf_iterator_end', 'i'), -1);
  const msg = after(run);
  assert.deepEqual([msg.has('After'), msg.has('Before'), msg.has('X-One')], [true, true, false]);
  for (const other of ['a', 'b', 'c', 'd']) assert.equal(bench.call(run, 'hf_iterator_start', other), 1);
  assert.equal(bench.call(run, 'hf_iterator_start', 'e'), -1);
});

test('iterators over lines of the body', async () => {
  const { bench, run } = await setUp();
  const bound = textopsx.pseudoVariables?.['blitval']?.bind(
    { nameFormat: () => () => 'b' } as unknown as PvUse,
    bench.state,
  );
  assert.ok(typeof bound === 'object');
  const lines: unknown[] = [];
  assert.equal(bench.call(run, 'bl_iterator_start', 'b'), 1);
  while (bench.call(run, 'bl_iterator_next', 'b') > 0) {
    const line = bound.get(run);
    lines.push(line);
    if (line === 's=-\r\n') {
      assert.equal(bench.call(run, 'bl_iterator_insert', 'b', 'i=before\r\n'), 1);
      assert.equal(bench.call(run, 'bl_iterator_append', 'b', 'i=after\r\n'), 1);
      assert.equal(bench.call(run, 'bl_iterator_rm', 'b'), 1);
    }
  }
  assert.deepEqual(lines, ['v=0\r\n', 's=-\r\n', 't=0 0']);
  assert.equal(bench.call(run, 'bl_iterator_end', 'b'), 1);
  assert.equal(after(run).body, 'v=0\r\ni=before\r\ni=after\r\nt=0 0');
});

test('places in headers', () => {
  assert.deepEqual(parsePlace('Foo[ -1 ].bar'), { name: 'Foo', index: -1, param: 'bar' });
  assert.deepEqual(parsePlace('foo'), { name: 'foo', index: null, param: null });
  assert.deepEqual(parsePlace('foo[*]'), { name: 'foo', index: '*', param: null });
  for (const bad of ['', 'foo[', 'foo[x]', 'foo.', '[1]']) assert.equal(parsePlace(bad), null, bad);
});

test('places are checked when the script is compiled', async () => {
  const { bench } = await setUp();
  const check = (name: string, place: string) =>
    bench.command(name, 2).check?.([place, undefined], bench.state) ?? null;
  assert.equal(check('append_hf_value', 'X[1]'), null);
  assert.notEqual(check('append_hf_value', 'X.p'), null);
  assert.notEqual(check('append_hf_value', 'X[*]'), null);
  assert.notEqual(check('assign_hf_value', 'X[*]'), null);
  assert.equal(check('assign_hf_value', 'X[*].p'), null);
});
