import type { UcontactInfo } from '../../modules/usrloc/api.ts';

/** A contact as usrloc gets it: registered for an hour, of a phone that says no more than it must. */
export function contactInfo(contact: string, nowSec: number, more: Partial<UcontactInfo> = {}): UcontactInfo {
  return {
    contact,
    expires: nowSec + 3600,
    q: -1,
    callid: 'call',
    cseq: 1,
    flags: 0,
    cflags: 0,
    userAgent: 'phone',
    received: '',
    path: '',
    socket: '',
    methods: 0xffffffff,
    instance: '',
    regId: 0,
    tcpconnId: 0,
    keepalive: 0,
    xavp: null,
    ...more,
  };
}
