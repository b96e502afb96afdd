import {
  BRANCH_ROUTE,
  commandsOf,
  compilePosix,
  compileSubst,
  defineModule,
  FAILURE_ROUTE,
  isToken,
  ONREPLY_ROUTE,
  REQUEST_ROUTE,
  valueToString,
} from 'strowger';
import { filterBody, hasBodyOf, hexText, isAudioOnHold, setBody, setReplyBody } from './body.ts';
import * as headers from './headers.ts';
import * as multipart from './multipart.ts';
import * as search from './search.ts';
import { Textops } from './state.ts';
import * as strings from './strings.ts';
import * as substitute from './substitute.ts';

const REQUEST_SIDE = REQUEST_ROUTE | FAILURE_ROUTE | BRANCH_ROUTE;
const BOTH_SIDES = REQUEST_SIDE | ONREPLY_ROUTE;

type Check = (values: readonly (string | number | undefined)[]) => string | null;

const cmd = commandsOf<Textops>();

/** The arguments at these places are regular expressions. */
function regexAt(...places: number[]): Check {
  return (values) => {
    for (const place of places) {
      const value = values[place];
      const compiled = value === undefined ? null : compilePosix(String(value), { ignoreCase: true, newline: true });
      if (typeof compiled === 'string') return compiled;
    }
    return null;
  };
}

/** The argument at this place is a header name: a constant, so a variable in it is a mistake. */
const nameAt =
  (place: number): Check =>
  (values) => {
    const value = values[place];
    return value === undefined || isToken(String(value)) ? null : `'${value}' is no header name`;
  };

/** The header beside which rows are added: a name, with a colon or without. */
const placeAt: Check = ([, name]) =>
  name === undefined || isToken(headers.nameIn(String(name))) ? null : `'${name}' is no header name`;

const flagAt =
  (place: number, allowed: string): Check =>
  (values) => {
    const value = values[place];
    return value === undefined || (String(value).length === 1 && allowed.includes(String(value)))
      ? null
      : `must be one of ${allowed.split('').join(', ')}`;
  };

const both =
  (...checks: Check[]): Check =>
  (values) => {
    for (const check of checks) {
      const error = check(values);
      if (error !== null) return error;
    }
    return null;
  };

const regexFirst = { check: regexAt(0) };

