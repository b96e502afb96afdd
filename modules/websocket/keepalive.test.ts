import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../core/timer/random.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import type { StreamConnection } from '../../core/transport/drivers.ts';
import { SimNetwork } from '../../test/support/sim-network.ts';
import { SimServer } from '../../test/support/sim-server.ts';
import { frame, OPCODE, wsHeaders } from '../../test/support/web-socket-peer.ts';

interface World {
  readonly clock: VirtualClock;
  readonly sim: SimServer;
  readonly stream: StreamConnection;
  /** Frames of the server so far: opcode and payload. */
  frames(): string[];
  isClosed(): boolean;
}

/** A client on virtual time whose handshake is done. */
async function withClient(params: string, use: (world: World) => Promise<void>): Promise<void> {
  const clock = new VirtualClock();
  const network = new SimNetwork(clock, new SeededRandom(1));
  const sim = await SimServer.start(network, {
    script: `
tcp_accept_no_cl=yes
tcp_connection_lifetime=100000
server_header="Server: Strowger"
loadmodule "pv"
loadmodule "xlog"
loadmodule "xhttp"
loadmodule "websocket"
${params}
request_route { exit; }
event_route[xhttp:request] { ws_handle_handshake(); }
event_route[websocket:closed] { xlog("L_INFO", "closed $ws_conid\\n"); }
`,
  });
  const connecting = network.host('10.0.0.2').stream.connect({ ip: '10.0.0.1', port: 5060, timeoutMs: 1000 });
  const stream = await clock.runUntilSettled(connecting);
  let heard = '';
  let closed = false;
  stream.onData = (chunk) => {
    heard += chunk;
  };
  stream.onClose = () => {
    closed = true;
  };
  stream.write(`GET / HTTP/1.1\r\n${wsHeaders()}\r\n`);
  await clock.advanceAsync(1000);
  assert.match(heard, /^HTTP\/1\.1 101 /);
  heard = heard.slice(heard.indexOf('\r\n\r\n') + 4);
  const frames = (): string[] => {
    const found: string[] = [];
    for (let at = 0; at < heard.length; ) {
      const length = heard.charCodeAt(at + 1);
      found.push(`${heard.charCodeAt(at) & 15} ${heard.slice(at + 2, at + 2 + length)}`);
      at += 2 + length;
    }
    return found;
  };
  try {
    await use({ clock, sim, stream, frames, isClosed: () => closed });
  } finally {
    await sim.stop();
  }
}

test('an idle connection is pinged; one that does not answer is closed', async () => {
  await withClient(
    'modparam("websocket", "keepalive_timeout", 30)',
    async ({ clock, sim, stream, frames, isClosed }) => {
      await clock.advanceAsync(28_000);
      assert.deepEqual(frames(), []);
      await clock.advanceAsync(2000);
      assert.deepEqual(frames(), ['9 Strowger']);
      stream.write(frame(OPCODE.PONG, 'Strowger'));
      await clock.advanceAsync(31_000);
      assert.deepEqual(frames(), ['9 Strowger', '9 Strowger']);
      await clock.advanceAsync(31_000);
      assert.ok(isClosed());
      assert.equal(sim.server.connections.size, 0);
      assert.ok(sim.log.lines.some((line) => line.includes('closed 1')));
      assert.equal(sim.server.counters.find('websocket', 'ws_local_closed_connections')?.get(), 1);
      assert.equal(sim.server.counters.find('websocket', 'ws_current_connections')?.get(), 0);
    },
  );
});

test('what comes puts the ping off', async () => {
  await withClient('modparam("websocket", "keepalive_timeout", 30)', async ({ clock, stream, frames }) => {
    for (let i = 0; i < 5; i++) {
      await clock.advanceAsync(20_000);
      stream.write(frame(OPCODE.PONG, ''));
    }
    assert.deepEqual(frames(), []);
  });
});

test('mechanism 2 sends pongs and waits for nothing; 0 sends none; the data can be set', async () => {
  const pong = 'modparam("websocket", "keepalive_mechanism", 2)\nmodparam("websocket", "ping_application_data", "x")';
  await withClient(`${pong}\nmodparam("websocket", "keepalive_timeout", 10)`, async ({ clock, frames, isClosed }) => {
    await clock.advanceAsync(35_000);
    assert.deepEqual(frames(), ['10 x', '10 x', '10 x']);
    assert.ok(!isClosed());
  });
  const none = 'modparam("websocket", "keepalive_mechanism", 0)\nmodparam("websocket", "keepalive_timeout", 10)';
  await withClient(none, async ({ clock, frames }) => {
    await clock.advanceAsync(35_000);
    assert.deepEqual(frames(), []);
  });
});

test('a client that ignores our close frame is dropped after rm_delay_interval', async () => {
  await withClient('modparam("websocket", "rm_delay_interval", 2)', async ({ clock, sim, frames, isClosed }) => {
    await sim.server.rpc.call('ws.close', [1]);
    await clock.advanceAsync(1500);
    assert.deepEqual(frames(), ['8 \x03\xe8Normal closure']);
    assert.ok(!isClosed());
    await clock.advanceAsync(1000);
    assert.ok(isClosed());
  });
});
