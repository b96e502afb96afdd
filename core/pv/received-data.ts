import type { ReceiveInfo } from '../transport/socket-info.ts';

/** A datagram or framed text before it is parsed, as event_route[core:msg-received] sees it by `$rcv(…)`. */
export interface ReceivedData {
  /** Replaced by an assignment to `$rcv(buf)`. */
  text: string;
  readonly rcv: ReceiveInfo;
}

/** Key in `Run.locals` under which whoever runs that event route puts the ReceivedData. */
export const RECEIVED_DATA: object = { name: 'received-data' };
