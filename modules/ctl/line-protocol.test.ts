import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RpcFault, RpcMany } from 'strowger';
import { LineReader, type LineRequest, lineFault, lineReply } from './line-protocol.ts';

function read(...pieces: string[]): { requests: LineRequest[]; errors: string[] } {
  const requests: LineRequest[] = [];
  const errors: string[] = [];
  const reader = new LineReader(
    (request) => requests.push(request),
    (reason) => errors.push(reason),
  );
  for (const piece of pieces) reader.push(piece);
  return { requests, errors };
}

test('requests in pieces, with parameters, one after the other', () => {
  const { requests, errors } = read(':core.echo:reply\n1\n"a b"', '\n\n:core.ver', 'sion:\n\n');
  assert.deepEqual(requests, [
    { method: 'core.echo', replyName: 'reply', params: ['1', 'a b'] },
    { method: 'core.version', replyName: '', params: [] },
  ]);
  assert.deepEqual(errors, []);
});

test('what is no request is reported and passed over', () => {
  assert.deepEqual(read('core.version\n\n:a:\n\n'), {
    requests: [{ method: 'a', replyName: '', params: [] }],
    errors: ['a command begins with :method:'],
  });
  assert.deepEqual(read('x'.repeat(70_000)).errors, ['request too long']);
});

test('answers: a line for each value, colons and commas escaped inside structs', () => {
  assert.equal(lineReply(undefined), '200 OK\n');
  assert.equal(lineReply(new RpcMany(['a:b', 5])), '200 OK\na:b\n5\n');
  assert.equal(lineReply({ now: 'Sat 05:10, x', uptime: 3 }), '200 OK\nnow:Sat 05\\o10\\c x,uptime:3\n');
  assert.equal(lineReply('two\nlines'), '200 OK\ntwo\\nlines\n');
  assert.equal(lineFault(new RpcFault(400, 'bad')), '400 bad\n');
});
