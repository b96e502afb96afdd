import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import {
  authParam,
  challengeOf,
  type DigestAnswer,
  digestAnswer,
  ownRequest,
} from '../../test/support/digest-client.ts';
import type { RequestOptions, TestMsg } from '../../test/support/msg.ts';
import { SipWorld } from '../../test/support/sip-world.ts';

/** The user of the Request-URI says what is done; X-F are flags, X-R a realm. */
const ROUTES = `
request_route {
  if ($rU == "ch") { www_challenge("$hdr(X-R)", "$(hdr(X-F){s.int})"); $var(r) = $rc; if ($var(r) < 0 && $hdr(X-F) == "4") send_reply("299", "rc $var(r)"); exit; }
  if ($rU == "pch") { proxy_challenge("$hdr(X-R)", "$(hdr(X-F){s.int})"); exit; }
  if ($rU == "ach") { auth_challenge("$hdr(X-R)", "$(hdr(X-F){s.int})"); exit; }
  if ($rU == "get") { auth_get_www_authenticate("$hdr(X-R)", "$(hdr(X-F){s.int})", "$var(h)"); append_to_reply("X-Rc: $rc\\r\\n$var(h)"); send_reply("200", "OK"); exit; }
  if ($rU == "chs") { www_challenge("$hdr(X-R)", "1", "SHA-256,MD5"); exit; }
  if ($rU == "crlf") { $avp(r) = "a\\r\\nX-Evil: 1\\r\\n\\"b"; www_challenge("$avp(r)", "0"); exit; }
  if ($rU == "alg") { auth_algorithm("$hdr(X-A)"); $var(a) = $rc; pv_www_authenticate("$hdr(X-R)", "$hdr(X-P)", "2"); $var(r) = $rc; append_to_reply("X-A: $var(a)\\r\\n"); }
  if ($rU == "has") { has_credentials("$hdr(X-R)"); $var(r) = $rc; }
  if ($rU == "www") { pv_www_authenticate("$hdr(X-R)", "$hdr(X-P)", "$(hdr(X-F){s.int})"); $var(r) = $rc; }
  if ($rU == "wwwm") { pv_www_authenticate("$hdr(X-R)", "$hdr(X-P)", "0", "$hdr(X-M)"); $var(r) = $rc; }
  if ($rU == "px") { pv_proxy_authenticate("$hdr(X-R)", "$hdr(X-P)", "0"); $var(r) = $rc; }
  if ($rU == "chk") { pv_auth_check("$hdr(X-R)", "$hdr(X-P)", "0", "$(hdr(X-F){s.int})"); $var(r) = $rc; }
  if ($rU == "eat") { pv_www_authenticate("$hdr(X-R)", "$hdr(X-P)", "0"); consume_credentials(); $var(r) = $rc; msg_apply_changes(); }
  is_user("alice");
  $var(u) = $rc;
  append_to_reply("X-Rc: $var(r)\\r\\nX-User: $var(u) au=$au Au=$Au AU=$AU\\r\\nX-Left: [$hdr(Authorization)]\\r\\nX-Avp: [$avp(digest_challenge)]\\r\\n");
  send_reply("200", "OK");
}`;

const REALM = 'example.com';

/** Says what `alice` asks and what comes back. */
class AuthWorld {
  readonly world: SipWorld;
  private constructor(world: SipWorld) {
    this.world = world;
  }

  static async start(params = ''): Promise<AuthWorld> {
    const text = `loadmodule "textopsx.so"\nloadmodule "auth.so"\n${params}\n`;
    return new AuthWorld(await SipWorld.start(ROUTES, { params: text }));
  }

