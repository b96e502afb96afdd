import { defineModule, listParam, newBranch } from 'strowger';
import { ADDRESS_PVS } from './addresses.ts';
import { AVP_PV } from './avp.ts';
import { FLAG_PVS } from './flags.ts';
import { FROM_TO_PVS } from './from-to.ts';
import { HEADER_PVS } from './headers.ts';
import { IDENTITY_PVS } from './identity-headers.ts';
import { MESSAGE_PVS } from './message.ts';
import { parseAvpAliases, parseNamedValues } from './params.ts';
import { REQUEST_URI_PVS } from './request-uri.ts';
import type { PvState } from './state.ts';
import { CODEC_TRANSFORMS } from './tr-codec.ts';
import { STRING_TRANSFORMS } from './tr-string.ts';
import { VARIABLE_PVS } from './variables.ts';

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
    avp: AVP_PV,
  },
  transformations: {
    s: { ...STRING_TRANSFORMS, ...CODEC_TRANSFORMS },
  },
  init: (ctx) => ({
    ctx,
    shared: new Map(parseNamedValues(ctx.list('shvset'))),
    initialVars: new Map(parseNamedValues(ctx.list('varset'))),
    avpAliases: new Map(parseAvpAliases(ctx.list('avp_aliases'))),
    sbranch: newBranch(''),
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
