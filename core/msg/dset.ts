import type { SocketInfo } from '../transport/socket-info.ts';

/** One further branch of the destination set (Kamailio's dset): where a request goes beside its Request-URI. */
export interface Branch {
  uri: string;
  dstUri: string;
  path: string;
  /** Thousandths (1000 is q=1.0); -1 unspecified. */
  q: number;
  /** Branch flags, bits 0-31. */
  flags: number;
  socket: SocketInfo | null;
  /** GRUU / outbound data the registrar knows. */
  instance: string;
  regId: number;
  ruid: string;
  userAgent: string;
  otcpid: number;
}

/** A branch with nothing but its URI. */
export function newBranch(uri: string): Branch {
  return {
    uri,
    dstUri: '',
    path: '',
    q: -1,
    flags: 0,
    socket: null,
    instance: '',
    regId: 0,
    ruid: '',
    userAgent: '',
    otcpid: 0,
  };
}

/** Kamailio's MAX_BRANCHES default; the core parameter `max_branches` sets another, up to 31. */
export const DEFAULT_MAX_BRANCHES = 12;