  /** `what`: the user of the Request-URI. */
  async asks(
    what: string,
    headers: Readonly<Record<string, string | string[]>> = {},
    options: RequestOptions & { readonly method?: string; readonly user?: string } = {},
  ): Promise<TestMsg> {
    const { alice } = this.world;
    alice.sends(
      ownRequest(options.method ?? 'REGISTER', `sip:${what}@10.0.0.1`, options.user ?? `alice@${REALM}`, {
        sentBy: '10.0.1.1:5060',
        ...options,
        headers: { 'X-R': REALM, 'X-P': 'pw', 'X-F': '0', ...headers },
      }),
    );
    return await alice.receives((msg) => msg.status >= 200);
  }

  async challenge(flags = 0, options: RequestOptions = {}): Promise<string> {
    return challengeOf(await this.asks('ch', { 'X-F': String(flags) }, options));
  }

  /** Result of pv_www_authenticate for an answer to a challenge. */
  async result(challenge: string, changes: Partial<DigestAnswer> = {}, options: RequestOptions = {}): Promise<number> {
    const value = answer(challenge, changes);
    return Number((await this.asks('www', { Authorization: value }, options)).get('X-Rc'));
  }
}

function answer(challenge: string, changes: Partial<DigestAnswer> = {}): string {
  return digestAnswer(challenge, {
    user: 'alice',
    password: 'pw',
    method: 'REGISTER',
    uri: 'sip:example.com',
    ...changes,
  });
}

