/** Requests whose Route sets, Vias and tags try rr and sl. `{S}` is the server's port, `{P}` the peer's. */

interface RoutingCase {
  readonly name: string;
  readonly method?: string;
  readonly uri?: string;
  /** Rows between Via and From. */
  readonly rows?: readonly string[];
  readonly via?: string;
  readonly toTag?: string;
  /** User part that chooses what the script does. */
  readonly does: 'loose' | 'rr' | 'rrparam' | 'preset' | 'preset2' | 'adv' | 'reply' | 'reply3xx' | 'replyhdr' | 'dir';
  /** Where we differ on purpose: what must come out, and why. */
  readonly differs?: { readonly expect: RegExp; readonly why: string };
}

const OWN = '<sip:127.0.0.1:{S};lr>';
const OWN_FT = '<sip:127.0.0.1:{S};lr;ftag=ft>';
const OTHER = '<sip:127.0.0.1:{P};lr;x=1>';
const STRICT = '<sip:strict@127.0.0.1:{P}>';

const FAR = 'sip:bob@127.0.0.1:{P}';

const CASES: readonly RoutingCase[] = [
  { name: 'no Route', does: 'loose', uri: FAR },
  { name: 'one Route, ours', does: 'loose', uri: FAR, rows: [`Route: ${OWN}`] },
  { name: 'ours, then another loose router', does: 'loose', uri: FAR, rows: [`Route: ${OWN}`, `Route: ${OTHER}`] },
  { name: 'both in one row', does: 'loose', uri: FAR, rows: [`Route: ${OWN}, ${OTHER}`] },
  { name: 'three in one row', does: 'loose', uri: FAR, rows: [`Route: ${OWN}, ${OTHER}, <sip:127.0.0.3;lr>`] },
  {
    name: 'two rows of two',
    does: 'loose',
    uri: FAR,
    rows: [`Route: ${OWN}, ${OTHER}`, 'Route: <sip:127.0.0.3;lr>, <sip:127.0.0.4;lr>'],
  },
  { name: 'ours, then a strict router', does: 'loose', uri: FAR, rows: [`Route: ${OWN}`, `Route: ${STRICT}`] },
  {
    name: 'ours, strict, then a third',
    does: 'loose',
    uri: FAR,
    rows: [`Route: ${OWN}`, `Route: ${STRICT}`, 'Route: <sip:127.0.0.3;lr>'],
  },
  {
    name: 'ours twice, double Record-Route',
    does: 'loose',
    uri: FAR,
    rows: ['Route: <sip:127.0.0.1:{S};r2=on;lr>', 'Route: <sip:127.0.0.1:{S};r2=on;lr>'],
  },
  {
    name: 'double Record-Route in one row, then another',
    does: 'loose',
    uri: FAR,
    rows: [`Route: <sip:127.0.0.1:{S};r2=on;lr>, <sip:127.0.0.1:{S};r2=on;lr>, ${OTHER}`],
  },
  { name: 'ours twice without r2', does: 'loose', uri: FAR, rows: [`Route: ${OWN}`, `Route: ${OWN}`] },
  { name: 'a Route that is not ours', does: 'loose', uri: FAR, rows: [`Route: ${OTHER}`] },
  { name: 'strict Route that is not ours', does: 'loose', uri: FAR, rows: [`Route: ${STRICT}`] },
  ...['preloaded', 'mode'].flatMap((how): RoutingCase[] => [
    { name: `${how}: only ours`, does: 'loose', uri: FAR, rows: [`X-How: ${how}`, `Route: ${OWN}`] },
    {
      name: `${how}: ours and another`,
      does: 'loose',
      uri: FAR,
      rows: [`X-How: ${how}`, `Route: ${OWN}`, `Route: ${OTHER}`],
    },
    { name: `${how}: not ours`, does: 'loose', uri: FAR, rows: [`X-How: ${how}`, `Route: ${OTHER}`] },
    { name: `${how}: none`, does: 'loose', uri: FAR, rows: [`X-How: ${how}`] },
  ]),
  {
    name: 'Request-URI is our Record-Route: strict router before us',
    does: 'loose',
    uri: 'sip:127.0.0.1:{S};lr',
    rows: ['Route: <sip:bob@127.0.0.1:{P}>'],
  },
  {
    name: 'strict before us, two Routes',
    does: 'loose',
    uri: 'sip:127.0.0.1:{S};lr',
    rows: [`Route: ${OTHER}`, 'Route: <sip:bob@127.0.0.1:{P}>'],
  },
  { name: 'ours with a user', does: 'loose', uri: FAR, rows: ['Route: <sip:me@127.0.0.1:{S};lr>'] },
  { name: 'ours with lr=on', does: 'loose', uri: FAR, rows: ['Route: <sip:127.0.0.1:{S};lr=on>'] },
  { name: 'ours with a display name', does: 'loose', uri: FAR, rows: ['Route: "me, too" <sip:127.0.0.1:{S};lr>;x=y'] },
  { name: 'direction downstream', does: 'dir', uri: FAR, rows: [`Route: ${OWN_FT}`] },
  { name: 'direction upstream', does: 'dir', uri: FAR, rows: ['Route: <sip:127.0.0.1:{S};lr;ftag=other>'] },
  { name: 'no ftag, no direction', does: 'dir', uri: FAR, rows: [`Route: ${OWN}`] },
  { name: 'record_route', does: 'rr' },
  { name: 'record_route with parameters', does: 'rrparam' },
  { name: 'record_route_preset', does: 'preset' },
  { name: 'record_route_preset with two addresses', does: 'preset2' },
  { name: 'record_route_advertised_address', does: 'adv' },
  { name: 'record_route beside a Record-Route', does: 'rr', rows: ['Record-Route: <sip:127.0.0.9;lr>'] },
  { name: 'a reply', does: 'reply', method: 'OPTIONS' },
  {
    name: 'a reply without rport',
    does: 'reply',
    method: 'OPTIONS',
    via: 'SIP/2.0/UDP 127.0.0.1:{P};branch=z9hG4bKnr',
  },
  {
    name: 'a reply to a Via with another address',
    does: 'reply',
    method: 'OPTIONS',
    via: 'SIP/2.0/UDP 192.0.2.1:{P};branch=z9hG4bKx;rport',
  },
  {
    name: 'a reply to a Via with received',
    differs: {
      expect: /Via: SIP\/2\.0\/UDP 192\.0\.2\.1:PEER;branch=z9hG4bKy;rport=PEER;received=127\.0\.0\.1\r/,
      why: 'one received parameter: there is no second one in RFC 3261 §25.1',
    },
    does: 'reply',
    method: 'OPTIONS',
    via: 'SIP/2.0/UDP 192.0.2.1:{P};received=192.0.2.7;branch=z9hG4bKy;rport',
  },
  {
    name: 'a reply to two Vias in a row',
    differs: {
      expect: /bKa;rport=PEER;received=127\.0\.0\.1, SIP/,
      why: 'received belongs to the topmost value (RFC 3261 §18.2.1)',
    },
    does: 'reply',
    method: 'OPTIONS',
    via: 'SIP/2.0/UDP 127.0.0.1:{P};branch=z9hG4bKa;rport, SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKb',
  },
  { name: 'a reply in a dialog', does: 'reply', method: 'OPTIONS', toTag: 'tt' },
  { name: 'a 180 copies Record-Route', does: 'reply', method: 'INVITE', rows: ['Record-Route: <sip:127.0.0.9;lr>'] },
  { name: 'a 302 lists the destination set', does: 'reply3xx', method: 'INVITE' },
  { name: 'append_to_reply', does: 'replyhdr', method: 'OPTIONS' },
];

