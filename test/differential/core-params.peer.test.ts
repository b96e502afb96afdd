import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { suite, test } from 'node:test';
import { type ComparedServer, withBoth } from '../support/both-servers.ts';
import { UdpPeer } from '../support/kamailio.ts';
import { request, response } from '../support/msg.ts';
import { skipWithout } from '../support/peers.ts';
import { freePort } from '../support/strowger-process.ts';

const MODULES = ['pv', 'tm', 'sl', 'rr'].map((name) => `loadmodule "${name}.so"\n`).join('');

/** Core parameters, and a script whose request_route has this body; $$PEER is the port of the peer. */
function script(globals: string, body: string, routes = '') {
  return (peerPort: number, modulePath: string): string =>
    `${modulePath}${globals}\n${MODULES}
request_route {
  if ($rU == "ready") { sl_send_reply("200", "OK"); exit; }
  ${body.replaceAll('PEER', String(peerPort))}
}
${routes}
`;
}

/** What two servers must differ in. */
function normalised(text: string | null, server: ComparedServer): string {
  return (text ?? 'nothing')
    .replaceAll(`:${server.port}`, ':SERVER')
    .replaceAll(String(server.peer.port), 'PEER')
    .replaceAll(/(Via: SIP\/2\.0\/\w+ (?:127\.0\.0\.1:SERVER|9\.9\.9\.9[:\w]*)[^\r]*;branch=)[^;\r]+/g, '$1B')
    .replaceAll(/(To: [^\r]*;tag=)[^;\r]+/g, '$1T')
    .replaceAll(/\r\nServer: [^\r]*/g, '')
    .replaceAll(/pid=\d+/g, 'pid=P');
}

function ask(server: ComparedServer, method: string, options: Parameters<typeof request>[2] = {}): string {
  const { port } = server.peer;
  const text = request(method, `sip:bob@127.0.0.1:${port}`, {
    sentBy: `127.0.0.1:${port}`,
    branch: `z9hG4bK${method}`,
    callId: method,
    ...options,
  });
  server.peer.send(text, server.port);
  return text;
}

/** What the peer gets for a MESSAGE and for an OPTIONS. */
async function both(server: ComparedServer): Promise<readonly string[]> {
  const got: string[] = [];
  for (const method of ['MESSAGE', 'OPTIONS']) {
    ask(server, method);
    got.push(normalised(await server.peer.next(1000), server));
  }
  return got;
}

async function alike<T>(
  make: (peerPort: number, modulePath: string) => string,
  drive: (server: ComparedServer) => Promise<T>,
): Promise<T> {
  const { kamailio, strowger } = await withBoth(make, drive);
  assert.deepEqual(strowger, kamailio);
  return strowger;
}

/** Both ways a request leaves: without and with a transaction. */
const RELAY = '$du = "sip:127.0.0.1:PEER"; if ($rm == "MESSAGE") forward(); else t_relay();';
const REFUSE = 'if ($rm == "MESSAGE") sl_send_reply("404", "No"); else { t_newtran(); t_reply("403", "Nope"); }';

