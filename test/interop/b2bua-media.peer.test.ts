import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { StartedServer } from '../../core/cli/start-options.ts';
import { startServer } from '../../core/start.ts';
import { RealClock } from '../../core/timer/real-clock.ts';
import { DgramUdpDriver } from '../../core/transport/udp-dgram.ts';
import type { B2buaApi } from '../../modules/b2bua/api.ts';
import { scriptOptions } from '../support/both-servers.ts';
import { freePort, UdpPeer } from '../support/kamailio.ts';
import type { TestMsg } from '../support/msg.ts';
import { skipWithout } from '../support/peers.ts';
import { RtpEngine } from '../support/rtpengine.ts';
import { SipPeer } from '../support/sip-peer.ts';
import { rtpPacket } from '../support/srtp.ts';

const PATIENCE_MS = 15_000;
/** Ports for media that no other test uses. */
const FIRST_PORT = 18_000;
const RTP_SECONDS = 2;
const PACKET_MS = 50;

const script = (ng: number, bob: string, rtpSeconds: number): string => `
tcp_accept_no_cl=yes
${['pv', 'tm', 'sl', 'rtpengine', 'xmlrpc', 'b2bua'].map((name) => `loadmodule "${name}.so"`).join('\n')}
modparam("rtpengine", "rtpengine_sock", "udp:127.0.0.1:${ng}")
modparam("b2bua", "media_module", "rtpengine")
modparam("b2bua", "media_flags", "replace-origin replace-session-connection")
modparam("b2bua", "rtp_timeout", ${rtpSeconds})
modparam("b2bua", "rtp_timeout_hold", ${rtpSeconds * 30})
modparam("xmlrpc", "route", "RPC")
request_route { b2b_call("${bob}"); exit; }
route[RPC] { dispatch_rpc(); }
`;

