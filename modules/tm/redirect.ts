import { formatQ, type SipMsg } from 'strowger';
import { ruriTarget, type Target, targetsOf } from './targets.ts';

/** Bits of rich_redirect. */
const WITH_FLAGS = 1;
const WITH_PATH = 2;

/** The destination set as a Contact row for a 3xx (Kamailio: tm, t_reply, rich_redirect); '' when it is empty. */
export function redirectContacts(msg: SipMsg, rich: number): string {
  const isRewritten = msg.newUri !== null;
  const own: readonly Target[] = isRewritten ? [ruriTarget(msg)] : [];
  const rest = targetsOf(msg).filter((target) => target.uri !== msg.uri || target.dstUri !== msg.dstUri);
  const contacts = [...own, ...rest].map((target) => contactOf(target, rich));
  return contacts.length === 0 ? '' : `Contact: ${contacts.join(', ')}\r\n`;
}

function contactOf(target: Target, rich: number): string {
  const path = (rich & WITH_PATH) !== 0 && target.path !== '' ? `?Route=${escapeHeader(target.path)}` : '';
  const q = target.q < 0 ? '' : `;q=${formatQ(target.q)}`;
  const flags = (rich & WITH_FLAGS) !== 0 ? `;flags=${target.flags}` : '';
  return `<${target.uri}${path}>${q}${flags}`;
}

/** A header's value inside a URI (RFC 3261 §19.1.1). */
function escapeHeader(text: string): string {
  return text.replace(
    /[^A-Za-z0-9_.!~*'()[\]/?:+$-]/g,
    (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`,
  );
}
