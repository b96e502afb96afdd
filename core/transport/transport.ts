import type { Destination, Proto, SendResult, SocketInfo } from './socket-info.ts';

/** The sockets of a server and the way out of them. */
export interface Transport {
  readonly sockets: readonly SocketInfo[];
  /**
   * Sends text to a resolved destination. UDP goes with the current batch; a stream is opened where there is none
   * (unless `noConnect`), and its later failure calls `onFailed`, once.
   */
  send(text: string, dst: Destination, onFailed?: () => void): SendResult;
  /** The socket for a protocol and family: the forced one if it fits, else the first, else null (no such socket). */
  socketFor(proto: Proto, ip: string, forced: SocketInfo | null): SocketInfo | null;
  /** By `udp:10.0.0.1:5060`, `10.0.0.1:5060`, `10.0.0.1` or the `name` of a listen line. */
  findSocket(text: string): SocketInfo | null;
  findSocketBy(host: string, port: number, proto: number): SocketInfo | null;
  /** Listens now opened and its texts: `-l` and `listen` together. */
  close(): Promise<void>;
}
