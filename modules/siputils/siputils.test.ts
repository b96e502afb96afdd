import assert from 'node:assert/strict';
import { test } from 'node:test';
import { currentText, MsgVars, type Run, VERIFIED_CREDENTIALS } from 'strowger';
import { ModuleBench, request, response, sipMsg, TestMsg, TestPv } from 'strowger/testing';
import siputils from './index.ts';

const BASE = request('INVITE', 'sip:bob@example.org');

async function bench(params: Record<string, string> = {}, parts: object = {}) {
  const replies: string[] = [];
  const sl = {
    sendReply: (run: Run, code: number) => replies.push(`${code}\n${(run.msg.replyLumps ?? []).join('')}`) && 1,
  };
  const module = await new ModuleBench(siputils, params, parts, { sl }).init();
  return { module, replies };
}

/** command, arguments, result */
const PLAIN: [string, unknown[], number][] = [
  ['is_tel_number', ['+123'], 1],
  ['is_tel_number', ['123'], 1],
  ['is_tel_number', ['+'], -2],
  ['is_tel_number', ['1-2'], -2],
  ['is_tel_number', [''], -2],
  ['is_numeric', ['123'], 1],
  ['is_numeric', ['+123'], -2],
  ['is_alphanum', ['ab1'], 1],
  ['is_alphanum', ['a-b'], -3],
  ['is_alphanumex', ['a-b', '-.'], 1],
  ['is_alphanumex', ['a+b', '-.'], -3],
  ['is_uri', ['sip:a@b'], 1],
  ['is_uri', ['x'], -1],
  ['is_uri', ['http://x'], -1],
  ['is_e164', [new TestPv('+12')], 1],
  ['is_e164', [new TestPv('+1')], -1],
  ['is_e164', [new TestPv('+123456789012345')], 1],
  ['is_e164', [new TestPv('+1234567890123456')], -1],
  ['is_e164', [new TestPv('12345')], -1],
  ['is_uri_user_e164', [new TestPv('sip:+12345@x')], 1],
  ['is_uri_user_e164', [new TestPv('tel:+12345')], -1],
  ['cmp_uri', ['sip:a@b', 'sip:a@B'], 1],
  ['cmp_uri', ['sip:a@b', 'sip:a@b:5060'], -1],
  ['cmp_uri', ['sip:a@b;x=1', 'sip:a@b'], 1],
  ['cmp_uri', ['sip:a@b;transport=tcp', 'sip:a@b'], -1],
  ['cmp_uri', ['x', 'sip:a@b'], -2],
  ['cmp_aor', ['sip:a@b', 'sip:a@B;x'], 1],
  ['cmp_aor', ['sip:a@b', 'sip:a@b:5060'], 1],
  ['cmp_aor', ['sip:a@b:5', 'sip:a@b'], -1],
  ['cmp_aor', ['sip:a@b', 'sip:A@b'], -1],
  ['cmp_aor', ['x', 'sip:A@b'], -2],
  ['cmp_hdr_name', ['From', 'f'], 1],
  ['cmp_hdr_name', ['X-a', 'x-A'], 1],
  ['cmp_hdr_name', ['X-a', 'x-b'], -2],
  ['cmp_hdr_name', ['Via', 'From'], -1],
  ['is_gruu', ['sip:a@b;gr=x'], 1],
  ['is_gruu', ['sip:a@b;gr'], 2],
  ['is_gruu', ['sip:a@b'], -1],
  ['is_gruu', [], -1],
  ['is_request', [], 1],
  ['is_reply', [], -1],
  ['is_sip', [], 1],
  ['is_http', [], -1],
  ['has_totag', [], -1],
  ['is_first_hop', [], 1],
  ['sip_parse_headers', [], 1],
  ['is_supported', ['path'], -1],
];
for (const [command, args, result] of PLAIN) {
  test(`${command}(${args.map((arg) => (arg instanceof TestPv ? arg.value : arg)).join(', ')}) is ${result}`, async () => {
    const { module } = await bench();
    assert.equal(module.call(module.run(sipMsg(BASE)), command, ...args), result);
  });
}

