import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, type TestContext, test } from 'node:test';
import { KAMAILIO_MODULES, Kamailio } from '../support/kamailio.ts';
import { skipWithout } from '../support/peers.ts';
import { SippCaller, sippCallee } from '../support/sipp.ts';
import { BIN_FOLDER, freePort, StrowgerProcess } from '../support/strowger-process.ts';

const CERTIFICATES = join(import.meta.dirname, '../../core/transport/testdata');
const folder = mkdtempSync(join(tmpdir(), 'strowger-sipp-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A load balancer as Kamailio's users write it; a destination that does not answer for a second is left out. */
const BALANCER = `
auto_aliases=no
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "dispatcher.so"
modparam("tm", "fr_timer", 1000)
# One that is killed between ringing and answering is given up, too.
modparam("tm", "fr_inv_timer", 1500)
modparam("dispatcher", "list_file", "LIST")
modparam("dispatcher", "flags", 2)
request_route {
  if (!mf_process_maxfwd_header("10")) {
    sl_send_reply("483", "Too Many Hops");
    exit;
  }
  if (is_method("OPTIONS") && $rU == "ping") {
    sl_send_reply("200", "OK");
    exit;
  }
  if (has_totag()) {
    if (loose_route()) t_relay();
    else if (!is_method("ACK")) sl_send_reply("404", "Not here");
    exit;
  }
  if (is_method("CANCEL")) {
    if (t_check_trans()) t_relay();
    exit;
  }
  if (is_method("INVITE")) record_route();
  if (!ds_select_dst("1", "4")) {
    sl_send_reply("503", "No destination");
    exit;
  }
  t_on_failure("NEXT");
  t_relay();
}
failure_route[NEXT] {
  if (t_is_canceled()) exit;
  if (t_check_status("5[0-9][0-9]|408")) {
    ds_mark_dst("ip");
    if (ds_next_dst()) {
      t_on_failure("NEXT");
      t_relay();
    }
  }
}
`;

interface Balancer {
  readonly server: StrowgerProcess;
  /** By protocol. */
  readonly ports: Readonly<Record<'udp' | 'tcp' | 'tls', number>>;
}

/** Starts the balancer over these destinations, on one port each for UDP, TCP and, where asked for, TLS. */
async function balancer(t: TestContext, destinations: readonly string[], globals = ''): Promise<Balancer> {
  const ports = { udp: await freePort(), tcp: await freePort(), tls: await freePort() };
  const list = join(folder, `${ports.udp}.list`);
  writeFileSync(list, destinations.map((uri) => `1 ${uri}\n`).join(''));
  const script = join(folder, `${ports.udp}.cfg`);
  writeFileSync(script, globals + BALANCER.replace('LIST', list));
  const args = ['-f', script, '-E', '-Y', join(folder, `run${ports.udp}`)];
  for (const [proto, port] of Object.entries(ports))
    if (proto !== 'tls' || globals !== '') args.push('-l', `${proto}:127.0.0.1:${port}`);
  const server = new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), args);
  t.after(() => server.stop());
  await server.says('is ready');
  return { server, ports };
}

async function callees(t: TestContext, transport: 'u1' | 't1', count: number) {
  const started = [];
  for (let i = 0; i < count; i++) {
    const callee = await sippCallee(transport);
    t.after(() => callee.sipp.stop('SIGKILL'));
    started.push(callee);
  }
  return started;
}

