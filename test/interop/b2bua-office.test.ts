import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, suite, test } from 'node:test';
import type { RequestOptions, TestMsg } from '../support/msg.ts';
import { SoftPhone } from '../support/soft-phone.ts';
import { BIN_FOLDER, freePort, StrowgerProcess } from '../support/strowger-process.ts';

/** What cfg/b2bua.cfg says that it does, as phones and trunks see it. */

const SCRIPT = join(import.meta.dirname, '../../cfg/b2bua.cfg');
const STROWGER = join(BIN_FOLDER, 'strowger.js');
const PASSWORD = 'secret';
const USERS = ['201', '202', '203', '204'] as const;
type User = (typeof USERS)[number];

/** A session description that names who made it. */
function sdp(name: string): RequestOptions {
  const body = `v=0\r\no=x${name} 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n`;
  return { body, headers: { 'Content-Type': 'application/sdp' } };
}

/** One end of a call that is up. */
interface End {
  readonly phone: SoftPhone;
  /** A request in its dialog. */
  says(method: string, headers?: Readonly<Record<string, string>>): void;
}

/** A registrar that wants credentials once. Returns the request that has them. */
async function registers(trunk: SoftPhone): Promise<TestMsg> {
  const asked = await trunk.hears('REGISTER', 15_000);
  trunk.replies(asked, 401, { headers: { 'WWW-Authenticate': 'Digest realm="line", nonce="n1"' } });
  const again = await trunk.hears('REGISTER');
  trunk.replies(again, 200, { headers: { Contact: `${again.get('Contact')};expires=3600` } });
  return again;
}

