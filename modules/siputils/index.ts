import {
  BRANCH_ROUTE,
  commandsOf,
  defineModule,
  FAILURE_ROUTE,
  intParam,
  LOCAL_ROUTE,
  METHOD,
  type ModuleContext,
  ONREPLY_ROUTE,
  parseAvpParam,
  REQUEST_ROUTE,
  type Run,
  strParam,
} from 'strowger';
import type { SlApi } from '../sl/api.ts';
import { chargingVector, PCV } from './charging-vector.ts';
import * as contact from './contact.ts';
import * as message from './message.ts';
import * as numbers from './numbers.ts';
import { appendRpidHf, isRpidUserE164 } from './rpid.ts';
import * as uris from './uri-params.ts';

const REQUEST_SIDE = REQUEST_ROUTE | FAILURE_ROUTE | BRANCH_ROUTE;

class Siputils {
  readonly ctx: ModuleContext;
  readonly separator: string;
  readonly rpidAvp: string | number | null;
  readonly maxE164: number;

  constructor(ctx: ModuleContext) {
    this.ctx = ctx;
    this.separator = ctx.str('contact_flds_separator').charAt(0) || '*';
    this.rpidAvp = parseAvpParam(ctx.str('rpid_avp'));
    this.maxE164 = ctx.int('e164_max_len');
  }

  /** options_reply: 200 with what we support, for an OPTIONS without a user. -1 for another request. */
  optionsReply(run: Run): number {
    const { msg } = run;
    if (msg.method !== METHOD.OPTIONS || (msg.ruri?.user ?? '') !== '') return -1;
    const row = (name: string, value: string): string => `${name}: ${value}\r\n`;
    msg.replyLumps ??= [];
    msg.replyLumps.push(
      row('Accept', this.ctx.str('options_accept')) +
        row('Accept-Encoding', this.ctx.str('options_accept_encoding')) +
        row('Accept-Language', this.ctx.str('options_accept_language')) +
        row('Supported', this.ctx.str('options_support')),
    );
    const sl = this.ctx.api<SlApi>('sl');
    if (sl.sendReply(run, 200, 'OK') > 0) return 1;
    sl.sendReply(run, 500, 'Server Internal Error');
    return -1;
  }
}

const cmd = commandsOf<Siputils>();

