import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Kamailio, UdpPeer } from '../support/kamailio.ts';
import { skipWithout } from '../support/peers.ts';
import { BIN_FOLDER, freePort, StrowgerProcess } from '../support/strowger-process.ts';

/** Commands of kex, corex and cfgutils, each with what is shown after it beside its code. */
const STEPS: readonly (readonly [call: string, shown?: string])[] = [
  ['setsflag("1")'],
  ['issflagset("1")'],
  ['issflagset(2)'],
  ['resetsflag("1")'],
  ['issflagset("1")'],
  ['setsflag("40")'],
  ['setbflag("3")', '$bf'],
  ['setbflag("3","1")'],
  ['isbflagset("3","1")'],
  ['setbflag("35")'],
  ['append_branch("sip:b@127.0.0.1")', '$branch(count)'],
  ['setbflag("3","1")'],
  ['isbflagset("3","1")'],
  ['resetbflag("3","1")'],
  ['isbflagset("3","1")'],
  ['append_branch("sip:c@127.0.0.1","0.5")', '$(branch(uri)[1]) $(branch(q)[1])'],
  ['append_branch()', '$branch(count) $(branch(uri)[2])'],
  ['append_branch("sip:x@127.0.0.1","junk")', '$branch(count)'],
  ['setdsturi("sip:127.0.0.1:99")', '$du'],
  ['isdsturiset()'],
  ['resetdsturi()', '$du'],
  ['isdsturiset()'],
  ['pv_printf("$var(z)","x $rm y")', '$var(z)'],
  ['is_myself("sip:a@127.0.0.1:PORT")'],
  ['is_myself("127.0.0.1")'],
  ['is_myself("sip:x@a.example.org")'],
  ['is_myself("sip:x@deep.below.example.net")'],
  ['is_myself("sip:x@example.net:9")'],
  ['is_myself("sip:x@badexample.net")'],
  ['is_myself("192.0.2.9")'],
  ['is_myself("sip:127.0.0.1:5")'],
  ['is_myself("127.0.0.1:PORT")'],
  ['is_myself("udp:127.0.0.1:PORT")'],
  ['is_myself("a.example.org")'],
  ['setxflag("40")'],
  ['isxflagset("40")'],
  ['isxflagset("41")'],
  ['resetxflag("40")'],
  ['isxflagset("40")'],
  ['setxflag("64")'],
  ['msg_iflag_set("UAC_AUTH")'],
  ['msg_iflag_is_set("UAC_AUTH")'],
  ['msg_iflag_is_set("USE_UAC_TO")'],
  ['msg_iflag_reset("UAC_AUTH")'],
  ['file_write("FILE","data $rm")'],
  ['file_read("FILE","$var(z)")', '$var(z)'],
  ['file_read("FILE.none","$var(z)")'],
  ['set_send_socket("udp:127.0.0.1:PORT")', '$fs'],
  ['set_send_socket("udp:127.0.0.1:1")', '$fs'],
  ['set_send_socket_name("nono")', '$fs'],
  ['set_recv_socket("udp:127.0.0.1:PORT")', '$Ri $Rp'],
  ['set_recv_socket("udp:9.9.9.9:1")'],
  ['set_source_address("udp:1.2.3.4:5080")', '$si $sp'],
  ['is_faked_msg()'],
  ['is_socket_name("x")'],
  ['is_incoming()'],
  ['rand_set_prob("50")'],
  ['rand_get_prob()'],
  ['rand_reset_prob()'],
  ['rand_get_prob()'],
  ['set_gflag("4")'],
  ['is_gflag("4")'],
  ['reset_gflag("4")'],
  ['is_gflag("4")'],
  ['lock("abc")'],
  ['trylock("abc")'],
  ['unlock("abc")'],
  ['trylock("abc")'],
  ['unlock("abc")'],
  ['core_hash("abc","",4)'],
  ['core_hash("abc","def",10)'],
  ['core_hash("1-23@x","",0)'],
  ['core_hash("12345678","90",12)'],
  ['core_hash("$rm","$ru",8)'],
  ['check_route_exists("FOO")'],
  ['check_route_exists("NO")'],
  ['route_if_exists("FOO")'],
  ['route_if_exists("NO")'],
  ['setdebug("1")'],
  ['resetdebug()'],
  ['usleep("10")'],
  ['via_add_srvid("1")'],
  ['pkg_summary()'],
  ['shm_status()'],
  ['send_data("junk","abc")'],
  [
    'core_hash("a","",1)',
    '$cfg(route) $(var(s){sock.host}) $(var(s){sock.port}) $(var(s){sock.proto}) $(var(s){sock.touri})',
  ],
  ['core_hash("b","",1)', '$(var(h){sock.host}) [$(var(h){sock.port})] [$(var(h){sock.proto})] $(var(h){sock.touri})'],
];

