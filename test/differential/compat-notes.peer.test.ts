import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { skipWithout } from '../support/peers.ts';
import { ScriptPair } from '../support/script-pair.ts';

/** What real scripts do that is easy to miss: each runs in both servers, and what it leaves in $var(o) is compared. */
const CASES: Readonly<Record<string, string>> = {
  'a conditional inside a condition': `if (
#!ifdef WITH_A
    $rm == "OPTIONS"
#!else
    $rm == "INVITE"
#!endif
  ) { $var(o) = "cut"; }`,
  'a brace that is opened in one of two branches': `
#!ifdef WITH_B
  if ($rm == "INVITE") {
#!else
  if ($rm == "OPTIONS") {
#!endif
    $var(o) = "brace"; }`,
  'files included without #!': '$var(o) = "IMPORTED INCLUDED";',
  'substdef with both delimiters': '$var(o) = "MYNAME " + "OTHERIP";',
  'trydef keeps what was there': '$var(o) = WITH_A + TRIED;',
  'custom globals through $sel': '$var(o) = $sel(cfg_get.pstn.gw_ip) + ":" + $sel(cfg_get.pstn.gw_port);',
  'custom globals through @': '$var(o) = @cfg_get.pstn.gw_port + 1;',
  'selects of Via': '$var(o) = @via.host + @via[1].branch;',
  'uri==myself': 'if (uri==myself) $var(o) = "my"; else $var(o) = "other";',
  'src_ip and its kin':
    'if (src_ip==127.0.0.1 && method=="OPTIONS" && from_uri=~"sip:.*" && proto==UDP && af==INET && msg:len>10) $var(o) = "all";',
  'src_ip of a network': 'if (src_ip==127.0.0.0/8) $var(o) = "net"; if (src_ip==myself) $var(o) = $var(o) + "-my";',
  'status of a request': 'if (status=~"4..") $var(o) = "status"; else $var(o) = "none";',
  'switch over $rc': 'route(MINUS); switch ($rc) { case -1: $var(o) = "minus"; break; default: $var(o) = "no"; }',
  'falling through':
    'switch (2) { case 1: case 2: $var(o) = "two"; case 3: $var(o) = $var(o) + "three"; break; case 4: $var(o) = "x"; }',
  'regular expressions as cases':
    'switch ($rU) { case /"^b": $var(o) = "b"; break; case /"^q": $var(o) = "re"; break; }',
  'no parentheses, no braces': 'if $rm == "OPTIONS" $var(o) = "bare";',
  'the result of a command':
    '$var(x) = is_method("OPTIONS"); $var(y) = is_method("INVITE"); $var(o) = "" + $var(x) + $var(y);',
  'a route as a condition': 'if (route(MINUS)) $var(o) = "yes"; else $var(o) = "no";',
  'route names with a minus': 'route("NAME-WITH-MINUS");',
  'empty statements': ';; $var(o) = "empty";;',
  'keys with variables and colons':
    '$sht(a=>$ci::x) = "v"; $sht(a=>$rm) = 3; $var(o) = $sht(a=>$ci::x) + $sht(a=>OPTIONS);',
  'typed names of AVPs': '$avp(s:x) = "s"; $avp(i:5) = 7; $var(o) = $avp(x) + $avp(i:5) + $avp(s:x);',
  'an AVP replaced': '$avp(z) = 1; $avp(z) = 2; $(avp(z)[*]) = 3; $var(o) = "" + $avp(z) + $(avp(z)[1]);',
  'adjacent strings': 'xlog("L_DBG", "a" "b\\n"); $var(o) = "a" "b";',
  'quoted numbers':
    'if (isflagset(FLT_X)) $var(o) = "set"; else { setflag(FLT_X); if (isflagset(4)) $var(o) = "now"; }',
  'plus takes its type from the left': '$var(o) = "1" + 2; $var(n) = 1 + $rU; $var(o) = $var(o) + ":" + $var(n);',
  'integers wrap': '$var(n) = 2147483647; $var(n) = $var(n) + 1; $var(o) = "" + $var(n);',
  'a division by zero changes nothing': '$var(n) = 9; $var(z) = 0; $var(n) = 5 / $var(z); $var(o) = "" + $var(n);',
  'truth of text':
    'if ("abc") $var(o) = "t"; else $var(o) = "f"; $var(s) = "1x"; if ($var(s)) $var(o) = $var(o) + "t"; else $var(o) = $var(o) + "f";',
  'null is kept differently':
    '$var(v) = $null; $vn(v) = $null; $avp(v) = $null; $var(o) = "$var(v)"; $var(o) = "[" + $var(v) + "][" + $vn(v) + "][" + $avp(v) + "]";',
  'null prints': '$vn(v) = $null; pv_printf("$var(o)", "$vn(v) $avp(nothing) $var(nothing)");',
  'text in an assignment is literal': '$var(o) = "a$rU";',
  'text in a command is not': 'pv_printf("$var(o)", "a$rU");',
  'a bare return gives 1': 'route(BARE); $var(o) = "" + $rc;',
  'the last command is the code of a route': 'route(LAST); $var(o) = "" + $rc;',
  'return 0 stops': 'sl_send_reply("200", "before"); route(ZERO); $var(o) = "not reached"; exit();',
  'a loop has an end': '$var(i) = 0; while (1) { $var(i) = $var(i) + 1; } $var(o) = "" + $var(i);',
  'not binds first':
    'if (not $var(nothing) == 0) $var(o) = "a"; else $var(o) = "b"; if (!($rm == "X")) $var(o) = $var(o) + "c";',
  'comparing with null':
    'if ($hdr(Nope) == $null && $rU != $null) $var(o) = "null"; if ($avp(nope) == "") $var(o) = $var(o) + "-empty";',
  'strempty and defined':
    'if (strempty($hdr(Nope))) $var(o) = "e"; if (defined $rU) $var(o) = $var(o) + "d"; if (not defined $avp(q)) $var(o) = $var(o) + "n";',
  casts: '$var(s) = "12"; $var(n) = (int)$var(s) + 1; $var(o) = (str)$var(n) + "x";',
  'words as operators':
    'if ($rm eq "OPTIONS" and $rU ne "x" or 0) $var(o) = "words"; $var(n) = 7 mod 4; $var(o) = $var(o) + $var(n);',
  bits: '$var(n) = (6 & 3) | (1 << 4) ^ 1; $var(o) = "" + $var(n);',
  'chained transformations':
    '$var(s) = "sip:Alice@Example.org;x=1"; $var(o) = $(var(s){uri.user}{s.tolower}{s.substr,0,3}{s.len});',
  'a variable as an argument of a transformation':
    '$var(i) = 1; $var(s) = "a,b,c"; $var(o) = $(var(s){s.select,$var(i),,});',
  'XAVPs with indexes':
    '$xavp(r=>a) = 1; $xavp(r[0]=>b) = 2; $xavp(r=>a) = 3; $var(i) = 1; $var(o) = "" + $xavp(r[0]=>a) + $xavp(r[1]=>b) + $xavp(r[$var(i)]=>a);',
};