suite('core parameters change messages as in kamailio', { skip: skipWithout('kamailio') }, () => {
  test('advertised_address and advertised_port stand in Via, not in Record-Route', async () => {
    const globals = 'advertised_address="9.9.9.9"\nadvertised_port=5099';
    const [first] = await alike(script(globals, `record_route(); ${RELAY}`), both);
    assert.match(first ?? '', /Record-Route: <sip:127\.0\.0\.1:SERVER;[^]*Via: SIP\/2\.0\/UDP 9\.9\.9\.9:5099;/);
    await alike(script('advertised_address="9.9.9.9"', `record_route(); ${RELAY}`), both);
  });

  test('force_rport and local_rport hold for every request', async () => {
    // We add received too, as with force_rport() and as RFC 3581 §4 says.
    const drive = async (server: ComparedServer) =>
      (await both(server)).map((text) => text.replace(';received=127.0.0.1', ''));
    const [first] = await alike(script('force_rport=yes\nlocal_rport=yes', RELAY), drive);
    assert.match(first ?? '', /;branch=B;rport\r\nVia: [^\r]*;rport=PEER/);
  });

  test('sip_warning', async () => {
    const rows = async (server: ComparedServer) => (await both(server)).map((text) => text.split('\r\n').toSorted());
    const [first] = await alike(script('sip_warning=1', REFUSE), rows);
    assert.match(first?.join('\n') ?? '', /Warning: 392 127\.0\.0\.1:SERVER "Noisy/);
  });

  test('reply_to_via', async () => {
    await alike(script('reply_to_via=1', REFUSE), async (server) => {
      const other = await UdpPeer.open();
      try {
        const got: string[] = [];
        for (const method of ['MESSAGE', 'OPTIONS']) {
          const via = `SIP/2.0/UDP 127.0.0.2:${server.peer.port};branch=z9hG4bK${method}`;
          other.send(request(method, 'sip:bob@127.0.0.1', { via, callId: method }), server.port);
          // Nobody is at 127.0.0.2.
          got.push(`${await server.peer.next(200)} ${await other.next(50)}`);
        }
        return got;
      } finally {
        other.close();
      }
    });
  });

  test('onsend_route_reply: onsend_route sees replies, and may drop them', async () => {
    const onsend = 'onsend_route { if ($rs == "486") drop; }';
    const got = await alike(script('onsend_route_reply=yes', RELAY, onsend), async (server) => {
      const lines: string[] = [];
      for (const method of ['MESSAGE', 'OPTIONS']) {
        for (const status of [486, 200]) {
          ask(server, method, { branch: `z9hG4bK${method}${status}`, callId: `${method}${status}` });
          server.peer.send(response((await server.peer.next(1000)) ?? '', status), server.port);
          lines.push(`${method} ${status} ${(await server.peer.next(300))?.split('\r\n')[0] ?? 'dropped'}`);
        }
      }
      return lines;
    });
    assert.deepEqual(
      got.map((line) => line.endsWith('dropped')),
      [true, false, true, false],
    );
  });

  test('udp_mtu: longer requests go over TCP, with a Via of TCP', async () => {
    const tcpPort = await freePort();
    const globals = `udp_mtu=700\nudp_mtu_try_proto=TCP\nlisten=tcp:127.0.0.1:${tcpPort}`;
    const got = await alike(script(globals, `record_route(); ${RELAY}`), async (server) => {
      const listener = createServer();
      listener.listen(server.peer.port, '127.0.0.1');
      await once(listener, 'listening');
      try {
        const small = await both(server);
        const large: string[] = [];
        for (const method of ['MESSAGE', 'OPTIONS']) {
          const heard = heardOf(listener, large.length);
          ask(server, method, { body: 'x'.repeat(600), branch: `z9hG4bK${method}2`, callId: `${method}2` });
          large.push(
            normalised(await heard, server)
              .replaceAll(`:${tcpPort}`, ':TCP')
              .replace(/branch=[^;\r]+/, ''),
          );
        }
        return [...small, ...large];
      } finally {
        for (const socket of sockets.splice(0)) socket.destroy();
        listener.close();
      }
    });
    assert.match(got[2] ?? '', /Record-Route: <sip:127\.0\.0\.1:SERVER;lr[^]*Via: SIP\/2\.0\/TCP 127\.0\.0\.1:TCP;/);
  });

  test('received_route_mode: event_route[core:msg-received] comes first, and may drop', async () => {
    const event = 'event_route[core:msg-received] { if ($(rcv(buf){s.substr,0,4}) == "EVIL") drop; }';
    const got = await alike(script('received_route_mode=1', 'sl_send_reply("200", "$rm");', event), async (server) => {
      ask(server, 'EVIL');
      const evil = await server.peer.next(200);
      ask(server, 'MESSAGE');
      return [evil, (await server.peer.next(1000))?.split('\r\n')[0]];
    });
    assert.deepEqual(got, [null, 'SIP/2.0 200 MESSAGE']);
  });

  test('sip_parser_mode 0 lets repeated headers through', async () => {
    await alike(script('sip_parser_mode=0', 'sl_send_reply("200", "$hdr(To)");'), async (server) => {
      ask(server, 'MESSAGE', { headers: { To: ['<sip:bob@x>', '<sip:c@x>'] } });
      return (await server.peer.next(1000))?.split('\r\n')[0];
    });
  });

  test('a request leaves by the socket it came in on', async () => {
    const ports = [await freePort(), await freePort()];
    const globals = ports.map((port) => `listen=udp:127.0.0.1:${port}`).join('\n');
    await alike(script(globals, `record_route(); ${RELAY}`), async (server) => {
      const got: string[] = [];
      for (const port of ports) {
        for (const method of ['MESSAGE', 'OPTIONS']) {
          const options = {
            sentBy: `127.0.0.1:${server.peer.port}`,
            branch: `z9hG4bK${method}${port}`,
            callId: `${port}`,
          };
          server.peer.send(request(method, 'sip:bob@127.0.0.1', options), port);
          got.push(/Via: \S+ (\S+);branch/.exec((await server.peer.next(1000)) ?? '')?.[1] ?? 'nothing');
        }
      }
      assert.deepEqual(
        got,
        [ports[0], ports[0], ports[1], ports[1]].map((port) => `127.0.0.1:${port}`),
      );
      return got;
    });
  });

  for (const mode of [0, 1]) {
    test(`tcp_script_mode ${mode}: a connection ${mode === 0 ? 'ends' : 'goes on'} after a message nobody can read`, async () => {
      const tcpPort = await freePort();
      const globals = `tcp_script_mode=${mode}\nlisten=tcp:127.0.0.1:${tcpPort}`;
      await alike(script(globals, 'sl_send_reply("200", "OK");'), async () => {
        const socket = createConnection(tcpPort, '127.0.0.1');
        try {
          let isClosed = false;
          socket.on('close', () => (isClosed = true));
          socket.on('error', () => {});
          const options = request('OPTIONS', 'sip:bob@127.0.0.1', { transport: 'TCP' });
          socket.write(options.replace(/From:[^\r]*\r\n/, ''));
          // Whether it has been closed shows when the next one is answered, or not.
          socket.write(options.replace('z9hG4bK', 'z9hG4bKx'));
          const answered = await Promise.race([hears200(socket), once(socket, 'close').then(() => false)]);
          return [answered, isClosed];
        } finally {
          socket.destroy();
        }
      });
    });
    test(`tcp_script_mode ${mode}: a connection ${mode === 0 ? 'ends' : 'goes on'} after a script that ends with a negative code`, async () => {
      const tcpPort = await freePort();
      const globals = `tcp_script_mode=${mode}\nlisten=tcp:127.0.0.1:${tcpPort}`;
      await alike(script(globals, 'sl_send_reply("200", "OK"); return -1;'), async () => {
        const socket = createConnection(tcpPort, '127.0.0.1');
        try {
          socket.on('error', () => {});
          const closed = once(socket, 'close').then(() => false);
          const options = request('OPTIONS', 'sip:bob@127.0.0.1', { transport: 'TCP' });
          socket.write(options);
          const first = await hears200(socket);
          // Whether it has been closed shows when the next one is answered, or not.
          socket.write(options.replace('z9hG4bK', 'z9hG4bKx'));
          return [first, await Promise.race([hears200(socket), closed])];
        } finally {
          socket.destroy();
        }
      });
    });
  }
});

const sockets: Socket[] = [];

/** The next message that comes to the listener: on a new connection, or on the one that is there. */
async function heardOf(listener: Server, known: number): Promise<string> {
  if (known === 0) {
    const [socket] = (await once(listener, 'connection')) as [Socket];
    sockets.push(socket);
  }
  const [data] = (await once(sockets[0] as Socket, 'data')) as [Buffer];
  return data.toString('latin1');
}

async function hears200(socket: Socket): Promise<boolean> {
  for (let text = ''; ; ) {
    const [data] = (await once(socket, 'data')) as [Buffer];
    text += data.toString('latin1');
    if (text.includes('SIP/2.0 200 ')) return true;
  }
}
