/** Event routes of b2bua, all optional. `drop` is a veto where the text says so. */
export const B2BUA_EVENTS = {
  new: { doc: "A call begins; about the caller's INVITE. drop refuses it with 403." },
  'leg-new': {
    doc: 'A leg begins: the caller, before new, or one that is about to be called, before predial; about its INVITE, or, where nobody calls (a transfer), that of the call. drop refuses it, or leaves it out.',
  },
  replaces: {
    doc: 'An INVITE asks for the place of a leg, $refer(replaces); about it. b2b_replaces() allows it; drop refuses it with 403, b2b_reject otherwise.',
  },
  predial: {
    doc: 'A leg is about to be called; about its INVITE, whose edits, $ru and $du count for it alone. drop leaves it out.',
  },
  progress: { doc: 'A leg rings; about its reply. drop keeps it from the caller.' },
  answered: {
    doc: 'A leg has answered; about its reply, before the caller gets it. drop hangs it up, as if it had not answered.',
  },
  confirmed: { doc: "The caller's ACK has come: both talk." },
  request: {
    doc: 'A request in the call; about it. drop keeps it from the other side: b2b_reply answers it, else it gets 403.',
  },
  refer: {
    doc: 'A leg asks for a transfer (REFER); about it. drop keeps it from happening: b2b_reply answers it, else it gets 403.',
  },
  reinvite: { doc: 'A leg changes its session (re-INVITE); about it, after request. drop refuses it with 403.' },
  hold: { doc: 'A leg puts the other on hold (sendonly, inactive, or 0.0.0.0); about its request. drop refuses it.' },
  resume: { doc: 'A leg takes its hold back; about its request. drop refuses it.' },
  dtmf: { doc: 'A digit came in an INFO, `$b2b(dtmf)`; about it. drop keeps it: it is answered with 200.' },
  redirect: { doc: 'A leg answers 3xx; about it. drop keeps it from being followed: the caller gets it.' },
  'rtp-timeout': { doc: 'No media came from a leg for rtp_timeout; about it. drop keeps the call.' },
  'timer-expired': {
    doc: 'Nobody refreshed the session of a leg in time, or the call has had its b2b_max_duration. drop keeps the call.',
  },
  reply: { doc: 'The final reply to a request that passed through the call, before it goes back; about it.' },
  'park-timeout': {
    doc: 'A call was parked for too long; about it. drop keeps it from going back to who parked it: the script does something else.',
  },
  'auth-required': {
    doc: 'A request of ours was challenged; about the reply. b2b_auth gives credentials; drop leaves it at the refusal.',
  },
  limit: {
    doc: 'A limit refuses the call or one of its legs, $b2b(limit) says which: beyond max_calls it gets 480 unless b2b_reject says otherwise here.',
  },
  'peer-up': { doc: 'A peer that was down answers again; $peer(name) says which.' },
  'peer-down': { doc: 'A peer does not answer any more; $peer(name) says which.' },
  'leg-end': { doc: 'A leg has ended.' },
  end: { doc: 'The call has ended: $b2b(cause), $b2b(duration).' },
};
