import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import type { TestHeaders, TestMsg } from '../support/msg.ts';
import type { SoftPhone } from '../support/soft-phone.ts';
import { DOMAIN, type Scenario } from './default-script-pair.ts';
import type { Stage } from './default-script-stage.ts';

/** One behaviour of the default script, and the traffic that shows it. */
export interface DefaultCase {
  readonly name: string;
  /** Played where all of these switches are on … */
  readonly needs: readonly string[];
  /** … and none of these. */
  readonly without?: readonly string[];
  readonly play: Scenario;
}

/** The second domain, with WITH_MULTIDOMAIN. */
const OTHER_DOMAIN = 'second.example.org';
/** An address that needs no password, with WITH_IPAUTH. */
const TRUSTED_IP = '127.0.0.30';

/** Accounts of the phones, whose passwords are `NAME-secret`, and what else the cases find in the database. */
export const ROWS = ['alice', 'bob', 'carol']
  .flatMap((name) => [DOMAIN, OTHER_DOMAIN].map((domain) => `('${name}', '${domain}', '${name}-secret')`))
  .map((values) => `INSERT INTO subscriber (username, domain, password) VALUES ${values};`)
  .concat([
    `INSERT INTO address (grp, ip_addr, mask, port, tag) VALUES (1, '${TRUSTED_IP}', 32, 0, 'office');`,
    `INSERT INTO dbaliases (alias_username, alias_domain, username, domain) VALUES ('robert', '${DOMAIN}', 'bob', '${DOMAIN}'), ('far', '${DOMAIN}', 'bob', 'far.example.net');`,
    `INSERT INTO speed_dial (username, domain, sd_username, sd_domain, new_uri) VALUES ('alice', '${DOMAIN}', '11', '${DOMAIN}', 'sip:bob@${DOMAIN}');`,
    `INSERT INTO domain (domain, did) VALUES ('${DOMAIN}', '${DOMAIN}'), ('${OTHER_DOMAIN}', '${OTHER_DOMAIN}');`,
  ])
  .join('\n');

const at = (user: string, domain = DOMAIN): string => `sip:${user}@${domain}`;

async function registered(stage: Stage, ...names: string[]): Promise<SoftPhone[]> {
  const phones: SoftPhone[] = [];
  for (const name of names) {
    const phone = await stage.phone(name);
    await phone.registers();
    phones.push(phone);
  }
  return phones;
}

/** Two phones, both registered. */
async function pair(stage: Stage): Promise<readonly [SoftPhone, SoftPhone]> {
  const [alice, bob] = await registered(stage, 'alice', 'bob');
  return [alice as SoftPhone, bob as SoftPhone];
}

interface CallOptions {
  readonly uri?: string;
  readonly body?: string;
  readonly answer?: string;
  readonly ending?: 'caller' | 'callee';
}

/** From the INVITE to the end of BYE. */
async function call(caller: SoftPhone, callee: SoftPhone, options: CallOptions = {}): Promise<void> {
  const { uri = callee.aor, body = '', answer = '', ending = 'callee' } = options;
  await caller.invites(uri, { body });
  const invite = await callee.hears('INVITE');
  callee.replies(invite, 180);
  await caller.hears(180);
  const reply = callee.replies(invite, 200, { body: answer });
  const accepted = await caller.hears(200);
  caller.callerSends('ACK', accepted, accepted.cseqNumber);
  await callee.hears('ACK');
  if (ending === 'callee') {
    callee.calleeSends('BYE', invite, reply);
    caller.replies(await caller.hears('BYE'), 200);
    await callee.hears(200);
  } else {
    caller.callerSends('BYE', accepted, accepted.cseqNumber + 1);
    callee.replies(await callee.hears('BYE'), 200);
    await caller.hears(200);
  }
}

/** The callee answers the INVITE with a refusal; what the caller hears then. */
async function refused(
  caller: SoftPhone,
  callee: SoftPhone,
  status: number,
  headers: TestHeaders = {},
): Promise<TestMsg> {
  const invite = await caller.invites(callee.aor);
  callee.replies(await callee.hears('INVITE'), status, { headers });
  await callee.hears('ACK');
  const final = await caller.hears((msg) => msg.status >= 200);
  caller.acknowledges(invite, final);
  return final;
}

