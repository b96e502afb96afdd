/** Order of NAPTR and SRV records (RFC 3263 §4.1, RFC 2915, RFC 2782) under Kamailio's preferences. */

import type { Random } from '../timer/clock.ts';
import { PROTO, type Proto } from '../transport/socket-info.ts';
import type { NaptrData, SrvData } from './dns-records.ts';
import type { DnsSettings } from './dns-settings.ts';

/** NAPTR services of SIP: RFC 3263 §4.1, RFC 4168, RFC 7118. */
const SERVICES: ReadonlyMap<string, Proto> = new Map([
  ['SIP+D2U', PROTO.UDP],
  ['SIP+D2T', PROTO.TCP],
  ['SIPS+D2T', PROTO.TLS],
  ['SIP+D2S', PROTO.SCTP],
  ['SIP+D2W', PROTO.WS],
  ['SIPS+D2W', PROTO.WSS],
]);

/** The name to ask for the SRV records of a host; null for a protocol that has none. */
export function srvName(host: string, proto: Proto, isSips: boolean): string | null {
  if (proto === PROTO.UDP) return `_sip._udp.${host}`;
  if (proto === PROTO.TCP) return `${isSips ? '_sips' : '_sip'}._tcp.${host}`;
  if (proto === PROTO.TLS) return `_sips._tcp.${host}`;
  return proto === PROTO.SCTP ? `_sip._sctp.${host}` : null;
}

/** Kamailio's `dns_<proto>_pref`; below 0 the protocol is not chosen at all. WebSockets have none: last. */
function preferenceOf(proto: Proto, settings: DnsSettings): number {
  if (proto === PROTO.UDP) return settings.udpPref;
  if (proto === PROTO.TCP) return settings.tcpPref;
  if (proto === PROTO.TLS) return settings.tlsPref;
  return proto === PROTO.SCTP ? settings.sctpPref : 0;
}

/** Protocols to try where neither URI nor NAPTR names one, the preferred first. */
export function protocolsByPreference(settings: DnsSettings, isUsable: (proto: Proto) => boolean): Proto[] {
  const all: Proto[] = [PROTO.UDP, PROTO.TCP, PROTO.TLS, PROTO.SCTP];
  const usable = all.filter((proto) => preferenceOf(proto, settings) >= 0 && isUsable(proto));
  return usable.toSorted((a, b) => preferenceOf(b, settings) - preferenceOf(a, settings));
}

interface NaptrChoice {
  readonly proto: Proto;
  /** Where its SRV records are. */
  readonly name: string;
}

/**
 * The records to follow, best first: those that lead to SRV records (flag `s`) of a protocol we can and want to send
 * with. With `dns_naptr_ignore_rfc` our own preference counts before the record's order, else after it.
 */
export function orderNaptr(
  records: readonly NaptrData[],
  settings: DnsSettings,
  isSips: boolean,
  isUsable: (proto: Proto) => boolean,
): NaptrChoice[] {
  const choices: { proto: Proto; name: string; own: number; record: NaptrData }[] = [];
  for (const record of records) {
    const proto = SERVICES.get(record.services.toUpperCase());
    if (proto === undefined || record.flags.toLowerCase() !== 's' || record.replacement === '' || record.regexp !== '')
      continue;
    const own = preferenceOf(proto, settings);
    const isSecure = proto === PROTO.TLS || proto === PROTO.WSS;
    if (own < 0 || !isUsable(proto) || (isSips && !isSecure)) continue;
    choices.push({ proto, name: record.replacement, own, record });
  }
  const ignoresOrder = settings.naptrIgnoreRfc !== 0;
  return choices.toSorted((a, b) => {
    const byOwn = b.own - a.own;
    const byOrder = a.record.order - b.record.order;
    return (ignoresOrder ? byOwn || byOrder : byOrder || byOwn) || a.record.preference - b.record.preference;
  });
}

/**
 * SRV targets in the order to try. `records` come sorted by priority; with `random` those of one priority are drawn by
 * weight (RFC 2782), a target of weight 0 having a small chance; without it the order given stays.
 */
export function orderSrv(records: readonly SrvData[], random: Random | null): SrvData[] {
  if (random === null) return [...records];
  const ordered: SrvData[] = [];
  for (let start = 0; start < records.length; ) {
    let end = start + 1;
    while (end < records.length && records[end]?.priority === records[start]?.priority) end++;
    drawByWeight(records.slice(start, end), random, ordered);
    start = end;
  }
  return ordered;
}

function drawByWeight(group: SrvData[], random: Random, into: SrvData[]): void {
  // RFC 2782: targets of weight 0 stand first, so that a draw of 0 finds them.
  const left = group.toSorted((a, b) => Math.min(a.weight, 1) - Math.min(b.weight, 1));
  let sum = left.reduce((total, record) => total + record.weight, 0);
  while (left.length > 0) {
    const drawn = random.int(sum + 1);
    let running = 0;
    const at = Math.max(
      0,
      left.findIndex((record) => (running += record.weight) >= drawn),
    );
    const [chosen] = left.splice(at, 1);
    if (chosen === undefined) return;
    sum -= chosen.weight;
    into.push(chosen);
  }
}
