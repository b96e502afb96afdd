import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { type ComparedServer, withBoth } from '../support/both-servers.ts';
import { skipWithout } from '../support/peers.ts';
import { NAT_CASES, type NatCase } from './nathelper-cases.ts';

const PATIENCE_MS = 3000;

function script(peerPort: number, modulePath: string): string {
  const routes = NAT_CASES.map(
    ({ code }, i) =>
      `if ($rU == "C${i}") { ${code} append_hf("X-R: $du $ru\\r\\n"); append_hf("X-X: $var(x)\\r\\n"); route(OUT); }`,
  );
  return `${modulePath}
${['pv', 'tm', 'sl', 'textops', 'xlog', 'nathelper'].map((name) => `loadmodule "${name}.so"`).join('\n')}
modparam("nathelper", "received_avp", "$avp(r)")
route[OUT] { $du = "sip:127.0.0.1:${peerPort}"; forward(); exit; }
request_route {
  if ($rU == "ready") { sl_send_reply("200", "OK"); exit; }
  $var(x) = 0;
  ${routes.join('\n  ')}
}
`;
}

function message(item: NatCase, i: number, port: number): string {
  const { contact = '<sip:al@10.0.0.1:5070;transport=tcp;x=y>;expires=60', body = '' } = item;
  const rows = [
    `INVITE ${item.ruri ?? 'sip:@U@@127.0.0.9:5099'} SIP/2.0`,
    `Via: ${item.via ?? 'SIP/2.0/UDP 127.0.0.1:@PP@;branch=z9hG4bK@U@'}`,
    'From: <sip:a@b>;tag=1',
    'To: <sip:a@b>',
    'Call-ID: @U@',
    'CSeq: 1 INVITE',
    ...(contact === null ? [] : [`Contact: ${contact}`]),
  ].join('\r\n');
  const type = body === '' ? '' : 'Content-Type: application/sdp\r\n';
  const text = `${rows}\r\n${item.headers ?? ''}${type}Content-Length: ${body.length}\r\n\r\n${body}`;
  return text.replaceAll('@U@', `C${i}`).replaceAll('@PP@', String(port));
}

/** What the case is about: first line, contacts, what the script noted, body. */
function essence(text: string | null, port: number): string {
  if (text === null) return '(nothing)';
  const end = text.indexOf('\r\n\r\n');
  const body = text.slice(end + 4);
  const [first, ...rows] = text.slice(0, end).split('\r\n');
  const kept = [first, ...rows.filter((row) => /^(Contact|X-\w+):/.test(row))].join('\r\n');
  return `${kept}\r\n\r\n${body}`.replaceAll(`:${port}`, ':PP').replaceAll(`~${port}~`, '~5~');
}

async function drive({ port, peer }: ComparedServer): Promise<string[]> {
  const results: string[] = [];
  for (const [i, item] of NAT_CASES.entries()) {
    peer.send(message(item, i, peer.port), port);
    results.push(essence(await peer.next(PATIENCE_MS), peer.port));
  }
  return results;
}

describe('nathelper: both servers, the same bytes', { skip: skipWithout('kamailio'), timeout: 120_000 }, () => {
  let results: Awaited<ReturnType<typeof withBoth<string[]>>> | null = null;

  before(async () => {
    results = await withBoth(script, drive);
  });

  for (const [i, { name, differs }] of NAT_CASES.entries())
    test(name, () => {
      const ours = results?.strowger[i] ?? '';
      const theirs = results?.kamailio[i] ?? '';
      assert.notEqual(theirs, '(nothing)');
      if (differs === undefined) assert.equal(ours, theirs);
      else {
        assert.match(ours, differs.expect, differs.why);
        assert.notEqual(ours, theirs, 'no difference any more');
      }
    });
});
