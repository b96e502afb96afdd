import type { PvDef, PvValue } from 'strowger';
import type { Presence } from './presence.ts';
import { STATUS_CODE, type SubsFacts } from './subscription.ts';

/** $subs(…) by name. */
const ATTRIBUTES: ReadonlyMap<string, (subs: SubsFacts) => PvValue> = new Map<string, (subs: SubsFacts) => PvValue>([
  ['uri', ({ presUri }) => presUri],
  ['pres_uri', ({ presUri }) => presUri],
  ['to_user', ({ toUser }) => toUser],
  ['to_domain', ({ toDomain }) => toDomain],
  ['from_user', ({ fromUser }) => fromUser],
  ['from_domain', ({ fromDomain }) => fromDomain],
  ['watcher_username', ({ watcherUser }) => watcherUser],
  ['watcher_domain', ({ watcherDomain }) => watcherDomain],
  ['event', ({ event }) => event],
  ['event_id', ({ eventId }) => eventId],
  ['to_tag', ({ toTag }) => toTag],
  ['from_tag', ({ fromTag }) => fromTag],
  ['callid', ({ callId }) => callId],
  ['remote_cseq', ({ remoteCseq }) => remoteCseq],
  ['local_cseq', ({ localCseq }) => localCseq],
  ['contact', ({ contact }) => contact],
  ['local_contact', ({ localContact }) => localContact],
  ['record_route', ({ recordRoute }) => recordRoute],
  ['expires', ({ remainingSec }) => remainingSec],
  ['status', ({ status }) => STATUS_CODE[status]],
  ['reason', ({ reason }) => reason],
  ['version', ({ version }) => version],
  ['flags', ({ flags }) => flags],
  ['user_agent', ({ userAgent }) => userAgent],
]);

/** Pseudo-variables of presence. */
export const PRES_PVS: Readonly<Record<string, PvDef<Presence>>> = {
  subs: {
    doc: 'An attribute of the subscription, after handle_subscribe() and in the event routes of its NOTIFY.',
    name: 'required',
    bind: ({ name, text }, presence) => {
      const attribute = ATTRIBUTES.get(name ?? '');
      if (attribute === undefined) return `${text}: the name is one of ${[...ATTRIBUTES.keys()].join(', ')}`;
      return {
        get: ({ msg }) => {
          const subs = presence.subsOf(msg);
          return subs === null ? null : attribute(subs);
        },
      };
    },
  },
  notify_reply: {
    doc: 'Another variable, of the reply to the NOTIFY, in event_route[presence:notify-reply].',
    name: 'required',
    bind: (use, presence) => {
      if (!/^\s*\$/.test(use.name ?? '')) return `${use.text}: a variable stands in the parentheses`;
      const pv = use.pv((use.name ?? '').trim());
      return {
        get: (run) => {
          const reply = presence.notifier.factsFor(run.msg)?.reply ?? null;
          if (reply === null) return null;
          const own = run.msg;
          run.msg = reply;
          try {
            return pv.get(run);
          } finally {
            run.msg = own;
          }
        },
      };
    },
  },
};
