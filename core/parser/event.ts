import { parseDeltaSeconds } from './contact.ts';
import { eachParam } from './params.ts';
import { trimLws, unquote } from './quoted.ts';

/** A token with parameters: Event (RFC 6665 §8.2.1), Subscription-State, Content-Disposition, Reason … */
export interface TokenParams {
  readonly token: string;
  /** Names in lower case; quotes off. */
  readonly params: ReadonlyMap<string, string>;
}

/** Null when there is no token before the first `;`. */
export function parseTokenParams(text: string): TokenParams | null {
  const semi = text.indexOf(';');
  const token = trimLws(semi < 0 ? text : text.slice(0, semi));
  if (token === '' || /\s/.test(token)) return null;
  const params = new Map<string, string>();
  if (semi >= 0) {
    eachParam(text, semi, text.length, (name, value) => {
      if (!params.has(name.toLowerCase())) params.set(name.toLowerCase(), unquote(value));
      return params.size < 64;
    });
  }
  return { token, params };
}

/** Event: package, its templates (`presence.winfo`) and id. Packages compare with case. */
export interface EventHeader extends TokenParams {
  readonly id: string;
}

export function parseEvent(text: string): EventHeader | null {
  const parsed = parseTokenParams(text);
  return parsed === null ? null : { ...parsed, id: parsed.params.get('id') ?? '' };
}

/** Subscription-State (RFC 6665 §8.2.3). */
export interface SubscriptionState extends TokenParams {
  /** In lower case: `active`, `pending`, `terminated` or an extension. */
  readonly state: string;
  /** Seconds, null when absent or malformed. */
  readonly expiresSec: number | null;
  readonly retryAfterSec: number | null;
  readonly reason: string;
}

export function parseSubscriptionState(text: string): SubscriptionState | null {
  const parsed = parseTokenParams(text);
  if (parsed === null) return null;
  return {
    ...parsed,
    state: parsed.token.toLowerCase(),
    expiresSec: parseDeltaSeconds(parsed.params.get('expires') ?? ''),
    retryAfterSec: parseDeltaSeconds(parsed.params.get('retry-after') ?? ''),
    reason: parsed.params.get('reason') ?? '',
  };
}
