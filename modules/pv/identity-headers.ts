import { firstNameAddr, HDR, type NameAddr, type PvDef, type Run, readOnly } from 'strowger';
import type { PvState } from './state.ts';
import { URI_ATTRIBUTES } from './uri-attributes.ts';

/** Headers that hold a name-addr: their URI and parts of it. Read from the first value. */
export const IDENTITY_PVS: Readonly<Record<string, PvDef<PvState>>> = {
  ai: uriPv('P-Asserted-Identity', HDR.PAI),
  pu: uriPv('P-Preferred-Identity', HDR.PPI),
  pU: readOnly('User of the URI in P-Preferred-Identity.', (run) => {
    const uri = first(run, HDR.PPI)?.uri;
    return uri == null ? null : URI_ATTRIBUTES.user(uri);
  }),
  pd: readOnly('Host of the URI in P-Preferred-Identity.', (run) => {
    const uri = first(run, HDR.PPI)?.uri;
    return uri == null ? null : URI_ATTRIBUTES.host(uri);
  }),
  pn: readOnly('Display name in P-Preferred-Identity.', (run) => first(run, HDR.PPI)?.display || null),
  re: uriPv('Remote-Party-ID', HDR.RPID),
  rt: uriPv('Refer-To', HDR.REFERTO),
  di: uriPv('Diversion', HDR.DIVERSION),
  dir: diversionParam('reason'),
  dip: diversionParam('privacy'),
  dic: diversionParam('counter'),
};

function uriPv(header: string, kind: number): PvDef<PvState> {
  return readOnly(`URI in ${header}.`, (run) => first(run, kind)?.uriText ?? null);
}

function diversionParam(name: string): PvDef<PvState> {
  return readOnly(`Parameter ${name} of Diversion.`, (run) => first(run, HDR.DIVERSION)?.param(name) || null);
}

function first(run: Run, kind: number): NameAddr | null {
  return firstNameAddr(run.msg, kind);
}
