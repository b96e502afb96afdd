/** Parameters of libpq's connection strings that have a meaning here. */
const KNOWN = [
  'connect_timeout',
  'keepalives',
  'keepalives_idle',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'application_name',
  'fallback_application_name',
  'options',
] as const;
/** Those that Node.js can not set, or that are fixed. */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  tcp_user_timeout: 'Node.js can not set it',
  keepalives_interval: 'Node.js can not set it',
  keepalives_count: 'Node.js can not set it',
  client_encoding: 'it is always UTF8',
};
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

export type SslMode = (typeof SSL_MODES)[number];

export type ConParams = ReadonlyMap<string, string>;

/** Reads `name=value;name=value`. An error text when it is none. */
export function parseConParams(text: string): ConParams | string {
  const params = new Map<string, string>();
  for (const part of text.split(';')) {
    if (part.trim() === '') continue;
    const [, name = '', value = ''] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(part) ?? [];
    if (name === '') return `"${part}" is not name=value`;
    if (!KNOWN.some((known) => known === name) && !(name in WITHOUT_EFFECT))
      return `${name} is not supported; there are ${KNOWN.join(', ')}`;
    if (name === 'sslmode' && !SSL_MODES.some((mode) => mode === value))
      return `sslmode is one of ${SSL_MODES.join(', ')}`;
    if (['connect_timeout', 'keepalives', 'keepalives_idle'].includes(name) && !/^\d+$/.test(value))
      return `${name} is a number`;
    params.set(name, value);
  }
  return params;
}

/** As libpq: `prefer` unless set; `require` with certificates to trust is `verify-ca`. */
export function sslModeOf(params: ConParams): SslMode {
  const mode = SSL_MODES.find((each) => each === params.get('sslmode')) ?? 'prefer';
  return mode === 'require' && params.has('sslrootcert') ? 'verify-ca' : mode;
}

/** Why some of them have no effect, for the log. */
export function idleParams(params: ConParams): string[] {
  return [...params.keys()].flatMap((name) =>
    WITHOUT_EFFECT[name] === undefined ? [] : [`${name} has no effect: ${WITHOUT_EFFECT[name]}`],
  );
}
