import type { RowIndex } from '../../core/parser/header-index.ts';
import { datagramEnvironment } from '../../core/transport/datagram-environment.ts';
import { FACTS_STRIDE, ROWS_STRIDE } from '../../core/transport/native/native.ts';

const environment = datagramEnvironment();

/** Why there is no addon, for the `skip` of a test; false where there is one. */
export const withoutAddon: string | false = typeof environment === 'string' ? environment : false;

/** What the addon finds in a text when it receives it; null where it leaves all of it to the parser. */
export function nativeIndex(text: string): RowIndex | null {
  if (typeof environment === 'string') return null;
  const words = new Int32Array(ROWS_STRIDE);
  const facts = new Int32Array(FACTS_STRIDE);
  environment.native.indexRows(Buffer.from(text, 'latin1'), Buffer.from(words.buffer), Buffer.from(facts.buffer));
  return (words[0] as number) < 0 ? null : { words, at: 0, facts, factsAt: 0 };
}