const PARAMS = 'sip:a@b;p1;p2=v;p3=w?h=1';
/** Request-URI, command, arguments, result, Request-URI afterwards */
const URI_EDITS: [string, string, unknown[], number, string][] = [
  [PARAMS, 'uri_param', ['p1'], 1, PARAMS],
  [PARAMS, 'uri_param', ['p2'], -1, PARAMS],
  [PARAMS, 'uri_param', ['p2', 'v'], 1, PARAMS],
  [PARAMS, 'uri_param', ['p2', 'V'], -1, PARAMS],
  [PARAMS, 'uri_param_any', ['p2'], 1, PARAMS],
  [PARAMS, 'uri_param_any', ['zz'], -1, PARAMS],
  [PARAMS, 'add_uri_param', ['n=1'], 1, 'sip:a@b;p1;p2=v;p3=w;n=1?h=1'],
  ['sip:a@b?h=1', 'add_uri_param', ['n=1'], 1, 'sip:a@b;n=1?h=1'],
  [PARAMS, 'uri_param_rm', ['p2'], 1, 'sip:a@b;p1;p3=w?h=1'],
  [PARAMS, 'uri_param_rm', ['zz'], 1, PARAMS],
  ['sip:a@b;p1', 'uri_param_rm', ['P1'], 1, 'sip:a@b'],
  ['sip:enc*al*pw*10.0.0.1*5070*tcp@1.2.3.4', 'decode_contact', [], 1, 'sip:al:pw@10.0.0.1:5070;transport=tcp'],
  ['sip:enc*al**10.0.0.1**@1.2.3.4', 'decode_contact', [], 1, 'sip:al@10.0.0.1'],
  ['sip:al@1.2.3.4', 'decode_contact', [], -26, 'sip:al@1.2.3.4'],
  ['sip:1.2.3.4;ksu=c2lwOmFsQDEwLjAuMC4x', 'contact_param_decode_ruri', ['ksu'], 1, 'sip:al@10.0.0.1'],
  ['sip:1.2.3.4', 'contact_param_decode_ruri', ['ksu'], 1, 'sip:1.2.3.4'],
];
for (const [uri, command, args, result, after] of URI_EDITS) {
  test(`${command}(${args.join(', ')}) on ${uri}`, async () => {
    const { module } = await bench();
    const run = module.run(sipMsg(BASE));
    run.msg.newUri = uri;
    assert.equal(module.call(run, command, ...args), result);
    assert.equal(run.msg.uri, after);
  });
}

const CONTACT = '<sip:al:pw@10.0.0.1:5070;transport=tcp;x=y>;expires=60';
/** Contact, command, arguments, result, Contact afterwards */
const CONTACTS: [string, string, unknown[], number, string][] = [
  [CONTACT, 'encode_contact', ['enc', '1.2.3.4'], 1, '<sip:enc*al*pw*10.0.0.1*5070*tcp@1.2.3.4>;expires=60'],
  [
    '<sip:10.0.0.1:5080>, "x" <sip:b@c>',
    'encode_contact',
    ['enc', '1.2.3.4'],
    1,
    '<sip:enc***10.0.0.1*5080*@1.2.3.4>, "x" <sip:enc*b**c**@1.2.3.4>',
  ],
  ['', 'encode_contact', ['enc', '1.2.3.4'], -1, ''],
  [
    '<sip:enc*al*pw*10.0.0.1*5070*tcp@1.2.3.4>',
    'decode_contact_header',
    [],
    1,
    '<sip:al:pw@10.0.0.1:5070;transport=tcp>',
  ],
  ['<sip:al@1.2.3.4>', 'decode_contact_header', [], -26, '<sip:al@1.2.3.4>'],
  [
    CONTACT,
    'contact_param_encode',
    ['ksu', 'sip:1.2.3.4:5060'],
    1,
    '<sip:1.2.3.4:5060;ksu=c2lwOmFsOnB3QDEwLjAuMC4xOjUwNzA7dHJhbnNwb3J0PXRjcDt4PXk>;expires=60',
  ],
  ['<sip:1.2.3.4:5060;ksu=c2lwOmFsQDEwLjAuMC4x>;q=1', 'contact_param_decode', ['ksu'], 1, '<sip:al@10.0.0.1>;q=1'],
  [CONTACT, 'contact_param_decode', ['ksu'], 1, CONTACT],
  [CONTACT, 'contact_param_check', ['X'], 1, CONTACT],
  [CONTACT, 'contact_param_check', ['zz'], -1, CONTACT],
  [CONTACT, 'contact_param_rm', ['x'], 1, '<sip:al:pw@10.0.0.1:5070;transport=tcp>;expires=60'],
  [CONTACT, 'contact_param_rm', ['zz'], 1, CONTACT],
];
for (const [before, command, args, result, after] of CONTACTS) {
  test(`${command}(${args.join(', ')}) on ${before || 'no contact'}`, async () => {
    const { module } = await bench();
    const run = module.run(sipMsg(request('INVITE', 'sip:a@b', { headers: { Contact: before } })));
    assert.equal(module.call(run, command, ...args), result);
    assert.equal(new TestMsg(currentText(run.msg)).get('Contact'), after);
  });
}

