import { type DigestChallenge, type ModuleContext, type SocketInfo } from 'strowger';
import type { RegistrationPlan } from './client-registration.ts';
import type { Credential } from './credentials.ts';
import type { RegRecord } from './records.ts';

/** How a record is registered. */
export function planOf(ctx: ModuleContext, record: RegRecord): RegistrationPlan {
  const { uuid, remoteUser, remoteDomain, authProxy, expiresSec } = record;
  return {
    name: uuid,
    registrar: `sip:${remoteDomain}`,
    nextHop: authProxy,
    aor: `sip:${remoteUser}@${remoteDomain}`,
    contact: `sip:${uuid}@${contactAddr(ctx, record)}`,
    expiresSec,
    socket: socketOf(ctx, record.socket),
    credential: (challenge) => credentialOf(record, challenge),
  };
}

export function contactAddr(ctx: ModuleContext, { contactAddr: own }: RegRecord): string {
  return own === '' ? ctx.str('reg_contact_addr') : own;
}

/** H(A1) goes before the password, where it is of the algorithm that is asked for. */
function credentialOf(record: RegRecord, { realm, algorithm }: DigestChallenge): Credential | null {
  if (record.realm !== '' && record.realm !== realm) return null;
  const { authUser: username, authHa1, authPassword } = record;
  if (authHa1.length === algorithm.hexLength) return { realm, username, secret: authHa1, isHa1: true };
  return authPassword === '' ? null : { realm, username, secret: authPassword, isHa1: false };
}

/** The record's socket, else default_socket; null for tm's choice. */
function socketOf(ctx: ModuleContext, text: string): SocketInfo | null {
  const { transport } = ctx.server;
  for (const name of [text, ctx.str('default_socket')]) {
    const socket = name === '' ? null : transport.findSocket(name);
    if (socket !== null) return socket;
    if (name !== '') ctx.log.error(`${name} is none of our sockets`);
  }
  return null;
}
