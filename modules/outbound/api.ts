import type { SipMsg } from 'strowger';
import type { Flow, TokenResult } from './flow-token.ts';

export type { Flow, TokenResult } from './flow-token.ts';

/** What path and rr use of outbound: `ctx.optionalApi<OutboundApi>('outbound')` (types only: `import type`). */
export interface OutboundApi {
  /** True where a request is to be handled by RFC 5626: Path and Record-Route get a flow token. */
  usesOutbound(msg: SipMsg): boolean;
  /** The token of the flow that a request came by: the user part of Path or Record-Route. */
  tokenOf(msg: SipMsg): string;
  /** Reads the user part of a Route of ours. */
  decode(user: string): TokenResult;
  /** True where a request came by this flow: it is on its way from the client, not to it. */
  isFrom(msg: SipMsg, flow: Flow): boolean;
  /** Sends a request down a flow: `$du` and the socket; over a stream only where its connection is still there. */
  follow(msg: SipMsg, flow: Flow): void;
}