test('tel2sip: the examples of its document, 2 for what is no tel URI', async () => {
  const { module } = await bench();
  const run = module.run(sipMsg(BASE));
  const result = new TestPv();
  assert.equal(module.call(run, 'tel2sip', 'tel:+12-(34)-56-78;Ext=200;ISUB=+123-456', 'foo.com', result), 1);
  assert.equal(result.value, 'sip:+12345678;ext=200;isub=+123-456@foo.com;user=phone');
  assert.equal(module.call(run, 'tel2sip', 'sip:a@b', 'foo.com', result), 2);
});

test('set_uri_user and set_uri_host', async () => {
  const { module } = await bench();
  const run = module.run(sipMsg(BASE));
  const cases: [string, string, string, string, number][] = [
    ['set_uri_user', 'sip:a:pw@b', 'new', 'sip:new@b', 1],
    ['set_uri_user', 'sip:b', 'new', 'sip:new@b', 1],
    ['set_uri_user', 'sip:a@b', '', 'sip:b', 1],
    ['set_uri_user', 'x', 'y', 'x', -1],
    ['set_uri_host', 'sip:a@b:5060;x', 'new', 'sip:a@new:5060;x', 1],
    ['set_uri_host', 'sip:a@b', '', 'sip:a@b', -1],
  ];
  for (const [command, uri, part, after, result] of cases) {
    const target = new TestPv(uri);
    assert.equal(module.call(run, command, target, part), result, `${command} ${uri}`);
    assert.equal(target.value, after);
  }
});

test('get_uri_param', async () => {
  const { module } = await bench();
  const run = module.run(sipMsg(BASE));
  run.msg.newUri = PARAMS;
  const target = new TestPv('before');
  assert.equal(module.call(run, 'get_uri_param', 'p2', target), 1);
  assert.equal(module.call(run, 'get_uri_param', 'zz', target), -1);
  assert.equal(target.value, 'v');
});

test('options_reply answers an OPTIONS without a user', async () => {
  const { module, replies } = await bench({ options_support: 'path' });
  assert.equal(module.call(module.run(sipMsg(request('OPTIONS', 'sip:a@b'))), 'options_reply'), -1);
  assert.equal(module.call(module.run(sipMsg(request('INVITE', 'sip:b'))), 'options_reply'), -1);
  assert.equal(module.call(module.run(sipMsg(request('OPTIONS', 'sip:b'))), 'options_reply'), 1);
  assert.deepEqual(replies, ['200\nAccept: */*\r\nAccept-Encoding: \r\nAccept-Language: en\r\nSupported: path\r\n']);
});

test('is_user looks at verified credentials only', async () => {
  const { module } = await bench();
  const run = module.run(sipMsg(BASE));
  assert.equal(module.call(run, 'is_user', 'john'), -1);
  run.msg.setExtension(VERIFIED_CREDENTIALS, { username: 'john', realm: 'r' });
  assert.equal(module.call(run, 'is_user', 'john'), 1);
  assert.equal(module.call(run, 'is_user', 'jane'), -1);
});

test('Remote-Party-ID from the AVP', async () => {
  const { module } = await bench({ rpid_prefix: '<', rpid_suffix: '>;party=calling' });
  const run = module.run(sipMsg(BASE));
  assert.equal(module.call(run, 'append_rpid_hf'), -1);
  run.msg.vars = new MsgVars();
  run.msg.vars.avps.set('rpid', ['sip:+123@x']);
  assert.equal(module.call(run, 'is_rpid_user_e164'), 1);
  assert.equal(module.call(run, 'append_rpid_hf'), 1);
  assert.equal(module.call(run, 'append_rpid_hf', '', ';x'), 1);
  assert.deepEqual(new TestMsg(currentText(run.msg)).all('Remote-Party-ID'), [
    '<sip:+123@x>;party=calling',
    'sip:+123@x;x',
  ]);
});

