import { defineModule, intParam } from 'strowger';
import type { EventPackage, PresenceApi } from '../presence/api.ts';
import { isMessageSummary } from './message-summary.ts';

/** What Kamailio answers to a body that is no message summary. */
const NO_SUMMARY = { code: 500, reason: 'Server Internal Error' } as const;

export default defineModule<EventPackage>({
  name: 'presence_mwi',
  summary: 'Event package message-summary (RFC 3842): messages that wait.',
  depends: ['presence'],
  params: {
    default_expires: intParam({ default: 3600, min: 1, doc: 'Seconds, for a request without Expires.' }),
  },
  init(ctx) {
    const event: EventPackage = {
      name: 'message-summary',
      contentType: 'application/simple-message-summary',
      defaultExpires: ctx.int('default_expires'),
      checkPublish(msg) {
        if (isMessageSummary(msg.body)) return null;
        ctx.log.warn('the body of a PUBLISH is no message summary', { callId: msg.callId ?? '' });
        return NO_SUMMARY;
      },
    };
    ctx.api<PresenceApi>('presence').addEvent(event);
    return event;
  },
});