suite('auth with its defaults', () => {
  let w: AuthWorld;
  before(async () => void (w = await AuthWorld.start()));
  after(() => w.world.stop());

  test('challenges', async () => {
    const shape = async (what: string, flags: number, method = 'REGISTER'): Promise<string> => {
      const reply = await w.asks(what, { 'X-F': String(flags) }, { method });
      const row = reply.headers.find(([name]) => name.endsWith('-Authenticate'));
      return `${reply.status} ${row?.[0]}: ${row?.[1].replace(/nonce="[^"]+"/, 'nonce="N"')}`;
    };
    const base = 'Digest realm="example.com", nonce="N"';
    assert.equal(await shape('ch', 0), `401 WWW-Authenticate: ${base}`);
    assert.equal(await shape('ch', 1), `401 WWW-Authenticate: ${base}, qop="auth"`);
    assert.equal(await shape('ch', 3), `401 WWW-Authenticate: ${base}, qop="auth-int"`);
    assert.equal(await shape('ch', 17), `401 WWW-Authenticate: ${base}, qop="auth", stale=true`);
    assert.equal(await shape('pch', 1), `407 Proxy-Authenticate: ${base}, qop="auth"`);
    assert.equal(await shape('ach', 0), `401 WWW-Authenticate: ${base}`);
    assert.equal(await shape('ach', 0, 'OPTIONS'), `407 Proxy-Authenticate: ${base}`);
    assert.equal(await shape('get', 2), `200 WWW-Authenticate: ${base}, qop="auth-int"`);
    assert.equal(authParam(await w.challenge(), 'nonce').length, 32);
  });

  test('without a realm there is no challenge: 500, or nothing with flag 4', async () => {
    assert.equal((await w.asks('ch', { 'X-R': '' })).status, 500);
    assert.equal((await w.asks('ch', { 'X-R': '', 'X-F': '4' })).status, 299);
  });

  test('a realm can not break out of its quotes', async () => {
    const evil = 'x", nonce="mine", y="\\';
    const challenge = challengeOf(await w.asks('ch', { 'X-R': evil }));
    assert.match(challenge, /^Digest realm="x\\", nonce=\\"mine\\", y=\\"\\\\", nonce="[^"]+"$/);
    const nonce = /nonce="([^"\\]+)"$/.exec(challenge)?.[1] ?? '';
    const reply = await w.asks('www', { 'X-R': evil, Authorization: answer(challenge, { nonce }) });
    assert.equal(reply.get('X-Rc'), '1');
  });

  test('a line end in a realm makes no header', async () => {
    const reply = await w.asks('crlf');
    assert.equal(reply.has('X-Evil'), false);
    assert.match(challengeOf(reply), /^Digest realm="a X-Evil: 1 \\"b", nonce="[^"]+"$/);
  });

  test('right and wrong responses, with and without qop', async () => {
    for (const flags of [0, 1, 2]) {
      const challenge = await w.challenge(flags);
      assert.equal(await w.result(challenge), 1);
      assert.equal(await w.result(challenge, { password: 'px' }), -2);
      assert.equal(await w.result(challenge, { method: 'INVITE' }), -2);
      assert.equal(await w.result(challenge, { user: 'alice@example.com' }), 1);
    }
    const challenge = await w.challenge(2);
    const body = 'hello';
    const changed = await w.asks('www', { Authorization: answer(challenge, { body }) }, { body: 'hellO' });
    assert.equal(changed.get('X-Rc'), '-2');
    const whole = await w.asks('www', { Authorization: answer(challenge, { body }) }, { body });
    assert.equal(whole.get('X-Rc'), '1');
    assert.equal(await w.result(challenge, { algorithm: 'MD5-sess' }), 1);
  });

  test('credentials that are not there, not whole, or for another realm', async () => {
    const challenge = await w.challenge();
    const rcOf = async (value: string): Promise<number> =>
      Number((await w.asks('www', { Authorization: value })).get('X-Rc'));
    assert.equal(Number((await w.asks('www')).get('X-Rc')), -5);
    assert.equal(await w.result(challenge, { realm: 'other.com' }), -5);
    assert.equal(await w.result(challenge, { realm: 'EXAMPLE.com' }), -2);
    for (const value of ['Basic YWJj', 'garbage', 'Digest username="alice"'])
      assert.equal(await rcOf(value), -5, value);
    for (const value of ['Digest realm="x", =', 'Digest realm="example.com", realm="example.com"'])
      assert.equal(await rcOf(value), -1, value);
    for (const name of ['username', 'nonce', 'uri', 'response'])
      assert.equal(await rcOf(answer(challenge).replace(new RegExp(`${name}="[^"]*"`), `${name}=""`)), -1, name);
    assert.equal(await rcOf(`${answer(challenge)}, qop=auth`), -1);
    assert.equal(await w.result(challenge, { response: 'aabb' }), -1);
    assert.equal(await w.result(challenge, { algorithm: 'SHA-256' }), 1, 'a longer one than was asked for');
  });

  test('a password that is empty or not set lets nobody in', async () => {
    const challenge = await w.challenge();
    const reply = await w.asks('www', { 'X-P': '', Authorization: answer(challenge, { password: '' }) });
    assert.equal(reply.get('X-Rc'), '-1');
  });

  test('flag 1 takes the password as HA1', async () => {
    const ha1 = 'a'.repeat(32);
    const value = answer(await w.challenge(), { ha1 });
    assert.equal((await w.asks('www', { 'X-F': '1', 'X-P': ha1, Authorization: value })).get('X-Rc'), '1');
    const short = answer(await w.challenge(), { ha1: 'pw' });
    assert.equal((await w.asks('www', { 'X-F': '1', 'X-P': 'pw', Authorization: short })).get('X-Rc'), '-2');
  });

  test('flags 2, 4 and 8 leave a challenge in an AVP when the check fails', async () => {
    const avp = async (flags: number): Promise<string> =>
      (await w.asks('www', { 'X-F': String(flags) })).get('X-Avp').replace(/nonce="[^"]+"/, 'N');
    assert.equal(await avp(0), '[<null>]');
    const base = '[WWW-Authenticate: Digest realm="example.com", N';
    assert.equal(await avp(2), base);
    assert.equal(await avp(6), `${base}, qop="auth"`);
    assert.equal(await avp(12), `${base}, qop="auth-int"`);
    assert.equal(await avp(18), `${base}, stale=true`);
  });

  test('the method may be another one', async () => {
    const value = answer(await w.challenge(), { method: 'INVITE' });
    assert.equal((await w.asks('wwwm', { 'X-M': 'INVITE', Authorization: value })).get('X-Rc'), '1');
    assert.equal((await w.asks('wwwm', { 'X-M': 'BYE', Authorization: value })).get('X-Rc'), '-2');
  });

  test('nonces of others, and changed ones, are refused', async () => {
    const challenge = await w.challenge();
    const nonce = authParam(challenge, 'nonce');
    const forged = [
      'abcdef',
      `${nonce}AAAA`,
      nonce.slice(0, -1),
      nonce.slice(0, -2) + (nonce.endsWith('AA') ? 'BB' : 'AA'),
      nonce.toUpperCase(),
      nonce.replace(/^.{8}/, 'zzzzzzzz'),
      (Number.parseInt(nonce.slice(0, 8), 16) - 1).toString(16).padStart(8, '0') + nonce.slice(8),
      `${nonce.slice(0, 8)}${'\u0000'.repeat(24)}`,
    ];
    for (const each of forged) assert.equal(await w.result(challenge, { nonce: each }), -1, each);
  });

  test('a nonce expires, and the next challenge says so', async () => {
    const challenge = await w.challenge();
    await w.world.passes(300_000);
    assert.equal(await w.result(challenge), 1);
    await w.world.passes(2000);
    assert.equal(await w.result(challenge), -4);
    assert.equal(await w.result(challenge, { password: 'px' }), -4);
    const reply = await w.asks('www', { 'X-F': '4', Authorization: answer(challenge) });
    assert.match(reply.get('X-Avp'), /stale=true/);
  });

  test('pv_auth_check compares the user with From and To', async () => {
    const challenge = await w.challenge();
    const rc = async (method: string, from: string, to: string, what = 'chk', checks = '1'): Promise<number> => {
      const name = method === 'REGISTER' ? 'Authorization' : 'Proxy-Authorization';
      const headers = { 'X-F': checks, [name]: answer(challenge, { method }) };
      const options = { method, from: `<sip:${from}>`, to: `<sip:${to}>` };
      return Number((await w.asks(what, headers, options)).get('X-Rc'));
    };
    const [alice, bob, away] = ['alice@example.com', 'bob@example.com', 'alice@other.com'];
    assert.equal(await rc('REGISTER', alice, alice), 1);
    assert.equal(await rc('REGISTER', alice, bob), -8);
    assert.equal(await rc('REGISTER', bob, alice), -8);
    assert.equal(await rc('REGISTER', bob, bob), -8);
    assert.equal(await rc('REGISTER', alice, away), 1);
    assert.equal(await rc('OPTIONS', alice, bob), 1);
    assert.equal(await rc('OPTIONS', bob, alice), -8);
    assert.equal(await rc('PUBLISH', alice, alice), -8, 'the Request-URI is another user’s');
    assert.equal(await rc('REGISTER', bob, bob, 'chk', '0'), 1);
  });

  test('credentials of a realm are found in either header', async () => {
    const challenge = await w.challenge();
    const has = async (realm: string, header: string, value: string | string[]): Promise<string> =>
      (await w.asks('has', { 'X-R': realm, [header]: value })).get('X-Rc');
    const mine = answer(challenge);
    assert.equal(await has('Example.COM', 'Authorization', mine), '1');
    assert.equal(await has('example.com', 'Proxy-Authorization', mine), '1');
    assert.equal(await has('other.com', 'Authorization', mine), '-1');
    assert.equal(await has('', 'Authorization', mine), '-1');
    const both = [answer(challenge, { realm: 'other.com' }), mine];
    assert.equal(await has('example.com', 'Authorization', both), '1');
    assert.equal((await w.asks('www', { Authorization: both })).get('X-Rc'), '1');
  });

  test('consumed credentials are gone, those of other realms are not', async () => {
    const challenge = await w.challenge();
    const other = answer(challenge, { realm: 'other.com' });
    const reply = await w.asks('eat', { Authorization: [other, answer(challenge)] });
    assert.equal(reply.get('X-Rc'), '1');
    assert.equal(reply.get('X-Left'), `[${other}]`);
    assert.equal((await w.asks('eat')).get('X-Rc'), '-1');
  });

  test('only who has been verified is a user; other credentials do not speak for him', async () => {
    const challenge = await w.challenge();
    const user = async (headers: Readonly<Record<string, string>>, from?: string): Promise<string> =>
      (await w.asks('www', headers, from === undefined ? {} : { user: from })).get('X-User');
    const right = answer(challenge);
    assert.equal(await user({ Authorization: right }), '1 au=alice Au=alice@example.com AU=alice');
    const wrong = answer(challenge, { password: 'px' });
    assert.match(await user({ Authorization: wrong }, 'eve@example.com'), /^-1 au=alice Au=eve@example.com AU=eve$/);
    const domain = answer(challenge, { user: 'alice@sub.com' });
    assert.equal(await user({ Authorization: domain }), '1 au=alice Au=alice@sub.com AU=alice');
    const eve = answer(challenge, { user: 'eve' });
    const stolen = await user({ Authorization: eve, 'Proxy-Authorization': right });
    assert.match(stolen, /^-1 au=eve Au=eve@example.com AU=eve$/);
  });

  test('ACK, CANCEL and PRACK are never challenged', async () => {
    assert.equal((await w.asks('www', {}, { method: 'PRACK' })).get('X-Rc'), '1');
  });
});

