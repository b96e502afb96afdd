import assert from 'node:assert/strict';

/** What the script changes after a line that is told by its beginning, or in place of it. */
interface Edit {
  readonly at: string | RegExp;
  /** Which occurrence: the first one where not told, or every one. */
  readonly isEverywhere?: boolean;
  readonly to: (found: string) => string;
}

const after =
  (...lines: readonly string[]) =>
  (found: string): string =>
    [found, ...lines].join('\n');
const before =
  (...lines: readonly string[]) =>
  (found: string): string =>
    [...lines, found].join('\n');

/** What Kamailio's default script of 6.0 and later (`etc/kamailio.cfg`) has that the one of 5.6 does not. */
const EDITS: readonly Edit[] = [
  // A table for everybody's use; the switch for floods turns its own switch on.
  { at: /^#!define FLT_ACC 1$/m, to: before('#!ifdef WITH_ANTIFLOOD', '#!trydef WITH_HTABLE', '#!endif') },
  {
    at: /^loadmodule "htable\.so"$/m,
    to: (line) => `#!endif\n#!ifdef WITH_HTABLE\n${line}\n#!endif\n#!ifdef WITH_ANTIFLOOD`,
  },
  {
    at: /^modparam\("htable".*$/m,
    to: (line) => `#!endif\n#!ifdef WITH_HTABLE\n#!ifdef WITH_ANTIFLOOD\n${line}\n#!endif`,
  },
  // Limits of size, for requests and replies.
  { at: /^#!define FLB_NATSIPPING 7$/m, to: after('#!trydef MSG_MAX_SIZE  16384', '#!trydef RURI_MAX_SIZE 512') },
  {
    at: /^\tif \(!mf_process_maxfwd_header\("10"\)\) \{$/m,
    to: before(
      '\tif($msg(len) > MSG_MAX_SIZE) {',
      '\t\tsl_send_reply("403", "Message too large");',
      '\t\texit;',
      '\t}',
      '\tif($(ru{s.len}) > RURI_MAX_SIZE) {',
      '\t\tsl_send_reply("403", "R-URI too large");',
      '\t\texit;',
      '\t}',
    ),
  },
  {
    at: /^reply_route \{[^]*?\n\t\}$/m,
    to: after('\tif($msg(len) > MSG_MAX_SIZE) {', '\t\tdrop;', '\t}'),
  },
  // TLS goes first, and says how it uses threads.
  { at: /^#!ifdef WITH_TLS\nloadmodule "tls\.so"\n#!endif\n/m, to: () => '' },
  { at: /^#!ifdef WITH_MYSQL\nloadmodule/m, to: before('#!ifdef WITH_TLS', 'loadmodule "tls.so"', '#!endif') },
  { at: /^tls_max_connections=.*$/m, to: after('tls_threads_mode=2') },
  // Calls are followed by dlgs.
  { at: /^loadmodule "counters\.so"$/m, to: after('loadmodule "dlgs.so"') },
  {
    at: /^modparam\("rr", "append_fromtag", 0\)$/m,
    to: after(
      'modparam("dlgs", "timer_interval", 10)',
      'modparam("dlgs", "init_lifetime", 180)',
      'modparam("dlgs", "active_lifetime", 7200)',
      'modparam("dlgs", "finish_lifetime", 10)',
    ),
  },
  { at: /^\tif \(is_method\("CANCEL"\)\) \{$/m, to: after('\t\tdlgs_update();') },
  { at: /^\t\troute\(DLGURI\);$/m, to: after('\t\tdlgs_update();') },
  {
    at: /^\t# dispatch destinations to PSTN$/m,
    to: before('\tif(is_method("INVITE")) {', '\t\tdlgs_init("$fu", "$tu", "srcip=$si");', '\t}'),
  },
  // REFER makes dialogs, too.
  { at: 'if (is_method("INVITE|SUBSCRIBE")) {', to: () => 'if (is_method("INVITE|SUBSCRIBE|REFER")) {' },
  { at: 'is_method("NOTIFY")', to: () => 'is_method("NOTIFY|REFER")' },
  // Other commands for the same.
  { at: 'sl_reply_error()', isEverywhere: true, to: () => 'send_reply_error()' },
  { at: 'xlog("L_ALERT","ALERT: pike', to: () => 'xalert("ALERT: pike' },
  // Media by way of the relay always, where asked for; recording as rtpengine is told.
  {
    at: /^\tif \(!\(isflagset\(FLT_NATS\).*$/m,
    to: (line) => `#!ifndef WITH_RTPRELAY\n${line}\n#!endif`,
  },
  { at: /rtpengine_manage\("/, isEverywhere: true, to: (found) => `${found}siprec-auto ` },
];

/** The default script of 5.6, with what the newer one has. For Kamailio 5.6, see `withoutLater`. */
export function newerScript(text: string): string {
  let newer = text;
  for (const { at, isEverywhere = false, to } of EDITS) {
    assert.ok(typeof at === 'string' ? newer.includes(at) : at.test(newer), `the script has no ${at}`);
    if (!isEverywhere) newer = newer.replace(at, to);
    else newer = newer.replaceAll(typeof at === 'string' ? at : new RegExp(at, 'g'), to);
  }
  return newer;
}

/** Without what Kamailio 5.6 does not know or Debian's package of it does not have. */
export function withoutLater(text: string): string {
  return text
    .replace(/^\tif\(is_method\("INVITE"\)\) \{\n\t\tdlgs_init.*\n\t\}$/m, '')
    .replace(/^(?:tls_threads_mode=|loadmodule "dlgs|modparam\("dlgs|\s*dlgs_).*$/gm, '')
    .replaceAll('send_reply_error()', 'sl_reply_error()');
}
