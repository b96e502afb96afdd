import { getSystemErrorName } from 'node:util';
import { StrowgerError } from '../errors.ts';
import { datagramEnvironment, type UnixDatagramHandler } from './datagram-environment.ts';

/** A Unix datagram socket (jsonrpcs, syslog). Node has none of its own: it needs the addon. */
export interface UnixDatagramSocket {
  /** Sends at once. Returns null, or the errno's name: `EAGAIN` the reader is slow, `ENOENT`, `ECONNREFUSED` it is gone. */
  send(bytes: Buffer | string, path: string): string | null;
  /** Closes; the file of the path stays, as the kernel leaves it. */
  close(): void;
}

/**
 * Binds `path` (which must not exist; a leading zero byte makes an abstract name), or with an empty path makes a
 * socket that only sends. Strings are latin1. Throws `UNIX_BIND` with path and cause, also where there is no addon.
 */
export function openUnixDatagram(path: string, onDatagram: UnixDatagramHandler): UnixDatagramSocket {
  const environment = datagramEnvironment();
  if (typeof environment === 'string') throw unixError(path, environment);
  const id = environment.native.unixOpen(path);
  if (id < 0) throw unixError(path, getSystemErrorName(id));
  environment.add(id, { family: 'unix', onDatagram: () => {}, onUnix: onDatagram, onFailure: () => {} });
  let isClosed = false;
  return {
    send(bytes, to) {
      if (isClosed) return 'EBADF';
      const data = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
      const result = environment.native.unixSend(id, data, to);
      return result < 0 ? getSystemErrorName(result) : null;
    },
    close() {
      if (!isClosed) environment.close(id);
      isClosed = true;
    },
  };
}

function unixError(path: string, reason: string): StrowgerError {
  return new StrowgerError('UNIX_BIND', `Unix datagram socket ${path}: ${reason}`);
}
