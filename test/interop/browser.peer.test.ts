import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Browser } from 'puppeteer-core';
import type { StartedServer } from '../../core/cli/start-options.ts';
import { startServer } from '../../core/start.ts';
import { PROTO } from '../../core/transport/socket-info.ts';
import { scriptOptions } from '../support/both-servers.ts';
import { BrowserPhone, openBrowser } from '../support/browser.ts';
import type { MemoryLog } from '../support/fake-run.ts';
import { skipWithout } from '../support/peers.ts';
import { RtpEngine } from '../support/rtpengine.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-browser-'));
after(() => rmSync(folder, { recursive: true }));

/** What the script does to SDP: nothing, or media by way of rtpengine. */
const mediaRoute = (engine: RtpEngine | null): string =>
  engine === null
    ? 'route[MEDIA] { return; }'
    : `
loadmodule "rtpengine.so"
modparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:${engine.port}")
route[MEDIA] { rtpengine_manage("replace-origin ICE=force UDP/TLS/RTP/SAVPF"); }
`;

/** A registrar for browsers: pages and SIP on one TLS port, calls between registered phones. */
const script = (engine: RtpEngine | null): string => `
enable_tls=yes
tcp_accept_no_cl=yes
tcp_connection_lifetime=600
alias="example.org"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "xlog.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "nathelper.so"
loadmodule "tls.so"
loadmodule "xhttp.so"
loadmodule "websocket.so"
modparam("tls", "certificate", "${folder}/cert.pem")
modparam("tls", "private_key", "${folder}/key.pem")
modparam("tls", "make_certificate", 1)
modparam("websocket", "keepalive_timeout", 1)
modparam("nathelper|registrar", "received_avp", "$avp(RECEIVED)")
modparam("rr", "append_fromtag", 1)

request_route {
  if (nat_uac_test("64")) {
    force_rport();
    if (is_method("REGISTER")) fix_nated_register();
    else if (!add_contact_alias()) { sl_send_reply("400", "Bad Contact"); exit; }
  }
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  if (has_totag()) {
    if (loose_route()) {
      if ($du == "") handle_ruri_alias();
      t_on_reply("NAT");
      if (is_method("INVITE|ACK|BYE|UPDATE")) route(MEDIA);
      t_relay();
      exit;
    }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("404", "Not here");
    exit;
  }
  t_check_trans();
  if (is_method("REGISTER")) { if (!save("location")) sl_reply_error(); exit; }
  remove_hf("Route");
  record_route();
  if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
  t_on_reply("NAT");
  if (is_method("INVITE")) route(MEDIA);
  if (!t_relay()) sl_reply_error();
}
onreply_route[NAT] {
  if (nat_uac_test("64")) add_contact_alias();
  if (has_body("application/sdp")) route(MEDIA);
}
${mediaRoute(engine)}
event_route[xhttp:request] {
  if ($hu == "/") { xhttp_reply("200", "OK", "text/html", "<!DOCTYPE html><title>phone</title>"); exit; }
  if ($hu == "/sip" && $hdr(Origin) == "https://127.0.0.1:" + $Rp) { ws_handle_handshake(); exit; }
  xhttp_reply("403", "Forbidden", "", "");
}
event_route[websocket:closed] { xlog("L_INFO", "gone $ws_conid\\n"); }
`;