suite('auth with parameters', () => {
  /** A world for one test. */
  async function withParams(
    params: Readonly<Record<string, string | number>>,
    use: (w: AuthWorld) => Promise<void>,
  ): Promise<void> {
    const lines = Object.entries(params).map(
      ([name, value]) => `modparam("auth", "${name}", ${typeof value === 'number' ? value : `"${value}"`})`,
    );
    const w = await AuthWorld.start(lines.join('\n'));
    try {
      await use(w);
    } finally {
      await w.world.stop();
    }
  }

  test('algorithm: each one, and several at once (RFC 8760)', async () => {
    for (const algorithm of ['MD5', 'SHA-256', 'SHA-512-256'])
      await withParams({ algorithm }, async (w) => {
        const challenge = await w.challenge(1);
        assert.match(challenge, new RegExp(`, qop="auth", algorithm=${algorithm}$`));
        assert.equal(await w.result(challenge), 1);
        assert.equal(await w.result(challenge, { algorithm: `${algorithm}-sess` }), 1);
        assert.equal(await w.result(challenge, { password: 'px' }), -2);
      });
    await withParams({ algorithm: 'SHA-512-256, MD5' }, async (w) => {
      const reply = await w.asks('ch');
      const [strong = '', weak = ''] = reply.all('WWW-Authenticate');
      assert.match(strong, /algorithm=SHA-512-256$/);
      assert.match(weak, /algorithm=MD5$/);
      assert.equal(await w.result(strong), 1);
      assert.equal(await w.result(weak), 1);
      assert.equal(await w.result(weak, { algorithm: 'SHA-256' }), -1);
    });
    await assert.rejects(withParams({ algorithm: 'SHA-1' }, () => Promise.resolve()));
  });

  test('algorithms that a challenge or the script names', async () => {
    await withParams({}, async (w) => {
      const [strong = '', weak = ''] = (await w.asks('chs')).all('WWW-Authenticate');
      assert.match(strong, /qop="auth", algorithm=SHA-256$/);
      assert.match(weak, /qop="auth", algorithm=MD5$/);
      for (const challenge of [strong, weak]) assert.equal(await w.result(challenge), 1);
      const alg = async (name: string, challenge = ''): Promise<string> => {
        const credentials: Record<string, string> = challenge === '' ? {} : { Authorization: answer(challenge) };
        const reply = await w.asks('alg', { 'X-A': name, ...credentials });
        return `${reply.get('X-A')} ${reply.get('X-Rc')} ${authParam(reply.get('X-Avp'), 'algorithm')}`;
      };
      assert.equal(await alg('SHA-512-256'), '1 -5 SHA-512-256');
      assert.equal(await alg('SHA-256', strong), '1 1 ');
      assert.equal(await alg('SHA-256', weak), '1 -1 SHA-256', 'no way back to a weaker one');
      assert.equal(await alg('nonsense'), '-1 -5 ');
    });
    await withParams({ algorithm: 'SHA-256' }, async (w) => {
      const challenge = await w.challenge();
      assert.equal(await w.result(challenge, { algorithm: 'MD5' }), -1);
    });
  });

  test('flag 32 keeps the count of a nonce for another try', async () => {
    await withParams({ nonce_count: 1 }, async (w) => {
      const challenge = await w.challenge(1);
      const rc = async (password: string): Promise<string> =>
        (await w.asks('www', { 'X-F': '32', Authorization: answer(challenge, { password }) })).get('X-Rc');
      assert.equal(await rc('wrong'), '-2');
      assert.equal(await rc('pw'), '1');
      assert.equal(await rc('pw'), '-4');
    });
  });

  test('auth_checks_*: a nonce is bound to what they name', async () => {
    const params = { auth_checks_register: 15, auth_checks_no_dlg: 2 };
    await withParams(params, async (w) => {
      const first = { callId: 'A', fromTag: 'ft' };
      const challenge = challengeOf(await w.asks('www', { 'X-F': '2' }, first)) || (await w.challenge(0, first));
      // The Request-URI counts too: the challenge must be of the same.
      assert.equal(await w.result(challenge, {}, first), -4);
      const avp = (await w.asks('www', { 'X-F': '2' }, first)).get('X-Avp');
      assert.equal(await w.result(avp, {}, first), 1);
      assert.equal(await w.result(avp, {}, { ...first, callId: 'B' }), -4);
      assert.equal(await w.result(avp, {}, { ...first, fromTag: 'x' }), -4);
      const mixed = authParam(avp, 'nonce').slice(0, 32) + authParam(challenge, 'nonce').slice(32);
      assert.equal(await w.result(avp, { nonce: mixed }, { ...first, callId: 'B' }), -4);
      assert.equal(await w.result(avp, { nonce: authParam(avp, 'nonce').slice(0, 32) }, first), -4);
      const options = digestAnswer(avp, { user: 'alice', password: 'pw', method: 'MESSAGE', uri: 'sip:example.com' });
      const other = { ...first, method: 'MESSAGE', toTag: 'in-dialog' };
      assert.equal((await w.asks('www', { Authorization: options }, other)).get('X-Rc'), '1', 'no check there');
    });
  });

  test('nonce_count: a count can not be used again', async () => {
    await withParams({ nonce_count: 1, qop: 'auth' }, async (w) => {
      const challenge = await w.challenge();
      assert.match(challenge, /qop="auth"$/);
      const rc = (nc: string, more: Partial<DigestAnswer> = {}): Promise<number> =>
        w.result(challenge, { nc, ...more });
      assert.equal(await rc('00000001'), 1);
      assert.equal(await rc('00000001'), -4);
      assert.equal(await rc('00000003'), 1);
      assert.equal(await rc('00000002'), -4);
      assert.equal(await rc('000000ff'), 1);
      assert.equal(await rc('00000100'), -4);
      assert.equal(await rc('0000000x'), -1);
      assert.equal(await rc('1'), -1);
      const other = await w.challenge();
      assert.notEqual(authParam(other, 'nonce'), authParam(challenge, 'nonce'));
      assert.equal(await w.result(other, { nc: '00000005' }), 1);
      // Without qop there is no count that the response covers.
      const bare = answer(other, { qop: '' });
      assert.equal((await w.asks('www', { Authorization: `${bare}, nc=00000001` })).get('X-Rc'), '1');
    });
  });

  test('one_time_nonce: a nonce can not be used again, whatever came of it', async () => {
    await withParams({ one_time_nonce: 1, add_authinfo_hdr: 1 }, async (w) => {
      const challenge = await w.challenge();
      const reply = await w.asks('www', { Authorization: answer(challenge) });
      assert.equal(reply.get('X-Rc'), '1');
      assert.equal(await w.result(challenge), -6);
      const next = authParam(` ${reply.get('Authentication-Info')}`, 'nextnonce');
      assert.notEqual(next, authParam(challenge, 'nonce'));
      assert.equal(await w.result(challenge, { nonce: next }), 1);
      const guessed = await w.challenge();
      assert.equal(await w.result(guessed, { password: 'px' }), -2);
      assert.equal(await w.result(guessed), -6);
    });
    await withParams({ one_time_nonce: 1, nonce_count: 1 }, async (w) => {
      const challenge = await w.challenge(1);
      assert.equal(await w.result(challenge, { nc: '00000001' }), 1);
      assert.equal(await w.result(challenge, { nc: '00000002' }), 1);
      assert.equal(await w.result(challenge, { qop: '' }), 1);
      assert.equal(await w.result(challenge, { qop: '' }), -6);
    });
    await withParams({ one_time_nonce: 1, otn_in_flight_order: 5 }, async (w) => {
      const challenge = await w.challenge();
      for (let i = 0; i < 33; i++) await w.challenge();
      assert.equal(await w.result(challenge), -4);
    });
  });

  test('add_authinfo_hdr proves that the server knows the password (RFC 7615)', async () => {
    await withParams({ add_authinfo_hdr: 1 }, async (w) => {
      const challenge = await w.challenge(1);
      const info = (await w.asks('www', { Authorization: answer(challenge, { cnonce: 'a"b' }) })).get(
        'Authentication-Info',
      );
      const nonce = authParam(challenge, 'nonce');
      const proof = authParam(
        digestAnswer(challenge, { user: 'alice', password: 'pw', method: '', uri: 'sip:example.com', cnonce: 'a"b' }),
        'response',
      );
      assert.equal(info, `nextnonce="${nonce}", qop=auth, rspauth="${proof}", cnonce="a\\"b", nc=00000001`);
      assert.equal(
        (await w.asks('www', { Authorization: answer(challenge, { password: 'x' }) })).get('Authentication-Info'),
        '',
      );
    });
  });

  test('headers, AVP, realm prefix, domains', async () => {
    const params = {
      www_challenge_header: 'WWW-Auth',
      proxy_challenge_header: 'Proxy-Auth',
      challenge_attr: '$avp(s:digest_challenge)',
      realm_prefix: 'sip.',
      use_domain: 1,
    };
    await withParams(params, async (w) => {
      const reply = await w.asks('ch', { 'X-R': 'sip.example.com' });
      assert.match(reply.get('WWW-Auth'), /^Digest realm="example.com"/);
      assert.equal((await w.asks('pch')).has('Proxy-Auth'), true);
      const value = answer(reply.get('WWW-Auth'));
      assert.equal((await w.asks('www', { 'X-R': 'sip.example.com', Authorization: value })).get('X-Rc'), '1');
      assert.match((await w.asks('www', { 'X-F': '2' })).get('X-Avp'), /^\[WWW-Auth: /);
      const away = { from: '<sip:alice@example.com>', to: '<sip:alice@other.com>' };
      assert.equal((await w.asks('chk', { 'X-F': '1', Authorization: value }, away)).get('X-Rc'), '-8');
    });
  });

  test('two servers with one secret take each other’s nonces, others do not', async () => {
    const params = { secret: 'a secret that both of them know' };
    await withParams(params, async (one) => {
      await withParams(params, async (two) => assert.equal(await two.result(await one.challenge()), 1));
      await withParams({ secret: 'another' }, async (two) => assert.equal(await two.result(await one.challenge()), -1));
    });
  });
});