export default defineModule<Textops>({
  name: 'textops',
  summary: 'Text operations on messages: search, replace, headers, bodies, comparisons.',
  commands: {
    search: cmd(
      'Searches the whole message.',
      ['const-str'],
      ['re'],
      (run, s, re) => search.search(run, s, re, search.WHOLE),
      regexFirst,
    ),
    search_body: cmd(
      'Searches the body.',
      ['const-str'],
      ['re'],
      (run, s, re) => search.search(run, s, re, search.BODY),
      regexFirst,
    ),
    search_hf: cmd(
      'Searches the values of a header.',
      ['const-str', 'const-str', 'const-str'],
      ['hf', 're', 'flags'],
      (run, s, hf, re, flags) => search.searchHf(run, s, hf, re, flags),
      {
        check: both(nameAt(0), regexAt(1), flagAt(2, 'afl')),
      },
    ),
    search_str: cmd(
      'Searches a text.',
      ['str', 'str'],
      ['text', 're'],
      (_run, s, text, re) => search.searchStr(s, text, re),
      { check: regexAt(1) },
    ),
    search_append: cmd(
      'Puts text behind the first match.',
      ['const-str', 'const-str'],
      ['re', 'txt'],
      (run, s, re, txt) => search.searchAppend(run, s, re, txt, search.HEADERS_AND_BODY),
      regexFirst,
    ),
    search_append_body: cmd(
      'Puts text behind the first match in the body.',
      ['const-str', 'const-str'],
      ['re', 'txt'],
      (run, s, re, txt) => search.searchAppend(run, s, re, txt, search.BODY),
      regexFirst,
    ),
    replace: cmd(
      'Replaces the first match.',
      ['const-str', 'const-str'],
      ['re', 'txt'],
      (run, s, re, txt) => search.replace(run, s.regex(re), txt, search.HEADERS_AND_BODY, false),
      regexFirst,
    ),
    replace_all: cmd(
      'Replaces all matches.',
      ['const-str', 'const-str'],
      ['re', 'txt'],
      (run, s, re, txt) => search.replace(run, s.regex(re), txt, search.HEADERS_AND_BODY, true),
      regexFirst,
    ),
    replace_hdrs: cmd(
      'Replaces the first match in the headers.',
      ['const-str', 'const-str'],
      ['re', 'txt'],
      (run, s, re, txt) => search.replace(run, s.regex(re), txt, search.HEADERS, false),
      regexFirst,
    ),
    replace_body: cmd(
      'Replaces the first match in the body.',
      ['const-str', 'const-str'],
      ['re', 'txt'],
      (run, s, re, txt) => search.replace(run, s.regex(re), txt, search.BODY, false),
      regexFirst,
    ),
    replace_body_all: cmd(
      'Replaces all matches in the body, line by line.',
      ['const-str', 'const-str'],
      ['re', 'txt'],
      (run, s, re, txt) => search.replaceBodyLines(run, s, re, txt),
      regexFirst,
    ),
    replace_body_atonce: cmd(
      'Replaces all matches in the body.',
      ['const-str', 'const-str'],
      ['re', 'txt'],
      (run, s, re, txt) => search.replace(run, s.wholeRegex(re), txt, search.BODY, true),
      regexFirst,
    ),
    replace_str: cmd(
      'Replaces text in headers and body.',
      ['str', 'str', 'str'],
      ['match', 'repl', 'mode'],
      (run, _s, match, repl, mode) => search.replaceStr(run, match, repl, mode, search.HEADERS_AND_BODY),
    ),
    replace_hdrs_str: cmd(
      'Replaces text in the headers.',
      ['str', 'str', 'str'],
      ['match', 'repl', 'mode'],
      (run, _s, match, repl, mode) => search.replaceStr(run, match, repl, mode, search.HEADERS),
    ),
    replace_body_str: cmd(
      'Replaces text in the body.',
      ['str', 'str', 'str'],
      ['match', 'repl', 'mode'],
      (run, _s, match, repl, mode) => search.replaceStr(run, match, repl, mode, search.BODY),
    ),

    subst: cmd('Substitutes in headers and body, as sed does.', ['subst'], ['expression'], (run, _s, expression) =>
      substitute.substMessage(run, expression),
    ),
    subst_uri: cmd(
      'Substitutes in the Request-URI.',
      ['subst'],
      ['expression'],
      (run, _s, expression) => substitute.substUri(run, expression),
      { routes: BOTH_SIDES },
    ),
    subst_user: cmd(
      'Substitutes in the user of the Request-URI.',
      ['subst'],
      ['expression'],
      (run, _s, expression) => substitute.substUser(run, expression),
      { routes: BOTH_SIDES },
    ),
    subst_body: cmd('Substitutes in the body.', ['subst'], ['expression'], (run, _s, expression) =>
      substitute.substBody(run, expression),
    ),
    subst_hf: cmd(
      'Substitutes in the values of a header.',
      ['const-str', 'subst', 'const-str'],
      ['hf', 'expression', 'flags'],
      (run, _s, hf, expression, flags) => substitute.substHf(run, hf, expression, flags),
      { check: both(nameAt(0), flagAt(2, 'afl')) },
    ),

    subst_v: cmd(
      'Substitutes in a text; the result goes into a variable.',
      ['str', 'subst', 'pvw'],
      ['itext', 'expression', 'target'],
      (run, _s, text, expression, target) => substitute.substText(run, text, expression, target),
    ),

    append_to_reply: cmd(
      'Adds rows to the replies to this request.',
      ['str'],
      ['txt'],
      (run, _s, txt) => headers.appendToReply(run, txt),
      { routes: REQUEST_SIDE },
    ),
    append_hf: cmd(
      'Adds rows behind all headers, or behind those of a name.',
      ['str', 'const-str?'],
      ['txt', 'hdr'],
      (run, _s, txt, hdr) => headers.appendHf(run, txt, hdr),
      { check: placeAt },
    ),
    insert_hf: cmd(
      'Adds rows in front of all headers, or of those of a name.',
      ['str', 'const-str?'],
      ['txt', 'hdr'],
      (run, _s, txt, hdr) => headers.insertHf(run, txt, hdr),
      { check: placeAt },
    ),
    append_urihf: cmd(
      'Adds a row with the received Request-URI.',
      ['const-str', 'const-str'],
      ['prefix', 'suffix'],
      (run, _s, prefix, suffix) => headers.appendUriHf(run, prefix, suffix),
      { routes: REQUEST_SIDE },
    ),
    append_time: cmd('Adds Date to the replies to this request.', [], [], (run) => headers.appendTime(run), {
      routes: REQUEST_SIDE,
    }),
    append_time_to_request: cmd('Adds Date to the message.', [], [], (run) => headers.appendTimeToRequest(run)),
    remove_hf: cmd(
      'Removes all rows of a name.',
      ['const-str'],
      ['hname'],
      (run, _s, name) => headers.removeHf(run, name),
      { check: nameAt(0) },
    ),
    remove_hf_pv: cmd('As remove_hf, with variables.', ['str'], ['hname'], (run, _s, name) =>
      headers.removeHf(run, name),
    ),
    remove_hf_re: cmd(
      'Removes rows whose name matches.',
      ['const-str'],
      ['re'],
      (run, s, re) => headers.removeHfMatching(run, s, re, null),
      regexFirst,
    ),
    remove_hf_re_pv: cmd('As remove_hf_re, with variables.', ['str'], ['re'], (run, s, re) =>
      headers.removeHfMatching(run, s, re, null),
    ),
    remove_hf_exp: cmd(
      'Removes rows whose name matches one expression and not the other.',
      ['const-str', 'const-str'],
      ['expmatch', 'expskip'],
      (run, s, re, skip) => headers.removeHfMatching(run, s, re, skip),
      { check: regexAt(0, 1) },
    ),
    remove_hf_exp_pv: cmd(
      'As remove_hf_exp, with variables.',
      ['str', 'str'],
      ['expmatch', 'expskip'],
      (run, s, re, skip) => headers.removeHfMatching(run, s, re, skip),
    ),
    remove_hf_idx: cmd(
      'Removes one row of a name by its index.',
      ['str', 'int'],
      ['hname', 'idx'],
      (run, _s, name, index) => headers.removeHfIdx(run, name, index),
    ),
    remove_hf_match: cmd(
      'Removes rows of a name by their value.',
      ['str', 'str', 'str'],
      ['hname', 'op', 'expr'],
      (run, s, name, op, expr) => headers.removeHfMatch(run, s, name, op, expr),
    ),
    is_present_hf: cmd(
      'True when the header is there.',
      ['const-str'],
      ['hf_name'],
      (run, _s, name) => headers.isPresentHf(run, name),
      { check: nameAt(0) },
    ),
    is_present_hf_pv: cmd('As is_present_hf, with variables.', ['str'], ['hf_name'], (run, _s, name) =>
      headers.isPresentHf(run, name),
    ),
    is_present_hf_re: cmd(
      'True when a header has a name that matches.',
      ['const-str'],
      ['re'],
      (run, s, re) => headers.isPresentHfRe(run, s, re),
      regexFirst,
    ),
    is_present_hf_re_pv: cmd('As is_present_hf_re, with variables.', ['str'], ['re'], (run, s, re) =>
      headers.isPresentHfRe(run, s, re),
    ),

    set_body: cmd(
      'Sets the body and its type.',
      ['str', 'str'],
      ['txt', 'content_type'],
      (run, _s, txt, type) => setBody(run, txt, type),
      { routes: BOTH_SIDES },
    ),
    set_reply_body: cmd(
      'Sets the body of replies to this request.',
      ['str', 'str'],
      ['txt', 'content_type'],
      (run, _s, txt, type) => setReplyBody(run, txt, type),
      { routes: REQUEST_SIDE },
    ),
    set_body_hex: cmd(
      'Sets the body, given in hex digits, and its type.',
      ['str', 'str'],
      ['hexa', 'content_type'],
      (run, _s, hex, type) => setBody(run, hexText(hex) ?? '', type),
    ),
    set_reply_body_hex: cmd(
      'Sets the body of replies to this request, given in hex digits.',
      ['str', 'str'],
      ['hexa', 'content_type'],
      (run, _s, hex, type) => setReplyBody(run, hexText(hex) ?? '', type),
      { routes: REQUEST_SIDE },
    ),
    filter_body: cmd('Leaves only the first part of a type.', ['const-str'], ['content_type'], (run, _s, type) =>
      filterBody(run, type),
    ),
    has_body: cmd('True when there is a body (of this type).', ['const-str?'], ['mime'], (run, _s, mime) =>
      hasBodyOf(run, mime),
    ),
    is_audio_on_hold: cmd('1 or 2 when an audio stream is on hold.', [], [], (run) => isAudioOnHold(run)),
    set_body_multipart: [
      cmd('Makes the body multipart.', [], [], (run) => multipart.setBodyMultipart(run, null, null, ''), {
        routes: REQUEST_SIDE,
      }),
      cmd(
        'Makes the body multipart, with this boundary.',
        ['str'],
        ['boundary'],
        (run, _s, boundary) => multipart.setBodyMultipart(run, null, null, boundary),
        { routes: REQUEST_SIDE },
      ),
      cmd(
        'Sets a multipart body with one part.',
        ['str', 'str', 'str?'],
        ['txt', 'content_type', 'boundary'],
        (run, _s, txt, type, boundary) => multipart.setBodyMultipart(run, txt, type, boundary ?? ''),
        { routes: REQUEST_SIDE },
      ),
    ],
    append_body_part: cmd(
      'Adds a part.',
      ['str', 'str', 'str?'],
      ['txt', 'content_type', 'content_disposition'],
      (run, _s, txt, type, disposition) => multipart.appendBodyPart(run, txt, type, disposition),
      { routes: REQUEST_SIDE },
    ),
    append_body_part_hex: cmd(
      'Adds a part given in hex digits.',
      ['str', 'str', 'str?'],
      ['txt', 'content_type', 'content_disposition'],
      (run, _s, txt, type, disposition) => multipart.appendBodyPartHex(run, txt, type, disposition),
      { routes: REQUEST_SIDE },
    ),
    get_body_part: cmd(
      'Reads the first part of a type.',
      ['str', 'pvw'],
      ['content_type', 'opv'],
      (run, _s, type, target) => multipart.getBodyPart(run, type, target),
      { routes: BOTH_SIDES },
    ),
    get_body_part_raw: cmd(
      'Reads the first part of a type with its headers and the delimiter behind it.',
      ['str', 'pvw'],
      ['content_type', 'opv'],
      (run, _s, type, target) => multipart.getBodyPartRaw(run, type, target),
      { routes: BOTH_SIDES },
    ),
    remove_body_part: cmd(
      'Removes the first part of a type.',
      ['str'],
      ['content_type'],
      (run, _s, type) => multipart.removeBodyPart(run, type),
      { routes: REQUEST_SIDE },
    ),

    is_method: cmd(
      'True when the method is one of the list.',
      ['const-str'],
      ['name'],
      (run, s, list) => strings.isMethod(run, list, s.methodBits(list)),
      {
        check: ([list]) =>
          list !== undefined && strings.methodBits(String(list)) === null ? `unknown method in '${list}'` : null,
      },
    ),
    is_privacy: cmd(
      'True when Privacy has this value.',
      ['const-str'],
      ['privacy_type'],
      (run, _s, value) => strings.isPrivacy(run, value),
      { check: ([value]) => strings.checkPrivacy(value) },
    ),
    in_list: cmd(
      'True when the list has the item.',
      ['str', 'str', 'const-str'],
      ['subject', 'list', 'separator'],
      (_run, _s, subject, list, separator) => strings.inList(subject, list, separator),
      { check: ([, , separator]) => strings.checkSeparator(separator) },
    ),
    in_list_prefix: cmd(
      'True when an item of the list begins the subject.',
      ['str', 'str', 'const-str'],
      ['subject', 'list', 'separator'],
      (_run, _s, subject, list, separator) => strings.inListPrefix(subject, list, separator),
      { check: ([, , separator]) => strings.checkSeparator(separator) },
    ),
    cmp_str: cmd('True when the texts are equal.', ['str', 'str'], ['str1', 'str2'], (_run, _s, a, b) =>
      a === b ? 1 : -1,
    ),
    cmp_istr: cmd('True when the texts are equal but for case.', ['str', 'str'], ['str1', 'str2'], (_run, _s, a, b) =>
      a.toLowerCase() === b.toLowerCase() ? 1 : -1,
    ),
    starts_with: cmd(
      'True when the first text begins with the second.',
      ['str', 'str'],
      ['str1', 'str2'],
      (_run, _s, a, b) => (a.startsWith(b) ? 1 : -1),
    ),
    ends_with: cmd(
      'True when the first text ends with the second.',
      ['str', 'str'],
      ['str1', 'str2'],
      (_run, _s, a, b) => (a.endsWith(b) ? 1 : -1),
    ),
    str_find: cmd(
      'Place of the second text in the first, from 1.',
      ['str', 'str'],
      ['str1', 'str2'],
      (_run, _s, a, b) => strings.strFind(a, b),
    ),
    str_ifind: cmd('As str_find, case ignored.', ['str', 'str'], ['str1', 'str2'], (_run, _s, a, b) =>
      strings.strFind(a.toLowerCase(), b.toLowerCase()),
    ),
    str_any_in: cmd(
      'True when a character of the second text is in the first.',
      ['str', 'str'],
      ['text', 'chars'],
      (_run, _s, text, chars) => strings.strAnyIn(text, chars),
    ),
    str_all_in: cmd(
      'True when all characters of the first text are in the second.',
      ['str', 'str'],
      ['text', 'chars'],
      (_run, _s, text, chars) => strings.strAllIn(text, chars),
    ),
    regex_substring: cmd(
      'Sets a variable to a group of a match.',
      ['str', 'str', 'int', 'int', 'pvw'],
      ['itext', 'regexp', 'mindex', 'mcount', 'dpv'],
      (run, s, text, re, index, count, target) => strings.regexSubstring(run, s, text, re, index, count, target),
      { routes: BOTH_SIDES },
    ),
  },
  transformations: {
    re: {
      subst: {
        doc: 'Substitutes as sed does: {re.subst,/expression/replacement/flags}.',
        params: [1, 1],
        paramStyle: 'rest',
        bind: ([param], _state, format) => {
          if (param?.kind !== 'text') return 'the substitution must be constant';
          const subst = compileSubst(param.text.replace(/\\([{}])/g, '$1'), format ?? ((text) => () => text));
          if (typeof subst === 'string') return subst;
          return (run, value) => {
            if (value === null) return null;
            const text = valueToString(value);
            return subst.apply(run, text) ?? text;
          };
        },
      },
    },
  },
  init: (ctx) => new Textops(ctx),
});
