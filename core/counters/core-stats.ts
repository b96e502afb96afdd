import type { Counter, CounterRegistry } from './counters.ts';

/** The statistics of Kamailio's kex module that the core itself counts (group `core`). */
export class CoreStats {
  readonly rcvRequests: Counter;
  readonly rcvReplies: Counter;
  readonly fwdRequests: Counter;
  readonly fwdReplies: Counter;
  readonly dropRequests: Counter;
  readonly dropReplies: Counter;
  readonly errRequests: Counter;
  readonly errReplies: Counter;
  readonly badUris: Counter;
  readonly unsupportedMethods: Counter;
  readonly badMsgHdr: Counter;

  constructor(counters: CounterRegistry) {
    const core = (name: string, doc: string): Counter => counters.register('core', name, doc);
    this.rcvRequests = core('rcv_requests', 'Requests received.');
    this.rcvReplies = core('rcv_replies', 'Replies received.');
    this.fwdRequests = core('fwd_requests', 'Requests forwarded.');
    this.fwdReplies = core('fwd_replies', 'Replies forwarded.');
    this.dropRequests = core('drop_requests', 'Requests dropped before forwarding.');
    this.dropReplies = core('drop_replies', 'Replies dropped before forwarding.');
    this.errRequests = core('err_requests', 'Requests that could not be read.');
    this.errReplies = core('err_replies', 'Replies that could not be read.');
    this.badUris = core('bad_URIs_rcvd', 'URIs that could not be parsed.');
    this.unsupportedMethods = core('unsupported_methods', 'Requests with a method nobody knows.');
    this.badMsgHdr = core('bad_msg_hdr', 'Headers that could not be parsed.');
  }
}
