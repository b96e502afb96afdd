import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScriptBench } from '../../test/support/script-bench.ts';
import { MSG_FLAG } from '../parser/msg-flag.ts';
import { CORE_COMMANDS } from './core-commands.ts';

test('every core function of the core cookbook is there', () => {
  const names = `forward forward_udp forward_tcp forward_tls forward_sctp log error exec force_rport add_rport
    add_local_rport force_tcp_alias add_tcp_alias udp_mtu_try_proto setflag resetflag isflagset setavpflag resetavpflag
    isavpflagset rewritehost sethost seth rewritehostport sethostport sethp rewritehostporttrans sethostporttrans sethpt
    rewriteuser setuser setu rewriteuserpass setuserpass setup rewriteport setport setp rewriteuri seturi revert_uri prefix
    strip strip_tail userphone remove_branch clear_branches set_advertised_address set_advertised_port force_send_socket
    set_forward_no_connect set_reply_no_connect set_forward_close set_reply_close cfg_select cfg_reset`.split(/\s+/);
  assert.deepEqual(Object.keys(CORE_COMMANDS).sort(), names.sort());
});

test('settings of the message are flags on it', () => {
  const bench = new ScriptBench();
  const { run } = bench.start(
    'request_route { force_rport(); add_local_rport; set_forward_close(); udp_mtu_try_proto(TLS); udp_mtu_try_proto(TCP); set_advertised_address(a.example.org); set_advertised_port(5080); }',
  );
  const expected = MSG_FLAG.FORCE_RPORT | MSG_FLAG.ADD_LOCAL_RPORT | MSG_FLAG.FORWARD_CLOSE | MSG_FLAG.MTU_TCP;
  assert.equal(run.msg.msgFlags, expected);
  assert.equal(run.msg.setGlobalAddress, 'a.example.org');
  assert.equal(run.msg.setGlobalPort, 5080);
});

test('in an onsend_route only what Kamailio has there', () => {
  const bench = new ScriptBench();
  const errors = (call: string): string[] =>
    bench.check(`onsend_route { ${call}; }\nrequest_route { ; }`).map((line) => line.split(' ').slice(1).join(' '));
  const refused = `route(A)|forward()|forward_tcp(10.0.0.1)|setuser("a")|strip(1)|revert_uri()|userphone()|exec("a")
    |error("a", "b")|clear_branches()|remove_branch(1)|force_rport()|add_local_rport()|force_tcp_alias()
    |set_advertised_address("a")|set_advertised_port(5)|udp_mtu_try_proto(TCP)`.split(/\s*\|/);
  for (const call of refused) assert.ok(errors(call).includes('error misplaced-command'), call);
  for (const call of ['drop', 'log("a")', 'setflag(1)', 'set_forward_close()', 'set_reply_no_connect()'])
    assert.deepEqual(errors(call), [], call);
});

test('literal arguments are checked when the script is', () => {
  const bench = new ScriptBench();
  const errors = (call: string): string[] =>
    bench.check(`request_route { ${call}; }`).map((line) => line.split(' ').slice(1).join(' '));
  for (const call of [
    'setport("99999")',
    'udp_mtu_try_proto(FOO)',
    'forward("a b")',
    'forward(10.0.0.1, 99999)',
    'set_advertised_port(0)',
    'strip(-1)',
  ])
    assert.deepEqual(errors(call), ['error wrong-arguments'], call);
  for (const call of [
    'forward()',
    'forward(10.0.0.1)',
    'forward(uri:host, uri:port)',
    'forward("[::1]", 5060)',
    'forward_tcp(a.example.org, 5060)',
  ])
    assert.deepEqual(errors(call), [], call);
});

test('log levels are kept in range, and $rc is left alone', async () => {
  const bench = new ScriptBench();
  assert.equal(
    await bench.prints('request_route { plain(7); log(9, "deep\n"); log("x"); error("a", "b"); print("$rc"); }'),
    '7',
  );
  assert.deepEqual(bench.log.lines, ['3 deep', '3 x', '1 error("a", "b")']);
});

test('exec waits for the program', async () => {
  const bench = new ScriptBench();
  const { result } = bench.start('request_route { exec("exit 3"); print("done"); }');
  assert.ok(result instanceof Promise);
  assert.equal(await result, 0);
  assert.deepEqual(bench.printed, ['done']);
  assert.match(bench.log.lines.join(), /ended with 3/);
});
