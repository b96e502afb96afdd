import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { withTmWorld } from '../../test/support/sip-world.ts';
import { parseAppend } from './external.ts';

test('tw_append names headers, AVPs and the body', () => {
  const parsed = parseAppend('test: ua=hdr[User-Agent] ;avp[i:10];hdr[CSeq];msg[body]');
  assert.ok(typeof parsed !== 'string');
  assert.equal(parsed[0], 'test');
  assert.deepEqual(
    parsed[1].map(({ label }) => label),
    ['ua', '10', 'CSeq'],
  );
  const wrong = (text: string, why: RegExp): void => {
    const error = parseAppend(text);
    assert.ok(typeof error === 'string');
    assert.match(error, why);
  };
  wrong('hdr[X]', /does not begin with a name/);
  wrong('a: msg[cseq]', /not supported/);
  wrong('a: User-Agent', /none of/);
});

suite('t_write_req', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'strowger-fifo-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  test('writes what Kamailio 5.6.3 was seen to write', async () => {
    const path = join(folder, 'fifo');
    execFileSync('mkfifo', [path]);
    const fifo = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const script = `request_route {
  if (!t_write_req("${path}", "x.do")) $avp(i:10) = "early"; // no transaction yet
  t_newtran(); $ru = "sip:new@host"; append_hf("Z: z\\r\\n");
  if (!t_write_req("${folder}/none", "x.do")) $avp(s:n) = "none";
  if (t_write_req("${path}", "x.do/test")) t_reply("404", "Written");
}`;
    await withTmWorld(
      script,
      async (world) => {
        const invite = world.alice.request('INVITE', 'sip:bob@example.org;x=y', {
          from: '"A" <sip:a@example.org>',
          fromTag: 'f1',
          to: '<sip:bob@example.org>',
          contact: '<sip:a@192.0.2.1:99>',
          headers: {
            'Record-Route': '<sip:r1;lr>, "R" <sip:r2;lr>',
            'User-Agent': 'ua1',
          },
          callId: 'c1@x',
          body: 'line\n',
          contentType: 'text/plain',
        });
        world.alice.sends(invite);
        await world.alice.receives(404);
      },
      { params: 'modparam("tm", "tw_append", "test: ua=hdr[user-agent];avp[i:10];avp[s:n];hdr[None];hdr[CSeq]")' },
    );
    const bytes = Buffer.alloc(4096);
    const text = bytes.toString('latin1', 0, readSync(fifo, bytes));
    closeSync(fifo);
    const lines = text.split('\n');
    assert.match(lines.splice(15, 1)[0] ?? '', /^\d+:\d+$/);
    assert.deepEqual(lines, [
      '0.3',
      'sip_request.x.do',
      'INVITE',
      'new',
      'host',
      '10.0.0.1',
      '5060',
      'sip:bob@example.org;x=y',
      'sip:a@192.0.2.1:99',
      '"A" <sip:a@example.org>',
      '<sip:bob@example.org>',
      'c1@x',
      'f1',
      '',
      '1',
      '<sip:r1;lr>,<sip:r2;lr>',
      'sip:r1;lr',
      'P-MsgFlags: 00',
      'ua: ua1',
      '10: early',
      'n: none',
      'CSeq: 1 INVITE',
      '.',
      'line',
      '',
      '',
    ]);
  });

  test('an append that is not defined is an error of the script', async () => {
    const starting = withTmWorld('request_route { t_write_unix("/none", "x/nope"); }', async () => {});
    await assert.rejects(starting, /does not define "nope"/);
  });
});
