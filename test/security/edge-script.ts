import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the script of the attacked edge may be given besides its usual routes. */
export interface EdgeParts {
  /** `sqlite:///…` */
  readonly dbUrl: string;
  /** pike and the table of banned addresses. */
  readonly isFlooded: boolean;
  /** modparam lines. */
  readonly params: string;
  /** Statements at the beginning of request_route. */
  readonly first: string;
  /** Routes beside the script's own. */
  readonly routes: string;
}

/**
 * Registrar and edge proxy as administrators write it, in the order of Kamailio's default script (checks, NAT,
 * CANCEL, retransmissions, dialogs, authentication, registrar, location), with the defences that it takes to stand on
 * an open network: what a dialog's Route set does is bound to the call by a signature (module rr),
 * and `onsend_route` keeps requests off its own addresses.
 */
export function edgeScript({ dbUrl, isFlooded, params, first, routes }: EdgeParts): string {
  return `
#!define DBURL "${dbUrl}"
#!define ROUTE_KEY "${keyFile(dbUrl)}"
${isFlooded ? '#!define WITH_ANTIFLOOD' : ''}
loadmodule "db_sqlite.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "auth_db.so"
loadmodule "permissions.so"
loadmodule "alias_db.so"
loadmodule "speeddial.so"
loadmodule "domain.so"
loadmodule "acc.so"
loadmodule "nathelper.so"
loadmodule "htable.so"
loadmodule "pike.so"
loadmodule "sanity.so"
loadmodule "ipops.so"
loadmodule "textopsx.so"

modparam("usrloc|auth_db|permissions|alias_db|speeddial|domain|acc|htable", "db_url", DBURL)
modparam("usrloc", "db_mode", 1)
modparam("usrloc", "use_domain", 1)
modparam("usrloc", "nat_bflag", 6)
modparam("registrar", "max_contacts", 5)
modparam("nathelper|registrar", "received_avp", "$avp(RECEIVED)")
modparam("auth", "qop", "auth")
modparam("auth", "nonce_count", 1)
modparam("auth_db", "calculate_ha1", yes)
modparam("auth_db", "password_column", "password")
modparam("auth_db", "use_domain", 1)
modparam("auth_db", "load_credentials", "")
modparam("alias_db|speeddial", "use_domain", 1)
modparam("domain", "register_myself", 1)
modparam("permissions", "load_backends", 1)
modparam("acc", "log_flag", 1)
modparam("acc", "db_flag", 1)
modparam("acc", "db_missed_flag", 2)
modparam("acc", "log_extra", "from=$fu;callee=$ru;ua=$ua")
modparam("pike", "sampling_time_unit", 2)
modparam("pike", "reqs_density_per_unit", 16)
modparam("pike", "remove_latency", 4)
modparam("htable", "htable", "ipban=>size=8;autoexpire=300;")
modparam("htable", "htable", "last=>size=8;autoexpire=300;")
modparam("rr", "signature_key", ROUTE_KEY)
${params}

request_route {
  ${first}
  force_rport();
#!ifdef WITH_ANTIFLOOD
  if ($sht(ipban=>$si) != $null) exit;
  if (!pike_check_req()) { $sht(ipban=>$si) = 1; exit; }
#!endif
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (is_method("OPTIONS") && uri == myself && $rU == $null) { sl_send_reply("200", "Keepalive"); exit; }
  if (!sanity_check("17895", "7")) { xlog("Malformed SIP request from $si:$sp\\n"); exit; }
  route(NATDETECT);
  if (is_method("CANCEL")) {
    if (t_check_trans()) route(RELAY);
    exit;
  }
  if (!is_method("ACK")) {
    if (t_precheck_trans()) { t_check_trans(); exit; }
    t_check_trans();
  }
  route(WITHINDLG);
  route(AUTH);
  remove_hf("Route");
  if (is_method("INVITE|SUBSCRIBE")) {
    record_route();
  }
  if (is_method("INVITE")) setflag(1);
  route(SIPOUT);
  route(REGISTRAR);
  if ($rU == $null) { sl_send_reply("484", "Address Incomplete"); exit; }
  route(LOCATION);
}

route[RELAY] {
  if (is_method("INVITE|SUBSCRIBE") && !has_totag()) t_on_failure("MANAGE_FAILURE");
  if (!t_relay()) sl_reply_error();
  exit;
}

route[WITHINDLG] {
  if (!has_totag()) return;
  if (loose_route()) {
    if (!check_route_signature()) {
      if (!is_method("ACK")) sl_send_reply("403", "No Such Route");
      exit;
    }
    if (!isdsturiset()) handle_ruri_alias();
    if (is_method("BYE")) setflag(1);
    route(RELAY);
  }
  if (is_method("ACK")) {
    if (t_check_trans()) route(RELAY);
    exit;
  }
  sl_send_reply("404", "Not here");
  exit;
}

route[NATDETECT] {
  if (nat_uac_test("19")) {
    if (is_method("REGISTER")) fix_nated_register();
    else if (is_first_hop()) set_contact_alias();
    setflag(5);
  }
}

route[AUTH] {
  if (is_method("REGISTER") || from_uri == myself) {
    if (!is_method("ACK")) t_newtran();
    if (!auth_check("$fd", "subscriber", "1")) { auth_challenge("$fd", "0"); exit; }
    if (!is_method("REGISTER|PUBLISH")) consume_credentials();
  }
  if (from_uri != myself && uri != myself) { sl_send_reply("403", "Not relaying"); exit; }
}

route[SIPOUT] {
  if (uri == myself) return;
  append_hf("P-Hint: outbound\\r\\n");
  route(RELAY);
}

route[REGISTRAR] {
  if (!is_method("REGISTER")) return;
  if (isflagset(5)) setbflag(6);
  if (!save("location")) sl_reply_error();
  exit;
}

route[LOCATION] {
  if ($rU =~ "^[0-9][0-9]$" && sd_lookup("speed_dial")) route(SIPOUT);
  if (alias_db_lookup("dbaliases")) route(SIPOUT);
  if (!lookup("location")) { send_reply("404", "Not Found"); exit; }
  setflag(2);
  route(RELAY);
}

failure_route[MANAGE_FAILURE] {
  if (t_is_canceled()) exit;
}

# Neither contacts nor names bring a request back here, to what listens on this host, or to everybody.
onsend_route {
  if (to_ip == myself || is_in_subnet("$sndto(ip)", "0.0.0.0/8,127.0.0.0/8,169.254.0.0/16,224.0.0.0/3")) drop;
}
${routes}
`;
}

