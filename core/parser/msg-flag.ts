/** Bits of `msgFlags`: what core commands asked for this message (Kamailio's FL_*). */
export const MSG_FLAG = {
  FORCE_RPORT: 1,
  ADD_LOCAL_RPORT: 2,
  SDP_IP_AFS: 4,
  SDP_PORT_AFS: 8,
  RPL_SUPPRESSED: 16,
  ADD_SRCPORT: 32,
  TIMEOUT: 64,
  NO_REPLY_CONNECT: 128,
  REPLY_CLOSE: 256,
  NO_FORWARD_CONNECT: 512,
  FORWARD_CLOSE: 1024,
  VIA_NORECEIVED: 2048,
  FINAL_REPLY_SENT: 4096,
  DELAYED_REPLY: 8192,
  /** Built by us on a transaction (failure_route and the like), not received. */
  FAKED: 16384,
  RR_ADDED: 32768,
  USE_UAC_FROM: 65536,
  USE_UAC_TO: 131072,
  /** What a request longer than `udp_mtu` goes by instead (udp_mtu_try_proto): none of them is UDP. */
  MTU_TCP: 262144,
  MTU_TLS: 524288,
  MTU_SCTP: 1048576,
  /** The module uac has put credentials in. */
  UAC_AUTH: 2097152,
  /** Replies made to it have a Warning (sip_warning). */
  SIP_WARNING: 4194304,
  /** Replies made to it go to the address of its Via (reply_to_via). */
  REPLY_TO_VIA: 8388608,
} as const;
