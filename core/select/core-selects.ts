import { parseContacts } from '../parser/contact.ts';
import { type DigestCredentials, digestCredentials, parseAuth } from '../parser/digest.ts';
import { HDR } from '../parser/hf.ts';
import { firstNameAddr } from '../parser/list.ts';
import type { NameAddr } from '../parser/name-addr.ts';
import type { SipMsg } from '../parser/sip-msg.ts';
import type { Run } from '../script/run.ts';
import { PROTO_NAMES } from '../transport/socket-info.ts';
import { addressReader, uriReader } from './address-selects.ts';
import { MSG_SELECT } from './msg-selects.ts';
import { isLeaf, noSuchPart, type Reader, type SelectDef } from './select.ts';
import { CFG_GET_SELECT, CFG_SELECTED_SELECT, SYS_SELECT } from './system-selects.ts';
import { VIA_SELECT } from './via-selects.ts';

const CREDENTIAL_PARTS: ReadonlyMap<string, Reader<DigestCredentials>> = new Map<string, Reader<DigestCredentials>>([
  ['username', (c) => c.username],
  ['realm', (c) => c.realm],
  ['nonce', (c) => c.nonce],
  ['uri', (c) => c.uri],
  ['cnonce', (c) => c.cnonce],
  ['nc', (c) => c.nc],
  ['response', (c) => c.response],
  ['opaque', (c) => c.opaque],
  ['algorithm', (c) => c.algorithm],
  ['qop', (c) => c.qop],
]);

const FROM = addressSelect('From', HDR.FROM, (msg) => msg.from, ['tag']);
const TO = addressSelect('To', HDR.TO, (msg) => msg.to, ['tag']);
const CONTACT = addressSelect('Contact', HDR.CONTACT, (msg) => parseContacts(msg).values[0] ?? null, [
  'q',
  'expires',
  'methods',
  'received',
  'instance',
]);
const RECORD_ROUTE = addressSelect('Record-Route', HDR.RECORDROUTE, (msg) => firstNameAddr(msg, HDR.RECORDROUTE), []);
const RPID = addressSelect('Remote-Party-ID', HDR.RPID, (msg) => firstNameAddr(msg, HDR.RPID), []);

/** The selects of Kamailio's core, by their first name. */
export const CORE_SELECTS: ReadonlyMap<string, SelectDef> = new Map<string, SelectDef>([
  ['ruri', uriSelect('Request-URI.', (msg) => (msg.isRequest ? msg.uri : ''))],
  ['dst_uri', uriSelect('Destination URI.', (msg) => msg.dstUri)],
  [
    'next_hop',
    uriSelect('Destination URI, or else the Request-URI.', (msg) => msg.dstUri || (msg.isRequest ? msg.uri : '')),
  ],
  ['from', FROM],
  ['f', FROM],
  ['to', TO],
  ['t', TO],
  ['contact', CONTACT],
  ['m', CONTACT],
  ['record_route', RECORD_ROUTE],
  ['rr', RECORD_ROUTE],
  ['rpid', RPID],
  ['remote_party_id', RPID],
  ['refer_to', addressSelect('Refer-To', HDR.REFERTO, (msg) => firstNameAddr(msg, HDR.REFERTO), [])],
  ['via', VIA_SELECT],
  ['v', VIA_SELECT],
  [
    'cseq',
    fieldSelect(
      'CSeq: num, method.',
      new Map<string, Reader<SipMsg>>([
        ['num', (msg) => (msg.cseqNumber < 0 ? '' : String(msg.cseqNumber))],
        ['method', (msg) => msg.cseqMethod],
      ]),
      (msg) => (msg.cseqNumber < 0 ? '' : `${msg.cseqNumber} ${msg.cseqMethod}`),
    ),
  ],
  ['method', fieldSelect('Method; on a reply that of CSeq.', new Map(), (msg) => msg.methodName)],
  ['msg', MSG_SELECT],
  ['message', MSG_SELECT],
  ['authorization', credentialsSelect('Authorization', HDR.AUTHORIZATION)],
  ['proxy_authorization', credentialsSelect('Proxy-Authorization', HDR.PROXYAUTH)],
  [
    'src',
    fieldSelect(
      'Source address: ip, port, ip_port.',
      addressParts((msg) => [msg.rcv.srcIp, msg.rcv.srcPort]),
    ),
  ],
  [
    'dst',
    fieldSelect(
      'Local address: ip, port, ip_port.',
      addressParts((msg) => [msg.rcv.dstIp, msg.rcv.dstPort]),
    ),
  ],
  [
    'received',
    fieldSelect(
      'Local address of arrival: ip, port, proto, ip_port, proto_ip_port.',
      new Map<string, Reader<SipMsg>>([
        ...addressParts((msg) => [msg.rcv.dstIp, msg.rcv.dstPort]),
        ['proto', (msg) => PROTO_NAMES[msg.rcv.proto]],
        ['proto_ip_port', (msg) => `${PROTO_NAMES[msg.rcv.proto]}:${msg.rcv.dstIp}:${msg.rcv.dstPort}`],
      ]),
    ),
  ],
  ['call_id', headerSelect(HDR.CALLID, 'Call-ID')],
  ['expires', headerSelect(HDR.EXPIRES, 'Expires')],
  ['max_forwards', headerSelect(HDR.MAXFORWARDS, 'Max-Forwards')],
  ['content_type', headerSelect(HDR.CONTENTTYPE, 'Content-Type')],
  ['content_length', headerSelect(HDR.CONTENTLENGTH, 'Content-Length')],
  ['subject', headerSelect(HDR.SUBJECT, 'Subject')],
  ['organization', headerSelect(HDR.ORGANIZATION, 'Organization')],
  ['priority', headerSelect(HDR.PRIORITY, 'Priority')],
  ['session_expires', headerSelect(HDR.SESSIONEXPIRES, 'Session-Expires')],
  ['min_se', headerSelect(HDR.MINSE, 'Min-SE')],
  ['user_agent', headerSelect(HDR.USERAGENT, 'User-Agent')],
  ['sip_if_match', headerSelect(HDR.SIPIFMATCH, 'SIP-If-Match')],
  ['event', headerSelect(HDR.EVENT, 'Event')],
  ['date', headerSelect(HDR.DATE, 'Date')],
  ['identity', headerSelect(HDR.IDENTITY, 'Identity')],
  [
    'identity_info',
    fieldSelect('Identity-Info.', new Map(), (msg) => {
      const row = msg.findHdrByName('Identity-Info');
      return row < 0 ? '' : msg.hdrValue(row);
    }),
  ],
  [
    'branch',
    fieldSelect(
      'What the Request-URI carries for its branch: uriq, dst_uri.',
      new Map<string, Reader<SipMsg>>([
        ['uriq', (msg) => (msg.ruriQ < 0 ? '' : String(msg.ruriQ))],
        ['dst_uri', (msg) => msg.dstUri],
      ]),
    ),
  ],
  ['sys', SYS_SELECT],
  ['cfg_get', CFG_GET_SELECT],
  ['cfg_selected', CFG_SELECTED_SELECT],
]);

