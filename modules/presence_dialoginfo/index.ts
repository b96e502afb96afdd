import { defineModule, intParam, parseXml } from 'strowger';
import type { EventPackage, PresenceApi } from '../presence/api.ts';
import { aggregate, isTerminated, withVersion } from './dialog-info.ts';

const NO_DOCUMENT = { code: 415, reason: 'Unsupported media type' } as const;

export default defineModule<EventPackage>({
  name: 'presence_dialoginfo',
  summary: 'Event package dialog (RFC 4235): calls of a line.',
  depends: ['presence'],
  params: {
    force_single_dialog: intParam({ default: 0, min: 0, max: 1, doc: 'Tells only the most interesting dialog.' }),
    force_dummy_dialog: intParam({ default: 0, min: 0, max: 1, doc: 'Tells a terminated dialog where there is none.' }),
    default_expires: intParam({ default: 3600, min: 1, doc: 'Seconds, for a request without Expires.' }),
  },
  init(ctx) {
    const options = { isSingle: ctx.int('force_single_dialog') !== 0, hasDummy: ctx.int('force_dummy_dialog') !== 0 };
    const event: EventPackage = {
      name: 'dialog',
      contentType: 'application/dialog-info+xml',
      defaultExpires: ctx.int('default_expires'),
      checkPublish: (msg) => (parseXml(msg.body) === null ? NO_DOCUMENT : null),
      isFinal: isTerminated,
      aggregate: ({ uri }, bodies) => aggregate(uri, bodies, options),
      personalize: withVersion,
    };
    ctx.api<PresenceApi>('presence').addEvent(event);
    return event;
  },
});
