import type { EditCase } from './edit-cases.ts';

const rc = (call: string): string => `${call}; $var(rc) = $rc;`;
const show = (text: string): string => ` append_hf("X-P: ${text}\\r\\n");`;
const withUri = (uri: string, call: string): string => `$ru = "${uri}"; ${rc(call)}`;
const withVar = (value: string, call: string): string => `$var(q) = "${value}"; ${rc(call)}`;
const onVar = (uri: string, part: string, call: string): string =>
  `$var(u) = "${uri}"; $var(w) = "${part}"; ${rc(call)}${show('$var(u)')}`;

const PARAMS = 'sip:a@b;p1;p2=v;p3=w';

function named(code: string, on?: EditCase['on'], differs?: EditCase['differs']): EditCase {
  return {
    name: `${on ?? 'plain'}: ${code}`,
    code,
    ...(on === undefined ? {} : { on }),
    ...(differs === undefined ? {} : { differs }),
  };
}

/** URIs, contacts, numbers: siputils. */
export const URI_CASES: readonly EditCase[] = [
  ...[
    'uri_param("p1")',
    'uri_param("p2")',
    'uri_param("p2", "v")',
    'uri_param("p2", "V")',
    'uri_param_any("p2")',
    'uri_param_any("zz")',
    'add_uri_param("n=1")',
    'uri_param_rm("p2")',
    'uri_param_rm("p1")',
    'uri_param_rm("p3")',
    'uri_param_rm("zz")',
  ].map((call) => named(withUri(PARAMS, call))),
  named(withUri(PARAMS, 'get_uri_param("p2", "$var(v)")') + show('$var(v)')),
  named(`$var(v) = "before"; ${withUri(PARAMS, 'get_uri_param("zz", "$var(v)")')}${show('$var(v)')}`),
  named(rc('tel2sip("tel:+(34)-999-888-777", "foo.com", "$var(v)")') + show('$var(v)')),
  named(rc('tel2sip("tel:+12-(34)-56-78;Ext=200;ISUB=+123-456", "foo.com", "$var(v)")') + show('$var(v)')),
  named(rc('tel2sip("sip:a@b", "foo.com", "$var(v)")')),
  named(rc('tel2sip("x", "foo.com", "$var(v)")')),
  ...['+12345', '+12', '+1', '+123456789012345', '+1234567890123456', '+012', '12345', ''].map((number) =>
    named(withVar(number, 'is_e164("$var(q)")')),
  ),
  ...['sip:+12345@x', 'tel:+12345', 'nouri', 'sip:a@b'].map((uri) =>
    named(withVar(uri, 'is_uri_user_e164("$var(q)")')),
  ),
  ...[
    'sip:a@b',
    'x',
    'sip:',
    'sip:@b',
    'sip:a@',
    'tel:1',
    'http://x',
    'sip:a@b:70000',
    'sip:[::1',
    'sip:a@b@c',
    'sip:a?x@b',
    'sip:%00@b',
    'SIP:a@b',
  ].map((uri) => named(rc(`is_uri("${uri}")`))),
  ...['+123', '123', '+', '1-2', ''].map((text) => named(rc(`is_tel_number("${text}")`))),
  ...['123', '+123', ''].map((text) => named(rc(`is_numeric("${text}")`))),
  ...['ab1', 'a-b', ''].map((text) => named(rc(`is_alphanum("${text}")`))),
  ...['a-b', 'a+b'].map((text) => named(rc(`is_alphanumex("${text}", "-.")`))),
  named(rc('encode_contact("enc", "1.2.3.4")'), 'contact'),
  named(rc('encode_contact("enc", "1.2.3.4")'), 'contacts'),
  named(rc('encode_contact("enc", "1.2.3.4")')),
  named(withUri('sip:enc*al*pw*10.0.0.1*5070*tcp@1.2.3.4', 'decode_contact()')),
  named(withUri('sip:enc*al**10.0.0.1**@1.2.3.4', 'decode_contact()')),
  named(withUri('sip:al@1.2.3.4', 'decode_contact()')),
  named(rc('decode_contact_header()'), 'encoded'),
  named(rc('decode_contact_header()'), 'contact'),
  named(rc('contact_param_encode("ksu", "sip:1.2.3.4:5060;transport=tcp")'), 'contact'),
  named(withUri('sip:1.2.3.4:5060;transport=tcp;ksu=c2lwOmFsQDEwLjAuMC4x', 'contact_param_decode_ruri("ksu")')),
  named(rc('contact_param_rm("x")'), 'contact'),
  named(rc('contact_param_rm("zz")'), 'contact'),
  ...[
    '"sip:a@b", "sip:a@B"',
    '"sip:a@b", "sip:a@b:5060"',
    '"sip:a@b;x=1", "sip:a@b"',
    '"sip:a@b;x=1", "sip:a@b;x=2"',
    '"sip:a@b;user=phone", "sip:a@b"',
    '"x", "sip:a@b"',
  ].map((args) => named(rc(`cmp_uri(${args})`))),
  named(rc('cmp_uri("sip:a@b;transport=tcp", "sip:a@b")'), 'plain', {
    why: 'RFC 3261 §19.1.4: a transport in one URI only makes them different',
    expect: /X-RC: -1/,
  }),
  named(rc('cmp_uri("sip:a@b?x", "sip:a@b")'), 'plain', {
    why: 'RFC 3261 §19.1.4: headers are never ignored',
    expect: /X-RC: -1/,
  }),
  ...[
    '"sip:a@b", "sip:a@B;x"',
    '"sip:a@b", "sip:a@b:5060"',
    '"sip:a@b:5", "sip:a@b"',
    '"sip:a@b", "sips:a@b"',
    '"sip:a@b", "sip:A@b"',
    '"x", "sip:a@b"',
  ].map((args) => named(rc(`cmp_aor(${args})`))),
  ...['"From", "f"', '"From", "from"', '"X-a", "x-A"', '"X-a", "x-b"', '"zz", "yyy"', '"Via", "From"'].map((args) =>
    named(rc(`cmp_hdr_name(${args})`)),
  ),
  named(onVar('sip:a@b', 'new', 'set_uri_user("$var(u)", "$var(w)")')),
  named(onVar('sip:b', 'new', 'set_uri_user("$var(u)", "$var(w)")')),
  named(onVar('sip:a:pw@b', 'new', 'set_uri_user("$var(u)", "$var(w)")')),
  named(onVar('sip:a@b', '', 'set_uri_user("$var(u)", "$var(w)")')),
  named(onVar('x', 'y', 'set_uri_user("$var(u)", "$var(w)")')),
  named(onVar('sip:a@b:5060;x', 'new', 'set_uri_host("$var(u)", "$var(w)")')),
  named(onVar('sip:b', 'new', 'set_uri_host("$var(u)", "$var(w)")')),
  named(onVar('sip:a@b', '', 'set_uri_host("$var(u)", "$var(w)")')),
  ...[
    'is_request()',
    'is_reply()',
    'has_totag()',
    'is_first_hop()',
    'is_gruu()',
    'is_gruu("sip:a@b;gr=x")',
    'is_gruu("sip:a@b;gr")',
    'is_gruu("sip:a@b")',
    'is_supported("timer")',
    'is_user("a")',
    'hdr_date_check("10")',
    'append_rpid_hf()',
  ].map((call) => named(rc(call))),
  named(rc('is_supported("timer")'), 'lists'),
  named(rc('is_supported("path")'), 'lists'),
  named(`$avp(s:rpid) = "sip:+123@x"; ${rc('append_rpid_hf()')}`),
  named(`$avp(s:rpid) = "sip:+123@x"; ${rc('append_rpid_hf("<", ">;p")')}`),
  named(`$avp(s:rpid) = "sip:+123@x"; ${rc('is_rpid_user_e164()')}`),
];

