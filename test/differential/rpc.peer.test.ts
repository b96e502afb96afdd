import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Kamailio } from '../support/kamailio.ts';
import { kamcmd } from '../support/kamcmd.ts';
import { skipWithout } from '../support/peers.ts';
import { BIN_FOLDER, freePort, StrowgerProcess } from '../support/strowger-process.ts';

/** The same script on both servers; the same commands to both, in order; the same text from kamcmd. */
const folder = mkdtempSync(join(tmpdir(), 'strowger-rpc-'));
const socketOf = { ours: join(folder, 'ours'), theirs: join(folder, 'theirs') };
const jsonPort = { ours: 0, theirs: 0 };
let kamailio: Kamailio | null = null;
let strowger: StrowgerProcess | null = null;

const script = (side: 'ours' | 'theirs'): string => `
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "ctl.so"
loadmodule "cfg_rpc.so"
loadmodule "counters.so"
loadmodule "kex.so"
loadmodule "corex.so"
loadmodule "cfgutils.so"
loadmodule "statistics.so"
loadmodule "jsonrpcs.so"
loadmodule "tm.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "dispatcher.so"
modparam("dispatcher", "ds_ping_latency_stats", 1)
modparam("dispatcher", "list_file", "${join(folder, 'dispatcher.list')}")
modparam("ctl", "binrpc", "unix:${socketOf[side]}")
modparam("jsonrpcs", "transport", 4)
modparam("jsonrpcs", "dgram_socket", "udp:127.0.0.1:${jsonPort[side]}")
modparam("counters", "script_counter", "sc1")
modparam("counters", "script_counter", "gg.sc2 a doc")
modparam("statistics", "variable", "mystat")
my.grp = 5 desc "a number"
my.str = "abc" desc "a string"
inst.a = 1
inst[3].a = 9
alias="a.example.org"
request_route { sl_send_reply("200", "OK"); }
`;

const skip = skipWithout('kamailio', 'kamcmd');

before(async () => {
  if (skip !== false) return;
  writeFileSync(
    join(folder, 'dispatcher.list'),
    '2 sip:127.0.0.1:9;transport=tcp 8 5 duid=a\n2 sip:127.0.0.1:10 0 0\n',
  );
  jsonPort.ours = await freePort();
  jsonPort.theirs = await freePort();
  kamailio = await Kamailio.start(script('theirs'));
  const file = join(folder, 'x.cfg');
  writeFileSync(file, script('ours'));
  const listen = `udp:127.0.0.1:${await freePort()}`;
  strowger = new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), [
    '-f',
    file,
    '-E',
    '-Y',
    join(folder, 'run'),
    '-l',
    listen,
  ]);
  await strowger.says('is ready');
});
after(async () => {
  await strowger?.stop();
  await kamailio?.stop();
  rmSync(folder, { recursive: true });
});

function asks(side: 'ours' | 'theirs', command: string): Promise<string> {
  return kamcmd(`unix:${socketOf[side]}`, ...command.split(' '));
}

const COMMANDS = `
cfg.get
cfg.get core nono
cfg.get nono
cfg.get nono x
cfg.get my
cfg.get my grp
cfg.get my str
cfg.get my[1] grp
cfg.get inst
cfg.get inst[3]
cfg.get inst a
cfg.set_now_int my grp 6
cfg.set_now_int my str 6
cfg.set_now_string my grp abc
cfg.set_now_string my str xyz
cfg.get my
cfg.set core debug 1
cfg.set core debug s:abc
cfg.set my str 5
cfg.get my str
cfg.set_now_int core udp_mtu_try_proto 9
cfg.set_now_int core dns_cache_rec_pref 9
cfg.set_now_int core nono 9
cfg.set_now_int nono debug 9
cfg.set_delayed_int core debug 0
cfg.set_delayed_string my str later
cfg.set_delayed my grp 44
cfg.diff
cfg.commit
cfg.diff
cfg.get my
cfg.set_delayed_int core debug 0
cfg.rollback
cfg.diff
cfg.help core nono
cfg.help my grp
cfg.help my str
cfg.help inst a
cfg.help core
cfg.list my
cfg.list nono
cfg.add_group_inst my
cfg.add_group_inst my[4]
cfg.add_group_inst my[4]
cfg.add_group_inst nono[4]
cfg.get my[4]
cfg.set_now_int my[4] grp 77
cfg.set_delayed_int my[4] grp 78
cfg.set_delayed_string my[4] str q
cfg.diff
cfg.commit
cfg.get my[4]
cfg.set_now_int my grp 100
cfg.del my[4] grp
cfg.get my[4] grp
cfg.del my grp
cfg.del my[9] grp
cfg.del_group_inst my[4]
cfg.del_group_inst my[4]
cfg.get my[4]
cfg.add_group_inst my[x]
cfg.set_now_int my grp
cfg.set_now_int tcp rd_buf_size 5
cnt.get script sc1
cnt.get nono x
cnt.list_vars script
cnt.list_vars nono
cnt.get_vars script
cnt.get_vars nono
cnt.help gg sc2
cnt.reset script sc1
cnt.reset core x
stats.fetch core.drop_requests
stats.fetchn drop_requests mystat
stats.fetch
stats.fetch nono
stats.get_statistics drop_requests
stats.reset_statistics
stats.reset_statistics drop_requests
stats.clear_statistics mystat
mod.stats
mod.stats sl
pkg.stats xxx 1
pkg.stats index
pkg.stats pid 1
corex.debug
corex.debug 0
corex.shm_status
corex.pkg_summary
cfgutils.get_gflags
cfgutils.set_gflag 5
cfgutils.is_gflag 5
cfgutils.is_gflag 7
cfgutils.get_gflags
cfgutils.reset_gflag 4
cfgutils.get_gflags
cfgutils.rand_get_prob
cfgutils.rand_set_prob 50
cfgutils.rand_set_prob 500
cfgutils.rand_get_prob
cfgutils.rand_reset_prob
cfgutils.check_config_hash
`
  .trim()
  .split('\n');

