import { SipMsg } from '../../core/parser/sip-msg.ts';
import { PROTO, type ReceiveInfo, type SocketInfo } from '../../core/transport/socket-info.ts';

/** A listening UDP socket that no one opened: 127.0.0.1:5060. */
export const TEST_SOCKET: SocketInfo = {
  index: 0,
  proto: PROTO.UDP,
  family: 4,
  address: '127.0.0.1',
  port: 5060,
  advertisedHost: '127.0.0.1',
  advertisedPort: 5060,
  isAdvertised: false,
  name: '',
  isVirtual: false,
  uri: 'udp:127.0.0.1:5060',
  sentBy: '127.0.0.1:5060',
  isReliable: false,
};

/** As if it had come from 127.0.0.1:5070 over UDP. */
export function testReceiveInfo(changes: Partial<ReceiveInfo> = {}): ReceiveInfo {
  return {
    proto: PROTO.UDP,
    srcIp: '127.0.0.1',
    srcPort: 5070,
    dstIp: '127.0.0.1',
    dstPort: 5060,
    socket: TEST_SOCKET,
    conId: 0,
    ...changes,
  };
}

/** The text, read by the server's parser. */
export function sipMsg(text: string, rcv: Partial<ReceiveInfo> = {}): SipMsg {
  return new SipMsg(text, testReceiveInfo(rcv));
}
