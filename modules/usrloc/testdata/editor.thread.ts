/** A worker's part in threads.test.ts: edits records in memory that others edit too. */
import { workerData } from 'node:worker_threads';
import { SharedHeap } from '../../../core/store/shared-heap.ts';
import { SeededRandom } from '../../../core/timer/random.ts';
import { BareServer } from '../../../test/support/bare-server.ts';
import type { UcontactInfo } from '../api.ts';
import usrloc from '../index.ts';
import type { Usrloc } from '../usrloc.ts';
import { contactInfo } from '../../../test/support/contact-info.ts';

export interface EditorData {
  readonly memory: SharedArrayBuffer;
  readonly worker: number;
  readonly threads: number;
  readonly edits: number;
  readonly aors: number;
}

const { memory, worker, threads, edits, aors } = workerData as EditorData;

function contact(uri: string, cseq: number, path: string): UcontactInfo {
  return contactInfo(uri, 0, { expires: 0, q: cseq % 1000, cseq, path, tcpconnId: cseq % 5 });
}

const bare = new BareServer();
bare.server.sharedHeap = new SharedHeap(memory, worker);
bare.server.workerCount = threads;
Object.assign(bare.server, { workerIndex: worker });
const module = await bare.init(usrloc);
const table = (module.state as Usrloc).domain('location');
const random = new SeededRandom(worker + 1);
for (let i = 0; i < edits; i++) {
  const path = 'p'.repeat(random.int(100));
  void table.edit(`user${random.int(aors)}`, (record) => {
    const counter = record.match('sip:counter', 'x', '', 1);
    if (counter.found === 'contact')
      record.update(counter.contact, contact('sip:counter', counter.contact.cseq + 1, path));
    else record.insert(contact('sip:counter', 1, path));
    const own = record.match(`sip:${worker}`, 'x', '', 1);
    if (own.found === 'contact') record.delete(own.contact);
    else record.insert(contact(`sip:${worker}`, i, path));
  });
}