const sdp = (ip: string): string =>
  `v=0\r\no=- 1 1 IN IP4 ${ip}\r\ns=-\r\nc=IN IP4 ${ip}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n`;

/** A call through NAT: what the phones believe to be is not where they are. */
async function natCall(stage: Stage): Promise<void> {
  const [inside, other] = ['192.168.7.7', '10.3.3.3'];
  const alice = await stage.phone('alice', { ip: '127.0.0.21', inside: `${inside}:5060` });
  const bob = await stage.phone('bob', { ip: '127.0.0.22', inside: `${other}:5062` });
  await alice.registers();
  await bob.registers();
  await call(alice, bob, { body: sdp(inside), answer: sdp(other) });
  await call(bob, alice, { body: sdp(other), answer: sdp(inside), ending: 'caller' });
}

const REFUSAL_HEADERS: Readonly<Record<number, TestHeaders>> = {
  302: { Contact: '<sip:carol@127.0.0.1:9>' },
  401: { 'WWW-Authenticate': 'Digest realm="x", nonce="y"' },
  407: { 'Proxy-Authenticate': 'Digest realm="x", nonce="y"' },
};

const SENT_TO: Readonly<Record<string, string>> = {
  'a request to a foreign domain is not relayed': 'sip:bob@far.example.net',
  'a user who is not registered': at('dave'),
  'a request without a user': `sip:${DOMAIN}`,
};

