import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROTO } from '../transport/socket-info.ts';
import { ConnectionDirectory, type DirectoryEntry } from './connection-directory.ts';

function entry(id: number, parts: Partial<DirectoryEntry> = {}): DirectoryEntry {
  const peer = { proto: PROTO.TCP, remoteIp: '192.0.2.1', remotePort: 5060, localIp: '10.0.0.1', localPort: 5060 };
  return { id, owner: (id - 1) % 2, ...peer, host: '', aliases: [], tls: '', ...parts };
}

const PEER = { proto: PROTO.TCP, ip: '192.0.2.1', port: 5060, localIp: null, localPort: 0, host: '' } as const;

test('the newest connection that fits is found, by peer and by alias', () => {
  const directory = new ConnectionDirectory();
  directory.add(entry(1));
  directory.add(entry(3, { localIp: '10.0.0.2', localPort: 5070 }));
  directory.addAlias(1, 6000);
  assert.equal(directory.find(PEER)?.id, 3);
  assert.equal(directory.find({ ...PEER, localIp: '10.0.0.1' })?.id, 1);
  assert.equal(directory.find({ ...PEER, localPort: 5060 })?.id, 1);
  assert.equal(directory.find({ ...PEER, port: 6000 })?.id, 1);
  assert.equal(directory.find({ ...PEER, proto: PROTO.TLS }), undefined);
});

test('a connection opened for one host name is not used for another; an accepted one is', () => {
  const directory = new ConnectionDirectory();
  directory.add(entry(1, { proto: PROTO.TLS, host: 'a.example.org' }));
  const query = { ...PEER, proto: PROTO.TLS };
  assert.equal(directory.find({ ...query, host: 'b.example.org' }), undefined);
  assert.equal(directory.find({ ...query, host: 'a.example.org' })?.id, 1);
  directory.add(entry(2, { proto: PROTO.TLS }));
  assert.equal(directory.find({ ...query, host: 'b.example.org' })?.id, 2);
});

test('what is closed, or was a dead worker’s, is forgotten, aliases too', () => {
  const directory = new ConnectionDirectory();
  for (const id of [1, 2, 3]) directory.add(entry(id, { aliases: [7000] }));
  directory.remove(3);
  assert.equal(directory.find(PEER)?.id, 2);
  directory.removeOwner(1);
  assert.equal(directory.find({ ...PEER, port: 7000 })?.id, 1);
  directory.removeOwner(0);
  assert.equal(directory.size, 0);
  assert.equal(directory.find({ ...PEER, port: 7000 }), undefined);
});
