/** DNS messages to and from bytes (RFC 1035, RFC 6891), through dns-packet. */

import dnsPacket, { type Answer, type DecodedPacket } from 'dns-packet';
import { DNS_TYPE_CODES, DNS_TYPES, type DnsDataOf, type DnsType, normalizeName } from './dns-records.ts';

/** Payload that neither IPv4 nor IPv6 has to fragment (DNS flag day 2020). */
const EDNS_PAYLOAD_BYTES = 1232;
/** No set of records that SIP needs is larger; the rest is not read. */
const MAX_RECORDS = 128;

/** One record of a reply. */
export type ReplyRecord = {
  [T in DnsType]: { readonly name: string; readonly type: T; readonly ttlSec: number; readonly data: DnsDataOf[T] };
}[DnsType];

export interface DnsReply {
  readonly id: number;
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL` … */
  readonly rcode: string;
  readonly isTruncated: boolean;
  readonly answers: readonly ReplyRecord[];
  readonly additionals: readonly ReplyRecord[];
}

function wireType(type: DnsType): string {
  return type === 'EBL' ? `UNKNOWN_${DNS_TYPE_CODES.EBL}` : type;
}

/** A recursive query for one name, `name` as `normalizeName` gives it. */
export function encodeQuery(id: number, name: string, type: DnsType, withEdns: boolean): Uint8Array {
  return dnsPacket.encode({
    type: 'query',
    id,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ name, type: wireType(type) }],
    additionals: withEdns
      ? [{ name: '.', type: 'OPT', udpPayloadSize: EDNS_PAYLOAD_BYTES, flags: 0, options: [] }]
      : [],
  });
}

/** Reads the reply to a query. Null for what is not its reply (other id or question); `FORMERR` as rcode for one that is broken. */
export function decodeReply(packet: Uint8Array, id: number, name: string, type: DnsType): DnsReply | null {
  const buffer = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength);
  if (buffer.length < 12 || buffer.readUInt16BE(0) !== id || (buffer.readUInt8(2) & 0x80) === 0) return null;
  let decoded: DecodedPacket;
  try {
    decoded = dnsPacket.decode(buffer);
  } catch {
    return { id, rcode: 'FORMERR', isTruncated: false, answers: [], additionals: [] };
  }
  const question = decoded.questions[0];
  // Servers that do not understand EDNS may answer FORMERR without the question.
  const isOurs =
    question === undefined
      ? decoded.rcode === 'FORMERR'
      : question.name.toLowerCase() === name && question.type === wireType(type);
  if (!isOurs || decoded.questions.length > 1) return null;
  return {
    id,
    rcode: decoded.rcode,
    isTruncated: decoded.flag_tc,
    answers: records(decoded.answers),
    additionals: records(decoded.additionals),
  };
}

function records(answers: readonly Answer[]): ReplyRecord[] {
  const found: ReplyRecord[] = [];
  for (const answer of answers.slice(0, MAX_RECORDS)) {
    const record = readRecord(answer);
    if (record !== null) found.push(record);
  }
  return found;
}

/** Null for a type we do not know, another class, or data that can not be right. */
function readRecord(answer: Answer): ReplyRecord | null {
  const name = normalizeName(answer.name);
  const type = DNS_TYPES.find((known) => wireType(known) === answer.type);
  if (name === null || type === undefined || answer.class !== 'IN') return null;
  const ttl = answer.ttl ?? 0;
  // RFC 2181 §8: a TTL with the top bit set is zero.
  const data = readData(type, answer.data);
  return data === null ? null : ({ name, type, ttlSec: ttl > 0x7fff_ffff ? 0 : ttl, data } as ReplyRecord);
}

function readData(type: DnsType, data: unknown): DnsDataOf[DnsType] | null {
  switch (type) {
    case 'A':
    case 'AAAA':
      return typeof data === 'string' ? data : null;
    case 'CNAME':
    case 'PTR':
      return typeof data === 'string' ? normalizeName(data) : null;
    case 'TXT': {
      const parts: unknown[] = Array.isArray(data) ? data : [data];
      return parts.map((part) => (Buffer.isBuffer(part) ? part.toString('latin1') : String(part)));
    }
    case 'SRV':
      return readSrv(data);
    case 'NAPTR':
      return readNaptr(data);
    case 'EBL':
      return Buffer.isBuffer(data) ? readEbl(data) : null;
  }
}

type Fields = { readonly [field: string]: unknown };

function readSrv(data: unknown): DnsDataOf['SRV'] | null {
  if (typeof data !== 'object' || data === null) return null;
  const { priority, weight, port, target } = data as Fields;
  if (typeof target !== 'string') return null;
  // RFC 2782: the root as target says that the service is not there.
  const name = target === '.' || target === '' ? '.' : normalizeName(target);
  return name === null
    ? null
    : { priority: Number(priority), weight: Number(weight), port: Number(port), target: name };
}

function readNaptr(data: unknown): DnsDataOf['NAPTR'] | null {
  if (typeof data !== 'object' || data === null) return null;
  const { order, preference, flags, services, regexp, replacement } = data as Fields;
  return {
    order: Number(order),
    preference: Number(preference),
    flags: text(flags),
    services: text(services),
    regexp: text(regexp),
    replacement: typeof replacement === 'string' ? (normalizeName(replacement) ?? '') : '',
  };
}

function text(value: unknown): string {
  if (Buffer.isBuffer(value)) return value.toString('latin1');
  return typeof value === 'string' ? value : '';
}

/** One byte of position, a character string, a plain domain name. */
function readEbl(data: Buffer): DnsDataOf['EBL'] | null {
  const separatorEnd = 2 + (data[1] ?? 0);
  const labels: string[] = [];
  let at = separatorEnd;
  while (at < data.length) {
    const length = data[at] ?? 0;
    if (length === 0) break;
    if (length > 63 || at + 1 + length > data.length) return null;
    labels.push(data.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const apex = normalizeName(labels.join('.'));
  return apex === null ? null : { position: data[0] ?? 0, separator: data.toString('latin1', 2, separatorEnd), apex };
}
