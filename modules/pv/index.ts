import { defineModule, listParam, newBranch, sharedMap } from 'strowger';
import { ADDRESS_PVS } from './addresses.ts';
import { AUTH_PVS } from './auth-vars.ts';
import { AVP_PV } from './avp.ts';
import { BRANCH_PVS } from './branch-vars.ts';
import { DESTINATION_PVS } from './destination-vars.ts';
import { FLAG_PVS } from './flags.ts';
import { FROM_TO_PVS } from './from-to.ts';
import { VARIABLE_COMMANDS } from './functions.ts';
import { HEADER_PVS } from './headers.ts';
import { IDENTITY_PVS } from './identity-headers.ts';
import { MESSAGE_PVS } from './message.ts';
import { MISC_PVS } from './misc-vars.ts';
import { parseAvpAliases, parseNamedValues } from './params.ts';
import { REQUEST_URI_PVS } from './request-uri.ts';
import { SBRANCH_COMMANDS } from './sbranch-functions.ts';
import { SENDING_PVS } from './sending-vars.ts';
import { SHARED_RPC } from './shared-rpc.ts';
import type { PvState } from './state.ts';
import { TIME_PVS } from './time-vars.ts';
import { NAMEADDR_TRANSFORMS, TOBODY_TRANSFORMS } from './tr-address.ts';
import { CODEC_TRANSFORMS } from './tr-codec.ts';
import { LINE_TRANSFORMS } from './tr-line.ts';
import { PARAM_TRANSFORMS } from './tr-param.ts';
import { STRING_TRANSFORMS } from './tr-string.ts';
import { URI_TRANSFORMS, URIALIAS_TRANSFORMS } from './tr-uri.ts';
import { NUMBER_TRANSFORMS, VALUE_TRANSFORMS } from './tr-value.ts';
import { VARIABLE_PVS } from './variables.ts';
import { VIA_PVS } from './via-vars.ts';
import { XAVP_COMMANDS } from './xavp-functions.ts';
import { XAVP_PVS } from './xavp-vars.ts';

export default defineModule<PvState>({
  name: 'pv',
  summary: 'The pseudo-variables and transformations that every script uses.',
  params: {
    shvset: listParam({
      doc: 'Initial value of $shv(name): name=i:number or name=s:text.',
      check: checkWith(parseNamedValues),
    }),
    varset: listParam({
      doc: 'Initial value of $var(name): name=i:number or name=s:text.',
      check: checkWith(parseNamedValues),
    }),
    avp_aliases: listParam({
      doc: 'Short names of AVPs: alias=s:name;alias=i:number.',
      check: checkWith(parseAvpAliases),
    }),
  },
  pseudoVariables: {
    ...REQUEST_URI_PVS,
    ...FROM_TO_PVS,
    ...HEADER_PVS,
    ...IDENTITY_PVS,
    ...ADDRESS_PVS,
    ...MESSAGE_PVS,
    ...FLAG_PVS,
    ...VARIABLE_PVS,
    ...DESTINATION_PVS,
    ...BRANCH_PVS,
    ...AUTH_PVS,
    ...VIA_PVS,
    ...TIME_PVS,
    ...SENDING_PVS,
    ...XAVP_PVS,
    ...MISC_PVS,
    avp: AVP_PV,
  },
  transformations: {
    s: { ...STRING_TRANSFORMS, ...CODEC_TRANSFORMS },
    uri: URI_TRANSFORMS,
    param: PARAM_TRANSFORMS,
    nameaddr: NAMEADDR_TRANSFORMS,
    tobody: TOBODY_TRANSFORMS,
    line: LINE_TRANSFORMS,
    urialias: URIALIAS_TRANSFORMS,
    val: VALUE_TRANSFORMS,
    num: NUMBER_TRANSFORMS,
  },
  commands: { ...VARIABLE_COMMANDS, ...XAVP_COMMANDS, ...SBRANCH_COMMANDS },
  rpc: SHARED_RPC,
  init: (ctx) => ({
    ctx,
    shared: sharedMap(ctx.server, 'pv.shv', parseNamedValues(ctx.list('shvset'))),
    initialVars: new Map(parseNamedValues(ctx.list('varset'))),
    avpAliases: new Map(parseAvpAliases(ctx.list('avp_aliases'))),
    sbranch: newBranch(''),
    compiled: new Map(),
  }),
});

function checkWith(parse: (texts: readonly string[]) => unknown): (value: string | number) => string | null {
  return (value) => {
    try {
      parse([String(value)]);
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
}
