import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Mailbox } from './mailbox.ts';

function mailbox(): { box: Mailbox; log: string[]; note: (what: string) => void } {
  const log: string[] = [];
  return { box: new Mailbox((error) => log.push(`error ${String(error)}`)), log, note: (what) => void log.push(what) };
}

test('an event waits until the one before it is done, also when that waits', async () => {
  const { box, log, note } = mailbox();
  const gate = Promise.withResolvers<void>();
  box.post(async () => {
    note('a begins');
    await gate.promise;
    note('a ends');
  });
  box.post(() => note('b'));
  assert.deepEqual(log, ['a begins']);
  gate.resolve();
  await gate.promise;
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(log, ['a begins', 'a ends', 'b']);
});

test('an event posted from inside a handler comes after it', () => {
  const { box, log, note } = mailbox();
  box.post(() => {
    box.post(() => note('inner'));
    note('outer');
  });
  assert.deepEqual(log, ['outer', 'inner']);
});

test('a handler that yields can wait for a later event; those after it stay in order', async () => {
  const { box, log, note } = mailbox();
  const answer = Promise.withResolvers<void>();
  box.post(async () => {
    note('dial');
    box.yields();
    await answer.promise;
    note('dialled');
  });
  box.post(() => {
    note('answer');
    answer.resolve();
  });
  box.post(() => note('bye'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(log, ['dial', 'answer', 'bye', 'dialled']);
});

test('a handler that fails is told, and the next one runs', async () => {
  const { box, log, note } = mailbox();
  box.post(() => {
    throw new Error('at once');
  });
  box.post(async () => await Promise.reject(new Error('later')));
  box.post(() => note('next'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(log, ['error Error: at once', 'error Error: later', 'next']);
});
