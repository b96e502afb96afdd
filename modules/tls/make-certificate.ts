import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { type Clock, createFile, ipFamily, type Random } from 'strowger';

/** How long a certificate made here is good, and how long before now it begins: clocks differ. */
const VALID_DAYS = 3650;
const EARLY_DAYS = 1;
const DAY_MS = 86_400_000;

const ECDSA_SHA256 = '1.2.840.10045.4.3.2';
const RSA_SHA256 = '1.2.840.113549.1.1.11';

/** Who the certificate is for. */
export interface CertificateSubject {
  /** The common name. */
  readonly name: string;
  /** Host names and addresses that clients connect to. */
  readonly hosts: readonly string[];
}

interface CertificateFiles {
  readonly certificate: string;
  /** The same where key and certificate share a file. */
  readonly privateKey: string;
}

/**
 * Makes the key (EC P-256) and a self-signed certificate for it where these files are not there. Several workers may do so
 * at once: they agree on the key that was there first, and any certificate for it will do. False when nothing was missing.
 */
export async function makeMissingCertificate(
  files: CertificateFiles,
  subject: CertificateSubject,
  parts: { readonly clock: Clock; readonly random: Random },
): Promise<boolean> {
  const { certificate, privateKey } = files;
  if (existsSync(certificate)) return false;
  const isOneFile = certificate === privateKey;
  if (!isOneFile && !existsSync(privateKey)) createFile(privateKey, pemOfKey(newKey()), 0o600, parts.random);
  const key = isOneFile ? newKey() : createPrivateKey(readFileSync(privateKey));
  const pem = await selfSigned(key, subject, parts.clock.wall(), parts.random);
  createFile(certificate, isOneFile ? pem + pemOfKey(key) : pem, isOneFile ? 0o600 : 0o644, parts.random);
  return true;
}

function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
}

function pemOfKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' });
}

/** A certificate (X.509 v3, RFC 5280) for this key, signed by it; PEM. The key is EC or RSA. */
export async function selfSigned(
  key: KeyObject,
  subject: CertificateSubject,
  nowMs: number,
  random: Random,
): Promise<string> {
  // Few servers ever need them: they are loaded when one does.
  const asn1 = await import('@peculiar/asn1-schema');
  const x509 = await import('@peculiar/asn1-x509');
  const { AsnConvert, OctetString } = asn1;
  const isRsa = key.asymmetricKeyType === 'rsa';
  const algorithm = new x509.AlgorithmIdentifier(
    isRsa ? { algorithm: RSA_SHA256, parameters: null } : { algorithm: ECDSA_SHA256 },
  );
  const name = new x509.Name([
    new x509.RelativeDistinguishedName([
      new x509.AttributeTypeAndValue({ type: '2.5.4.3', value: new x509.AttributeValue({ utf8String: subject.name }) }),
    ]),
  ]);
  const extension = (extnID: string, critical: boolean, value: unknown): InstanceType<typeof x509.Extension> =>
    new x509.Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
  const names = subject.hosts.map((host) =>
    ipFamily(host) === 0 ? new x509.GeneralName({ dNSName: host }) : new x509.GeneralName({ iPAddress: host }),
  );
  const tbs = new x509.TBSCertificate({
    version: x509.Version.v3,
    serialNumber: serialNumber(random),
    signature: algorithm,
    issuer: name,
    validity: new x509.Validity({
      notBefore: new Date(nowMs - EARLY_DAYS * DAY_MS),
      notAfter: new Date(nowMs + VALID_DAYS * DAY_MS),
    }),
    subject: name,
    subjectPublicKeyInfo: AsnConvert.parse(
      createPublicKey(key).export({ type: 'spki', format: 'der' }),
      x509.SubjectPublicKeyInfo,
    ),
    extensions: new x509.Extensions([
      extension(x509.id_ce_basicConstraints, true, new x509.BasicConstraints({ cA: false })),
      extension(x509.id_ce_keyUsage, true, new x509.KeyUsage(x509.KeyUsageFlags.digitalSignature)),
      extension(
        x509.id_ce_extKeyUsage,
        false,
        new x509.ExtendedKeyUsage([x509.id_kp_serverAuth, x509.id_kp_clientAuth]),
      ),
      extension(x509.id_ce_subjectAltName, false, new x509.SubjectAlternativeName(names)),
    ]),
  });
  const signed = sign('sha256', Buffer.from(AsnConvert.serialize(tbs)), key);
  const certificate = new x509.Certificate({
    tbsCertificate: tbs,
    signatureAlgorithm: algorithm,
    signatureValue: new Uint8Array(signed).buffer,
  });
  const base64 = Buffer.from(AsnConvert.serialize(certificate)).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
}

/** 16 bytes of a positive number. */
function serialNumber(random: Random): ArrayBuffer {
  const bytes = new Uint8Array(random.bytes(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.buffer;
}
