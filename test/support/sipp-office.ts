/** Scenarios of sipp as a phone of cfg/b2bua.cfg, and as what it calls. */

const SDP = (mode: string): string => `
v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 40000 RTP/AVP 0
a=${mode}
`;
const CONTACT = 'Contact: <sip:phone@[local_ip]:[local_port];transport=[transport]>';

function scenario(...steps: readonly string[]): string {
  return `<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="office">\n${steps.join('\n')}\n</scenario>\n`;
}

function send(rows: readonly string[], body = '', attributes = ''): string {
  const typed = body === '' ? [] : ['Content-Type: application/sdp'];
  const text = [...rows, ...typed, 'Content-Length: [len]'].join('\n');
  return `<send${attributes}><![CDATA[\n\n${text}\n${body === '' ? '\n' : body}\n]]></send>`;
}

/** A request of the account's; within the call it goes to the other side's Contact. */
function request(method: string, cseq: number, to: string, rows: readonly string[] = [], body = ''): string {
  const isFirst = to !== '';
  const head = [
    `${method} ${isFirst ? `sip:${to}@localhost` : '[next_url]'} SIP/2.0`,
    'Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport',
    'Max-Forwards: 70',
    'From: <sip:[service]@localhost>;tag=a[pid]-[call_number]',
    isFirst ? `To: <sip:${to}@localhost>` : 'To: <sip:x@localhost>[peer_tag_param]',
    'Call-ID: [call_id]',
    `CSeq: ${cseq} ${method}`,
    CONTACT,
  ];
  return send([...head, ...rows], body, method === 'ACK' ? '' : ' retrans="500"');
}

/** An answer to what was received last. */
function answer(status: string, body = '', rows: readonly string[] = []): string {
  const to =
    status.startsWith('1') || body !== '' || rows.length > 0 ? '[last_To:];tag=b[pid]-[call_number]' : '[last_To:]';
  const copied = ['[last_Via:]', '[last_From:]', to, '[last_Call-ID:]', '[last_CSeq:]', CONTACT];
  return send([`SIP/2.0 ${status}`, ...copied], body, body === '' ? '' : ' retrans="500"');
}

const COPIED = ['[last_Via:]', '[last_From:]', '[last_To:]', '[last_Call-ID:]'];
const OPTIONAL = ' optional="true"';
const gets = (status: number, attributes = ''): string => `<recv response="${status}"${attributes}/>`;
const hears = (method: string, attributes = ''): string => `<recv request="${method}"${attributes}/>`;
const provisional = [gets(100, OPTIONAL), gets(180, OPTIONAL)];

/** Calls a number with the account's password; the call is up then. */
function calls(to: string): string[] {
  return [
    request('INVITE', 1, to, [], SDP('sendrecv')),
    gets(407, ' auth="true"'),
    send([`ACK sip:${to}@localhost SIP/2.0`, ...COPIED, 'Max-Forwards: 70', 'CSeq: 1 ACK']),
    request('INVITE', 2, to, ['[authentication]'], SDP('sendrecv')),
    ...provisional,
    gets(200, ' rrs="true"'),
    request('ACK', 2, ''),
  ];
}

function reinvites(cseq: number, mode: string): string[] {
  return [request('INVITE', cseq, '', [], SDP(mode)), gets(100, OPTIONAL), gets(200), request('ACK', cseq, '')];
}

const hangsUp = (cseq: number): string[] => [request('BYE', cseq, ''), gets(200)];
const isHungUp = [hears('BYE'), answer('200 OK')];

/**
 * Calls, holds, resumes, transfers the other side to `target`, and is hung up. It does not want to hear how that goes
 * (RFC 4488): sipp can not answer what comes close after.
 */
export function transfers(to: string, target: string): string {
  return scenario(
    ...calls(to),
    ...reinvites(3, 'sendonly'),
    ...reinvites(4, 'sendrecv'),
    request('REFER', 5, '', [`Refer-To: <sip:${target}@localhost>`, 'Supported: norefersub', 'Refer-Sub: false']),
    gets(202),
    ...isHungUp,
  );
}

/** Calls, and hangs up soon after. */
export function callsBriefly(to: string): string {
  return scenario(...calls(to), '<pause milliseconds="50"/>', ...hangsUp(3));
}

/** Calls, and is hung up. */
export function callsUntilHungUp(to: string): string {
  return scenario(...calls(to), ...isHungUp);
}

/** Answers; accepts re-INVITEs; is hung up. */
export const ANSWERS = scenario(
  hears('INVITE'),
  answer('180 Ringing'),
  answer('200 OK', SDP('sendrecv')),
  hears('ACK'),
  '<label id="1"/>',
  hears('INVITE', `${OPTIONAL} next="2"`),
  hears('BYE', ' next="3"'),
  '<label id="2"/>',
  send(['SIP/2.0 200 OK', ...COPIED, '[last_CSeq:]', CONTACT], SDP('sendrecv'), ' retrans="500"'),
  hears('ACK', ' next="1"'),
  '<label id="3"/>',
  answer('200 OK'),
);

/** Answers, and hangs up soon after. */
export const HANGS_UP = scenario(
  `<recv request="INVITE" rrs="true"><action>
<ereg regexp=".*" search_in="hdr" header="From:" check_it="true" assign_to="1"/>
</action></recv>`,
  answer('180 Ringing'),
  answer('200 OK', SDP('sendrecv')),
  hears('ACK'),
  '<pause milliseconds="200"/>',
  send(
    [
      'BYE [next_url] SIP/2.0',
      'Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]',
      'Max-Forwards: 70',
      'From: <sip:x@localhost>;tag=b[pid]-[call_number]',
      'To:[$1]',
      'Call-ID: [call_id]',
      'CSeq: 1 BYE',
    ],
    '',
    ' retrans="500"',
  ),
  gets(200),
);

/** Rings until it is cancelled. */
export const RINGS = scenario(
  hears('INVITE'),
  answer('180 Ringing'),
  hears('CANCEL'),
  answer('200 OK'),
  send(
    [
      'SIP/2.0 487 Request Terminated',
      '[last_Via:]',
      '[last_From:]',
      '[last_To:];tag=b[pid]-[call_number]',
      '[last_Call-ID:]',
      'CSeq: 1 INVITE',
    ],
    '',
    ' retrans="500"',
  ),
  hears('ACK'),
);
