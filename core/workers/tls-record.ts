import { X509Certificate } from 'node:crypto';
import type { TlsPeerFacts } from '../transport/tls-facts.ts';

interface TlsRecord {
  readonly version: string;
  readonly cipher: string;
  readonly serverName: string;
  readonly verifyError: string;
  /** DER in base64, '' for none. */
  readonly peer: string;
  readonly own: string;
}

/** What is known of a TLS connection, as ASCII text for another worker. */
export function writeTlsRecord(facts: TlsPeerFacts): string {
  const { version, cipher, serverName, verifyError, peerCertificate, ownCertificate } = facts;
  const raw = (certificate: X509Certificate | null): string => certificate?.raw.toString('base64') ?? '';
  const name = encodeURIComponent(serverName);
  const record: TlsRecord = {
    version,
    cipher,
    serverName: name,
    verifyError,
    peer: raw(peerCertificate),
    own: raw(ownCertificate),
  };
  return JSON.stringify(record);
}

/** What `writeTlsRecord` was given. */
export function readTlsRecord(text: string): TlsPeerFacts {
  const { peer, own, serverName, ...facts } = JSON.parse(text) as TlsRecord;
  const certificate = (der: string): X509Certificate | null =>
    der === '' ? null : new X509Certificate(Buffer.from(der, 'base64'));
  return {
    ...facts,
    serverName: decodeURIComponent(serverName),
    peerCertificate: certificate(peer),
    ownCertificate: certificate(own),
  };
}
