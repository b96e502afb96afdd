import type { SipMsg } from 'strowger';
import type { Call } from './call.ts';
import { type Credential, credentialFor, LegAuth } from './credentials.ts';
import type { Leg } from './leg.ts';

/**
 * A request of a leg's was challenged: event_route[b2bua:auth-required] is asked, and then there are credentials, or not.
 * `then` is told whether the request is worth sending again.
 */
export function challenged(call: Call, leg: Leg, reply: SipMsg, then: (isAnswered: boolean) => void): void {
  const answer = (isVetoed: boolean): void => then(!isVetoed && answers(call, leg, reply));
  call.post(() => {
    const veto = call.fire('auth-required', leg, reply);
    return veto instanceof Promise ? veto.then(answer) : answer(veto);
  });
}

/** Takes the challenges of a reply; true when there are credentials that were not refused yet. */
export function answers(call: Call, leg: Leg, reply: SipMsg): boolean {
  leg.auth ??= new LegAuth(() => call.server.random.token(12));
  return leg.auth.challenged(reply, (realm) => find(call, leg, realm));
}

/** Those that the script gave for this call come first, then the places that auth_source names, in its order. */
function find(call: Call, leg: Leg, realm: string): Credential | null {
  const { settings, peers } = call.calls;
  const own = credentialFor(call.credentials, realm);
  if (own !== null) return own;
  for (const source of settings.authSource) {
    if (source === 'credentials') {
      const found = credentialFor(settings.credentials, realm, call.options.authUser);
      if (found !== null) return found;
    } else {
      const peer = peers.get(leg.peerName);
      if (peer !== undefined && peer.user !== '' && (peer.realm === '' || peer.realm === realm))
        return { user: peer.user, realm, password: peer.password };
    }
  }
  return null;
}
