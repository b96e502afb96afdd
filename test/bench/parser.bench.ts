/** Cost of reading a message: `node test/bench/parser.bench.ts`. The machine should be quiet. */

import { Bench } from 'tinybench';
import { checkMessage } from '../../core/checks.ts';
import { SipMsg } from '../../core/parser/sip-msg.ts';
import { parseUri } from '../../core/parser/uri.ts';
import { request, testReceiveInfo } from '../support/index.ts';

const SDP = [
  'v=0',
  'o=alice 2890844526 2890844526 IN IP4 198.51.100.20',
  's=-',
  'c=IN IP4 198.51.100.20',
  't=0 0',
  'm=audio 49172 RTP/AVP 0 8',
  'a=rtpmap:0 PCMU/8000',
  '',
].join('\r\n');
const INVITE = request('INVITE', 'sip:+4915112345678@203.0.113.10:5060;transport=udp', {
  sentBy: '198.51.100.20:5060',
  branch: 'z9hG4bK-524287-1---abcdef;rport',
  from: '"Alice" <sip:alice@example.org>',
  contact: '<sip:alice@198.51.100.20:5060>',
  callId: 'a84b4c76e66710@pc33.example.org',
  headers: { Allow: 'INVITE, ACK, CANCEL, BYE, OPTIONS', 'User-Agent': 'bench' },
  body: SDP,
});
const RCV = testReceiveInfo();
let sink = 0;

const bench = new Bench({ time: 1000, warmupTime: 300 });
bench.add('index', () => {
  sink += new SipMsg(INVITE, RCV).hdrCount;
});
bench.add('index and the core checks', () => {
  sink += checkMessage(new SipMsg(INVITE, RCV)) === null ? 1 : 0;
});
bench.add('index and what a proxy reads', () => {
  const msg = new SipMsg(INVITE, RCV);
  sink += (msg.via1?.branch?.length ?? 0) + msg.fromTag.length + msg.toTag.length + msg.cseqNumber;
  sink += (msg.callId?.length ?? 0) + (msg.ruri?.host.length ?? 0);
});
bench.add('parseUri', () => {
  sink += parseUri('sip:+4915112345678@203.0.113.10:5060;transport=udp')?.port ?? 0;
});
bench.runSync();
for (const task of bench.tasks) {
  const result = task.result as { latency?: { p50: number; min: number } };
  const { p50 = 0, min = 0 } = result.latency ?? {};
  console.log(`${task.name}: median ${Math.round(p50 * 1e6)} ns, best ${Math.round(min * 1e6)} ns`);
}
if (sink === 0) console.log('nothing was read');