test('P-Charging-Vector: generated once, removed, replaced', async () => {
  const { module } = await bench();
  const get = (run: Run): string[] => new TestMsg(currentText(run.msg)).all('P-Charging-Vector');
  const fresh = module.run(sipMsg(BASE));
  assert.equal(module.call(fresh, 'sip_p_charging_vector', 'g'), 1);
  assert.equal(module.call(fresh, 'sip_p_charging_vector', 'g'), 1);
  assert.equal(get(fresh).length, 1);
  assert.match(get(fresh)[0] ?? '', /^icid-value=[0-9A-F]{32}; icid-generated-at=127\.0\.0\.1$/);
  const text = request('INVITE', 'sip:a@b', { headers: { 'P-Charging-Vector': 'icid-value=abc;orig-ioi=o' } });
  const kept = module.run(sipMsg(text));
  assert.equal(module.call(kept, 'sip_p_charging_vector', 'g'), 1);
  assert.deepEqual(get(kept), ['icid-value=abc;orig-ioi=o']);
  assert.equal(module.call(kept, 'sip_p_charging_vector', 'f'), 1);
  assert.equal(get(kept).length, 1);
  assert.doesNotMatch(get(kept)[0] ?? '', /abc/);
  const removed = module.run(sipMsg(text));
  assert.equal(module.call(removed, 'sip_p_charging_vector', 'r'), 1);
  assert.deepEqual(get(removed), []);
  assert.equal(module.call(removed, 'sip_p_charging_vector', 'g'), 1);
  assert.equal(module.call(removed, 'sip_p_charging_vector', 'f'), 1);
  assert.equal(get(removed).length, 1);
  assert.equal(module.call(removed, 'sip_p_charging_vector', 'r'), 1);
  assert.deepEqual(get(removed), []);
});

test('hdr_date_check', async () => {
  const { module } = await bench();
  const dated = (date: string) => module.run(sipMsg(request('INVITE', 'sip:a@b', { headers: { Date: date } })));
  assert.equal(module.call(module.run(sipMsg(BASE)), 'hdr_date_check', 10), -1);
  assert.equal(module.call(dated('nonsense'), 'hdr_date_check', 10), -1);
  assert.equal(
    module.call(dated('Thu, 01 Jan 1970 00:00:00 GMT'), 'hdr_date_check', 10),
    module.clock.wall() > 10_000 ? -4 : 1,
  );
  assert.equal(module.call(dated('Sat, 13 Nov 2060 23:29:00 GMT'), 'hdr_date_check', 10), 1);
});

test('is_first_hop of a reply looks at the top Record-Route', async () => {
  const { module } = await bench({}, { isMyself: (host: string) => host === '192.0.2.9' || host === 'me.example.org' });
  const reply = (route: string, from = '198.51.100.1') =>
    module.run(sipMsg(response(BASE, 200, { headers: { 'Record-Route': route } }), { srcIp: from }));
  assert.equal(module.call(reply('<sip:192.0.2.9;lr>, <sip:x;lr>'), 'is_first_hop'), 1);
  assert.equal(module.call(reply('<sip:192.0.2.9;lr>', '192.0.2.9'), 'is_first_hop'), -1);
  assert.equal(module.call(reply('<sip:me.example.org;lr>'), 'is_first_hop'), -1);
  assert.equal(module.call(reply('<sip:me.example.org;lr>'), 'is_first_hop', 1), 1);
  assert.equal(module.call(reply('<sip:x;lr>'), 'is_first_hop', 1), -1);
});

test('e164_max_len says how long an E.164 number may be', async () => {
  const module = await new ModuleBench(siputils, { e164_max_len: 16 }, {}, { sl: {} }).init();
  const run = module.run(sipMsg(BASE));
  assert.equal(module.call(run, 'is_e164', new TestPv('+1234567890123456')), 1);
  assert.equal(module.call(run, 'is_e164', new TestPv('+12345678901234567')), -1);
  assert.equal(module.call(run, 'is_uri_user_e164', new TestPv('sip:+1234567890123456@x')), 1);
});
