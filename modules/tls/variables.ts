import type { X509Certificate } from 'node:crypto';
import { type PvDef, type PvValue, type Run, type SelectDef, type TlsPeerFacts } from 'strowger';
import {
  alternativeName,
  certificateVersion,
  type NameField,
  nameField,
  nameLine,
  pem,
  type SanKind,
  serialNumber,
  urlEncodedPem,
} from './certificate.ts';
import { cipherDescription, cipherFacts } from './cipher-text.ts';
import type { TlsModule } from './tls-module.ts';

type Side = 'peer' | 'my';

function certificateOf(facts: TlsPeerFacts, side: Side): X509Certificate | null {
  return side === 'peer' ? facts.peerCertificate : facts.ownCertificate;
}

/** A variable about the connection: null where the message did not come over TLS. */
function ofConnection(doc: string, read: (facts: TlsPeerFacts) => PvValue): PvDef<TlsModule> {
  return {
    doc,
    name: 'none',
    bind: (_use, state) => ({
      get: (run: Run) => {
        const facts = state.facts(run);
        return facts === null ? null : read(facts);
      },
    }),
  };
}

/** A variable about a certificate: null also where there is none. */
function ofCertificate(doc: string, side: Side, read: (certificate: X509Certificate) => PvValue): PvDef<TlsModule> {
  return ofConnection(doc, (facts) => {
    const certificate = certificateOf(facts, side);
    return certificate === null ? null : read(certificate);
  });
}

const NAME_DOCS: Readonly<Record<NameField, string>> = {
  cn: 'common name',
  locality: 'locality',
  country: 'country',
  state: 'state or province',
  organization: 'organization',
  unit: 'organizational unit',
  uid: 'unique identifier',
};
const NAME_KEYS = Object.keys(NAME_DOCS) as NameField[];
const SAN_DOCS: Readonly<Record<SanKind, string>> = {
  email: 'email address',
  hostname: 'host name',
  uri: 'URI',
  ip: 'IP address',
};
const SAN_KEYS = Object.keys(SAN_DOCS) as SanKind[];

function sideVariables(side: Side): Record<string, PvDef<TlsModule>> {
  const whose = side === 'peer' ? "the peer's certificate" : 'our certificate';
  const out: Record<string, PvDef<TlsModule>> = {};
  const add = (name: string, doc: string, read: (certificate: X509Certificate) => PvValue): void => {
    out[`tls_${side}_${name}`] = ofCertificate(`${doc} of ${whose}`, side, read);
  };
  add('raw_cert', 'PEM text', pem);
  add('urlencoded_cert', 'PEM text, escaped for a header,', urlEncodedPem);
  add('version', 'Version (2: X.509v3)', certificateVersion);
  add('serial', 'Serial number', serialNumber);
  for (const who of ['subject', 'issuer'] as const) {
    add(who, `Whole ${who} in one line`, (certificate) => nameLine(certificate, who));
    for (const field of NAME_KEYS) {
      if (field === 'uid' && who === 'issuer') continue;
      add(`${who}_${field}`, `The ${who}'s ${NAME_DOCS[field]}`, (certificate) => nameField(certificate, who, field));
    }
  }
  for (const kind of SAN_KEYS) {
    add(`san_${kind}`, `First alternative ${SAN_DOCS[kind]}`, (certificate) => alternativeName(certificate, kind));
  }
  return out;
}

/** 1 or 0. */
function flag(value: boolean): number {
  return value ? 1 : 0;
}

const CHECKS = {
  verified: (facts: TlsPeerFacts) => flag(facts.peerCertificate !== null && facts.verifyError === ''),
  revoked: (facts: TlsPeerFacts) => flag(facts.verifyError === 'CERT_REVOKED'),
  expired: (facts: TlsPeerFacts) => flag(facts.verifyError === 'CERT_HAS_EXPIRED'),
  selfsigned: (facts: TlsPeerFacts) => flag(facts.verifyError === 'DEPTH_ZERO_SELF_SIGNED_CERT'),
} as const;

const LINES = {
  m_issuer_line: ['my', 'issuer'],
  p_issuer_line: ['peer', 'issuer'],
  m_subject_line: ['my', 'subject'],
  p_subject_line: ['peer', 'subject'],
} as const;