test('kamcmd prints the same for both, command after command', { skip }, async () => {
  const different: string[] = [];
  for (const command of COMMANDS) {
    const [ours, theirs] = [await asks('ours', command), await asks('theirs', command)];
    if (ours !== theirs) different.push(`${command}\nkamailio: ${theirs}strowger: ${ours}`);
  }
  assert.deepEqual(different, []);
});

/** Only shapes: values are the servers' own. */
const SHAPES = ['corex.list_sockets', 'corex.list_aliases', 'shm.info', 'shm.stats', 'pkg.info', 'core.aliases_list'];

test('where values differ, the names are the same', { skip }, async () => {
  const names = (text: string): string[] => [...new Set(text.match(/^\t*[\w .()-]+(?=: )/gm))];
  for (const command of SHAPES) {
    assert.deepEqual(names(await asks('ours', command)), names(await asks('theirs', command)), command);
  }
});

test('every variable of the tcp group can be read', { skip }, async () => {
  const names = (text: string): string[] => text.match(/\w+(?=: )/g) ?? [];
  const ours = new Set(names(await asks('ours', 'cfg.get tcp')));
  assert.deepEqual(
    names(await asks('theirs', 'cfg.get tcp')).filter((name) => !ours.has(name)),
    [],
  );
});

async function json(side: 'ours' | 'theirs', document: string): Promise<string> {
  const socket = createSocket('udp4');
  try {
    return await new Promise<string>((resolve) => {
      const timer = setTimeout(() => resolve('no answer'), 2000);
      socket.on('message', (data) => {
        clearTimeout(timer);
        resolve(data.toString());
      });
      socket.send(document, jsonPort[side], '127.0.0.1');
    });
  } finally {
    socket.close();
  }
}

const DOCUMENTS = [
  '{"jsonrpc":"2.0","method":"core.echo","params":[1,"a"],"id":1}',
  '{"jsonrpc":"2.0","method":"core.echo","params":{"x":1,"y":"b"},"id":"id"}',
  '{"jsonrpc":"2.0","method":"core.prints","params":["one"]}',
  '{"jsonrpc":"2.0","method":"cfg.set_now_int","params":["my","grp",7],"id":1}',
  '{"jsonrpc":"2.0","method":"cfg.get","params":["my","grp"],"id":1}',
  '{"jsonrpc":"2.0","method":"cfg.get","params":["my"],"id":1}',
  '{"jsonrpc":"2.0","method":"cfg.list","params":["nono"],"id":1}',
  '{"jsonrpc":"2.0","method":"cnt.get","params":["script","sc1"],"id":1}',
  '{"jsonrpc":"2.0","method":"cnt.list_vars","params":["script"],"id":1}',
  '{"jsonrpc":"2.0","method":"stats.fetch","params":["script:"],"id":1}',
  '{"jsonrpc":"2.0","method":"stats.get_statistics","params":["mystat"],"id":1}',
  '{"jsonrpc":"2.0","method":"core.tcp_list","id":1}',
  '{"jsonrpc":"2.0","method":"nono","id":7}',
  '{"jsonrpc":"2.0","method":"system.methodHelp","params":["nono"],"id":7}',
  '{"jsonrpc":"2.0","method":"cfgutils.rand_set_prob","params":[500],"id":7}',
];

test('jsonrpcs answers byte for byte alike', { skip }, async () => {
  for (const document of DOCUMENTS)
    assert.equal(await json('ours', document), await json('theirs', document), document);
});

const USRLOC_AND_DISPATCHER = `
ul.dump
ul.add location alice sip:alice@127.0.0.1:9 0 0.5 . 0 0 -1
ul.add location alice sip:alice@127.0.0.1:10 0 0.25 . 0 0 -1
ul.add location bob sip:bob@127.0.0.1:11 0 0.5 <sip:127.0.0.1:7;lr> 0 0 -1
ul.dump
ul.dump brief
ul.lookup location alice
ul.lookup location carol
ul.rm_contact location alice sip:alice@127.0.0.1:9
ul.lookup location alice
dispatcher.list
dispatcher.list short
dispatcher.list full
core.sockets_list
`
  .trim()
  .split('\n');

test('lists of structs have the shapes of Kamailio in JSON', { skip }, async () => {
  const asked = async (side: 'ours' | 'theirs', command: string): Promise<string> => {
    const [method, ...params] = command.split(' ');
    const document = {
      jsonrpc: '2.0',
      method,
      params: params.map((each) => (/^-?[\d.]*\d$/.test(each) ? Number(each) : each)),
    };
    return (
      (await json(side, JSON.stringify({ ...document, id: 1 })))
        .replace(/"(Ruid|port)":\t"[^"]*"/g, '"$1": …')
        .replace(/"(Last-Keepalive|DNSTIME_U?SEC)":\t\d+/g, '"$1": …')
        // What an unsigned number of 32 bits is for kamcmd.
        .replace('"Methods":\t4294967295', '"Methods":\t-1')
    );
  };
  for (const command of USRLOC_AND_DISPATCHER)
    assert.equal(await asked('ours', command), await asked('theirs', command), command);
});
