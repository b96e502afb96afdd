import { MATCHING_MODE, type MatchingMode, type UcontactMatch } from './api.ts';
import type { StoredContact } from './contact.ts';

/** What a REGISTER's contact is compared by. */
interface MatchKey {
  readonly contact: string;
  readonly callid: string;
  readonly path: string;
  readonly cseq: number;
}

/** How contacts are told apart and repetitions recognised. */
interface MatchRules {
  readonly mode: MatchingMode;
  readonly cseqDelaySec: number;
  readonly nowSec: number;
}

const NONE: UcontactMatch = { found: 'none' };

/** Finds the contact of an AOR that a REGISTER is about (Kamailio: `matching_mode`). */
export function matchContact(contacts: readonly StoredContact[], key: MatchKey, rules: MatchRules): UcontactMatch {
  const found = contacts.find((contact) => isSame(contact, key, rules.mode));
  return found === undefined ? NONE : judged(found, key.callid, key.cseq, rules);
}

/** Finds it by instance and reg-id (RFC 5626 §6). */
export function matchInstance(
  contacts: readonly StoredContact[],
  instance: string,
  regId: number,
  key: Pick<MatchKey, 'callid' | 'cseq'>,
  rules: MatchRules,
): UcontactMatch {
  if (instance === '') return NONE;
  const found = contacts.find((contact) => contact.instance === instance && contact.regId === regId);
  return found === undefined ? NONE : judged(found, key.callid, key.cseq, rules);
}

function isSame(contact: StoredContact, key: MatchKey, mode: MatchingMode): boolean {
  switch (mode) {
    case MATCHING_MODE.CALLID:
      return contact.callid === key.callid;
    case MATCHING_MODE.CONTACT_CALLID:
      return contact.contact === key.contact && contact.callid === key.callid;
    case MATCHING_MODE.CONTACT_PATH:
      // Without a Path it is as CONTACT (Kamailio's document).
      return contact.contact === key.contact && (key.path === '' || contact.path === key.path);
    case MATCHING_MODE.CONTACT:
      return contact.contact === key.contact;
    default:
      return mode satisfies never;
  }
}

/** RFC 3261 §10.3 step 7: within one Call-ID, CSeq must rise. */
function judged(contact: StoredContact, callid: string, cseq: number, rules: MatchRules): UcontactMatch {
  if (contact.callid !== callid || cseq > contact.cseq) return { found: 'contact', contact };
  const isRepeated = cseq === contact.cseq && rules.nowSec <= contact.lastModified + rules.cseqDelaySec;
  return { found: isRepeated && rules.cseqDelaySec > 0 ? 'retransmission' : 'out-of-order', contact };
}
