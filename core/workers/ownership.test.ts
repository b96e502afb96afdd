import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request, response, sipMsg } from '../../test/support/index.ts';
import { branchOwner, connectionOwner, ownerOf } from './ownership.ts';

const COUNT = 5;

test('all requests of a call have one owner, and calls are spread', () => {
  const owners = new Set<number>();
  for (let i = 0; i < 50; i++) {
    const callId = `call-${i}@example.org`;
    const of = (method: string): number =>
      ownerOf(sipMsg(request(method, 'sip:b@example.org', { callId, branch: `z9hG4bK${method}${i}` })), COUNT);
    const owner = of('INVITE');
    assert.deepEqual([of('ACK'), of('CANCEL'), of('BYE')], [owner, owner, owner]);
    owners.add(owner);
  }
  assert.equal(owners.size, COUNT);
});

test('a reply belongs to the worker in the branch of its top Via', () => {
  const via = (branch: string): string => `SIP/2.0/UDP 10.0.0.1;branch=${branch}`;
  const reply = (branch: string): number =>
    ownerOf(
      sipMsg(response(request('INVITE', 'sip:b@example.org', { via: [via(branch), via('z9hG4bK9-1')] }), 200)),
      COUNT,
    );
  assert.equal(reply('z9hG4bK3-1f-abc-0-x'), 3);
  assert.equal(reply('z9hG4bKs1abc.2.3'), -1);
});

test('branches of others, stateless ones and those out of range have no owner', () => {
  for (const branch of [
    '',
    'z9hG4bK',
    'z9hG4bK-',
    'z9hG4bKs12.3.4',
    'z9hG4bK5-1',
    'z9hG4bKzzzzzzzzzzzzzzzz-1',
    'z9hG4bK1',
    'abc1-',
  ])
    assert.equal(branchOwner(branch, COUNT), -1, branch);
  assert.equal(branchOwner('z9hG4bK0-', COUNT), 0);
  assert.equal(branchOwner('z9hG4bK1a-x', 60), 46);
});

test('a message without Call-ID or that can not be read is anybody’s', () => {
  assert.equal(ownerOf(sipMsg(request('OPTIONS', 'sip:b@example.org').replace(/Call-ID: .*\r\n/, '')), COUNT), -1);
  assert.equal(ownerOf(sipMsg('nonsense'), COUNT), -1);
});

test('the id of a connection names its worker', () => {
  const ids = [0, 1, 2].map((worker) => [worker + 1, worker + 1 + 3, worker + 1 + 300]);
  for (const [worker, list] of ids.entries()) for (const id of list) assert.equal(connectionOwner(id, 3), worker);
});
