import type { UdpPeer } from '../support/index.ts';

/**
 * Whether a reply goes on behind a route that ends so: in `reply_route`, and in the route that tm's `on_sl_reply` names.
 * The answers are Kamailio 5.6.3's; reply-codes.peer.test.ts asks it.
 */
export const REPLY_CODES: readonly (readonly [code: string, replyRoute: boolean, onSlReply: boolean])[] = [
  ['$var(a) = 1;', true, true],
  ['exit;', true, true],
  ['exit(5);', true, true],
  ['exit(0);', false, false],
  ['exit(-1);', false, true],
  ['drop;', false, false],
  ['drop(5);', false, true],
  ['return;', true, true],
  ['return 1;', true, true],
  ['return 0;', false, false],
  ['return -1;', false, true],
  ['break;', false, false],
  ['xlog("x\\n");', true, true],
  ['is_method("INVITE");', true, true],
  ['is_method("BYE");', false, true],
  ['if (is_method("BYE")) xlog("x\\n");', true, true],
  ['if (1) { is_method("BYE"); }', false, true],
  ['if (1) { exit; }', true, true],
  ['while (1) { exit; }', true, true],
  ['switch (1) { case 1: exit; }', true, true],
  ['route(EXIT);', true, true],
  ['route(DROP);', false, false],
  ['route(MINUS);', false, true],
  ['if (route(EXIT)) ;', false, false],
  ['if (is_method("BYE") || route(EXIT)) ;', false, false],
  ['$var(a) = route(EXIT);', true, true],
  ['if (!route(ZERO)) xlog("x\\n");', false, false],
];

/** CSeq numbers from here on are those of `on_sl_reply`. */
const ON_SL_REPLY = 100;
/** A reply that both let pass. */
const MARK = 99;

export function replyCodeScript(mpath: string): string {
  const lines = [
    'debug=0',
    'log_stderror=yes',
    'children=1',
    'auto_aliases=no',
    mpath === '' ? '' : `mpath="${mpath}"`,
    ...['tm', 'sl', 'pv', 'xlog', 'textops'].map((name) => `loadmodule "${name}.so"`),
    'modparam("tm", "on_sl_reply", "STRAY")',
    'request_route { if ($rU == "ready") sl_send_reply("200", "OK"); }',
    `reply_route { if ($cs >= ${ON_SL_REPLY}) return 1; route("R" + $cs); }`,
    `onreply_route[STRAY] { if ($cs < ${ON_SL_REPLY}) return 1; route("R" + ($cs mod ${ON_SL_REPLY})); }`,
    'route[EXIT] { exit; }',
    'route[DROP] { drop; }',
    'route[MINUS] { return -1; }',
    'route[ZERO] { return 0; }',
    `route[R${MARK}] { return 1; }`,
    ...REPLY_CODES.map(([code], i) => `route[R${i}] { ${code} }`),
  ];
  return `${lines.join('\n')}\n`;
}

/** Sends a reply for each case and each of the two routes to a server; true for those that came through. */
export async function passedReplies(peer: UdpPeer, port: number): Promise<readonly (readonly [boolean, boolean])[]> {
  const passes = async (cseq: number): Promise<boolean> => {
    peer.send(reply(cseq, port, peer.port), port);
    peer.send(reply(MARK, port, peer.port), port);
    const isMark = (text: string | null): boolean => text?.includes(`CSeq: ${MARK} `) === true;
    if (isMark(await peer.next(PATIENCE_MS))) return false;
    if (!isMark(await peer.next(PATIENCE_MS))) throw new Error(`nothing came behind the reply ${cseq}`);
    return true;
  };
  const results: [boolean, boolean][] = [];
  for (let i = 0; i < REPLY_CODES.length; i++) results.push([await passes(i), await passes(ON_SL_REPLY + i)]);
  return results;
}

const PATIENCE_MS = 5000;

function reply(cseq: number, server: number, peer: number): string {
  return [
    'SIP/2.0 200 OK',
    `Via: SIP/2.0/UDP 127.0.0.1:${server};branch=z9hG4bKabc.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${peer};branch=z9hG4bKdef`,
    'From: <sip:alice@example.org>;tag=a',
    'To: <sip:bob@example.org>;tag=b',
    'Call-ID: codes@example.org',
    `CSeq: ${cseq} INVITE`,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}
