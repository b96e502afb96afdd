/** A database's address as Kamailio's modules take it: `scheme://[user[:password]@]host[:port]/database`. */
export interface DbUrl {
  /** As written: two modules that write it alike share a connection. */
  readonly text: string;
  /** `sqlite`, `mysql`, `postgres`, `text` …: a module `db_…` answers for it. */
  readonly scheme: string;
  /** All behind `scheme://`: a path for what lives in files. */
  readonly rest: string;
  readonly user: string;
  readonly password: string;
  readonly host: string;
  /** 0 where none is written. */
  readonly port: number;
  readonly database: string;
  /** `?name=value&…` behind the database. */
  readonly options: ReadonlyMap<string, string>;
}

/**
 * Reads a `db_url`. The password ends at the last `@` before the path, so that it may hold `:` and `@`. An error text when
 * it is none; passwords are never part of it.
 */
export function parseDbUrl(text: string): DbUrl | string {
  const match = /^([a-z][a-z0-9_+.-]*):\/\/(.*)$/is.exec(text);
  if (match?.[1] === undefined || match[2] === undefined)
    return 'a database URL is scheme://user:password@host/database';
  const rest = match[2];
  const pathStart = pathOf(rest);
  const authority = rest.slice(0, pathStart);
  const at = authority.lastIndexOf('@');
  const [user, password] = splitOnce(at < 0 ? '' : authority.slice(0, at), ':');
  // `:memory:` and its like are no host.
  const server = /^(\[[^\]]*\]|[^:]*)(?::(\d{0,5}))?$/.exec(authority.startsWith(':') ? '' : authority.slice(at + 1));
  if (server === null || Number(server[2] ?? 0) > 65535) return 'the database URL has a port that is no number';
  const [database, query] = splitOnce(rest.slice(pathStart + 1), '?');
  return {
    text,
    scheme: match[1].toLowerCase(),
    rest,
    user,
    password,
    host: (server[1] ?? '').replace(/^\[|\]$/g, ''),
    port: Number(server[2] ?? 0),
    database,
    options: new Map(new URLSearchParams(query)),
  };
}

/** The URL without its password, for logs. */
export function printDbUrl({ scheme, rest, password }: DbUrl): string {
  const shown = password === '' ? rest : rest.replace(`:${password}@`, ':xxxx@');
  return `${scheme}://${shown}`;
}

/** Index of the `/` before the database; behind the `@`, for a password may hold one. */
function pathOf(rest: string): number {
  const at = rest.indexOf('@');
  const slash = rest.indexOf('/', at < 0 || rest.startsWith('/') ? 0 : at);
  return slash < 0 ? rest.length : slash;
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}
