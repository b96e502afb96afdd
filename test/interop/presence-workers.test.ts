import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { callControlSocket } from '../../core/rpc/control-socket.ts';
import { RealClock } from '../../core/timer/real-clock.ts';
import { DgramUdpDriver } from '../../core/transport/udp-dgram.ts';
import type { TestMsg } from '../support/msg.ts';
import { pidf, tuples } from '../support/pres-world.ts';
import { SipPeer } from '../support/sip-peer.ts';
import { BIN_FOLDER, StrowgerProcess } from '../support/strowger-process.ts';

const SCRIPT = `
workers=2
listen=udp:127.0.0.1:0
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "presence.so"
loadmodule "presence_xml.so"
modparam("presence_xml", "force_active", 1)
request_route {
  if (is_method("MESSAGE")) {
    $var(has) = 0;
    if (pres_has_subscribers("$ru", "presence")) $var(has) = 1;
    sl_send_reply("200", "has $var(has)");
    exit;
  }
  if (!t_newtran()) exit;
  if (is_method("PUBLISH")) handle_publish(); else handle_subscribe();
  t_release();
}
`;
const FINAL_MS = 10_000;

suite('presence with two workers', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'strowger-presence-'));
  const control = join(folder, 'control.sock');
  let server: StrowgerProcess;
  let peer: SipPeer;

  before(async () => {
    const path = join(folder, 'presence.cfg');
    writeFileSync(path, SCRIPT);
    const args = ['-f', path, '-E', '--control', control, '-Y', folder];
    server = new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), args);
    await server.says('is ready on');
    const port = Number(/is ready on .*udp:127\.0\.0\.1:(\d+)/.exec(server.stderr)?.[1]);
    const target = { ip: '127.0.0.1', port };
    peer = await SipPeer.udp(new DgramUdpDriver(), { clock: new RealClock(), name: 'alice', target });
  });
  after(async () => {
    await peer.close();
    const { code, stderr } = await server.stop();
    rmSync(folder, { recursive: true });
    assert.equal(code, 0, stderr);
  });

  /** Sends a request and gives what comes first, which must be its reply. */
  async function asks(method: string, uri: string, options: Parameters<SipPeer['request']>[2]): Promise<TestMsg> {
    peer.sends(peer.request(method, uri, options));
    const first = await peer.receives((msg) => msg.status >= 200 || msg.method === 'NOTIFY', FINAL_MS);
    assert.equal(first.cseqMethod, method, first.startLine);
    return first;
  }

  async function notified(): Promise<TestMsg> {
    const msg = await peer.receives('NOTIFY', FINAL_MS);
    peer.replies(msg, 200);
    return msg;
  }

  test('whichever worker gets a request, the presentity’s owner does it, and the reply comes first', async () => {
    const headers = { Event: 'presence', Expires: 600 };
    for (let i = 0; i < 8; i++) {
      const uri = `sip:bob${i}@example.org`;
      const reply = await asks('SUBSCRIBE', uri, { callId: `s${i}`, headers });
      assert.equal(reply.status, 200);
      assert.equal((await notified()).get('CSeq'), '2 NOTIFY');
      const body = { body: pidf('open', `t${i}`), contentType: 'application/pidf+xml' };
      const published = await asks('PUBLISH', uri, { callId: `p${i}`, headers, ...body });
      assert.deepEqual(tuples(await notified()), [`t${i} open`]);
      const match = { ...headers, Expires: 0, 'SIP-If-Match': published.get('SIP-ETag') };
      assert.equal((await asks('PUBLISH', uri, { callId: `q${i}`, headers: match })).status, 200);
      assert.deepEqual(tuples(await notified()), [`t${i} closed`]);
      assert.equal((await asks('PUBLISH', uri, { callId: `r${i}`, headers: match })).status, 412);
      const has = (callId: string): Promise<TestMsg> => asks('MESSAGE', uri, { callId });
      assert.equal((await has(`m${i}`)).startLine, 'SIP/2.0 200 has 1');
      const dialog = { callId: `s${i}`, toTag: reply.param('To', 'tag'), cseq: 2 };
      const end = await asks('SUBSCRIBE', uri, { ...dialog, headers: { ...headers, Expires: 0 } });
      assert.equal(end.status, 200);
      assert.match((await notified()).get('Subscription-State'), /^terminated/);
      assert.equal((await has(`n${i}`)).startLine, 'SIP/2.0 200 has 0');
    }
  });

  test('RPC reaches the owner, and lists what all workers have', async () => {
    const headers = { Event: 'presence', Expires: 600 };
    const users = ['a', 'b', 'c', 'd'].map((name) => `sip:${name}@example.org`);
    for (const uri of users) {
      await asks('SUBSCRIBE', uri, { callId: `w-${uri}`, headers });
      await notified();
      await asks('PUBLISH', uri, {
        callId: `x-${uri}`,
        headers,
        body: pidf('open'),
        contentType: 'application/pidf+xml',
      });
      await notified();
      await callControlSocket(control, 'presence.refreshWatchers', [uri, 'presence', 1], 'json');
      assert.equal((await notified()).get('Call-ID'), `w-${uri}`);
    }
    const listed = await callControlSocket(control, 'presence.presentity_list', [], 'json');
    const text = JSON.stringify(listed);
    for (const uri of users) assert.match(text, new RegExp(`"user":"${uri.slice(4, 5)}"`));
  });
});
