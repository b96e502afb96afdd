import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { StartedServer } from '../../core/cli/start-options.ts';
import { callHash } from '../../core/media/relay-node.ts';
import { startServer } from '../../core/start.ts';
import { scriptOptions } from '../support/both-servers.ts';
import { DtlsSrtpPeer } from '../support/dtls-client.ts';
import { UdpPeer } from '../support/kamailio.ts';
import { skipWithout } from '../support/peers.ts';
import { RtpEngine } from '../support/rtpengine.ts';
import { rtpPacket, rtpPayload, SrtpContext } from '../support/srtp.ts';

const PATIENCE_MS = 5000;
/** Ports of the two daemons: a body shows which one it went through. */
const FIRST_PORTS = [16_000, 17_000] as const;

/** How the nodes are asked. */
const WAYS: Readonly<Record<string, (engine: RtpEngine) => string>> = {
  UDP: ({ port }) => `udp:127.0.0.1:${port}`,
  WebSocket: ({ httpPort }) => `ws://127.0.0.1:${httpPort}/`,
};

function script(urls: readonly string[], bobPort: number): string {
  const nodes = urls.join(' ');
  return `
${['pv', 'tm', 'sl', 'textops', 'rtpengine'].map((name) => `loadmodule "${name}.so"`).join('\n')}
modparam("rtpengine", "rtpengine_sock", "${nodes}")
modparam("rtpengine", "rtpengine_tout_ms", 1000)
modparam("rtpengine", "rtp_inst_pvar", "$avp(inst)")
request_route {
  if (is_method("INFO")) {
    if ($rU == "start") start_recording();
    if ($rU == "stop") stop_recording();
    if ($rU == "block") block_media();
    if ($rU == "unblock") unblock_media();
    if ($rU == "query") rtpengine_query_v("j", "$var(q)");
    append_to_reply("X-Query: $var(q)\\r\\n");
    sl_send_reply("200", "rc $rc");
    exit;
  }
  if (is_method("BYE")) {
    rtpengine_delete();
    append_to_reply("X-Stat: $rtpstat\\r\\n");
    sl_send_reply("200", "rc $rc");
    exit;
  }
  $avp(answer) = $hdr(X-Answer);
  if (rtpengine_manage("$hdr(X-Offer)") < 0) { sl_send_reply("488", "No media"); exit; }
  append_hf("X-Node: $avp(inst)\\r\\n");
  t_on_reply("R");
  $du = "sip:127.0.0.1:${bobPort}";
  t_relay();
}
onreply_route[R] { if (has_body("application/sdp")) rtpengine_manage("$avp(answer)"); }
`;
}

/** `m=` port of a body. */
function mediaPort(text: string): number {
  return Number(/\r\nm=audio (\d+) /.exec(text)?.[1] ?? 0);
}

