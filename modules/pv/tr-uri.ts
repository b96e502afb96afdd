import {
  bracketed,
  PROTO,
  PROTO_NAMES,
  type PvValue,
  parseUri,
  type SipUri,
  strArg,
  strIn,
  type TransformDef,
  textStrTransform,
  textTransform,
  URI_SCHEME,
  valueToString,
} from 'strowger';
import { urnNamespace, urnSpecific } from './uri-attributes.ts';

/** {uri.…}: parts of a URI; '' for a part that is missing, null for text that is no URI. */
export const URI_TRANSFORMS: Readonly<Record<string, TransformDef>> = {
  user: uriTransform('User.', (uri) => (uri.scheme === URI_SCHEME.URN ? urnNamespace(uri) : uri.user)),
  host: uriTransform('Host.', hostOf),
  domain: uriTransform('Host.', hostOf),
  passwd: uriTransform('Password.', (uri) => uri.password),
  port: uriTransform('Port as an integer, 0 where none is written.', (uri) => uri.port),
  params: uriTransform('All parameters.', (uri) => uri.params),
  headers: uriTransform('All headers, what follows the question mark.', (uri) => uri.headers),
  transport: paramTransform('transport'),
  ttl: paramTransform('ttl'),
  uparam: paramTransform('user'),
  maddr: paramTransform('maddr'),
  method: paramTransform('method'),
  lr: paramTransform('lr'),
  r2: paramTransform('r2'),
  scheme: uriTransform('Scheme as written.', (uri) => uri.schemeText),
  param: {
    doc: 'Value of a parameter by name.',
    params: [1, 1],
    bind: ([param]) => {
      if (param === undefined) return 'the name of a parameter is needed';
      const name = strArg(param);
      return (run, value) => {
        const lower = strIn(name, run)?.toLowerCase();
        const uri = value === null ? null : parseUri(valueToString(value));
        return uri === null || lower === undefined ? null : (uri.param(lower) ?? '');
      };
    },
  },
  rmparam: textStrTransform('The URI without a parameter; as it is where that is not there.', (text, name) => {
    const uri = parseUri(text);
    return uri === null || name === '' ? text : withoutParam(uri, text, name.toLowerCase());
  }),
  tosocket: uriTransform('As proto:host:port; nothing where no transport is written.', (uri) => {
    const proto = uri.transport;
    if (proto === PROTO.NONE) return '';
    return `${PROTO_NAMES[proto]}:${uri.host}:${uri.port || defaultPort(proto)}`;
  }),
  duri: uriTransform('Scheme, host, port and transport only: a next hop.', (uri) => routable(uri, '')),
  saor: uriTransform('Scheme, user and host only: an address of record.', (uri) =>
    uri.host === '' ? `${uri.schemeText}:${uri.user}` : `${uri.schemeText}:${userPart(uri)}${hostOf(uri)}`,
  ),
  suri: uriTransform('Scheme, user, host, port and transport only.', (uri) => routable(uri, userPart(uri))),
};

/** {urialias.…}: the `alias` parameter of contacts behind NAT, address~port~protocol. */
export const URIALIAS_TRANSFORMS: Readonly<Record<string, TransformDef>> = {
  encode: textTransform('A SIP URI as address~port~protocol number.', (text) => {
    const uri = parseUri(text);
    if (uri === null || uri.host === '') return '';
    const proto = uri.transport === PROTO.NONE ? PROTO.UDP : uri.transport;
    return `${uri.host}~${uri.port || defaultPort(proto)}~${proto}`;
  }),
  decode: textTransform('address~port~protocol number as a SIP URI.', (text) => {
    const match = /^([^~]+)~(\d{1,5})~([1-6])$/.exec(text);
    if (match === null) return '';
    const [, host = '', port = '', id = ''] = match;
    const proto = PROTO_NAMES[Number(id)] ?? 'udp';
    return `sip:${bracketed(host)}:${port}${proto === 'udp' ? '' : `;transport=${proto}`}`;
  }),
};

function uriTransform(doc: string, part: (uri: SipUri) => PvValue): TransformDef {
  return textTransform(doc, (text) => {
    const uri = parseUri(text);
    return uri === null || uri.scheme === URI_SCHEME.OTHER ? null : part(uri);
  });
}

function paramTransform(name: string): TransformDef {
  return uriTransform(`Value of the parameter ${name}.`, (uri) => uri.param(name) ?? '');
}

function hostOf(uri: SipUri): string {
  return uri.scheme === URI_SCHEME.URN ? urnSpecific(uri) : uri.host;
}

/** Parameters stand between the first semicolon behind the host and the question mark. */
function withoutParam(uri: SipUri, text: string, lower: string): string {
  const { params } = uri;
  if (params === '' || uri.param(lower) === null) return text;
  const kept = params.split(';').filter((param) => param.split('=', 1)[0]?.trim().toLowerCase() !== lower);
  const at = text.indexOf(`;${params}`);
  if (at < 0) return text;
  const rest = text.slice(at + 1 + params.length);
  return `${text.slice(0, at)}${kept.length === 0 ? '' : `;${kept.join(';')}`}${rest}`;
}

function defaultPort(proto: number): number {
  return proto === PROTO.TLS ? 5061 : 5060;
}

function userPart(uri: SipUri): string {
  return uri.user === '' ? '' : `${uri.user}@`;
}

function routable(uri: SipUri, user: string): string {
  if (uri.host === '') return `${uri.schemeText}:${uri.user}`;
  const transport = uri.param('transport') ?? '';
  return `${uri.schemeText}:${user}${uri.host}${uri.port === 0 ? '' : `:${uri.port}`}${transport === '' ? '' : `;transport=${transport}`}`;
}
