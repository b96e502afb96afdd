import { bracketed, carrierProto, PROTO, PROTO_NAMES, type PvDef, type Run, readOnly, type SocketInfo } from 'strowger';
import type { PvState } from './state.ts';

/** Where the message came from ($si …) and the socket it arrived at ($Ri …). */
export const ADDRESS_PVS: Readonly<Record<string, PvDef<PvState>>> = {
  si: readOnly('Source address.', (run) => run.msg.rcv.srcIp),
  src_ip: readOnly('Source address.', (run) => run.msg.rcv.srcIp),
  siz: readOnly('Source address, IPv6 in brackets.', (run) => bracketed(run.msg.rcv.srcIp)),
  sp: readOnly('Source port.', (run) => run.msg.rcv.srcPort),
  pr: readOnly('Protocol the message arrived by.', protocol),
  proto: readOnly('Protocol the message arrived by.', protocol),
  prid: readOnly("Protocol the message arrived by, as Kamailio's number.", (run) => run.msg.rcv.proto),
  su: readOnly('Source address as a URI; transport is left out for UDP.', (run) => sourceUri(run, false)),
  sut: readOnly('Source address as a URI with transport.', (run) => sourceUri(run, true)),
  sas: readOnly('Source address as proto:address:port.', (run) => {
    const rcv = run.msg.rcv;
    return `${PROTO_NAMES[rcv.proto]}:${bracketed(rcv.srcIp)}:${rcv.srcPort}`;
  }),
  conid: readOnly('Id of the stream connection; null for UDP.', (run) => run.msg.rcv.conId || null),
  Ri: readOnly('Local address of arrival.', (run) => run.msg.rcv.dstIp),
  Rp: readOnly('Local port of arrival.', (run) => run.msg.rcv.dstPort),
  Rn: readOnly('Name of the socket of arrival.', (run) => run.msg.rcv.socket.name || null),
  Ru: readOnly('Local address of arrival as a URI; transport is left out for UDP.', (run) => localUri(run, false)),
  Rut: readOnly('Local address of arrival as a URI with transport.', (run) => localUri(run, true)),
  Ras: readOnly('Local address of arrival as proto:address:port.', (run) => {
    const { socket } = run.msg.rcv;
    // A WebSocket's is told as the one it listens on, as in Kamailio.
    return `${PROTO_NAMES[carrierProto(socket.proto)]}:${bracketed(socket.address)}:${socket.port}`;
  }),
  RAi: readOnly('Advertised address of the socket of arrival.', (run) => advertisedHost(run.msg.rcv.socket)),
  RAp: readOnly('Advertised port of the socket of arrival.', (run) => advertisedPort(run.msg.rcv.socket)),
  RAu: readOnly('Advertised address as a URI; transport is left out for UDP.', (run) => advertisedUri(run, false)),
  RAut: readOnly('Advertised address as a URI with transport.', (run) => advertisedUri(run, true)),
};

function protocol(run: Run): string {
  return PROTO_NAMES[run.msg.rcv.proto];
}

function sourceUri(run: Run, isFull: boolean): string {
  const { srcIp, srcPort, proto } = run.msg.rcv;
  return addressUri(bracketed(srcIp), srcPort, proto, isFull);
}

function localUri(run: Run, isFull: boolean): string {
  const { socket } = run.msg.rcv;
  return addressUri(bracketed(socket.address), socket.port, socket.proto, isFull);
}

function advertisedUri(run: Run, isFull: boolean): string {
  const { socket } = run.msg.rcv;
  return addressUri(bracketed(advertisedHost(socket)), advertisedPort(socket), socket.proto, isFull);
}

function advertisedHost(socket: SocketInfo): string {
  return socket.isAdvertised ? socket.advertisedHost : socket.address;
}

function advertisedPort(socket: SocketInfo): number {
  return socket.isAdvertised && socket.advertisedPort !== 0 ? socket.advertisedPort : socket.port;
}

/** WS and WSS are both `transport=ws` (RFC 7118 §5.2.4). */
function addressUri(host: string, port: number, proto: number, isFull: boolean): string {
  if (proto === PROTO.UDP && !isFull) return `sip:${host}:${port}`;
  return `sip:${host}:${port};transport=${proto === PROTO.WSS ? 'ws' : (PROTO_NAMES[proto] ?? 'none')}`;
}
