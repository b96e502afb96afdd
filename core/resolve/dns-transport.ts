/** What carries queries to a name server: real sockets here, the zone table of the tests in `test/support/sim-dns.ts`. */

import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { ipFamily } from '../transport/ip-address.ts';
import type { DnsServerAddress } from './resolv-conf.ts';

export interface DnsChannel {
  close(): void;
}

export interface DnsTransport {
  /**
   * Sends one query from a port of its own (random, so that replies are hard to forge) and hands over every packet
   * that comes back from that server, until closed. Keeps no time: the caller closes it when it has waited enough.
   */
  ask(
    server: DnsServerAddress,
    proto: 'udp' | 'tcp',
    query: Uint8Array,
    onReply: (packet: Uint8Array) => void,
    onError: (error: Error) => void,
  ): DnsChannel;
}

/** The system's files, as text; empty where one can not be read. */
export interface DnsFiles {
  readonly resolvConf: string;
  readonly hosts: string;
}

export function readDnsFiles(): DnsFiles {
  return { resolvConf: readOrEmpty('/etc/resolv.conf'), hosts: readOrEmpty('/etc/hosts') };
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** Queries over the machine's own UDP and TCP. */
export class SystemDnsTransport implements DnsTransport {
  ask(
    server: DnsServerAddress,
    proto: 'udp' | 'tcp',
    query: Uint8Array,
    onReply: (packet: Uint8Array) => void,
    onError: (error: Error) => void,
  ): DnsChannel {
    return proto === 'udp' ? askUdp(server, query, onReply, onError) : askTcp(server, query, onReply, onError);
  }
}

type Ask = (
  server: DnsServerAddress,
  query: Uint8Array,
  onReply: (packet: Uint8Array) => void,
  onError: (error: Error) => void,
) => DnsChannel;

const askUdp: Ask = (server, query, onReply, onError) => {
  const socket = createSocket(ipFamily(server.ip) === 6 ? 'udp6' : 'udp4');
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    socket.close();
  };
  socket.on('message', onReply);
  socket.on('error', (error) => {
    close();
    onError(error);
  });
  // A connected socket takes packets from that server only, and learns of a closed port at once.
  socket.connect(server.port, server.ip, () => {
    if (isOpen) socket.send(query);
  });
  return { close };
};

const askTcp: Ask = (server, query, onReply, onError) => {
  const socket = connect({ host: server.ip, port: server.port });
  let buffered = Buffer.alloc(0);
  socket.on('connect', () => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(query.length);
    socket.write(Buffer.concat([length, query]));
  });
  socket.on('data', (chunk: Buffer) => {
    buffered = Buffer.concat([buffered, chunk]);
    if (buffered.length < 2) return;
    const end = 2 + buffered.readUInt16BE(0);
    if (buffered.length >= end) onReply(buffered.subarray(2, end));
  });
  socket.on('error', onError);
  socket.on('end', () => onError(new Error('connection closed by the name server')));
  return {
    close: () => {
      socket.removeAllListeners('error');
      socket.on('error', () => {});
      socket.destroy();
    },
  };
};