export default defineModule<Siputils>({
  name: 'siputils',
  summary: 'Checks and edits of URIs, contacts and other parts of a message.',
  depends: ['sl'],
  params: {
    options_accept: strParam({ default: '*/*', doc: 'Accept of options_reply.' }),
    options_accept_encoding: strParam({ default: '', doc: 'Accept-Encoding of options_reply.' }),
    options_accept_language: strParam({ default: 'en', doc: 'Accept-Language of options_reply.' }),
    options_support: strParam({ default: '', doc: 'Supported of options_reply.' }),
    contact_flds_separator: strParam({ default: '*', doc: 'First char: separates the fields of an encoded contact.' }),
    rpid_prefix: strParam({ default: '', doc: 'Written in front of the URI by append_rpid_hf().' }),
    rpid_suffix: strParam({
      default: ';party=calling;id-type=subscriber;screen=yes',
      doc: 'Written behind the URI by append_rpid_hf().',
    }),
    e164_max_len: intParam({
      default: 15,
      min: 2,
      max: 32,
      doc: 'Digits of the longest number that is E.164 (Kamailio 5.7).',
    }),
    rpid_avp: strParam({
      default: '$avp(s:rpid)',
      doc: 'AVP that holds the URI for Remote-Party-ID.',
      check: (value) => (parseAvpParam(String(value)) === null ? 'must be an AVP such as $avp(s:rpid)' : null),
    }),
  },
  commands: {
    options_reply: cmd('Answers an OPTIONS for this server.', [], [], (run, s) => s.optionsReply(run), {
      routes: REQUEST_ROUTE,
    }),
    is_user: cmd(
      'True when these are the verified credentials.',
      ['str'],
      ['username'],
      (run, _s, user) => message.isUser(run, user),
      { routes: REQUEST_ROUTE | LOCAL_ROUTE },
    ),
    has_totag: cmd('True when To has a tag.', [], [], (run) => message.hasTotag(run)),
    uri_param: cmd(
      'True when the Request-URI has the parameter with no, or with this value.',
      ['str', 'str?'],
      ['param', 'value'],
      (run, _s, name, value) => uris.uriParam(run, name, value),
      { routes: REQUEST_SIDE },
    ),
    uri_param_any: cmd(
      'True when the Request-URI has the parameter.',
      ['str'],
      ['param'],
      (run, _s, name) => uris.uriParamAny(run, name),
      { routes: REQUEST_SIDE },
    ),
    add_uri_param: cmd(
      'Adds name=value to the Request-URI.',
      ['str'],
      ['param'],
      (run, _s, param) => uris.addUriParam(run, param),
      { routes: REQUEST_ROUTE },
    ),
    get_uri_param: cmd(
      'Sets a variable to a parameter of the Request-URI.',
      ['str', 'pvw'],
      ['name', 'var'],
      (run, _s, name, target) => uris.getUriParam(run, name, target),
      { routes: REQUEST_ROUTE | LOCAL_ROUTE },
    ),
    uri_param_rm: cmd(
      'Removes a parameter of the Request-URI.',
      ['str'],
      ['param'],
      (run, _s, name) => uris.uriParamRm(run, name),
      { routes: REQUEST_SIDE },
    ),
    tel2sip: cmd(
      'Writes a tel URI as a sip URI.',
      ['str', 'str', 'pvw'],
      ['uri', 'hostpart', 'result'],
      (run, _s, uri, host, target) => uris.tel2sip(run, uri, host, target),
      { routes: REQUEST_SIDE | ONREPLY_ROUTE },
    ),
    is_uri: cmd('True for a URI.', ['str'], ['uri'], (_run, _s, text) => numbers.isUri(text)),
    is_e164: cmd('True for an E.164 number.', ['pv'], ['pv'], (run, s, pv) => numbers.isE164(run, pv, s.maxE164), {
      routes: REQUEST_ROUTE | FAILURE_ROUTE | LOCAL_ROUTE,
    }),
    is_uri_user_e164: cmd('True when the user of a URI is an E.164 number.', ['pv'], ['pv'], (run, s, pv) =>
      numbers.isUriUserE164(run, pv, s.maxE164),
    ),
    encode_contact: cmd(
      'Hides contacts in the user part of ours.',
      ['str', 'str'],
      ['prefix', 'hostpart'],
      (run, s, prefix, host) => contact.encodeContact(run, prefix, host, s.separator),
      { routes: REQUEST_ROUTE | ONREPLY_ROUTE },
    ),
    decode_contact: cmd(
      'Brings back a hidden contact in the Request-URI.',
      [],
      [],
      (run, s) => contact.decodeContact(run, s.separator),
      { routes: REQUEST_ROUTE },
    ),
    decode_contact_header: cmd(
      'Brings back hidden contacts.',
      [],
      [],
      (run, s) => contact.decodeContactHeader(run, s.separator),
      { routes: REQUEST_ROUTE | FAILURE_ROUTE | ONREPLY_ROUTE },
    ),
    cmp_uri: cmd('True when the URIs are equivalent.', ['str', 'str'], ['str1', 'str2'], (_run, _s, a, b) =>
      uris.cmpUri(a, b),
    ),
    cmp_aor: cmd('True when the URIs are one address of record.', ['str', 'str'], ['str1', 'str2'], (_run, _s, a, b) =>
      uris.cmpAor(a, b),
    ),
    cmp_hdr_name: cmd('True when both name one header.', ['str', 'str'], ['str1', 'str2'], (_run, _s, a, b) =>
      uris.cmpHdrName(a, b),
    ),
    is_rpid_user_e164: cmd(
      'True when the AVP for Remote-Party-ID has an E.164 number.',
      [],
      [],
      (run, s) => isRpidUserE164(run, s.rpidAvp, s.maxE164),
      { routes: REQUEST_ROUTE },
    ),
    append_rpid_hf: [
      cmd(
        'Adds Remote-Party-ID.',
        [],
        [],
        (run, s) => appendRpidHf(run, s.rpidAvp, s.ctx.str('rpid_prefix'), s.ctx.str('rpid_suffix')),
        { routes: REQUEST_SIDE },
      ),
      cmd(
        'Adds Remote-Party-ID with this prefix and suffix.',
        ['str', 'str'],
        ['prefix', 'suffix'],
        (run, s, prefix, suffix) => appendRpidHf(run, s.rpidAvp, prefix, suffix),
        { routes: REQUEST_SIDE },
      ),
    ],
    set_uri_user: cmd(
      'Sets the user of the URI in a variable.',
      ['pvw', 'str'],
      ['uri', 'user'],
      (run, _s, target, user) => uris.setUriUser(run, target, user),
    ),
    set_uri_host: cmd(
      'Sets the host of the URI in a variable.',
      ['pvw', 'str'],
      ['uri', 'host'],
      (run, _s, target, host) => uris.setUriHost(run, target, host),
    ),
    is_request: cmd('True for a request.', [], [], (run) => message.isRequest(run)),
    is_reply: cmd('True for a reply.', [], [], (run) => message.isReply(run)),
    is_sip: cmd('True for a SIP message.', [], [], (run) => (run.msg.isHttp ? -1 : 1)),
    is_http: cmd('True for an HTTP request.', [], [], (run) => (run.msg.isHttp ? 1 : -1)),
    is_gruu: cmd('1 for a public, 2 for a temporary GRUU.', ['str?'], ['uri'], (run, _s, uri) => uris.isGruu(run, uri)),
    is_supported: cmd('True when Supported has the option tag.', ['const-str'], ['option'], (run, _s, option) =>
      message.isSupported(run, option),
    ),
    is_first_hop: cmd('True when the sender is the user agent itself.', ['int?'], ['mode'], (run, _s, mode) =>
      message.isFirstHop(run, mode ?? 0),
    ),
    is_tel_number: cmd('True for digits, with or without a + in front.', ['str'], ['tval'], (_run, _s, text) =>
      numbers.isTelNumber(text),
    ),
    is_numeric: cmd('True for digits.', ['str'], ['tval'], (_run, _s, text) => numbers.isNumeric(text)),
    is_alphanum: cmd('True for ASCII letters and digits.', ['str'], ['tval'], (_run, _s, text) =>
      numbers.isAlphanum(text),
    ),
    is_alphanumex: cmd(
      'True for ASCII letters, digits and the chars given.',
      ['str', 'str'],
      ['tval', 'eset'],
      (_run, _s, text, extra) => numbers.isAlphanumex(text, extra),
    ),
    sip_p_charging_vector: cmd(
      'Removes (r), generates (g) or replaces (f) P-Charging-Vector.',
      ['str'],
      ['flags'],
      (run, s, flags) => chargingVector(run, s, flags),
    ),
    contact_param_encode: cmd(
      'Hides contacts in a parameter of a URI of ours.',
      ['str', 'str'],
      ['pname', 'saddr'],
      (run, _s, name, address) => contact.contactParamEncode(run, name, address),
      { routes: REQUEST_ROUTE | ONREPLY_ROUTE },
    ),
    contact_param_decode: cmd(
      'Brings back contacts from a parameter.',
      ['str'],
      ['pname'],
      (run, _s, name) => contact.contactParamDecode(run, name),
      { routes: REQUEST_ROUTE | ONREPLY_ROUTE },
    ),
    contact_param_decode_ruri: cmd(
      'Brings back the Request-URI from a parameter.',
      ['str'],
      ['pname'],
      (run, _s, name) => contact.contactParamDecodeRuri(run, name),
      { routes: REQUEST_ROUTE },
    ),
    contact_param_rm: cmd(
      'Removes a URI parameter of the contacts.',
      ['str'],
      ['pname'],
      (run, _s, name) => contact.contactParamRm(run, name),
      { routes: REQUEST_ROUTE | ONREPLY_ROUTE },
    ),
    contact_param_check: cmd('True when the URI of a contact has the parameter.', ['str'], ['pname'], (run, _s, name) =>
      contact.contactParamCheck(run, name),
    ),
    sip_parse_headers: cmd(
      'True when the message has all headers that it must have, and they can be read.',
      [],
      [],
      (run) => message.parseHeaders(run),
    ),
    hdr_date_check: cmd('True when Date is not older than this many seconds.', ['int'], ['tdiff'], (run, _s, diff) =>
      message.hdrDateCheck(run, diff),
    ),
  },
  pseudoVariables: { pcv: PCV },
  init: (ctx) => new Siputils(ctx),
});