/** Requests with a Route set are tried in a dialog and, as a preloaded set, outside one. */
export const ROUTING_CASES: readonly RoutingCase[] = CASES.flatMap((each) =>
  each.does === 'loose' || each.does === 'dir'
    ? [{ ...each, toTag: 'tt', name: `${each.name}, in a dialog` }, each]
    : [each],
);

export function routingScript(peerPort: number, modulePath: string): string {
  const next = `sip:127.0.0.1:${peerPort}`;
  return `
debug=1
log_stderror=yes
disable_tcp=yes
auto_aliases=no
${modulePath}
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "corex.so"
request_route {
	if ($rU == "ready") {
		sl_send_reply("200", "OK");
		exit;
	}
	$var(do) = $(hdr(X-Do));
	if ($var(do) == "reply") {
		if (is_method("INVITE")) sl_send_reply("180", "Ringing");
		else sl_send_reply("404", "Not \\"here\\"");
		exit;
	}
	if ($var(do) == "reply3xx") {
		$ru = "sip:a@192.0.2.4";
		append_branch("sip:b@192.0.2.5", "0.5");
		sl_send_reply("302", "Moved");
		exit;
	}
	if ($var(do) == "replyhdr") {
		append_to_reply("X-A: 1\\r\\n");
		append_to_reply("Contact: <sip:x@192.0.2.6>\\r\\n");
		sl_send_reply("200", "OK");
		exit;
	}
	if ($var(do) == "loose" || $var(do) == "dir") {
		$var(how) = $(hdr(X-How));
		if ($var(how) == "preloaded") {
			if (loose_route_preloaded()) $var(rc) = 1;
			else $var(rc) = 0;
		} else if ($var(how) == "mode") {
			loose_route_mode("1");
			$var(rc) = $rc;
		} else if (loose_route()) $var(rc) = 1;
		else $var(rc) = 0;
		append_hf("X-Result: rc=$var(rc) du=$du ru=$ru uri=$route_uri\\r\\n");
		if ($var(do) == "dir") {
			if (is_direction("upstream")) append_hf("X-Dir: up $rdir(id) $rdir(name)\\r\\n");
			if (is_direction("downstream")) append_hf("X-Dir: down $rdir(id) $rdir(name)\\r\\n");
			if (check_route_param("ftag=")) append_hf("X-Param: yes\\r\\n");
			append_hf("X-Tags: $fti $tti\\r\\n");
		}
	}
	if ($var(do) == "rr") record_route();
	if ($var(do) == "rrparam") {
		record_route(";a=b");
		add_rr_param(";c=d");
	}
	if ($var(do) == "preset") record_route_preset("192.0.2.8:5070");
	if ($var(do) == "preset2") record_route_preset("192.0.2.8:5070", "192.0.2.9;transport=tcp");
	if ($var(do) == "adv") record_route_advertised_address("192.0.2.8:5070");
	$du = "${next}";
	forward();
}
`;
}

