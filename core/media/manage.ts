import { METHOD } from '../parser/methods.ts';
import { ROUTE } from '../script/run.ts';

/** What of a message and its transaction `rtpengine_manage` and `rtpproxy_manage` look at. */
export interface ManageFacts {
  readonly routeType: number;
  readonly isRequest: boolean;
  /** METHOD bit, of CSeq for replies. */
  readonly method: number;
  readonly status: number;
  readonly hasSdp: boolean;
  /** For replies: the request had SDP, or nobody knows (no transaction). */
  readonly requestHadSdp: boolean;
  /** Requests with SDP that bring an answer; others bring an offer. METHOD bits. */
  readonly answering: number;
}

/** What they do with a message; null: nothing (Kamailio: rtpengine, rtpengine_manage). */
export function manageOperation(facts: ManageFacts): 'offer' | 'answer' | 'delete' | null {
  const { routeType, isRequest, method, status, hasSdp } = facts;
  if (routeType === ROUTE.BRANCH_FAILURE) return null;
  if ((method & MANAGED) === 0) return null;
  if ((method & (METHOD.BYE | METHOD.CANCEL)) !== 0) return 'delete';
  if (isRequest) {
    if (routeType === ROUTE.FAILURE) return 'delete';
    if (!hasSdp) return null;
    return (method & facts.answering) !== 0 ? 'answer' : 'offer';
  }
  if (status >= 300) return 'delete';
  if (!hasSdp) return null;
  return facts.requestHadSdp ? 'answer' : 'offer';
}

const MANAGED = METHOD.INVITE | METHOD.ACK | METHOD.BYE | METHOD.CANCEL | METHOD.UPDATE | METHOD.PRACK;