function sdp(port: number, direction = 'sendrecv'): string {
  const lines = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=audio ${port} RTP/AVP 0`];
  return `${[...lines, 'a=rtpmap:0 PCMU/8000', `a=${direction}`].join('\r\n')}\r\n`;
}

const mediaPort = ({ body }: TestMsg): number => Number(/m=audio (\d+) /.exec(body)?.[1] ?? 0);

/** Sends RTP until it is stopped. */
class Talker {
  readonly #clock: RealClock;
  readonly #from: UdpPeer;
  readonly #port: number;
  #seq = 0;
  #isStopped = false;

  constructor(clock: RealClock, from: UdpPeer, port: number) {
    this.#clock = clock;
    this.#from = from;
    this.#port = port;
    this.#next();
  }

  #next(): void {
    if (this.#isStopped) return;
    this.#from.send(rtpPacket(++this.#seq, 0x1234, Buffer.alloc(160, 0xd5)).toString('latin1'), this.#port);
    this.#clock.schedule(PACKET_MS, () => this.#next());
  }

  stop(): void {
    this.#isStopped = true;
  }
}

/** Polled by us; or rtpengine ends the call by itself, and tells. */
for (const isTold of [false, true])
  describe(`a call whose media go through rtpengine${isTold ? ', which tells' : ''}`, {
    skip: skipWithout('rtpengine'),
    timeout: 120_000,
  }, () => {
    const clock = new RealClock();
    let daemon: RtpEngine | null = null;
    let started: StartedServer | null = null;
    let alice: SipPeer;
    let bob: SipPeer;
    let aliceMedia: UdpPeer;
    let bobMedia: UdpPeer;
    let talkers: Talker[] = [];

    before(async () => {
      const driver = new DgramUdpDriver();
      alice = await SipPeer.udp(driver, { clock, name: 'alice', patienceMs: PATIENCE_MS });
      bob = await SipPeer.udp(driver, { clock, name: 'bob', patienceMs: PATIENCE_MS });
      [aliceMedia, bobMedia] = [await UdpPeer.open(), await UdpPeer.open()];
      const port = await freePort();
      const more = isTold
        ? [`--b2b-url=http://127.0.0.1:${port}/RPC2`, '--xmlrpc-format=1', `--timeout=${RTP_SECONDS}`]
        : [];
      daemon = await RtpEngine.start(FIRST_PORT, more);
      const listens = [`udp:127.0.0.1:${port}`, `tcp:127.0.0.1:${port}`];
      started = await startServer(scriptOptions(script(daemon.port, bob.uri, isTold ? 0 : RTP_SECONDS), { listens }));
      alice.target = bob.target = { ip: '127.0.0.1', port };
    });
    after(async () => {
      await started?.stop(0);
      await daemon?.stop();
      await alice?.close();
      await bob?.close();
      aliceMedia?.close();
      bobMedia?.close();
    });
    afterEach(() => {
      for (const talker of talkers) talker.stop();
      talkers = [];
      assert.equal(b2bua().callCount, 0);
    });

    const b2bua = (): B2buaApi => (started ?? assert.fail()).server.modules.api('b2bua') as B2buaApi;
    const waits = (ms: number): Promise<void> => new Promise((resolve) => void clock.schedule(ms, resolve));

    /** Both talk. */
    async function talks(callId: string): Promise<{ readonly ok: TestMsg; readonly invite: TestMsg }> {
      alice.sends(alice.request('INVITE', 'sip:bob@127.0.0.1', { callId, body: sdp(aliceMedia.port) }));
      const invite = await bob.receives('INVITE');
      bob.replies(invite, 200, { body: sdp(bobMedia.port) });
      const ok = await alice.receives(200);
      alice.sends(within('ACK', ok, 1));
      await bob.receives('ACK');
      assert.ok(daemon?.owns(mediaPort(ok)) && daemon.owns(mediaPort(invite)));
      talkers = [new Talker(clock, aliceMedia, mediaPort(ok)), new Talker(clock, bobMedia, mediaPort(invite))];
      for (const media of [aliceMedia, bobMedia])
        assert.ok((await media.next(PATIENCE_MS)) !== null, 'no RTP comes through');
      return { ok, invite };
    }

    function within(method: string, ok: TestMsg, cseq: number, body = ''): string {
      const target = /<([^>]*)>/.exec(ok.get('Contact'))?.[1] ?? '';
      const callId = ok.get('Call-ID');
      const to = ok.get('To').replace(/;tag=.*/, '');
      return alice.request(method, target, { callId, to, toTag: ok.param('To', 'tag') ?? '', cseq, body });
    }

    async function bothHangUp(): Promise<void> {
      for (const peer of [alice, bob]) {
        const bye = await peer.receives('BYE');
        assert.match(bye.get('Reason'), /cause=408;text="RTP timeout"/);
        peer.replies(bye, 200);
      }
    }

    test('it is hung up when its RTP stops, not before', async () => {
      await talks('one-side');
      await waits(RTP_SECONDS * 1000 + 2500);
      assert.equal(alice.count('BYE') + bob.count('BYE'), 0);
      talkers[1]?.stop();
      // rtpengine waits until nobody is heard.
      if (isTold) talkers[0]?.stop();
      const begun = clock.now();
      await bothHangUp();
      assert.ok(clock.now() - begun >= RTP_SECONDS * 1000 - 1000, `${clock.now() - begun} ms`);
      // The engine was told.
      await waits(200);
      while ((await aliceMedia.next(1)) !== null);
      assert.equal(await aliceMedia.next(300), null);
    });

    if (isTold) return;

    test('one on hold has more time; resumed, it has not', async () => {
      const { ok } = await talks('held');
      alice.sends(within('INVITE', ok, 2, sdp(aliceMedia.port, 'sendonly')));
      const held = await bob.receives('INVITE');
      bob.replies(held, 200, { body: sdp(bobMedia.port, 'recvonly') });
      await alice.receives(200);
      alice.sends(within('ACK', ok, 2));
      await bob.receives('ACK');
      for (const talker of talkers) talker.stop();
      await waits(RTP_SECONDS * 1000 + 2500);
      assert.equal(alice.count('BYE') + bob.count('BYE'), 2, 'those of the test before');
      alice.sends(within('INVITE', ok, 3, sdp(aliceMedia.port)));
      bob.replies(await bob.receives('INVITE'), 200, { body: sdp(bobMedia.port) });
      await alice.receives(200);
      alice.sends(within('ACK', ok, 3));
      await bob.receives('ACK');
      await bothHangUp();
    });

    test('it is hung up when rtpengine has lost it', async () => {
      await talks('lost');
      const key = [...b2bua().calls()][0]?.id ?? '';
      const control = await UdpPeer.open();
      control.send(
        `k d7:call-id${key.length}:${key}7:command6:delete8:from-tag${key.length + 2}:${key}-1e`,
        daemon?.port ?? 0,
      );
      assert.match((await control.next(PATIENCE_MS)) ?? '', /6:result2:ok/);
      control.close();
      await bothHangUp();
    });
  });
