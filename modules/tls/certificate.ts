import type { X509Certificate } from 'node:crypto';
import type { PvValue } from 'strowger';

/** Fields of a name that variables and selects know, by OpenSSL's short names. */
const NAME_FIELDS = {
  cn: 'CN',
  locality: 'L',
  country: 'C',
  state: 'ST',
  organization: 'O',
  unit: 'OU',
  uid: 'UID',
} as const;
export type NameField = keyof typeof NAME_FIELDS;

/** Text of a certificate as bytes, one char each. */
function bytes(text: string): string {
  return Buffer.from(text, 'utf8').latin1Slice();
}

/** Node writes a name as lines `KEY=value` with RFC 2253 escapes. */
function nameEntries(name: string): [key: string, value: string][] {
  return name
    .split('\n')
    .filter((line) => line.includes('='))
    .map((line) => [
      line.slice(0, line.indexOf('=')),
      bytes(line.slice(line.indexOf('=') + 1).replace(/\\(.)/g, '$1')),
    ]);
}

/** The last field of this kind in the subject or the issuer, null where there is none. */
export function nameField(certificate: X509Certificate, who: 'subject' | 'issuer', field: NameField): string | null {
  const key = NAME_FIELDS[field];
  return nameEntries(certificate[who] ?? '').findLast(([name]) => name === key)?.[1] ?? null;
}

/** The whole name as OpenSSL prints it in one line: `/C=SE/O=Example/CN=sip.example.org`. */
export function nameLine(certificate: X509Certificate, who: 'subject' | 'issuer'): string {
  return nameEntries(certificate[who] ?? '')
    .map(([key, value]) => `/${key}=${value}`)
    .join('');
}

const SAN_TYPES = { email: 'email', hostname: 'DNS', uri: 'URI', ip: 'IP Address' } as const;
export type SanKind = keyof typeof SAN_TYPES;

/** The first alternative name of this kind, null where there is none. */
export function alternativeName(certificate: X509Certificate, kind: SanKind): string | null {
  const text = certificate.subjectAltName;
  if (text === undefined) return null;
  // Entries are joined by ', '; a value with odd characters in it is a JSON string.
  const entry = /(DNS|email|URI|IP Address|[\w ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g;
  for (const [, type = '', value = ''] of text.matchAll(entry)) {
    if (type === SAN_TYPES[kind]) return bytes(value.startsWith('"') ? (JSON.parse(value) as string) : value);
  }
  return null;
}

/** The serial number in decimal; a number where it is one of 32 bits. */
export function serialNumber(certificate: X509Certificate): PvValue {
  const serial = BigInt(`0x${certificate.serialNumber}`);
  return serial <= 0x7fff_ffffn ? Number(serial) : String(serial);
}

/** The version field: 2 means X.509 version 3. Read from the DER, where it is left out for version 1. */
export function certificateVersion(certificate: X509Certificate): number {
  const der = certificate.raw;
  const inner = skipHeader(der, 0);
  const fields = skipHeader(der, inner);
  return der[fields] === 0xa0 ? (der[fields + 4] ?? 0) : 0;
}

/** Index of the contents of the DER element at `at`. */
function skipHeader(der: Uint8Array, at: number): number {
  const length = der[at + 1] ?? 0;
  return at + 2 + (length > 0x80 ? length - 0x80 : 0);
}

export function pem(certificate: X509Certificate): string {
  return certificate.toString();
}

/** The PEM text with all but unreserved characters of RFC 3986 escaped, for a header. */
export function urlEncodedPem(certificate: X509Certificate): string {
  return pem(certificate).replace(/[^\w.~-]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
