import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startServer } from '../../core/start.ts';
import { scriptOptions } from '../support/both-servers.ts';
import { request, UdpPeer } from '../support/index.ts';

const SCRIPT = `
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "htable.so"
modparam("htable", "htable", "a=>size=4;")
event_route[core:worker-one-init] { $shv(order) = $shv(order) + "3"; }
event_route[htable:mod-init] { $shv(order) = $shv(order) + "2"; }
event_route[core:modinit-before] { $shv(order) = "1"; }
request_route { sl_send_reply("200", "$shv(order)"); }
`;

test('events of a start: core:modinit-before, those of modules, core:worker-one-init', async () => {
  const peer = await UdpPeer.open();
  const started = await startServer(scriptOptions(SCRIPT));
  try {
    const options = request('OPTIONS', 'sip:a@example.org', { sentBy: `127.0.0.1:${peer.port}` });
    peer.send(options, started.server.transport.sockets[0]?.port ?? 0);
    assert.match((await peer.next(3000)) ?? '', /^SIP\/2\.0 200 123\r\n/);
  } finally {
    await started.stop(0);
    peer.close();
  }
});