suite('cfg/b2bua.cfg', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'strowger-office-'));
  const cdrs = join(folder, 'cdrs.json');
  const phones = new Map<User, SoftPhone>();
  /** Peers: their phones answer nothing by themselves. */
  const peers: SoftPhone[] = [];
  let port = 0;
  let server: StrowgerProcess;
  let registration: TestMsg;

  before(async () => {
    port = await freePort();
    // Peers are known by their addresses.
    for (const [at, name] of ['trunk1', 'trunk2', 'voicemail'].entries())
      peers.push(await SoftPhone.open({ name, domain: 'localhost', serverPort: port, ip: `127.0.0.${at + 2}` }));
    const list = join(folder, 'peers.list');
    const line = ({ name, source }: SoftPhone): string =>
      name === 'voicemail'
        ? `name=voicemail;uri=sip:${source};qualify=0\n`
        : `name=${name};group=trunks;uri=sip:${source};qualify=0;limit=1${name === 'trunk2' ? ';register=client;user=office;password=line' : ''}\n`;
    writeFileSync(list, peers.map(line).join(''));
    const defines = {
      LISTEN_PORT: port,
      PEERS: `"${list}"`,
      CDRS: `"${cdrs}"`,
      RING_SECONDS: 1,
      PARK_SECONDS: 2,
      MAX_CALLS: 5,
      MAX_CALLS_OF_USER: 2,
    };
    const options = Object.entries(defines).flatMap(([name, value]) => ['-A', `${name}=${value}`]);
    server = new StrowgerProcess(STROWGER, ['-f', SCRIPT, '-Y', folder, '-E', ...options], { cwd: folder });
    await server.says('is ready');
    registration = await registers(trunk(1));
    for (const name of USERS) {
      const added = await new StrowgerProcess(STROWGER, ['user', 'add', name, PASSWORD, '-f', SCRIPT], {
        cwd: folder,
      }).end();
      assert.equal(added.code, 0, added.stderr);
      const phone = await SoftPhone.open({ name, password: PASSWORD, domain: 'localhost', serverPort: port });
      assert.equal((await phone.registers()).status, 200);
      phones.set(name, phone);
    }
  });
  after(async () => {
    for (const each of [...phones.values(), ...peers]) each.close();
    const { stderr } = await server.stop();
    rmSync(folder, { recursive: true, force: true });
    assert.doesNotMatch(stderr, /ERROR|CRITICAL/);
  });
  afterEach(() => {
    for (const each of [...phones.values(), ...peers]) each.inbox.length = 0;
  });

  const phone = (name: User): SoftPhone => phones.get(name) as SoftPhone;
  const trunk = (at: 0 | 1): SoftPhone => peers[at] as SoftPhone;
  const voicemail = (): SoftPhone => peers[2] as SoftPhone;
  const uri = (number: string): string => `sip:${number}@localhost`;

  const answered = (callee: SoftPhone, invite: TestMsg): End => {
    const reply = callee.replies(invite, 200, sdp(callee.name));
    return {
      phone: callee,
      says: (method, headers = {}) => callee.calleeSends(method, invite, reply, { headers }),
    };
  };

  /** The caller's end once it is answered. */
  async function accepted(caller: SoftPhone): Promise<End & { readonly ok: TestMsg }> {
    const ok = await caller.hears((msg) => msg.status === 200 && msg.cseqMethod === 'INVITE');
    caller.callerSends('ACK', ok, ok.cseqNumber);
    let cseq = ok.cseqNumber;
    return {
      phone: caller,
      ok,
      says: (method, headers = {}) => caller.callerSends(method, ok, ++cseq, { headers }),
    };
  }

  async function talk(caller: SoftPhone, number: string, callee: SoftPhone): Promise<readonly [End, End]> {
    await caller.invites(uri(number), sdp(caller.name));
    const other = answered(callee, await callee.hears('INVITE'));
    const own = await accepted(caller);
    await callee.hears('ACK');
    return [own, other];
  }

  /** One end hangs up, the other is told. */
  async function ends(one: End, other: End): Promise<void> {
    one.says('BYE');
    await one.phone.hears((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
    other.phone.replies(await other.phone.hears('BYE'), 200);
  }

  /** A re-INVITE, accepted. Returns it. */
  async function reinvited({ phone: each }: End): Promise<TestMsg> {
    const invite = await each.hears('INVITE');
    each.replies(invite, 200, sdp(each.name));
    await each.hears('ACK');
    return invite;
  }

  /** The caller's final reply, acknowledged. */
  async function refused(caller: SoftPhone, invite: string): Promise<TestMsg> {
    const final = await caller.hears((msg) => msg.status >= 200 && msg.cseqMethod === 'INVITE');
    caller.acknowledges(invite, final);
    return final;
  }

  test('an extension calls another: only with its password; each side has a dialog of its own', async () => {
    const [alice, bob] = [phone('201'), phone('202')];
    const stranger = await SoftPhone.open({ name: '201', domain: 'localhost', serverPort: port, series: 'x' });
    assert.equal((await stranger.asks('INVITE', uri('202'), sdp('201'))).status, 407);
    stranger.close();
    await alice.invites(uri('202'), sdp('201'));
    const invite = await bob.hears('INVITE');
    assert.equal(invite.get('Proxy-Authorization'), '');
    bob.replies(invite, 180);
    await alice.hears(180);
    const other = answered(bob, invite);
    const own = await accepted(alice);
    assert.notEqual(own.ok.get('Call-ID'), invite.get('Call-ID'));
    assert.match(own.ok.body, /o=x202/);
    assert.match(own.ok.get('Session-Expires'), /^1800/);
    await bob.hears('ACK');
    await ends(own, other);
  });

  test('the hunt group: two ring at once, then the third; who answers first has the call', async () => {
    const [, bob, carol] = [phone('201'), phone('202'), phone('203')];
    const caller = phone('204');
    await caller.invites(uri('600'), sdp('204'));
    for (const each of [phone('201'), bob]) each.replies(await each.hears('INVITE'), 486);
    const other = answered(carol, await carol.hears('INVITE'));
    await ends(await accepted(caller), other);
    await caller.invites(uri('600'), sdp('204'));
    const atFirst = await phone('201').hears('INVITE');
    phone('201').replies(atFirst, 180);
    const atBob = answered(bob, await bob.hears('INVITE'));
    phone('201').replies(await phone('201').hears('CANCEL'), 200);
    phone('201').replies(atFirst, 487);
    await ends(await accepted(caller), atBob);
  });

  for (const [number, what] of [
    ['*8', 'the office'],
    ['*8202', 'one phone'],
  ] as const)
    test(`${number} picks up what rings in ${what}`, async () => {
      const [alice, bob, carol] = [phone('201'), phone('202'), phone('203')];
      await alice.invites(uri('202'), sdp('201'));
      const invite = await bob.hears('INVITE');
      bob.replies(invite, 180);
      await alice.hears(180);
      await carol.invites(uri(number), sdp('203'));
      bob.replies(await bob.hears('CANCEL'), 200);
      bob.replies(invite, 487);
      const [own, other] = [await accepted(alice), await accepted(carol)];
      assert.match(own.ok.body, /o=x203/);
      await ends(other, own);
    });

  test('*8 where nothing rings: 404', async () => {
    const sent = await phone('203').invites(uri('*8'), sdp('203'));
    assert.equal((await refused(phone('203'), sent)).status, 404);
  });

  test('blind transfer: the other side talks to who was named', async () => {
    const carol = phone('203');
    const [own, other] = await talk(phone('201'), '202', phone('202'));
    own.says('REFER', { 'Refer-To': `<${uri('203')}>` });
    await own.phone.hears(202);
    const atCarol = answered(carol, await carol.hears('INVITE'));
    await reinvited(other);
    for (let code = ''; code !== '200'; ) {
      const notify = await own.phone.hears('NOTIFY');
      own.phone.replies(notify, 200);
      code = /^SIP\/2.0 (\d+)/.exec(notify.body)?.[1] ?? '';
    }
    own.phone.replies(await own.phone.hears('BYE'), 200);
    await ends(atCarol, other);
  });

  test('attended transfer: the other sides of two calls talk to each other', async () => {
    const [first, bob] = await talk(phone('201'), '202', phone('202'));
    const [second, carol] = await talk(phone('201'), '203', phone('203'));
    const { ok } = second as End & { readonly ok: TestMsg };
    const tags = [ok.param('To', 'tag'), ok.param('From', 'tag')];
    const replaces = encodeURIComponent(`${ok.get('Call-ID')};to-tag=${tags[0]};from-tag=${tags[1]}`);
    first.says('REFER', { 'Refer-To': `<${uri('203')}?Replaces=${replaces}>` });
    await first.phone.hears(202);
    await Promise.all([reinvited(bob), reinvited(carol)]);
    for (let n = 0; n < 2; n++) first.phone.replies(await first.phone.hears('BYE'), 200);
    await ends(bob, carol);
  });

  test('a call is parked by a transfer to 700, and taken by dialling it', async () => {
    const carol = phone('203');
    const [own, other] = await talk(phone('201'), '202', phone('202'));
    own.says('REFER', { 'Refer-To': `<${uri('700')}>` });
    await own.phone.hears(202);
    own.phone.replies(await own.phone.hears('BYE'), 200);
    assert.match((await reinvited(other)).body, /a=inactive/);
    await carol.invites(uri('700'), sdp('203'));
    const taken = await other.phone.hears('INVITE');
    other.phone.replies(taken, 200, sdp('202'));
    const taker = await accepted(carol);
    await other.phone.hears('ACK');
    await ends(taker, other);
    const sent = await carol.invites(uri('700'), sdp('203'));
    assert.equal((await refused(carol, sent)).status, 404);
  });

  test('no answer, busy, not there: voicemail', async () => {
    const [alice, bob] = [phone('201'), phone('202')];
    const mailbox = async (number: string, reason: string): Promise<void> => {
      const invite = await voicemail().hears('INVITE');
      assert.match(invite.startLine, new RegExp(`^INVITE sip:${number}@`));
      assert.match(invite.get('Diversion'), new RegExp(`${number}.*reason=${reason}`));
      const other = answered(voicemail(), invite);
      await ends(await accepted(alice), other);
    };
    await alice.invites(uri('202'), sdp('201'));
    const invite = await bob.hears('INVITE');
    bob.replies(invite, 180);
    await alice.hears(180);
    bob.replies(await bob.hears('CANCEL'), 200);
    bob.replies(invite, 487);
    await mailbox('202', 'no-answer');
    await alice.invites(uri('202'), sdp('201'));
    bob.replies(await bob.hears('INVITE'), 486);
    await mailbox('202', 'user-busy');
    await alice.invites(uri('299'), sdp('201'));
    await mailbox('299', 'no-answer');
  });

  test('who has as many calls as one may gets 486, until one of them ends', async () => {
    const first = await talk(phone('201'), '202', phone('202'));
    const second = await talk(phone('201'), '203', phone('203'));
    const sent = await phone('201').invites(uri('204'), sdp('201'));
    assert.equal((await refused(phone('201'), sent)).status, 486);
    await ends(...first);
    const third = await talk(phone('201'), '204', phone('204'));
    await ends(...second);
    await ends(...third);
  });

  test('we register at trunk2, with its password; its calls ring in the office', async () => {
    assert.match(registration.get('Authorization'), /username="office"/);
    assert.match(registration.get('To'), /sip:office@127\.0\.0\.3/);
    trunk(1).sends(trunk(1).request('INVITE', uri('204'), sdp('line')));
    const other = answered(phone('204'), await phone('204').hears('INVITE'));
    await ends(await accepted(trunk(1)), other);
  });

  test('outside: trunk1; where that fails trunk2; a number that is busy is called once', async () => {
    const alice = phone('201');
    await ends(...(await talk(alice, '0123456', trunk(0))));
    await alice.invites(uri('0123456'), sdp('201'));
    const atFirst = await trunk(0).hears('INVITE');
    assert.match(atFirst.startLine, /^INVITE sip:123456@/);
    trunk(0).replies(atFirst, 503);
    const other = answered(trunk(1), await trunk(1).hears('INVITE'));
    await ends(await accepted(alice), other);
    const sent = await alice.invites(uri('0123456'), sdp('201'));
    trunk(0).replies(await trunk(0).hears('INVITE'), 486);
    assert.equal((await refused(alice, sent)).status, 486);
  });

  test('a trunk can not call out again, nor transfer', async () => {
    trunk(0).sends(trunk(0).request('INVITE', uri('0999'), sdp('line')));
    const other = answered(phone('201'), await phone('201').hears('INVITE'));
    phone('202').replies(await phone('202').hears('INVITE'), 486);
    const own = await accepted(trunk(0));
    own.says('REFER', { 'Refer-To': `<${uri('0999')}>` });
    await trunk(0).hears(403);
    await ends(own, other);
  });

  test('*97: one’s own mailbox', async () => {
    await phone('202').invites(uri('*97'), sdp('202'));
    const invite = await voicemail().hears('INVITE');
    assert.match(invite.startLine, /^INVITE sip:202@/);
    const other = answered(voicemail(), invite);
    await ends(await accepted(phone('202')), other);
  });

  test('nobody takes a parked call: whoever parked it is called', async () => {
    const [own, other] = await talk(phone('201'), '202', phone('202'));
    own.says('REFER', { 'Refer-To': `<${uri('701')}>` });
    await own.phone.hears(202);
    own.phone.replies(await own.phone.hears('BYE'), 200);
    await reinvited(other);
    const back = answered(own.phone, await own.phone.hears('INVITE'));
    await own.phone.hears('ACK');
    await reinvited(other);
    await ends(back, other);
  });

  test('lines that are taken: the next trunk; where there is none 503, and 486 for the trunk’s own', async () => {
    const first = await talk(phone('201'), '0123456', trunk(0));
    const second = await talk(phone('202'), '0123456', trunk(1));
    const sent = await phone('203').invites(uri('0123456'), sdp('203'));
    assert.equal((await refused(phone('203'), sent)).status, 503);
    const incoming = trunk(0).request('INVITE', uri('204'), sdp('line'));
    trunk(0).sends(incoming);
    assert.equal((await refused(trunk(0), incoming)).status, 486);
    await ends(...first);
    await ends(...second);
  });

  test('a trunk that does not answer is given up for the next one', async () => {
    await phone('201').invites(uri('0123456'), sdp('201'));
    await trunk(0).hears('INVITE');
    const other = answered(trunk(1), await trunk(1).hears('INVITE', 8000));
    await ends(await accepted(phone('201')), other);
  });

  test('as many calls as there may be: one more is refused', async () => {
    const calls: (readonly [End, End])[] = [];
    for (const [from, to] of [
      ['201', '202'],
      ['201', '203'],
      ['202', '203'],
      ['202', '201'],
      ['203', '201'],
    ] as const)
      calls.push(await talk(phone(from), to, phone(to)));
    assert.equal((await phone('204').asks('INVITE', uri('203'), sdp('204'))).status, 480);
    for (const call of calls) await ends(...call);
    await ends(...(await talk(phone('204'), '203', phone('203'))));
  });

  test('who guesses passwords, or asks too often, is not listened to any more', async () => {
    const guesser = await SoftPhone.open({
      name: '201',
      password: 'guess',
      domain: 'localhost',
      serverPort: port,
      series: 'g',
      ip: '127.0.0.9',
    });
    for (let i = 0; i < 9; i++) assert.equal((await guesser.registers()).status, 401);
    for (let i = 0; i < 40; i++) guesser.sends(guesser.request('OPTIONS', uri('201')));
    await server.says('127.0.0.9 is banned');
    guesser.inbox.length = 0;
    guesser.sends(guesser.request('OPTIONS', uri('201')));
    assert.ok(await guesser.hearsNothing(300));
    guesser.close();
  });

  test('CDRs: a line for each call', async () => {
    const [own, other] = await talk(phone('204'), '203', phone('203'));
    await ends(own, other);
    const { ok } = own as End & { readonly ok: TestMsg };
    const deadline = performance.now() + 5000;
    const lines = (): { readonly caller: string; readonly status: number; readonly cause: string }[] =>
      existsSync(cdrs)
        ? readFileSync(cdrs, 'latin1')
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line))
        : [];
    const isWritten = (): boolean => readFileSync(cdrs, 'latin1').includes(ok.get('Call-ID'));
    while (!isWritten() && performance.now() < deadline) await phone('204').asks('OPTIONS', uri('204'));
    assert.ok(isWritten());
    const last = lines().at(-1);
    assert.match(last?.caller ?? '', /sip:204@localhost/);
    assert.equal(last?.status, 200);
  });
});