const folder = mkdtempSync(join(tmpdir(), 'strowger-near-core-'));
let kamailio: Kamailio | null = null;
let strowger: StrowgerProcess | null = null;
let ourPort = 0;

const script = (): string => `
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "sl.so"
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "cfgutils.so"
modparam("cfgutils", "lock_set_size", 2)
modparam("corex", "alias_subdomains", "example.net")
server_id=7
alias="a.example.org"
request_route {
  if ($rU != "steps") { sl_send_reply("200", "OK"); exit; }
  sl_send_reply("200", "OK");
  $var(s) = "udp:127.0.0.1:5060";
  $var(h) = "127.0.0.1";
  $var(p) = $Rp;
${STEPS.map(([call, shown = ''], i) => `  $var(r) = ${withPort(call)}; xlog("L_ERR", "T|${i}|$var(r)|${shown}|\\n");`).join('\n')}
  xlog("L_ERR", "T|end|\\n");
}
route[FOO] { return 5; }
`;

/** The port is known at run time only; a constant argument can not hold it, so the text goes through a variable. */
function withPort(call: string): string {
  return call.replace('PORT', '$var(p)').replace('FILE', join(folder, 'data'));
}

const skip = skipWithout('kamailio');

before(async () => {
  if (skip !== false) return;
  kamailio = await Kamailio.start(script());
  const file = join(folder, 'x.cfg');
  writeFileSync(file, script());
  ourPort = await freePort();
  const args = ['-f', file, '-E', '-Y', join(folder, 'run'), '-l', `udp:127.0.0.1:${ourPort}`];
  strowger = new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), args);
  await strowger.says('is ready');
});
after(async () => {
  await strowger?.stop();
  await kamailio?.stop();
  rmSync(folder, { recursive: true });
});

async function run(port: number, log: () => string): Promise<string[]> {
  const peer = await UdpPeer.open();
  peer.send(
    [
      'OPTIONS sip:steps@127.0.0.1 SIP/2.0',
      `Via: SIP/2.0/UDP 127.0.0.1:${peer.port};branch=z9hG4bKsteps`,
      'Max-Forwards: 70',
      'From: <sip:a@example.org>;tag=1',
      'To: <sip:steps@127.0.0.1>',
      'Call-ID: steps',
      'CSeq: 1 OPTIONS',
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n'),
    port,
  );
  assert.match((await peer.next(5000)) ?? '', /^SIP\/2\.0 200/);
  peer.close();
  const end = performance.now() + 5000;
  while (!log().includes('T|end|') && performance.now() < end) {
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
  return (log().match(/T\|\d+\|.*/g) ?? []).map((line) => line.replaceAll(String(port), 'PORT'));
}

test('commands of kex, corex and cfgutils give the codes and have the effects they have in kamailio', {
  skip,
}, async () => {
  const theirs = await run(kamailio?.port ?? 0, () => kamailio?.log ?? '');
  const ours = await run(ourPort, () => strowger?.stderr ?? '');
  assert.equal(theirs.length, STEPS.length);
  const named = (lines: readonly string[]): string[] => lines.map((line, i) => `${STEPS[i]?.[0]} → ${line}`);
  assert.deepEqual(named(ours), named(theirs));
});
