/** What the resolver and its tests use of dns-packet 5, which ships no types. */
declare module 'dns-packet' {
  export interface Question {
    readonly name: string;
    readonly type: string;
    readonly class?: string;
  }

  export interface Answer {
    readonly name: string;
    readonly type: string;
    readonly class?: string;
    readonly ttl?: number;
    readonly data?: unknown;
    readonly flags?: number;
    readonly udpPayloadSize?: number;
    readonly options?: readonly unknown[];
  }

  export interface Packet {
    readonly type?: 'query' | 'response';
    readonly id?: number;
    readonly flags?: number;
    readonly questions?: readonly Question[];
    readonly answers?: readonly Answer[];
    readonly authorities?: readonly Answer[];
    readonly additionals?: readonly Answer[];
  }

  export interface DecodedPacket {
    readonly type: 'query' | 'response';
    readonly id: number;
    readonly flags: number;
    readonly flag_tc: boolean;
    readonly rcode: string;
    readonly questions: readonly Question[];
    readonly answers: readonly Answer[];
    readonly authorities: readonly Answer[];
    readonly additionals: readonly Answer[];
  }

  const dnsPacket: {
    encode(packet: Packet): Buffer;
    /** Throws on a malformed packet. */
    decode(buffer: Buffer): DecodedPacket;
    readonly RECURSION_DESIRED: number;
    readonly TRUNCATED_RESPONSE: number;
  };
  export default dnsPacket;
}
