import { type CommandDef, command } from '../module/define-module.ts';
import { rewriteUri, rewriteUriParts } from '../msg/rewrite-uri.ts';
import type { SipMsg } from '../parser/sip-msg.ts';
import { type SipUri, URI_SCHEME } from '../parser/uri.ts';
import { NOT_ONSEND, type Run } from './run.ts';

/**
 * Core functions that rewrite the Request-URI. As in Kamailio their texts are literal: variables inside are not expanded
 * (assign to `$rU`, `$rd`, `$ru` for that).
 */

/** A command with one literal text under several names. */
function literal(
  names: readonly string[],
  doc: string,
  apply: (msg: SipMsg, text: string) => boolean,
  check?: (text: string) => string | null,
): Record<string, CommandDef<never>> {
  const def = command({
    doc,
    args: ['const-str'],
    routes: NOT_ONSEND,
    ...(check === undefined ? {} : { check: ([text]: readonly unknown[]) => check(String(text)) }),
    run: (run: Run, _state: unknown, text: string) => (apply(run.msg, text) ? 1 : -1),
  });
  return Object.fromEntries(names.map((name) => [name, def]));
}

function stripped(doc: string, cut: (user: string, count: number) => string): CommandDef<never> {
  return command({
    doc,
    args: ['const-int'],
    argNames: ['count'],
    routes: NOT_ONSEND,
    check: ([count]) => (Number(count) < 0 ? 'the number of chars can not be negative' : null),
    run: (run, _state, count) => {
      const user = run.msg.ruri?.user ?? '';
      if (count > user.length)
        run.server.log.warn(`strip: the user of the Request-URI has ${user.length} chars, not ${count}`);
      return rewriteUriParts(run.msg, { user: cut(user, count) }) ? 1 : -1;
    },
  });
}

export const URI_COMMANDS: Readonly<Record<string, CommandDef<never>>> = {
  ...literal(['rewriteuri', 'seturi'], 'Replace the Request-URI.', (msg, text) => {
    rewriteUri(msg, text);
    return true;
  }),
  ...literal(['rewriteuser', 'setuser', 'setu'], 'Replace the user of the Request-URI.', (msg, user) =>
    rewriteUriParts(msg, { user }),
  ),
  ...literal(['rewriteuserpass', 'setuserpass', 'setup'], 'Replace user and password of the Request-URI.', setUserPass),
  ...literal(['rewritehost', 'sethost', 'seth'], 'Replace the host of the Request-URI.', setHost),
  ...literal(['rewritehostport', 'sethostport', 'sethp'], 'Replace host and port of the Request-URI.', setHostPort),
  ...literal(
    ['rewritehostporttrans', 'sethostporttrans', 'sethpt'],
    'Replace host, port and transport parameter of the Request-URI.',
    setHostPortTransport,
  ),
  ...literal(
    ['rewriteport', 'setport', 'setp'],
    "Replace the port of the Request-URI; '' takes it away.",
    (msg, port) => rewriteUriParts(msg, { port }),
    (port) => (/^\d{0,5}$/.test(port) && Number(port) < 65536 ? null : `"${port}" is no port`),
  ),
  ...literal(['prefix'], 'Put text before the user of the Request-URI.', (msg, text) =>
    rewriteUriParts(msg, { user: text + (msg.ruri?.user ?? '') }),
  ),
  strip: stripped('Take chars from the start of the user of the Request-URI.', (user, count) => user.slice(count)),
  strip_tail: stripped('Take chars from the end of the user of the Request-URI.', (user, count) =>
    user.slice(0, Math.max(0, user.length - count)),
  ),
  userphone: command({
    doc: 'Add user=phone to the Request-URI.',
    args: [],
    routes: NOT_ONSEND,
    run: (run) => (addUserPhone(run.msg) ? 1 : -1),
  }),
  revert_uri: command({
    doc: 'Put the Request-URI back to the received one.',
    args: [],
    routes: NOT_ONSEND,
    run: (run) => {
      run.msg.revertUri();
      return 1;
    },
  }),
};

/** `user:password`, or a user that loses the password. */
function setUserPass(msg: SipMsg, text: string): boolean {
  const colon = text.indexOf(':');
  const [user, password] = colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
  return rewriteUriParts(msg, { user, password });
}

/** A tel URI becomes a SIP one (RFC 3261 §19.1.6). */
function setHost(msg: SipMsg, host: string): boolean {
  const uri = msg.ruri;
  if (uri === null) return false;
  if (!isTel(uri)) return rewriteUriParts(msg, { host });
  const number = uri.params === '' ? uri.user : `${uri.user};${uri.params}`;
  rewriteUri(msg, `sip${uri.scheme === URI_SCHEME.TELS ? 's' : ''}:${number}@${host};user=phone`);
  return true;
}

function isTel(uri: SipUri): boolean {
  return uri.scheme === URI_SCHEME.TEL || uri.scheme === URI_SCHEME.TELS;
}

/** Without a port in the text the URI's own goes. */
function setHostPort(msg: SipMsg, text: string): boolean {
  const uri = msg.ruri;
  if (uri !== null && isTel(uri)) return setHost(msg, text);
  const [host, port] = splitHostPort(text);
  return rewriteUriParts(msg, { host, port });
}

/** `host[:port][;transport=…]`: the URI's own transport parameter goes. */
function setHostPortTransport(msg: SipMsg, text: string): boolean {
  const uri = msg.ruri;
  if (uri === null) return false;
  if (isTel(uri)) return setHost(msg, text);
  const semicolon = text.indexOf(';');
  const [host, port] = splitHostPort(semicolon < 0 ? text : text.slice(0, semicolon));
  const kept = uri.params.split(';').filter((param) => param !== '' && !/^transport(?:=|$)/i.test(param));
  const params = [...(semicolon < 0 ? [] : [text.slice(semicolon + 1)]), ...kept].join(';');
  return rewriteUriParts(msg, { host, port, params });
}

function splitHostPort(text: string): [host: string, port: string] {
  const m = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(text);
  return [m?.[1] ?? text, m?.[2] ?? ''];
}

/** Once only; tel URIs have no need of it. */
function addUserPhone(msg: SipMsg): boolean {
  const uri = msg.ruri;
  if (uri === null) return false;
  if (isTel(uri) || uri.param('user')?.toLowerCase() === 'phone') return true;
  return rewriteUriParts(msg, { params: uri.params === '' ? 'user=phone' : `${uri.params};user=phone` });
}
