import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { datagramEnvironment } from './datagram-environment.ts';
import { openUnixDatagram } from './unix-dgram.ts';

const skip = typeof datagramEnvironment() === 'string' ? 'no addon' : false;

test('a request and its answer over Unix datagrams, each to the path of the other', {
  skip,
  timeout: 10_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'strowger-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const serverPath = join(folder, 'server');
  const clientPath = join(folder, 'client');
  const server = openUnixDatagram(serverPath, (text, from) => assert.equal(server.send(`re:${text}\xff`, from), null));
  const answer = await new Promise<string>((resolve) => {
    const client = openUnixDatagram(clientPath, (text, from) => {
      assert.equal(from, serverPath);
      client.close();
      resolve(text);
    });
    assert.equal(client.send('ping', serverPath), null);
  });
  assert.equal(answer, 're:ping\xff');
  server.close();
});

test('a socket without a name only sends; a missing reader is told by name', { skip, timeout: 10_000 }, () => {
  const sender = openUnixDatagram('', () => assert.fail('nobody knows it'));
  assert.equal(sender.send('x', '/nonexistent/path'), 'ENOENT');
  assert.equal(sender.send('x', 'p'.repeat(200)), 'EINVAL');
  sender.close();
  assert.equal(sender.send('x', '/nonexistent/path'), 'EBADF');
});

test('an existing file, a missing folder and a path too long are errors that name the path', { skip }, () => {
  assert.throws(() => openUnixDatagram('/nonexistent/s', () => {}), /nonexistent\/s: ENOENT/);
  assert.throws(() => openUnixDatagram('/tmp', () => {}), /\/tmp: EADDRINUSE/);
  assert.throws(() => openUnixDatagram('x'.repeat(108), () => {}), /ENAMETOOLONG/);
});
