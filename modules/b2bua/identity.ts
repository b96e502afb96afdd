import type { Call } from './call.ts';
import type { Leg } from './leg.ts';

/** Call-ID and From tag of a leg that is about to call for `caller`, as callid_mode and tag_mode say. */
export function identityFor(call: Call, caller: Leg | null): { readonly callId: string; readonly tag: string } {
  const { calls, server, options } = call;
  const fresh = server.random.token(16);
  if (caller === null || options.isTopologyHidden)
    return { callId: calls.homes.ownCallId(() => server.random.token(24)), tag: fresh };
  const callId = callIdFor(call, caller);
  const kept = caller.dialog.remoteTag;
  // Of legs with one Call-ID each has a tag of its own: by both we know whose a request is.
  const isKept = options.tagMode === 'keep' && kept !== '' && calls.legOf(callId, kept) === null;
  return { callId, tag: isKept ? kept : fresh };
}

function callIdFor({ calls, server, options, legCount }: Call, caller: Leg): string {
  const { callId } = caller.dialog;
  if (options.callIdMode === 'keep') return callId;
  if (options.callIdMode === 'new') return calls.homes.ownCallId(() => server.random.token(24));
  const suffixed = `${callId}-b2b${legCount + 1}`;
  return calls.homes.ownCallId((attempt) => (attempt === 0 ? suffixed : `${suffixed}-${attempt.toString(36)}`));
}
