import { BDict, type BValue } from './bencode.ts';
import type { NgFlags } from './flags.ts';

/** rtpengine's commands, as its protocol spells them. */
export type NgCommand =
  | 'ping'
  | 'offer'
  | 'answer'
  | 'delete'
  | 'query'
  | 'start recording'
  | 'stop recording'
  | 'block DTMF'
  | 'unblock DTMF'
  | 'block media'
  | 'unblock media'
  | 'silence media'
  | 'unsilence media'
  | 'start forwarding'
  | 'stop forwarding'
  | 'play media'
  | 'stop media'
  | 'play DTMF';

/** Commands about a call, or with a tag or an address about one party. */
const PARTY_COMMANDS: ReadonlySet<NgCommand> = new Set<NgCommand>([
  'block DTMF',
  'unblock DTMF',
  'block media',
  'unblock media',
  'silence media',
  'unsilence media',
  'start forwarding',
  'stop forwarding',
]);

/** What of a SIP message goes into a request. */
interface NgFacts {
  readonly command: NgCommand;
  /** The message is a request. */
  readonly isRequest: boolean;
  readonly callId: string;
  readonly fromTag: string;
  readonly toTag: string;
  readonly srcIp: string;
  readonly viaBranch: string;
  /** Null for commands without one. */
  readonly sdp: string | null;
}

/** A request, or what is missing for it. Keys are in Kamailio's order. */
export function ngRequest(facts: NgFacts, flags: NgFlags): BDict | string {
  const { command, sdp } = facts;
  const [from, to] = tagsOf(facts, flags);
  if (from === '' && !PARTY_COMMANDS.has(command)) return `${command} needs a From tag`;
  if (command === 'answer' && (to === '' || from === '')) return 'an answer needs a To tag';
  const request = new BDict().add('supports', ['load limit']);
  if (sdp !== null) request.add('sdp', sdp);
  for (const [key, value] of flags.keys) request.add(key, value);
  const isAboutSdp = command === 'offer' || command === 'answer';
  const lists: readonly (readonly [key: string, list: readonly BValue[]])[] = [
    ['direction', isAboutSdp ? flags.direction : []],
    ['flags', flags.flags],
    ['replace', isAboutSdp ? flags.replace : []],
  ];
  for (const [key, list] of lists) if (list.length > 0) request.add(key, list);
  if (isAboutSdp && flags.codec.size > 0) request.add('codec', codecs(flags));
  if (flags.transportProtocol !== '') request.add('transport-protocol', flags.transportProtocol);
  if (isAboutSdp) {
    if (flags.rtcpMux.length > 0) request.add('rtcp-mux', flags.rtcpMux);
    if (flags.sdes.length > 0) request.add('SDES', flags.sdes);
    if (flags.t38.length > 0) request.add('T.38', flags.t38);
  }
  request.add('call-id', flags.callId ?? facts.callId);
  if (facts.viaBranch !== '') request.add('via-branch', facts.viaBranch);
  request.add('received-from', [facts.srcIp.includes(':') ? 'IP6' : 'IP4', facts.srcIp]);
  if (from !== '') request.add('from-tag', from);
  if (to !== '') request.add('to-tag', to);
  return request.add('command', command);
}

function codecs({ codec }: NgFlags): BDict {
  const dict = new BDict();
  for (const [operation, names] of codec) dict.add(operation, names);
  return dict;
}

/**
 * From and To tag as rtpengine is to see them: the one who sent the SDP comes first. '' is left out.
 */
function tagsOf(facts: NgFacts, flags: NgFlags): readonly [from: string, to: string] {
  const { command, isRequest } = facts;
  const fromTag = flags.fromTag ?? facts.fromTag;
  const toTag = flags.toTag ?? facts.toTag;
  if (PARTY_COMMANDS.has(command)) return [flags.directional || flags.fromTag !== null ? fromTag : '', ''];
  if (command === 'delete') return [fromTag, flags.withToTag ? toTag : ''];
  const isDirectional = flags.directional || flags.fromTag !== null;
  const isFromCaller = isDirectional || (isRequest ? command !== 'answer' : command === 'answer');
  return isFromCaller ? [fromTag, toTag] : [toTag, fromTag];
}
