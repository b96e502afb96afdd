/** What OpenSSL tells of a cipher suite (SSL_CIPHER_description), made from its name, as Node.js gives no more. */

interface CipherFacts {
  /** First protocol version that has the suite. */
  readonly version: string;
  readonly keyExchange: string;
  readonly authentication: string;
  readonly encryption: string;
  readonly bits: number;
  readonly mac: string;
}

/** Facts of a suite by OpenSSL's name: `ECDHE-RSA-AES256-GCM-SHA384`, `TLS_AES_128_GCM_SHA256`. */
export function cipherFacts(name: string): CipherFacts {
  const isTls13 = name.startsWith('TLS_');
  const flat = isTls13 ? name.replaceAll('_', '-').replace(/(AES|ARIA|CAMELLIA)-(\d)/, '$1$2') : name;
  const { encryption, bits, isAead } = encryptionOf(flat);
  const mac = isAead ? 'AEAD' : macOf(flat);
  if (isTls13) return { version: 'TLSv1.3', keyExchange: 'any', authentication: 'any', encryption, bits, mac };
  const isElliptic = /^A?ECDH/.test(flat);
  const isNew = isAead || mac === 'SHA256' || mac === 'SHA384';
  return {
    version: isNew ? 'TLSv1.2' : isElliptic ? 'TLSv1' : 'SSLv3',
    keyExchange: keyExchangeOf(flat),
    authentication: authenticationOf(flat),
    encryption,
    bits,
    mac,
  };
}

/** The line of `openssl ciphers -v`, with its line end: `$tls_description`. */
export function cipherDescription(name: string): string {
  const facts = cipherFacts(name);
  const columns = [
    name.padEnd(30),
    facts.version.padEnd(7),
    `Kx=${facts.keyExchange.padEnd(8)}`,
    `Au=${facts.authentication.padEnd(5)}`,
    `Enc=${facts.encryption.padEnd(22)}`,
    `Mac=${facts.mac.padEnd(4)}`,
  ];
  return `${columns.join(' ')}\n`;
}

const BLOCK = /(AES|ARIA|CAMELLIA)(\d{3})(?:-(GCM|CCM8?))?/;
const BLOCK_NAMES: Readonly<Record<string, string>> = { AES: 'AES', ARIA: 'ARIA', CAMELLIA: 'Camellia' };

function encryptionOf(name: string): { encryption: string; bits: number; isAead: boolean } {
  if (name.includes('CHACHA20')) return { encryption: 'CHACHA20/POLY1305(256)', bits: 256, isAead: true };
  const block = BLOCK.exec(name);
  if (block !== null) {
    const [, cipher = '', size = '', mode = ''] = block;
    return { encryption: `${BLOCK_NAMES[cipher]}${mode}(${size})`, bits: Number(size), isAead: mode !== '' };
  }
  if (name.includes('DES-CBC3')) return { encryption: '3DES(168)', bits: 168, isAead: false };
  return { encryption: 'None', bits: 0, isAead: false };
}

function macOf(name: string): string {
  const last = /(SHA384|SHA256|SHA|MD5)$/.exec(name)?.[1] ?? '';
  return last === 'SHA' ? 'SHA1' : last;
}

function keyExchangeOf(name: string): string {
  if (/^A?ECDHE?-PSK/.test(name)) return 'ECDHEPSK';
  if (name.startsWith('DHE-PSK')) return 'DHEPSK';
  if (name.startsWith('RSA-PSK')) return 'RSAPSK';
  if (name.startsWith('PSK')) return 'PSK';
  if (/^A?ECDH/.test(name)) return 'ECDH';
  return /^(DHE|ADH|EDH)/.test(name) ? 'DH' : 'RSA';
}

function authenticationOf(name: string): string {
  if (/^(ADH|AECDH)/.test(name)) return 'None';
  if (name.includes('ECDSA')) return 'ECDSA';
  if (name.includes('DSS')) return 'DSS';
  return /(^|-)PSK/.test(name) && !name.startsWith('RSA-PSK') ? 'PSK' : 'RSA';
}
