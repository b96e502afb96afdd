import type { SipMsg } from '../parser/sip-msg.ts';

/** What a module changes of the Via this server adds to a request; asked each time the Via is written. */
export interface ViaExtension {
  /** Host (with brackets where IPv6 needs them) and port in place of the socket's; null leaves them. */
  sentBy(msg: SipMsg): { readonly host: string; readonly port: string } | null;
  /** Parameters to add, each with its semicolon; '' for none. */
  params(msg: SipMsg): string;
}

/** Key of the ViaExtension in `msg.extensions`. */
export const VIA_EXTENSION: object = { name: 'via-extension' };

/** The extension of a message's Via, if it has one. */
export function viaExtension(msg: SipMsg): ViaExtension | undefined {
  return msg.extensions === null ? undefined : (msg.extensions.get(VIA_EXTENSION) as ViaExtension | undefined);
}
