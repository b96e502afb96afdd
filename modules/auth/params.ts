import { intParam, isToken, type ParamDef, strParam } from 'strowger';
import { parseAlgorithms } from './authenticator.ts';
import { parseChallengeAttr } from './pv-auth.ts';

const HIGHEST_CHECKS = 15;

const checks = (what: string): ParamDef =>
  intParam({
    default: 0,
    min: 0,
    max: HIGHEST_CHECKS,
    doc: `What a nonce is bound to in ${what}: 1 Request-URI, 2 Call-ID, 4 From tag, 8 source address.`,
  });

const headerName = (standard: string, code: number): ParamDef =>
  strParam({
    default: standard,
    doc: `Header of the challenge in a ${code}.`,
    check: (value) => (isToken(String(value)) ? null : 'must be the name of a header'),
  });

export const AUTH_PARAMS: Readonly<Record<string, ParamDef>> = {
  secret: strParam({ default: null, doc: 'What nonces are proven with; a random text unless set.' }),
  nonce_expire: intParam({ default: 300, min: 0, doc: 'Seconds a nonce is good for.' }),
  nonce_auth_max_drift: intParam({
    default: 3,
    min: 0,
    doc: 'Seconds by which a nonce may be from the future.',
  }),
  auth_checks_register: checks('REGISTER'),
  auth_checks_no_dlg: checks('requests outside dialogs'),
  auth_checks_in_dlg: checks('requests inside dialogs'),
  protect_contacts: intParam({
    default: 0,
    doc: 'Declared by Kamailio, which does not use it.',
    noEffect: 'Kamailio declares it and does nothing with it',
  }),
  qop: strParam({
    default: '',
    doc: 'The qop of challenges whose flags name none: auth, auth-int, or empty for none.',
    check: (value) => (['', 'auth', 'auth-int'].includes(String(value)) ? null : 'must be auth, auth-int or empty'),
  }),
  algorithm: strParam({
    default: '',
    doc: 'MD5, SHA-256 or SHA-512-256; several with commas between them, the preferred one first. Empty: MD5, not named.',
    check: (value) => (parseAlgorithms(String(value)) === null ? 'must be MD5, SHA-256 or SHA-512-256' : null),
  }),
  nonce_count: intParam({ default: 0, doc: 'Whether the count (nc) of a nonce must rise.' }),
  nc_array_size: intParam({
    default: 1_048_576,
    min: 1,
    doc: 'Nonces whose count is remembered; rounded down to 2^n.',
  }),
  nc_array_order: intParam({ default: 20, min: 0, max: 28, doc: 'The same as a power of 2.' }),
  one_time_nonce: intParam({ default: 0, doc: 'Whether a nonce can be used once only.' }),
  otn_in_flight_no: intParam({
    default: 1_048_576,
    min: 1,
    doc: 'Nonces whose use is remembered; rounded down to 2^n.',
  }),
  otn_in_flight_order: intParam({ default: 20, min: 0, max: 28, doc: 'The same as a power of 2.' }),
  nid_pool_no: intParam({
    default: 1,
    doc: 'Partitions of the tables of nonces.',
    noEffect: 'workers number nonces together, without a lock',
  }),
  force_stateless_reply: intParam({ default: 0, doc: 'Whether challenges are sent without the transaction.' }),
  realm_prefix: strParam({
    default: '',
    doc: 'Taken off the front of realms: sip. makes sip.example.org example.org.',
  }),
  use_domain: intParam({ default: 0, doc: 'Whether pv_auth_check compares domains too.' }),
  challenge_attr: strParam({
    default: '$digest_challenge',
    doc: 'AVP for challenges that are not sent at once.',
    check: (value) => (parseChallengeAttr(String(value)) === null ? 'must be an AVP such as $avp(challenge)' : null),
  }),
  www_challenge_header: headerName('WWW-Authenticate', 401),
  proxy_challenge_header: headerName('Proxy-Authenticate', 407),
  add_authinfo_hdr: intParam({ default: 0, doc: 'Whether the reply to a verified request gets Authentication-Info.' }),
};