const BASIC: readonly DefaultCase[] = [
  {
    name: 'a phone registers, asks what is registered, and leaves',
    needs: [],
    async play(stage) {
      const alice = await stage.phone('alice');
      await alice.registers(300);
      await alice.registers(200, { contact: `<${alice.contact}>;q=0.5` });
      await alice.registers(600, { contact: '' });
      await alice.registers(0);
      await alice.registers(600, { contact: '' });
    },
  },
  {
    name: 'several contacts, one with its own expiry, one with q; all end with a star',
    needs: [],
    async play(stage) {
      const alice = await stage.phone('alice');
      const further = `<sip:alice@127.0.0.1:9>;expires=7200, <sip:alice@127.0.0.1:10>;q=0.3`;
      await alice.registers(600, { contact: `<${alice.contact}>, ${further}` });
      await alice.registers(0, { contact: '*' });
      await alice.registers(600, { contact: '' });
    },
  },
  {
    name: 'a call between registered phones, ended by the callee',
    needs: [],
    async play(stage) {
      await call(...(await pair(stage)), { body: sdp('127.0.0.1'), answer: sdp('127.0.0.1') });
    },
  },
  {
    name: 'a call ended by the caller',
    needs: [],
    async play(stage) {
      await call(...(await pair(stage)), { ending: 'caller' });
    },
  },
  ...(['tcp', 'udp'] as const).map(
    (transport): DefaultCase => ({
      name: `a call from TCP to ${transport}`,
      needs: [],
      async play(stage) {
        const alice = await stage.phone('alice', { transport: 'tcp' });
        const bob = await stage.phone('bob', { transport });
        await alice.registers();
        await bob.registers();
        await call(alice, bob);
      },
    }),
  ),
  {
    name: 'a call that is cancelled',
    needs: [],
    async play(stage) {
      const [alice, bob] = await pair(stage);
      const invite = await alice.invites(bob.aor);
      const heard = await bob.hears('INVITE');
      bob.replies(heard, 180);
      await alice.hears(180);
      alice.cancels(invite);
      await alice.hears((msg) => msg.cseqMethod === 'CANCEL');
      bob.replies(await bob.hears('CANCEL'), 200);
      bob.replies(heard, 487);
      await bob.hears('ACK');
      alice.acknowledges(invite, await alice.hears(487));
    },
  },
  {
    name: 'a call to two contacts: the one that does not answer is cancelled',
    needs: [],
    async play(stage) {
      const [alice, bob] = await pair(stage);
      const desk = await stage.phone('bob');
      await desk.registers();
      await alice.invites(bob.aor);
      const [first, second] = [await bob.hears('INVITE'), await desk.hears('INVITE')];
      bob.replies(first, 180);
      await alice.hears(180);
      desk.replies(second, 200);
      const accepted = await alice.hears(200);
      bob.replies(await bob.hears('CANCEL'), 200);
      bob.replies(first, 487);
      await bob.hears('ACK');
      alice.callerSends('ACK', accepted, accepted.cseqNumber);
      await desk.hears('ACK');
    },
  },
  ...[486, 302, 407, 503, 603].map(
    (status): DefaultCase => ({
      name: `a call refused with ${status}`,
      needs: [],
      ...(status === 486 ? { without: ['WITH_VOICEMAIL'] } : {}),
      async play(stage) {
        await refused(...(await pair(stage)), status, REFUSAL_HEADERS[status]);
      },
    }),
  ),
  ...Object.entries(SENT_TO).flatMap(([name, uri]) =>
    ['INVITE', 'MESSAGE', 'PUBLISH', 'SUBSCRIBE'].map(
      (method): DefaultCase => ({
        name: `${name}: ${method}`,
        needs: [],
        without: ['WITH_PRESENCE'],
        async play(stage) {
          const alice = await stage.phone('alice');
          await alice.asks(method, uri, { headers: { Event: 'presence' } });
        },
      }),
    ),
  ),
  {
    name: 'a MESSAGE to a registered phone, and one that its phone does not allow',
    needs: [],
    async play(stage) {
      const [alice, bob] = await pair(stage);
      const answering = alice.asks('MESSAGE', bob.aor, { body: 'hello', contentType: 'text/plain' });
      bob.replies(await bob.hears('MESSAGE'), 200, { contact: '' });
      await answering;
      await bob.registers(600, { headers: { Allow: 'INVITE, ACK, BYE, CANCEL' } });
      await alice.asks('MESSAGE', bob.aor, { body: 'hello', contentType: 'text/plain' });
    },
  },
  {
    name: 'what is answered, refused or passed over at once',
    needs: [],
    async play(stage) {
      const alice = await stage.phone('alice');
      await alice.asks('OPTIONS', `sip:127.0.0.1:${stage.server.port}`);
      await alice.asks('OPTIONS', `sip:127.0.0.1:${stage.server.port}`, { maxForwards: 0 });
      await alice.asks('INVITE', at('bob'), { maxForwards: 0 });
      alice.sends(alice.request('MESSAGE', at('bob'), { headers: { CSeq: '1 INFO' } }));
      await alice.hears(400);
      await alice.asks('INFO', at('bob'), { toTag: 'gone' });
      await alice.asks('SUBSCRIBE', at('alice'), { headers: { Event: 'message-summary' } });
      alice.sends(alice.request('INVITE', at('bob'), { headers: { 'User-Agent': 'friendly-scanner' } }));
      alice.sends(alice.request('ACK', at('bob'), { toTag: 'gone' }));
      await alice.asks('OPTIONS', `sip:127.0.0.1:${stage.server.port}`);
    },
  },
  {
    name: 'preloaded Route headers are taken off',
    needs: [],
    async play(stage) {
      const [alice, bob] = await pair(stage);
      const route = [`<sip:127.0.0.1:${stage.server.port};lr>`, '<sip:127.0.0.1:9;lr>'];
      const answering = alice.asks('MESSAGE', bob.aor, { route });
      bob.replies(await bob.hears('MESSAGE'), 200, { contact: '' });
      await answering;
    },
  },
];