suite('sipp calls through the load balancer', { skip: skipWithout('sipp') }, () => {
  for (const [name, transport, param] of [
    ['UDP', 'u1', ''],
    ['TCP', 't1', ';transport=tcp'],
  ] as const) {
    test(name, { timeout: 60_000 }, async (t) => {
      const destinations = await callees(t, transport, 2);
      const { server, ports } = await balancer(
        t,
        destinations.map(({ port }) => `sip:127.0.0.1:${port}${param}`),
      );
      const port = transport === 'u1' ? ports.udp : ports.tcp;
      const caller = await SippCaller.start({ port, transport, count: 300, rate: 100, folder });
      const end = await caller.end();
      assert.deepEqual([end.successful, end.failed], [300, 0], `${caller.errors}\n${server.stderr}`);
    });
  }

  test('UDP to TCP: callers of one kind, callees of the other', { timeout: 60_000 }, async (t) => {
    const [callee] = await callees(t, 't1', 1);
    const { server, ports } = await balancer(t, [`sip:127.0.0.1:${callee?.port};transport=tcp`]);
    const caller = await SippCaller.start({ port: ports.udp, count: 200, rate: 100, folder });
    const end = await caller.end();
    assert.deepEqual([end.successful, end.failed], [200, 0], `${caller.errors}\n${server.stderr}`);
  });

  test('one of two destinations is killed in mid-run: none is lost after the first timeout', {
    timeout: 90_000,
  }, async (t) => {
    const [first, second] = await callees(t, 'u1', 2);
    assert.ok(first !== undefined && second !== undefined);
    const { server, ports } = await balancer(
      t,
      [first, second].map(({ port }) => `sip:127.0.0.1:${port}`),
    );
    const rate = 50;
    const caller = await SippCaller.start({ port: ports.udp, count: 10 * rate, rate, folder });
    while ((caller.history.at(-1)?.successful ?? 0) < 2 * rate) await tick();
    await second.sipp.stop('SIGKILL');
    const killed = caller.history.at(-1);
    assert.ok(killed !== undefined);
    const end = await caller.end();
    const { history } = caller;
    t.diagnostic(`${end.successful} calls, ${end.failed} failed, killed after ${killed.atS} s`);
    assert.equal(killed.failed, 0);
    assert.equal(end.successful + end.failed, 10 * rate);
    // What is lost are calls whose dialog was with the one killed: set up, and not yet ended by a BYE.
    assert.ok(end.failed <= rate / 5, `${end.failed} calls failed:\n${caller.errors}`);
    // A BYE waits a second for its answer, statistics come once a second.
    const settled = history.find((row) => row.atS >= killed.atS + 4);
    assert.ok(settled !== undefined && settled.started < 10 * rate, 'the run ended too soon to tell');
    assert.equal(end.failed, settled.failed, `calls were lost later:\n${caller.errors}\n${server.stderr}`);
  });
});

/** A moment, while other processes work. */
function tick(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, 50));
}

suite('TLS between kamailio and the load balancer, sipp on both ends', {
  skip: skipWithout('sipp', 'kamailio'),
}, () => {
  test('calls come in over TLS and go out over TLS', { timeout: 60_000 }, async (t) => {
    const [callee] = await callees(t, 'u1', 1);
    const edgePort = await freePort();
    const pems = `modparam("tls", "certificate", "${CERTIFICATES}/server.pem")
modparam("tls", "private_key", "${CERTIFICATES}/server-key.pem")
`;
    const { server, ports } = await balancer(
      t,
      [`sip:127.0.0.1:${edgePort};transport=tls`],
      `enable_tls=yes\nloadmodule "tls.so"\n${pems}`,
    );
    const edge = await Kamailio.start(`enable_tls=yes
listen=tls:127.0.0.1:${edgePort}
tcp_children=1
mpath="${KAMAILIO_MODULES}"
loadmodule "tls.so"
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "siputils.so"
${pems}modparam("tls", "tls_method", "TLSv1.2+")
request_route {
  if (method == "OPTIONS") { sl_send_reply("200", "OK"); exit; }
  if (has_totag()) { loose_route(); t_relay(); exit; }
  record_route();
  if (proto == TLS) $du = "sip:127.0.0.1:${callee?.port}";
  else $du = "sip:127.0.0.1:${ports.tls};transport=tls";
  t_relay();
}
`);
    t.after(() => edge.stop());
    const caller = await SippCaller.start({ port: edge.port, count: 200, rate: 50, folder });
    const end = await caller.end();
    assert.deepEqual([end.successful, end.failed], [200, 0], `${caller.errors}\n${server.stderr}\n${edge.log}`);
  });
});

suite('sipsak', { skip: skipWithout('sipsak') }, () => {
  const ask = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await new StrowgerProcess('sipsak', args).end();
    assert.equal(code, 0, stdout + stderr);
    return stdout;
  };

  test('OPTIONS over UDP and TCP', { timeout: 30_000 }, async (t) => {
    const { ports } = await balancer(t, ['sip:127.0.0.1:9']);
    // sipsak ends with 0 only when the answer was a 200.
    assert.match(await ask('-vv', '-s', `sip:ping@127.0.0.1:${ports.udp}`), /SIP\/2\.0 200 OK/);
    assert.match(await ask('-vv', '-E', 'tcp', '-s', `sip:ping@127.0.0.1:${ports.tcp}`), /SIP\/2\.0 200 OK/);
  });
});
