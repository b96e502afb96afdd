import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { heapMemory, SharedHeap } from '../../core/store/shared-heap.ts';
import { BareServer } from '../../test/support/bare-server.ts';
import usrloc from './index.ts';
import type { EditorData } from './testdata/editor.thread.ts';

const THREADS = 3;
const EDITS = 15_000;
const AORS = 40;

test('threads that edit the same AORs at the same time: every edit is whole, nothing is lost', {
  timeout: 60_000,
}, async () => {
  const memory = heapMemory(11);
  const file = new URL('./testdata/editor.thread.ts', import.meta.url);
  const threads = Array.from({ length: THREADS }, (_, worker) => {
    const workerData: EditorData = { memory, worker, threads: THREADS, edits: EDITS, aors: AORS };
    return new Worker(file, { workerData });
  });
  await Promise.all(
    threads.map(async (thread) => {
      const [code] = (await once(thread, 'exit')) as [number];
      assert.equal(code, 0);
    }),
  );
  const bare = new BareServer();
  bare.server.sharedHeap = new SharedHeap(memory, THREADS);
  const table = (await bare.load(usrloc)).domain('location');
  let sum = 0;
  let contacts = 0;
  for (let i = 0; i < AORS; i++) {
    const found = await table.lookup(`user${i}`);
    contacts += found.length;
    // One contact an AOR counts the edits of all threads; each thread has one of its own that comes and goes.
    for (const { contact, cseq } of found) if (contact === 'sip:counter') sum += cseq;
    assert.ok(found.filter(({ contact }) => contact === 'sip:counter').length <= 1);
  }
  assert.equal(sum, THREADS * EDITS);
  assert.deepEqual([table.contacts, table.users], [contacts, AORS]);
});