export const TLS_PVS: Readonly<Record<string, PvDef<TlsModule>>> = {
  tls_version: ofConnection('Protocol version', (facts) => facts.version),
  tls_description: ofConnection('Cipher suite with its parts', (facts) => cipherDescription(facts.cipher)),
  tls_cipher_info: ofConnection('Name of the cipher suite', (facts) => facts.cipher),
  tls_cipher_bits: ofConnection('Key length of the cipher', (facts) => cipherFacts(facts.cipher).bits),
  ...sideVariables('peer'),
  ...sideVariables('my'),
  tls_peer_verified: ofConnection("1 when the peer's certificate is good", CHECKS.verified),
  tls_peer_revoked: ofConnection("1 when the peer's certificate is revoked", CHECKS.revoked),
  tls_peer_expired: ofConnection("1 when the peer's certificate has expired", CHECKS.expired),
  tls_peer_selfsigned: ofConnection('1 when the peer signed its certificate itself', CHECKS.selfsigned),
  tls_peer_notBefore: ofCertificate("Begin of the peer's certificate", 'peer', (certificate) => certificate.validFrom),
  tls_peer_notAfter: ofCertificate("End of the peer's certificate", 'peer', (certificate) => certificate.validTo),
  tls_peer_server_name: ofConnection('Server name the client asked for (SNI)', (facts) => facts.serverName || null),
  tls: {
    doc: "m_issuer_line, m_subject_line (ours), p_issuer_line, p_subject_line (the peer's): a name in one line.",
    name: 'required',
    bind: (use, state) => {
      const key = use.name ?? '';
      if (!Object.hasOwn(LINES, key)) return `unknown key '${key}': one of ${Object.keys(LINES).join(', ')} expected`;
      const [side, who] = LINES[key as keyof typeof LINES];
      return {
        get: (run) => {
          const facts = state.facts(run);
          const certificate = facts === null ? null : certificateOf(facts, side);
          return certificate === null ? null : nameLine(certificate, who);
        },
      };
    },
  },
};

/** Spellings of the parts of `@tls.peer…` that variables have under one name. */
const SPELLINGS: Readonly<Record<string, string>> = {
  sn: 'serial',
  serialnumber: 'serial',
  serial_number: 'serial',
  notbefore: 'notBefore',
  not_before: 'notBefore',
  notafter: 'notAfter',
  not_after: 'notAfter',
  self_signed: 'selfsigned',
  selfsigned: 'selfsigned',
  subj: 'subject',
  name: 'cn',
  commonname: 'cn',
  common_name: 'cn',
  l: 'locality',
  localityname: 'locality',
  locality_name: 'locality',
  c: 'country',
  countryname: 'country',
  country_name: 'country',
  st: 'state',
  stateorprovincename: 'state',
  state_or_province_name: 'state',
  o: 'organization',
  organizationname: 'organization',
  organization_name: 'organization',
  ou: 'unit',
  organizationalunitname: 'unit',
  organizational_unit_name: 'unit',
  uniqueidentifier: 'uid',
  unique_identifier: 'uid',
  email: 'san_email',
  emailaddress: 'san_email',
  email_address: 'san_email',
  host: 'san_hostname',
  hostname: 'san_hostname',
  dns: 'san_hostname',
  uri: 'san_uri',
  url: 'san_uri',
  urn: 'san_uri',
  ip: 'san_ip',
  ipaddress: 'san_ip',
  ip_address: 'san_ip',
};

const SIDES: Readonly<Record<string, Side>> = { peer: 'peer', my: 'my', me: 'my', myself: 'my' };

/** The variable that a select stands for: `@tls.peer.subject.cn` is `$tls_peer_subject_cn`. */
export function variableOfSelect(names: readonly string[]): string {
  const [first = '', ...rest] = names;
  const side = SIDES[first];
  if (side === undefined) {
    if (first === 'cipher') return rest[0] === 'bits' ? 'tls_cipher_bits' : 'tls_cipher_info';
    return `tls_${first === 'desc' ? 'description' : first}`;
  }
  return ['tls', side, ...rest.map((name) => SPELLINGS[name.toLowerCase()] ?? name)].join('_');
}

/** `@tls.…` */
export const TLS_SELECT: SelectDef<TlsModule> = {
  doc: 'Facts of the TLS connection: version, cipher, cipher.bits, desc, peer.subject.cn, me.issuer.o, peer.email …',
  bind(parts, state) {
    const name = variableOfSelect(parts.slice(1).map((part) => part.name));
    const own = Object.hasOwn(TLS_PVS, name) && name !== 'tls' ? TLS_PVS[name] : undefined;
    if (own === undefined || parts.some((part) => part.index !== null)) {
      return `unknown select @${parts.map((part) => part.name).join('.')}`;
    }
    const bound = own.bind({} as never, state);
    if (typeof bound === 'string') return bound;
    return (run) => {
      const value = bound.get(run);
      return value === null ? '' : String(value);
    };
  },
};
