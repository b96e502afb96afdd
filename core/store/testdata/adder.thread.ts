/** A worker of shared-store.test.ts: adds to the same records as the others, and sets and deletes some of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { SharedHeap } from '../shared-heap.ts';
import { SharedStore } from '../shared-store.ts';

const { memory, index, rounds } = workerData as { memory: SharedArrayBuffer; index: number; rounds: number };
const store = new SharedStore(new SharedHeap(memory, index), 'test');
const seen: number[] = [];
for (let i = 0; i < rounds; i++) {
  seen.push(store.add('all', 1, 0) ?? -1);
  store.update('text', 0, (record) => ({ value: `${record?.value ?? ''}x`.slice(-1 - (i % 50)), expiresMs: 0 }));
  store.set(`${index}/${i}`, 'v'.repeat(i % 100));
  if (i % 3 === 0) store.delete(`${index}/${i}`);
}
parentPort?.postMessage(seen);