const NAMES = Object.keys(CASES);

function script(folder: string): string {
  const routes = Object.values(CASES).map((body, i) => `route[Q${i}] {\n${body}\n}`);
  const calls = NAMES.map((_name, i) => `  if ($hdr(X-Q) == "${i}") route(Q${i});`);
  return `#!define WITH_A 3
#!define FLT_X 4
#!substdef "!MYNAME!example.org!g"
#!substdef "/OTHERIP/192.0.2.7/"
#!trydef WITH_A 5
#!trydef TRIED 7
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "textops.so"
loadmodule "xlog.so"
loadmodule "htable.so"
loadmodule "rr.so"
loadmodule "nathelper.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
import_file "${folder}/imported.cfg"
import_file "${folder}/there-is-none.cfg"
include_file "${folder}/included.cfg"
pstn.gw_ip = "192.0.2.5" desc "gateway"
pstn.gw_port = 5070
modparam("htable", "htable", "a=>size=4;"
  "autoexpire=60;");
modparam("nathelper|registrar", "received_avp", "$avp(s:rcv)")
request_route {
  if ($rU == "ready") { sl_send_reply("200", "ready"); exit; }
  $var(o) = "nothing";
${calls.join('\n')}
  sl_send_reply("200", "$var(o)");
}
route[MINUS] { return -1; }
route["NAME-WITH-MINUS"] { $var(o) = "minus"; }
route[BARE] { return; }
route[LAST] { is_method("INVITE"); }
route[ZERO] { return 0; }
${routes.join('\n')}
`;
}

function request(index: number, port: number): string {
  return [
    'OPTIONS sip:quentin@127.0.0.1:9;x=1 SIP/2.0',
    `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK-note-${index}`,
    'Via: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK-second',
    'From: <sip:a@b.example.org>;tag=1',
    'To: <sip:b@c.example.org>',
    `Call-ID: note-${index}`,
    'CSeq: 1 OPTIONS',
    `X-Q: ${index}`,
    'Content-Length: 0\r\n\r\n',
  ].join('\r\n');
}

const pair = new ScriptPair();
const skip = skipWithout('kamailio', 'kamcmd');

before(async () => {
  if (skip !== false) return;
  writeFileSync(join(pair.folder, 'imported.cfg'), '#!substdef "!IMPORTED!one!g"\n');
  writeFileSync(join(pair.folder, 'included.cfg'), '#!substdef "!INCLUDED!two!g"\n');
  await pair.start(script(pair.folder));
});
after(() => pair.stop());

test('what real scripts do that is easy to miss', { skip, timeout: 120_000 }, async () => {
  const different: { name: string; theirs: string; ours: string }[] = [];
  for (const [index, name] of NAMES.entries()) {
    const { theirs, ours } = await pair.answers(request(index, pair.port));
    if (theirs !== ours || theirs === 'no reply' || theirs === 'nothing') different.push({ name, theirs, ours });
  }
  assert.deepEqual(different, []);
});