/** Values of list headers: textopsx. */
export const VALUE_CASES: readonly EditCase[] = [
  ...['X-L","one', 'X-L","TWO', 'X-L","three', 'X-M","two', 'X-None","two'].map((args) =>
    named(rc(`hf_value_exists("${args}")`), 'lists'),
  ),
  ...[
    'X-L[2]","ch',
    'X-L","ch',
    'X-M","ch',
    'X-None","ch',
    'X-L[9]","ch',
    'X-L[-1]","ch',
    'X-L[1].p","',
    'X-L[2].p","v',
    'X-L[*].p","v',
    'X-L.p","v',
    'X-L[1].q","v',
  ].map((args) => named(rc(`assign_hf_value("${args}")`), 'lists')),
  ...['X-M', 'X-M[2]', 'X-M[*]', 'X-L[9]', 'X-L[3]', 'X-L[*].p', 'X-L.q', 'X-L.zz'].map((place) =>
    named(rc(`remove_hf_value("${place}")`), 'lists'),
  ),
  ...['X-L[2]', 'X-L[-1]', 'X-L[9]', 'X-None[1]', 'X-M[-1]'].map((place) =>
    named(rc(`append_hf_value("${place}", "new")`), 'lists'),
  ),
  ...['X-L[1]', 'X-L[9]', 'X-M[2]', 'X-None[1]'].map((place) =>
    named(rc(`insert_hf_value("${place}", "new")`), 'lists'),
  ),
  ...['X-None","new', 'X-M","new', 'X-M","two', 'Supported","TIMER'].map((args) =>
    named(rc(`include_hf_value("${args}")`), 'lists'),
  ),
  ...['X-M","two', 'X-L","one', 'X-L","three', 'Supported","timer', 'Supported","100rel'].map((args) =>
    named(rc(`exclude_hf_value("${args}")`), 'lists'),
  ),
  ...['response', 'username', 'zz'].map((name) => named(rc(`remove_hf_value2("Authorization.${name}")`), 'register')),
  named(rc('remove_hf_value2("Authorization")'), 'register'),
  ...['.zz","v', '","v', '.nonce","'].map((args) => named(rc(`assign_hf_value2("Authorization${args}")`), 'register')),
  ...['"abc", "a?c"', '"abc", "[!a]bc"', '"a/b", "a*b"', '".a", "*a"', '"abc", "*b"', '"aaab", "a*ab"'].map((args) =>
    named(rc(`fnmatch(${args})`)),
  ),
  named(
    'hf_iterator_start("i"); hf_iterator_next("i"); hf_iterator_rm("i");' + show('[$hfitname(i)][$hfitname(zz)]'),
    'lists',
  ),
  named(rc('hf_iterator_next("zz")'), 'lists'),
  named(
    rc(
      'hf_iterator_start("a"); hf_iterator_start("b"); hf_iterator_start("c"); hf_iterator_start("d"); hf_iterator_start("e")',
    ),
    'lists',
  ),
  named(rc('hf_iterator_end("zz")')),
  named(rc('hf_iterator_start("a"); hf_iterator_rm("a")')),
  named(rc('bl_iterator_start("a"); bl_iterator_next("a")')),
];