/** The key of Record-Routes, beside the database. */
function keyFile(dbUrl: string): string {
  return `${dbUrl.replace('sqlite://', '')}.key`;
}

const OWN = join(import.meta.dirname, '../../cfg/strowger.cfg');
/** What the world has loaded, and what its network has not: TLS, HTTP and WebSockets, control sockets, other listeners. */
const LEFT_OUT =
  /^(?:(?:listen|enable_tls) ?=|loadmodule "(?:pv|tm|sl|rr|maxfwd|textops|siputils|kex|xlog|tls|xhttp|websocket|jsonrpcs|ctl)\.so"|modparam\("(?:tls|websocket|jsonrpcs|db_sqlite)").*$/gm;

/** cfg/strowger.cfg as it is, but for what only real sockets have; floods are let through unless they are the subject. */
export function ownScript({ dbUrl, isFlooded, params, routes }: EdgeParts): string {
  const text = readFileSync(OWN, 'latin1')
    .replace(/^####### HTTP [^]*/m, '')
    .replace(LEFT_OUT, '');
  return `
#!define LISTEN_ADDRESS 10.0.0.1
#!define DOMAIN "example.com"
#!define DB_URL "${dbUrl}"
#!define ROUTE_KEY "${keyFile(dbUrl)}"
${isFlooded ? text : text.replace('reqs_density_per_unit", 30', 'reqs_density_per_unit", 100000').replace('MOST_FAILURES 20', 'MOST_FAILURES 100000')}
${params}
${routes}
`;
}
