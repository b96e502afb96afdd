import type { SipMsg } from 'strowger';

/** The one version of the protocol (RFC 6455 §4.1). */
const WS_VERSION = '13';

/** A handshake that can be answered with 101. */
export interface Handshake {
  readonly key: string;
  readonly origin: string;
}

/** Why one can not be: the answer, and header rows that go with it, each with CRLF. */
export interface Refusal {
  readonly code: number;
  readonly reason: string;
  readonly headers: string;
}

const BAD_REQUEST = 'Bad Request';
const HINT = `Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: ${WS_VERSION}\r\n`;

/** 16 bytes in base64. */
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** Reads the client's handshake (RFC 6455 §4.2.1, RFC 7118 §4); answers of refusals are Kamailio's. */
export function readHandshake(msg: SipMsg): Handshake | Refusal {
  const keys = valuesOf(msg, 'Sec-WebSocket-Key');
  const versions = valuesOf(msg, 'Sec-WebSocket-Version');
  if (keys.length > 1 || versions.length > 1) return { code: 400, reason: BAD_REQUEST, headers: '' };
  const [key] = keys;
  const [version] = versions;
  const isComplete =
    msg.methodName === 'GET' &&
    key !== undefined &&
    KEY.test(key) &&
    version !== undefined &&
    listHas(msg, 'Upgrade', 'websocket') &&
    listHas(msg, 'Connection', 'upgrade') &&
    listHas(msg, 'Sec-WebSocket-Protocol', 'sip');
  if (version !== undefined && version !== WS_VERSION)
    return { code: 426, reason: 'Upgrade Required', headers: `Sec-WebSocket-Version: ${WS_VERSION}\r\n` };
  if (!isComplete) return { code: 400, reason: BAD_REQUEST, headers: HINT };
  // A folded value would be a row of its own where it is given back.
  return { key, origin: (valuesOf(msg, 'Origin')[0] ?? '').replace(/[\r\n]+/g, '') };
}

function valuesOf(msg: SipMsg, name: string): string[] {
  const values: string[] = [];
  for (let row = msg.findHdrByName(name); row >= 0; row = msg.findHdrByName(name, row + 1)) {
    values.push(msg.hdrValue(row));
  }
  return values;
}

/** True when a header with a comma-separated list holds this token, in any case. */
function listHas(msg: SipMsg, name: string, token: string): boolean {
  return valuesOf(msg, name).some((value) =>
    value
      .toLowerCase()
      .split(',')
      .some((item) => item.trim() === token),
  );
}
