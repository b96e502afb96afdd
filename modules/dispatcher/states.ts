import type { Run, Server, SipMsg } from 'strowger';
import { type Dest, DS_FLAG } from './destination.ts';
import type { StateEvent } from './table.ts';

/**
 * The state in letters, as ds_mark_dst() takes it: a active, i inactive, t trying, d disabled, p probing, in any case. The
 * letters count in order: `a` takes back what stood before it. Null where there is another letter.
 */
export function parseState(text: string): number | null {
  let state = 0;
  for (const letter of text.toLowerCase()) {
    if (letter === 'a') state = 0;
    else if (letter === 'i') state |= DS_FLAG.INACTIVE;
    else if (letter === 't') state |= DS_FLAG.TRYING;
    else if (letter === 'd') state |= DS_FLAG.DISABLED;
    else if (letter === 'p') state |= DS_FLAG.PROBING;
    else return null;
  }
  return state;
}

/** As RPC takes it: one letter of a, i, t, d, then p or not; nothing is i. Null where it begins with another letter. */
export function parseRpcState(text: string): number | null {
  const first = text === '' ? 'i' : text.slice(0, 1).toLowerCase();
  if (first === 'p') return null;
  const state = parseState(first);
  if (state === null) return null;
  return text.slice(1, 2).toLowerCase() === 'p' && first !== 'd' ? state | DS_FLAG.PROBING : state;
}

/** What `$dsv(…)` shows in an event route. */
interface EventFacts {
  /** Of the reply; 408 where none came, 820 where the script has marked the destination. */
  readonly code: number;
  /** Null where there is no reply. */
  readonly reason: string | null;
  /** 1 where a reply came over the network. */
  readonly flags: number;
  /** The destination's address and the set it is in. */
  readonly uri: string;
  readonly setid: number;
}

/** Key of the EventFacts on a message. */
const FACTS: object = { name: 'dispatcher-event' };

/** The code of an event that the script's own marking made. */
export const CODE_MARKED = 820;

/** What the event that runs on this message is about; undefined outside one. */
export function factsOf(run: Run): EventFacts | undefined {
  return run.msg.extension<EventFacts>(FACTS);
}

/** Runs event_route[dispatcher:dst-down] or dst-up; ds-down and ds-up are older names of them. */
export function runStateEvent(
  server: Server,
  event: StateEvent,
  msg: SipMsg,
  facts: EventFacts,
): number | Promise<number> {
  if (event === null) return 0;
  const name = [`dispatcher:${event}`, `dispatcher:${event.replace('dst', 'ds')}`].find((key) =>
    server.program.event.has(key),
  );
  if (name === undefined) return 0;
  msg.setExtension(FACTS, facts);
  return server.runEventRoute(name, msg);
}

/** A message for the event of a ping: a request of ours to the destination. Null where there is no socket. */
export function eventMessage(server: Server, dest: Dest): SipMsg | null {
  const msg = server.fakeMessage();
  if (msg !== null) msg.newUri = dest.uri;
  return msg;
}
