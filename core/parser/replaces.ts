import { findParam } from './params.ts';
import { trimLws } from './quoted.ts';

/** Replaces (RFC 3891 §6.1), Join (RFC 3911) and Target-Dialog (RFC 4538): a dialog by its identifiers. */
export interface Replaces {
  readonly callId: string;
  readonly toTag: string;
  readonly fromTag: string;
  readonly earlyOnly: boolean;
}

/** Null without a Call-ID or one of the tags. Target-Dialog's `local-tag` is the to-tag, `remote-tag` the from-tag. */
export function parseReplaces(text: string): Replaces | null {
  const semi = text.indexOf(';');
  if (semi < 1) return null;
  const callId = trimLws(text.slice(0, semi));
  const get = (name: string): string | null => findParam(text, semi, text.length, name);
  const toTag = get('to-tag') ?? get('local-tag');
  const fromTag = get('from-tag') ?? get('remote-tag');
  if (callId === '' || !toTag || !fromTag) return null;
  return { callId, toTag, fromTag, earlyOnly: get('early-only') !== null };
}