const WITH_SWITCHES: readonly DefaultCase[] = [
  {
    name: 'no registration with a wrong password, or of an unknown user',
    needs: ['WITH_AUTH'],
    async play(stage) {
      const wrong = await stage.phone('alice', { password: 'guess' });
      await wrong.registers();
      const nobody = await stage.phone('mallory');
      await nobody.registers();
      await wrong.registers(600, { contact: '' });
    },
  },
  {
    name: 'nobody registers for somebody else, and no account calls in the name of another',
    needs: ['WITH_AUTH'],
    async play(stage) {
      const alice = await stage.phone('alice');
      await alice.registers(600, { to: `<${at('bob')}>` });
      await alice.asks('MESSAGE', at('bob'), { from: `<${at('carol')}>` });
    },
  },
  {
    name: 'a foreign caller reaches a local user, and nobody else',
    needs: ['WITH_AUTH'],
    async play(stage) {
      const [bob] = (await registered(stage, 'bob')) as [SoftPhone];
      const stranger = await stage.phone('stranger', { domain: 'far.example.net' });
      await call(stranger, bob);
      await stranger.asks('INVITE', 'sip:x@else.example.net');
    },
  },
  {
    name: 'a known address needs no password, but to register',
    needs: ['WITH_AUTH', 'WITH_IPAUTH'],
    async play(stage) {
      const [bob] = (await registered(stage, 'bob')) as [SoftPhone];
      const trunk = await stage.phone('trunk', { ip: TRUSTED_IP });
      await call(trunk, bob);
      await trunk.registers();
      const other = await stage.phone('trunk', { ip: '127.0.0.31' });
      await other.asks('INVITE', bob.aor);
      await stage.rpc('permissions.addressDump');
    },
  },
  {
    name: 'locations are in the database',
    needs: ['WITH_USRLOCDB', 'SOONER'],
    async play(stage) {
      const [alice] = (await registered(stage, 'alice')) as [SoftPhone];
      await alice.registers(600, { contact: '<sip:alice@127.0.0.1:9>;q=0.25', headers: { Allow: 'INVITE, ACK' } });
      await stage.rows(LOCATION_ROWS, 2);
      await alice.registers(600, { contact: '<sip:alice@127.0.0.1:9>;q=0.5;expires=500' });
      await stage.rows(`${LOCATION_ROWS} AND q = 0.5`, 1);
    },
  },
  {
    name: 'a call to an alias, and to one that is elsewhere',
    needs: ['WITH_ALIASDB'],
    async play(stage) {
      const [alice, bob] = await pair(stage);
      await call(alice, bob, { uri: at('robert') });
      await alice.asks('MESSAGE', at('nobody'));
    },
  },
  {
    name: 'a short number is a call to who is meant; one that is not set is nobody’s',
    needs: ['WITH_SPEEDDIAL'],
    async play(stage) {
      const [alice, bob] = await pair(stage);
      await call(alice, bob, { uri: at('11') });
      await alice.asks('MESSAGE', at('12'));
    },
  },
  {
    name: 'users of one name in two domains are two',
    needs: ['WITH_MULTIDOMAIN'],
    async play(stage) {
      const [alice, bob] = await pair(stage);
      const second = await stage.phone('bob', { domain: OTHER_DOMAIN });
      await second.registers();
      await call(alice, bob);
      await call(alice, second);
      await call(second, alice);
      await alice.asks('MESSAGE', at('bob', 'third.example.org'));
      await stage.rpc('domain.dump');
    },
  },
  {
    name: 'who watches a phone is told what it publishes',
    needs: ['WITH_PRESENCE'],
    async play(stage) {
      const [alice, bob] = await pair(stage);
      const headers = { Event: 'presence', Expires: '600', Accept: 'application/pidf+xml' };
      const accepted = await alice.asks('SUBSCRIBE', bob.aor, { headers });
      alice.replies(await alice.hears('NOTIFY'), 200, { contact: '' });
      const document = pidf(bob.aor, 'open');
      const publish = { headers: { Event: 'presence', Expires: '600' }, body: document, contentType: PIDF };
      const published = await bob.asks('PUBLISH', bob.aor, publish);
      alice.replies(await alice.hears('NOTIFY'), 200, { contact: '' });
      const removal = { Event: 'presence', Expires: '0', 'SIP-If-Match': published.get('SIP-ETag') };
      await bob.asks('PUBLISH', bob.aor, { headers: removal });
      alice.replies(await alice.hears('NOTIFY'), 200, { contact: '' });
      alice.callerSends('SUBSCRIBE', accepted, 90, { headers: { Event: 'presence', Expires: '0' } });
      await alice.hears((msg) => msg.status > 0 && msg.cseqNumber === 90);
      alice.replies(await alice.hears('NOTIFY'), 200, { contact: '' });
      await alice.asks('SUBSCRIBE', bob.aor, { headers: { Event: 'unheard-of' } });
    },
  },
  {
    name: 'registrations and calls through NAT, media by way of rtpengine',
    needs: ['WITH_NAT', 'WITH_RTPENGINE'],
    play: natCall,
  },
  {
    name: 'registrations and calls through NAT, media by way of rtpproxy',
    needs: ['WITH_NAT'],
    without: ['WITH_RTPENGINE'],
    play: natCall,
  },
  {
    name: 'a phone behind NAT is pinged by requests',
    needs: ['WITH_NATSIPPING', 'SOONER'],
    async play(stage) {
      const place = { ip: '127.0.0.23', inside: '192.168.7.8:5060' };
      const alice = await stage.phone('alice', { ...place, onTaken: () => {} });
      await alice.registers();
      const ping = await alice.hears('OPTIONS');
      stage.note(`${ping.startLine} ${ping.get('From').replace(/[<>]|;tag=.*/g, '')}`);
      alice.replies(ping, 200, { contact: '' });
    },
  },
  {
    name: 'a call over TLS, to UDP and back',
    needs: ['WITH_TLS'],
    async play(stage) {
      const alice = await stage.phone('alice', { transport: 'tls' });
      const [bob] = (await registered(stage, 'bob')) as [SoftPhone];
      await alice.registers();
      await call(alice, bob);
      await call(bob, alice, { ending: 'caller' });
    },
  },
  {
    name: 'who floods is banned, and nobody else',
    needs: ['WITH_ANTIFLOOD'],
    async play(stage) {
      const [flooder, other] = [
        await stage.phone('flooder', { ip: '127.0.0.40' }),
        await stage.phone('other', { ip: '127.0.0.41' }),
      ];
      const uri = `sip:127.0.0.1:${stage.server.port}`;
      // More than two of pike's units could let through.
      for (let i = 0; i < 60; i++) flooder.sends(flooder.request('OPTIONS', uri));
      await other.asks('OPTIONS', uri);
      const answered = flooder.inbox.splice(0).length;
      stage.note(`some are answered, not all: ${answered >= 16 && answered < 60}`);
      flooder.sends(flooder.request('OPTIONS', uri));
      stage.note(`silence: ${await flooder.hearsNothing(200)}`);
      await stage.rpc('htable.dump', 'ipban');
      await stage.rpc('htable.flush', 'ipban');
    },
  },
  ...(
    [
      ['WITH_BLOCK3XX', 302],
      ['WITH_BLOCK401407', 401],
      ['WITH_BLOCK401407', 407],
    ] as const
  ).map(
    ([name, status]): DefaultCase => ({
      name: `a callee’s ${status} is not passed on`,
      needs: [name],
      async play(stage) {
        const final = await refused(...(await pair(stage)), status, REFUSAL_HEADERS[status]);
        stage.note(`404 instead: ${final.status === 404}`);
      },
    }),
  ),
  {
    name: 'JSON-RPC over HTTP, from this machine only',
    needs: ['WITH_JSONRPC'],
    async play(stage) {
      const ask = JSON.stringify({ jsonrpc: '2.0', method: 'core.echo', params: ['hello'], id: 7 });
      stage.note(await http(stage, '/RPC', ask));
      stage.note(await http(stage, '/RPC/more', JSON.stringify({ jsonrpc: '2.0', method: 'no.such', id: 8 })));
      stage.note(await http(stage, '/elsewhere', ask));
      stage.note(await http(stage, '/RPC', ask, '127.0.0.30'));
    },
  },
  {
    name: 'international numbers go to the gateway, others do not, nor do those of foreign callers',
    needs: ['WITH_PSTN'],
    async play(stage) {
      const gateway = await stage.phone('gateway');
      const alice = await stage.phone('alice');
      await alice.registers();
      await alice.asks('MESSAGE', at('+431234567'));
      await stage.rpc('cfg.sets', 'pstn', 'gw_ip', 's:127.0.0.1');
      await stage.rpc('cfg.sets', 'pstn', 'gw_port', `s:${portOf(gateway)}`);
      await call(alice, gateway, { uri: at('+431234567') });
      await call(alice, gateway, { uri: at('00431234567') });
      await alice.asks('MESSAGE', at('12345'));
      const stranger = await stage.phone('stranger', { domain: 'far.example.net' });
      await stranger.asks('INVITE', at('+431234567'));
      await stage.rpc('cfg.sets', 'pstn', 'gw_ip', 's:');
    },
  },
  {
    name: 'voicemail answers for who is away, busy, or has mail',
    needs: ['WITH_VOICEMAIL'],
    async play(stage) {
      const mail = await stage.phone('mail');
      const [alice, bob] = await pair(stage);
      await alice.asks('INVITE', at('dave'));
      await stage.rpc('cfg.sets', 'voicemail', 'srv_ip', 's:127.0.0.1');
      await stage.rpc('cfg.sets', 'voicemail', 'srv_port', `s:${portOf(mail)}`);
      await call(alice, mail, { uri: at('dave') });
      await alice.invites(bob.aor);
      bob.replies(await bob.hears('INVITE'), 486);
      await bob.hears('ACK');
      const invite = await mail.hears('INVITE');
      mail.replies(invite, 200);
      const accepted = await alice.hears(200);
      alice.callerSends('ACK', accepted, accepted.cseqNumber);
      await mail.hears('ACK');
      const asking = alice.asks('SUBSCRIBE', alice.aor, { headers: { Event: 'message-summary', Expires: '60' } });
      mail.replies(await mail.hears('SUBSCRIBE'), 200, { headers: { Expires: '60' } });
      await asking;
      await alice.asks('MESSAGE', at('dave'));
      await stage.rpc('cfg.sets', 'voicemail', 'srv_ip', 's:');
    },
  },
  {
    name: 'voicemail answers for who does not',
    needs: ['WITH_VOICEMAIL', 'SOONER'],
    async play(stage) {
      const mail = await stage.phone('mail');
      const [alice, bob] = await pair(stage);
      await stage.rpc('cfg.sets', 'voicemail', 'srv_ip', 's:127.0.0.1');
      await stage.rpc('cfg.sets', 'voicemail', 'srv_port', `s:${portOf(mail)}`);
      await alice.invites(bob.aor);
      const ringing = await bob.hears('INVITE');
      bob.replies(ringing, 180);
      await alice.hears(180);
      bob.replies(await bob.hears('CANCEL'), 200);
      bob.replies(ringing, 487);
      await bob.hears('ACK');
      mail.replies(await mail.hears('INVITE'), 200);
      const accepted = await alice.hears(200);
      alice.callerSends('ACK', accepted, accepted.cseqNumber);
      await mail.hears('ACK');
      await stage.rpc('cfg.sets', 'voicemail', 'srv_ip', 's:');
    },
  },
  {
    name: 'calls are rows of acc, lost ones of missed_calls',
    needs: ['WITH_ACCDB'],
    async play(stage) {
      const [alice, bob] = await pair(stage);
      await call(alice, bob);
      await refused(alice, bob, 603);
      const id = `'alice-${stage.series}%'`;
      await stage.rows(`SELECT ${ACC_COLUMNS} FROM acc WHERE callid LIKE ${id} ORDER BY id`, 2);
      await stage.rows(`SELECT ${ACC_COLUMNS} FROM missed_calls WHERE callid LIKE ${id} ORDER BY id`, 1);
    },
  },
];

