/** Reason phrases of final replies made here, as Kamailio words them. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [407, 'Proxy Authentication Required'],
  [408, 'Request Timeout'],
  [473, 'Filtered destination'],
  [477, 'Unfortunately error on sending to next hop occurred'],
  [478, 'Unresolvable destination'],
  [482, 'Loop Detected'],
  [487, 'Request Terminated'],
  [500, 'Server Internal Error'],
  [503, 'Service Unavailable'],
]);

/** Reason phrase of a final status; what its class means where it has none of its own. */
export function reasonOf(status: number): string {
  return REASONS.get(status) ?? REASONS.get(Math.floor(status / 100) * 100) ?? 'Server Internal Error';
}

/** Status and phrase that tell the caller why relaying failed, by t_relay's negative result; `signature` says who answers. */
export function errorReply(error: number, signature = 'TM'): readonly [code: number, reason: string] {
  const number = -error;
  const status = number >= 400 && number <= 699 ? number : 500;
  const text = status === 500 ? "I'm terribly sorry, server error occurred" : reasonOf(status);
  return [status, `${text} (${number}/${signature})`];
}