export function routingMessage(of: RoutingCase, id: string, serverPort: number, peerPort: number): string {
  const method = of.method ?? 'INVITE';
  const rows = [
    `${method} ${of.uri ?? 'sip:bob@192.0.2.2'} SIP/2.0`,
    `Via: ${of.via ?? `SIP/2.0/UDP 127.0.0.1:{P};branch=z9hG4bK${id};rport`}`,
    ...(of.rows ?? []),
    'Max-Forwards: 70',
    'From: <sip:alice@example.org>;tag=ft',
    `To: <sip:bob@example.org>${of.toTag === undefined ? '' : `;tag=${of.toTag}`}`,
    `Call-ID: ${id}`,
    `CSeq: 1 ${method}`,
    `X-Do: ${of.does}`,
    'Content-Length: 0',
    '',
    '',
  ];
  return rows.join('\r\n').replaceAll('{S}', String(serverPort)).replaceAll('{P}', String(peerPort));
}

/** What the servers may name differently: ports, branches, tags made here, the product. */
export function normaliseRouting(text: string | null, serverPort: number, peerPort: number): string {
  if (text === null) return 'nothing';
  return text
    .replaceAll(String(serverPort), 'SERVER')
    .replaceAll(String(peerPort), 'PEER')
    .replace(/(Via: SIP\/2\.0\/UDP 127\.0\.0\.1:SERVER;branch=)[^\r;]*/g, '$1BRANCH')
    .replace(/^(To: .*;tag=)(?!tt)[^\r]*/m, '$1TAG')
    .replace(/^Server: .*\r\n/m, 'Server: X\r\n');
}
