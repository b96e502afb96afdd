import type { SipMsg } from '../parser/sip-msg.ts';
import type { LogFields } from './log.ts';

/**
 * A message as fields of a log entry, by the names that Elastic's Packetbeat gives SIP. Values are latin1 from the
 * wire: the sink converts and escapes them.
 */
export function sipFields(msg: SipMsg): LogFields {
  const fields: Record<string, unknown> = { 'sip.call_id': msg.callId ?? '', 'source.ip': msg.rcv.srcIp };
  if (msg.isRequest) {
    fields['sip.method'] = msg.methodName;
    fields['sip.uri.original'] = msg.originalUri;
  } else {
    fields['sip.code'] = msg.status;
    fields['sip.cseq.method'] = msg.methodName;
  }
  return fields;
}
