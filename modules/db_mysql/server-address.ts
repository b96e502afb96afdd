import { existsSync } from 'node:fs';
import type { ConnectionOptions } from 'mysql2';
import type { DbUrl } from 'strowger';

/** Where Linux distributions have the server's socket. */
const SOCKETS = [
  '/run/mysqld/mysqld.sock',
  '/var/run/mysqld/mysqld.sock',
  '/var/lib/mysql/mysql.sock',
  '/tmp/mysql.sock',
];
const MYSQL_PORT = 3306;

/** A `[group]` of my.cnf before the host, or in its place. */
interface UrlHost {
  readonly group: string | null;
  readonly host: string;
  readonly port: number;
}

/** The host of a db_url. An IPv6 address in brackets is no group. */
export function hostOf({ rest, host, port }: DbUrl): UrlHost {
  const authority = rest.slice(0, rest.lastIndexOf('/') < 0 ? rest.length : rest.lastIndexOf('/'));
  const [, group = '', name = '', digits = '0'] = /\[([^\]@/]+)\]([^:@/[\]]*)(?::(\d+))?$/.exec(authority) ?? [];
  if (group === '' || group.includes(':')) return { group: null, host, port };
  return { group, host: name, port: Number(digits) };
}

/** Where and as whom to connect: the URL, completed by the options of my.cnf. */
export function addressOf(
  url: DbUrl,
  { host, port }: UrlHost,
  file: ReadonlyMap<string, string>,
  hasFile = existsSync,
): ConnectionOptions {
  const name = host || file.get('host') || 'localhost';
  const filePort = Number(file.get('port') ?? 0);
  const given = file.get('socket');
  // As MySQL's own programs: localhost is a socket, unless a port is asked for.
  const isLocal = name === 'localhost' && port === 0;
  const socket = isLocal ? (given ?? (filePort === 0 ? SOCKETS.find((path) => hasFile(path)) : undefined)) : undefined;
  const where =
    socket === undefined
      ? { host: name === 'localhost' ? '127.0.0.1' : name, port: port || filePort || MYSQL_PORT }
      : { socketPath: socket };
  const user = url.user || file.get('user');
  const password = url.password || file.get('password');
  const database = url.database || file.get('database');
  return {
    ...where,
    ...(user === undefined || user === '' ? {} : { user }),
    ...(password === undefined || password === '' ? {} : { password }),
    ...(database === undefined || database === '' ? {} : { database }),
  };
}
