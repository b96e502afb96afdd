import process from 'node:process';

type NodeTls = typeof import('node:tls');

/** node:tls, loaded on first use: it costs 10 ms of every start, and few servers speak TLS. */
export function nodeTls(): NodeTls {
  return process.getBuiltinModule('node:tls');
}