function headerSelect(kind: number, name: string): SelectDef {
  return fieldSelect(`${name}.`, new Map(), (msg) => msg.header(kind) ?? '');
}

/** A select with the parts of a table, and a value of its own where `whole` is given. */
function fieldSelect(doc: string, known: ReadonlyMap<string, Reader<SipMsg>>, whole?: Reader<SipMsg>): SelectDef {
  return {
    doc,
    bind(parts) {
      const rest = parts.slice(1);
      const read = rest.length === 0 ? whole : isLeaf(rest) ? known.get(rest[0]?.name ?? '') : undefined;
      if (read !== undefined) return (run: Run) => read(run.msg);
      return rest.length === 0
        ? `@${parts[0]?.name ?? ''} needs a part: ${[...known.keys()].join(', ')}`
        : noSuchPart(rest, known.keys());
    },
  };
}

function addressParts(at: (msg: SipMsg) => readonly [string, number]): Map<string, Reader<SipMsg>> {
  return new Map<string, Reader<SipMsg>>([
    ['ip', (msg) => at(msg)[0]],
    ['port', (msg) => String(at(msg)[1])],
    ['ip_port', (msg) => at(msg).join(':')],
  ]);
}

function uriSelect(doc: string, uriOf: (msg: SipMsg) => string): SelectDef {
  return {
    doc,
    bind(parts) {
      const read = uriReader(parts.slice(1));
      return typeof read === 'string' ? read : (run) => read(uriOf(run.msg));
    },
  };
}

function addressSelect(
  header: string,
  kind: number,
  find: (msg: SipMsg) => NameAddr | null,
  own: readonly string[],
): SelectDef {
  return {
    doc: `${header}: name, uri.…, params["x"]${own.map((name) => `, ${name}`).join('')}.`,
    bind(parts) {
      if (parts.length === 1) return (run) => run.msg.header(kind) ?? '';
      const read = addressReader(parts.slice(1), own);
      if (typeof read === 'string') return read;
      return (run) => {
        const addr = find(run.msg);
        return addr === null ? '' : read(addr);
      };
    },
  };
}

/** @proxy_authorization["realm"].username: the credentials for a realm. */
function credentialsSelect(header: string, kind: number): SelectDef {
  return {
    doc: `${header} for a realm, ["realm"]: ${[...CREDENTIAL_PARTS.keys()].join(', ')}, username.user, username.domain.`,
    bind(parts) {
      const [root, first, second] = parts;
      if (root === undefined || root.index === null) return `@${root?.name ?? ''} needs a realm: ["example.org"]`;
      const realm = String(root.index);
      if (first === undefined) return (run) => credentialsFor(run.msg, kind, realm)?.text ?? '';
      let read = isLeaf(parts.slice(1)) ? CREDENTIAL_PARTS.get(first.name) : undefined;
      if (first.name === 'username' && second?.name === 'user' && parts.length === 3)
        read = (c) => c.user || c.username;
      if (first.name === 'username' && second?.name === 'domain' && parts.length === 3) read = (c) => c.domain;
      if (read === undefined) return noSuchPart(parts.slice(1), CREDENTIAL_PARTS.keys());
      const part = read;
      return (run) => {
        const found = credentialsFor(run.msg, kind, realm);
        return found === null ? '' : part(found.credentials);
      };
    },
  };
}

function credentialsFor(
  msg: SipMsg,
  kind: number,
  realm: string,
): { readonly text: string; readonly credentials: DigestCredentials } | null {
  for (let row = msg.findHdr(kind); row >= 0; row = msg.findHdr(kind, row + 1)) {
    const auth = parseAuth(msg.buf, msg.hdrValueStart(row), msg.hdrValueEnd(row));
    const credentials = auth === null ? null : digestCredentials(auth);
    if (credentials !== null && credentials.realm === realm) return { text: msg.hdrValue(row), credentials };
  }
  return null;
}