suite('Chromium with JsSIP over wss', { skip: skipWithout('chromium'), timeout: 120_000 }, () => {
  const log = scriptOptions('').log as MemoryLog;
  let server: StartedServer;
  let browser: Browser;
  let port = 0;
  const phones: BrowserPhone[] = [];
  const closing = new AsyncDisposableStack();
  before(async () => {
    server = await startServer(scriptOptions(script(null), { log, listens: ['udp:127.0.0.1:0', 'tls:127.0.0.1:0'] }));
    closing.defer(async () => void (await server.stop(0)));
    port = server.server.transport.sockets.find(({ proto }) => proto === PROTO.TLS)?.port ?? 0;
    browser = await openBrowser(closing);
  });
  after(() => closing.disposeAsync());
  const phone = async (user: string): Promise<BrowserPhone> => {
    const origin = `127.0.0.1:${port}`;
    const options = { page: `https://${origin}/`, socket: `wss://${origin}/sip`, user, domain: 'example.org' };
    const opened = await BrowserPhone.open(browser, options);
    phones.push(opened);
    return opened;
  };

  test('two pages register, and the location knows their connections', async () => {
    const [alice, bob] = [await phone('alice'), await phone('bob')];
    await alice.saw('registered');
    await bob.saw('registered');
    const connections = server.server.connections.list().filter(({ proto }) => proto === PROTO.WSS);
    assert.equal(connections.length, 2);
  });

  test('a MESSAGE from page to page', async () => {
    const [alice, bob] = phones;
    await alice?.message('sip:bob@example.org', 'hello bob');
    await bob?.saw('message hello bob');
    await alice?.saw('sent');
  });

  test('a call from page to page, with audio both ways, ended by the callee', async () => {
    const [alice, bob] = phones;
    await alice?.call('sip:bob@example.org');
    await alice?.saw('confirmed');
    await bob?.saw('confirmed');
    await alice?.hears();
    await bob?.hears();
    await bob?.hangUp();
    await alice?.saw('ended remote');
  });

  test('a user who is not there: 404', async () => {
    const [alice] = phones;
    await alice?.call('sip:nobody@example.org');
    await alice?.saw('failed Not Found');
  });

  test('the keep-alive of the server is answered by the browser', async () => {
    const stat = (name: string): number => server.server.counters.find('websocket', name)?.get() ?? 0;
    const end = performance.now() + 10_000;
    const before = stat('ws_received_frames') - stat('ws_sip_received_frames');
    while (stat('ws_received_frames') - stat('ws_sip_received_frames') < before + 2 && performance.now() < end)
      await new Promise((resolve) => void setTimeout(resolve, 50));
    assert.ok(stat('ws_received_frames') - stat('ws_sip_received_frames') >= before + 2, 'no pongs');
    assert.equal(stat('ws_current_connections'), 2);
  });

  test('a page that goes away is noticed', async () => {
    await phones[1]?.close();
    const end = performance.now() + 10_000;
    const isGone = (): boolean => log.lines.some((line) => line.includes('gone '));
    while (!isGone() && performance.now() < end) await new Promise((resolve) => void setTimeout(resolve, 20));
    assert.ok(isGone());
    const [alice] = phones;
    await alice?.call('sip:bob@example.org');
    await alice?.saw('failed', 40_000);
  });
});

suite('Chromium and rtpengine', { skip: skipWithout('chromium', 'rtpengine'), timeout: 120_000 }, () => {
  let engine: RtpEngine;
  let server: StartedServer;
  let browser: Browser;
  const closing = new AsyncDisposableStack();
  before(async () => {
    engine = await RtpEngine.start();
    closing.defer(() => engine.stop());
    server = await startServer(scriptOptions(script(engine), { listens: ['udp:127.0.0.1:0', 'tls:127.0.0.1:0'] }));
    closing.defer(async () => void (await server.stop(0)));
    browser = await openBrowser(closing);
  });
  after(() => closing.disposeAsync());

  test('audio of a call from page to page goes through rtpengine, both ways', async () => {
    const port = server.server.transport.sockets.find(({ proto }) => proto === PROTO.TLS)?.port ?? 0;
    const origin = `127.0.0.1:${port}`;
    const at = { page: `https://${origin}/`, socket: `wss://${origin}/sip`, domain: 'example.org' };
    const alice = await BrowserPhone.open(browser, { ...at, user: 'alice' });
    const bob = await BrowserPhone.open(browser, { ...at, user: 'bob' });
    await alice.saw('registered');
    await bob.saw('registered');
    await alice.call('sip:bob@example.org');
    await alice.saw('confirmed');
    await bob.saw('confirmed');
    for (const each of [alice, bob]) {
      await each.hears();
      const [, media = ''] = (await each.remoteMedia()).split(':');
      assert.ok(engine.owns(Number(media)), `${each.user}'s media goes to port ${media}`);
    }
    await alice.hangUp();
    await bob.saw('ended remote');
  });
});
