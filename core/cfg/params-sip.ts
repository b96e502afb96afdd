import { bool, type CoreParamTable, int, list, live, none, str } from './param-def.ts';

const SENT_BY_NAME = none('`received` is added wherever sent-by is a name, as RFC 3261 §18.2.1 says');

/** Messages: parsing, Via, replies, names of the server. */
export const SIP_PARAMS: CoreParamTable = {
  alias: list('Host names (and ports) that are `myself`.', { aliases: ['domain'] }),
  auto_aliases: bool(1, 'Reverse lookups of the listening addresses become aliases.', { aliases: ['auto_domains'] }),
  advertised_address: str('', 'Address shown in Via and Record-Route.'),
  advertised_port: int(0, 'Port shown in Via and Record-Route.', { min: 0, max: 65535 }),
  check_via: bool(
    0,
    'Drop replies whose first Via is not ours.',
    none('such replies are always dropped, as RFC 3261 §18.1.2 says'),
  ),
  dns: bool(0, 'Look up sent-by before adding `received`.', SENT_BY_NAME),
  rev_dns: bool(0, 'Look up the source address before adding `received`.', {
    aliases: ['dns_rev_via'],
    ...SENT_BY_NAME,
  }),
  reply_to_via: bool(0, "Send our replies over UDP to the first Via's address, where it is one and no name."),
  force_rport: bool(0, 'force_rport() for every request.', live('force_rport')),
  local_rport: bool(0, 'add_local_rport() for every request.'),
  max_branches: int(12, 'Branches of one request.', { min: 1, max: 31 }),
  msg_recv_max_size: int(65535, 'Largest message accepted, bytes.', { min: 256, max: 16_777_216 }),
  msg_apply_changes_mode: int(
    0,
    'For t_msg_apply_changes().',
    none('t_msg_apply_changes() is newer than 5.6 and not here'),
  ),
  msg_clone_extra_size: int(0, 'Spare bytes in cloned messages.', none('messages are not changed in place')),
  received_route_mode: int(0, 'Run event_route[core:msg-received] for each message; 1, 2 and 3 mean the same.', {
    min: 0,
    max: 3,
  }),
  onsend_route_reply: bool(0, 'Run onsend_route for forwarded replies.'),
  phone2tel: bool(1, 'Treat sip: URIs with user=phone as tel: URIs.'),
  sip_parser_mode: int(1, 'Refuse repeated From, To, Call-ID, CSeq and Content-Length (1).', { min: 0, max: 1 }),
  uri_host_extra_chars: str(
    '',
    'More characters allowed in host names.',
    none('host names may hold letters, digits, `.`, `-` and `_`'),
  ),
  hdr_name_extra_chars: str(
    '',
    'More characters allowed in header names.',
    none('a header name may hold any character but white space and `:`'),
  ),
  http_reply_parse: bool(0, 'Read HTTP replies.', {
    aliases: ['http_reply_hack'],
    ...none('SIP sockets receive no HTTP replies'),
  }),
  sip_warning: bool(0, 'Add a Warning header to our replies.'),
  server_signature: bool(1, 'Add Server and User-Agent headers.'),
  server_header: str('', 'The whole Server header, name included.'),
  user_agent_header: str('', 'The whole User-Agent header, name included.'),
  xavp_via_params: str('', 'XAVP whose fields become parameters of our Via.'),
  xavp_via_fields: str('', 'XAVP whose `address` and `port` become sent-by of our Via.'),
  xavp_via_reply_params: str(
    '',
    "XAVP whose fields become parameters of a reply's first Via.",
    none('there is no via_reply_add_xavp_params()'),
  ),
};