/** SDP: sdpops. */
export const SDP_CASES: readonly EditCase[] = [
  ...[
    'sdp_remove_codecs_by_id("0")',
    'sdp_remove_codecs_by_id("0,8,101")',
    'sdp_remove_codecs_by_id("99")',
    'sdp_remove_codecs_by_id("31", "video")',
    'sdp_remove_codecs_by_name("PCMU")',
    'sdp_remove_codecs_by_name("pcmu,telephone-event")',
    'sdp_remove_codecs_by_name("XXX")',
    'sdp_remove_codecs_by_name("PCMU", "video")',
    'sdp_keep_codecs_by_id("0")',
    'sdp_keep_codecs_by_id("0,8", "audio")',
    'sdp_keep_codecs_by_id("99")',
    'sdp_keep_codecs_by_name("PCMU")',
    'sdp_keep_codecs_by_name("PCMU,telephone-event", "audio")',
    'sdp_remove_line_by_prefix("a=rtpmap")',
    'sdp_remove_line_by_prefix("a=rtpmap", "video")',
    'sdp_remove_line_by_prefix("a=zz")',
    'sdp_remove_line_by_prefix("c=")',
    'sdp_remove_line_by_prefix("o=")',
    'sdp_with_media("video")',
    'sdp_with_media("text")',
    'sdp_with_media("VIDEO")',
    'sdp_with_active_media("audio")',
    'sdp_remove_media("video")',
    'sdp_remove_media("audio")',
    'sdp_remove_media("text")',
    'sdp_with_transport("RTP/AVP")',
    'sdp_with_transport("RTP")',
    'sdp_with_transport_like("AV")',
    'sdp_remove_transport("RTP/AVP")',
    'sdp_remove_transport("X")',
    'sdp_with_codecs_by_id("0")',
    'sdp_with_codecs_by_id("99")',
    'sdp_with_codecs_by_id("0,8,101,31")',
    'sdp_with_codecs_by_name("pcma")',
    'sdp_with_codecs_by_name("ZZ")',
    'sdp_content()',
    'sdp_content("sloppy")',
    'sdp_with_ice()',
    'sdp_get_address_family()',
    'sdp_print("1")',
  ].map((call) => named(rc(call), 'sdp')),
  ...[
    'sdp_get("$avp(q)")',
    'sdp_transport("$avp(q)")',
    'sdp_get_line_startswith("$avp(q)", "m=")',
    'sdp_get_line_startswith("$avp(q)", "zz")',
  ].map((call) => named(rc(call) + show('$(avp(q){s.encode.hexa})'), 'sdp')),
  ...[
    'sdp_remove_media("x")',
    'sdp_with_media("x")',
    'sdp_remove_codecs_by_id("0")',
    'sdp_keep_codecs_by_id("0")',
    'sdp_remove_line_by_prefix("a=")',
    'sdp_with_transport("x")',
    'sdp_with_codecs_by_id("0")',
    'sdp_with_ice()',
    'sdp_print("1")',
    'sdp_content()',
    'sdp_content("1")',
    'sdp_get("$avp(q)")',
    'sdp_get_address_family()',
    'sdp_get_line_startswith("$avp(q)", "m=")',
  ].map((call) => named(rc(call))),
  named(show('$sdp(sess_version) $(sdp(body){s.len})'), 'sdp'),
];