const ACC_COLUMNS =
  'method, from_tag, to_tag, callid, sip_code, sip_reason, src_user, src_domain, src_ip, dst_ouser, dst_user, dst_domain';
const LOCATION_ROWS =
  'SELECT username, domain, contact, received, path, q, callid, cseq, flags, cflags, user_agent, socket, methods, instance, reg_id FROM location WHERE q IS NOT NULL';

const PIDF = 'application/pidf+xml';
const pidf = (entity: string, basic: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${entity}"><tuple id="t1"><status><basic>${basic}</basic></status></tuple></presence>\n`;

const portOf = (phone: SoftPhone): string => phone.source.split(':')[1] ?? '';

/** The answer to a POST, without what two servers call themselves, and without what says that it is the last: we add it. */
async function http(stage: Stage, path: string, body: string, localAddress = '127.0.0.1'): Promise<string> {
  return await new Promise((resolve, reject) => {
    const place = { host: '127.0.0.1', port: stage.server.port, path, method: 'POST', localAddress, agent: false };
    const asking = httpRequest(place, (answer) => {
      const { server: _server, sia: _sia, connection: _connection, ...headers } = answer.headers;
      let text = `${answer.statusCode} ${answer.statusMessage} ${JSON.stringify(headers)}\n`;
      answer.on('data', (data: Buffer) => void (text += data.toString('latin1')));
      answer.on('end', () => resolve(text));
    });
    asking.on('error', reject);
    asking.end(body);
  });
}

export const DEFAULT_CASES: readonly DefaultCase[] = [...BASIC, ...WITH_SWITCHES];

/** What the script of Kamailio 6 does beside. */
export const NEWER_CASES: readonly DefaultCase[] = [
  {
    name: 'requests and Request-URIs that are too large are refused, replies that are go nowhere',
    needs: [],
    async play(stage) {
      const [alice, bob] = await pair(stage);
      await alice.asks('MESSAGE', bob.aor, { body: 'x'.repeat(17_000), contentType: 'text/plain' });
      await alice.asks('MESSAGE', at('x'.repeat(600)));
      await alice.asks('MESSAGE', at(`x;${'y'.repeat(300)}`));
      const answering = alice.asks('MESSAGE', bob.aor);
      const message = await bob.hears('MESSAGE');
      bob.replies(message, 480, { body: 'x'.repeat(17_000) });
      bob.replies(message, 486);
      await answering;
    },
  },
  {
    name: 'a REFER, outside of a call and within, is on the path of what follows',
    needs: [],
    async play(stage) {
      const [alice, bob] = await pair(stage);
      const refer = { headers: { 'Refer-To': '<sip:carol@127.0.0.1:9>' } };
      const answering = alice.asks('REFER', bob.aor, refer);
      bob.replies(await bob.hears('REFER'), 202);
      await answering;
      await alice.invites(bob.aor);
      bob.replies(await bob.hears('INVITE'), 200);
      const accepted = await alice.hears(200);
      alice.callerSends('ACK', accepted, accepted.cseqNumber);
      await bob.hears('ACK');
      alice.callerSends('REFER', accepted, accepted.cseqNumber + 1, refer);
      bob.replies(await bob.hears('REFER'), 202);
      await alice.hears(202);
    },
  },
  {
    name: 'dlgs knows a call while it rings, while it lasts, and after',
    needs: [],
    async play(stage) {
      const [alice, bob] = await pair(stage);
      // Debian's Kamailio is without dlgs: what ours knows is looked at here.
      let callId = '';
      const isIn = async (state: number): Promise<void> => {
        if (stage.server.name === 'kamailio') return;
        assert.match(await stage.server.rpc('dlgs.list'), new RegExp(`callid: ${callId}\\n[^}]*state: ${state}\\n`));
      };
      await alice.invites(bob.aor);
      const invite = await bob.hears('INVITE');
      callId = invite.get('Call-ID');
      await isIn(1);
      bob.replies(invite, 180);
      await alice.hears(180);
      await isIn(2);
      const reply = bob.replies(invite, 200);
      const accepted = await alice.hears(200);
      await isIn(3);
      alice.callerSends('ACK', accepted, accepted.cseqNumber);
      await bob.hears('ACK');
      await isIn(4);
      bob.calleeSends('BYE', invite, reply);
      alice.replies(await alice.hears('BYE'), 200);
      await bob.hears(200);
      await isIn(5);
    },
  },
  {
    name: 'media by way of the relay, also without NAT',
    needs: ['WITH_RTPRELAY'],
    async play(stage) {
      const [alice, bob] = await pair(stage);
      await call(alice, bob, { body: sdp('127.0.0.1'), answer: sdp('127.0.0.1') });
    },
  },
];