function sdp(port: number, transport: string, attributes: readonly string[] = []): string {
  const lines = [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${port} ${transport} 0`,
  ];
  return `${[...lines, 'a=rtpmap:0 PCMU/8000', ...attributes, 'a=sendrecv'].join('\r\n')}\r\n`;
}

interface CallOptions {
  readonly callId?: string;
  readonly offer: string;
  readonly answer?: string;
  readonly offerFlags?: string;
  readonly answerFlags?: string;
}

interface Call {
  readonly callId: string;
  /** As bob got it. */
  readonly invite: string;
  /** As alice got it. */
  readonly ok: string;
}

for (const [way, urlOf] of Object.entries(WAYS))
  describe(`rtpengine itself, over ${way}`, { skip: skipWithout('rtpengine', 'openssl'), timeout: 120_000 }, () => {
    const daemons: RtpEngine[] = [];
    let started: StartedServer | null = null;
    let alice: UdpPeer;
    let bob: UdpPeer;
    let aliceMedia: UdpPeer;
    let bobMedia: UdpPeer;
    let calls = 0;

    before(async () => {
      [alice, bob, aliceMedia, bobMedia] = [
        await UdpPeer.open(),
        await UdpPeer.open(),
        await UdpPeer.open(),
        await UdpPeer.open(),
      ];
      for (const first of FIRST_PORTS) daemons.push(await RtpEngine.start(first));
      started = await startServer(scriptOptions(script(daemons.map(urlOf), bob.port)));
    });

    after(async () => {
      await started?.stop(0);
      for (const daemon of daemons) await daemon.stop();
      for (const peer of [alice, bob, aliceMedia, bobMedia]) peer?.close();
    });

    function serverPort(): number {
      return started?.server.transport.sockets[0]?.port ?? 0;
    }

    /** A Call-ID that falls to this daemon. */
    function callIdFor(daemon: number): string {
      for (;;) {
        const callId = `call-${++calls}@example.org`;
        if (callHash(callId, 0) % daemons.length === daemon) return callId;
      }
    }

    function request(method: string, user: string, callId: string, headers: string, body: string): string {
      const type = body === '' ? '' : 'Content-Type: application/sdp\r\n';
      const toTag = method === 'INVITE' ? '' : ';tag=bob';
      return (
        `${method} sip:${user}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${alice.port};branch=z9hG4bK${++calls}\r\n` +
        `From: <sip:alice@example.org>;tag=alice\r\nTo: <sip:bob@example.org>${toTag}\r\nCall-ID: ${callId}\r\n` +
        `CSeq: ${calls} ${method}\r\nMax-Forwards: 70\r\n${headers}${type}Content-Length: ${body.length}\r\n\r\n${body}`
      );
    }

    async function received(peer: UdpPeer, start: RegExp): Promise<string> {
      for (;;) {
        const text = await peer.next(PATIENCE_MS);
        assert.ok(text !== null, `nothing like ${start}`);
        if (start.test(text)) return text;
      }
    }

    async function call(options: CallOptions): Promise<Call> {
      const callId = options.callId ?? callIdFor(0);
      const headers = `X-Offer: ${options.offerFlags ?? 'replace-origin'}\r\nX-Answer: ${options.answerFlags ?? 'replace-origin'}\r\n`;
      alice.send(request('INVITE', 'bob', callId, headers, options.offer), serverPort());
      const invite = await received(bob, /^INVITE/);
      const body = options.answer ?? sdp(bobMedia.port, 'RTP/AVP');
      const kept = invite
        .split('\r\n\r\n')[0]
        ?.split('\r\n')
        .filter((row) => /^(Via|From|Call-ID|CSeq):/.test(row))
        .join('\r\n');
      bob.send(
        `SIP/2.0 200 OK\r\n${kept}\r\nTo: <sip:bob@example.org>;tag=bob\r\nContent-Type: application/sdp\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        serverPort(),
      );
      return { callId, invite, ok: await received(alice, /^SIP\/2\.0 200/) };
    }

    async function inDialog(method: string, user: string, callId: string): Promise<string> {
      alice.send(request(method, user, callId, '', ''), serverPort());
      return await received(alice, /^SIP\/2\.0 200/);
    }

    /** Sends RTP until it comes out at the other end: returns its payload. */
    async function through(from: UdpPeer, port: number, to: UdpPeer, payload: Buffer): Promise<Buffer | null> {
      for (let seq = 1; seq < 20; seq++) {
        from.send(rtpPacket(seq, 0x1234, payload).toString('latin1'), port);
        const packet = await to.next(200);
        if (packet !== null) return rtpPayload(Buffer.from(packet, 'latin1'));
      }
      return null;
    }

    const VOICE = Buffer.from('voice of alice '.repeat(10).slice(0, 160).padEnd(160, '.'));
    const REPLY = Buffer.from('voice of bob '.repeat(12).slice(0, 160).padEnd(160, '.'));

    test('RTP goes through it both ways; counts, query and delete', async () => {
      const { callId, invite, ok } = await call({ offer: sdp(aliceMedia.port, 'RTP/AVP') });
      assert.ok(invite.includes(`\r\nX-Node: ${urlOf(daemons[0] as RtpEngine)}\r\n`), invite);
      for (const text of [invite, ok]) {
        const port = mediaPort(text);
        assert.ok(daemons[0]?.owns(port), text);
      }
      assert.deepEqual(await through(aliceMedia, mediaPort(ok), bobMedia, VOICE), VOICE);
      assert.deepEqual(await through(bobMedia, mediaPort(invite), aliceMedia, REPLY), REPLY);
      const query = await inDialog('INFO', 'query', callId);
      const state = JSON.parse(/\r\nX-Query: ([^\r]*)\r\n/.exec(query)?.[1] ?? '{}') as {
        totals?: { RTP?: { packets?: number } };
        tags?: Record<string, unknown>;
      };
      assert.ok((state.totals?.RTP?.packets ?? 0) >= 2);
      assert.deepEqual(
        Object.keys(state.tags ?? {}).sort((a, b) => a.localeCompare(b)),
        ['alice', 'bob'],
      );
      const bye = await inDialog('BYE', 'bob', callId);
      assert.match(bye, /^SIP\/2\.0 200 rc 1\r\n[^]*X-Stat: RTP: [1-9]\d* bytes, [1-9]\d* packets, 0 errors; RTCP: /);
      assert.match(await inDialog('BYE', 'bob', callId), /X-Stat: <null>\r\n/);
    });

    test('media are blocked and let through again', async () => {
      const { callId, ok } = await call({ offer: sdp(aliceMedia.port, 'RTP/AVP') });
      assert.deepEqual(await through(aliceMedia, mediaPort(ok), bobMedia, VOICE), VOICE);
      assert.match(await inDialog('INFO', 'block', callId), /^SIP\/2\.0 200 rc 1\r\n/);
      while ((await bobMedia.next(100)) !== null);
      aliceMedia.send(rtpPacket(100, 0x1234, VOICE).toString('latin1'), mediaPort(ok));
      assert.equal(await bobMedia.next(300), null);
      assert.match(await inDialog('INFO', 'unblock', callId), /^SIP\/2\.0 200 rc 1\r\n/);
      assert.deepEqual(await through(aliceMedia, mediaPort(ok), bobMedia, REPLY), REPLY);
      await inDialog('BYE', 'bob', callId);
    });

    test('a call is recorded from start to stop', async () => {
      const { callId, ok } = await call({ offer: sdp(aliceMedia.port, 'RTP/AVP') });
      assert.match(await inDialog('INFO', 'start', callId), /^SIP\/2\.0 200 rc 1\r\n/);
      assert.deepEqual(await through(aliceMedia, mediaPort(ok), bobMedia, VOICE), VOICE);
      assert.match(await inDialog('INFO', 'stop', callId), /^SIP\/2\.0 200 rc 1\r\n/);
      assert.deepEqual(await through(aliceMedia, mediaPort(ok), bobMedia, REPLY), REPLY);
      await inDialog('BYE', 'bob', callId);
      for (let i = 0; i < 50 && daemons[0]?.recorded().includes(VOICE) !== true; i++) await bob.next(100);
      const recorded = daemons[0]?.recorded() ?? Buffer.alloc(0);
      assert.ok(recorded.includes(VOICE));
      assert.ok(!recorded.includes(REPLY));
    });

    test('SRTP with keys in the SDP on one side, RTP on the other', async () => {
      const inline = Buffer.from(Array.from({ length: 30 }, (_, i) => i * 7)).toString('base64');
      const crypto = `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${inline}`;
      const { callId, invite, ok } = await call({
        offer: sdp(aliceMedia.port, 'RTP/SAVP', [crypto]),
        offerFlags: 'replace-origin RTP/AVP',
        answerFlags: 'replace-origin RTP/SAVP',
      });
      assert.match(invite, /\r\nm=audio \d+ RTP\/AVP /);
      assert.doesNotMatch(invite, /a=crypto/);
      assert.match(ok, /\r\nm=audio \d+ RTP\/SAVP /);
      const own = SrtpContext.fromInline(inline);
      const theirs = SrtpContext.fromInline(/AES_CM_128_HMAC_SHA1_80 inline:([^|\r]*)/.exec(ok)?.[1] ?? '');
      aliceMedia.send(own.protect(rtpPacket(1, 77, VOICE)).toString('latin1'), mediaPort(ok));
      const heard = await bobMedia.next(PATIENCE_MS);
      assert.deepEqual(rtpPayload(Buffer.from(heard ?? '', 'latin1')), VOICE);
      bobMedia.send(rtpPacket(1, 88, REPLY).toString('latin1'), mediaPort(invite));
      const packet = theirs.unprotect(Buffer.from((await aliceMedia.next(PATIENCE_MS)) ?? '', 'latin1'));
      assert.deepEqual(packet === null ? null : rtpPayload(packet), REPLY);
      await inDialog('BYE', 'bob', callId);
    });

    test('DTLS-SRTP as a browser has it on one side, RTP on the other', async () => {
      const peer = await DtlsSrtpPeer.open();
      try {
        const attributes = [`a=fingerprint:sha-256 ${peer.fingerprint}`, 'a=setup:active', 'a=rtcp-mux'];
        const { callId, invite, ok } = await call({
          offer: sdp(peer.port, 'UDP/TLS/RTP/SAVPF', attributes),
          offerFlags: 'replace-origin ICE=remove RTP/AVP rtcp-mux-demux',
          answerFlags: 'replace-origin UDP/TLS/RTP/SAVPF',
        });
        assert.match(invite, /\r\nm=audio \d+ RTP\/AVP /);
        assert.doesNotMatch(invite, /a=(?:fingerprint|setup|crypto|rtcp-mux)/);
        assert.match(ok, /\r\nm=audio \d+ UDP\/TLS\/RTP\/SAVPF /);
        assert.match(ok, /\r\na=setup:passive\r\n/);
        assert.match(ok, /\r\na=fingerprint:sha-256 /);
        const keys = await peer.connect(mediaPort(ok));
        peer.send(keys.own.protect(rtpPacket(1, 77, VOICE)));
        const heard = await bobMedia.next(PATIENCE_MS);
        assert.deepEqual(rtpPayload(Buffer.from(heard ?? '', 'latin1')), VOICE);
        const coming = peer.next(PATIENCE_MS);
        bobMedia.send(rtpPacket(1, 88, REPLY).toString('latin1'), mediaPort(invite));
        const packet = keys.theirs.unprotect((await coming) ?? Buffer.alloc(0));
        assert.deepEqual(packet === null ? null : rtpPayload(packet), REPLY);
        await inDialog('BYE', 'bob', callId);
      } finally {
        await peer.close();
      }
    });

    test('one dies: the next call of those it had goes through the other, at once', async () => {
      const callId = callIdFor(0);
      await daemons[0]?.kill();
      const { invite, ok } = await call({ callId, offer: sdp(aliceMedia.port, 'RTP/AVP') });
      const port = mediaPort(invite);
      assert.ok(daemons[1]?.owns(port), invite);
      assert.deepEqual(await through(aliceMedia, mediaPort(ok), bobMedia, VOICE), VOICE);
    });
  });
