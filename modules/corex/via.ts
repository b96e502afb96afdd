import {
  type Run,
  type SipMsg,
  VIA_EXTENSION,
  type ViaExtension,
  valueToString,
  viaExtension,
  XavpList,
} from 'strowger';

/** What a script has asked for the Via of one message: kept with the message, so that it goes with its branches. */
class ViaEdits implements ViaExtension {
  hasServerId = false;
  hasXavpParams = false;
  hasXavpFields = false;
  readonly #serverId: number;
  readonly #paramsXavp: string;
  readonly #fieldsXavp: string;

  constructor({ server: { settings } }: Run) {
    this.#serverId = settings.int('server_id');
    this.#paramsXavp = settings.str('xavp_via_params');
    this.#fieldsXavp = settings.str('xavp_via_fields');
  }

  sentBy(msg: SipMsg): { host: string; port: string } | null {
    if (!this.hasXavpFields) return null;
    const fields = xavp(msg, this.#fieldsXavp);
    const host = fields?.get('address')?.value;
    if (typeof host !== 'string' || !/^[\w.:[\]-]+$/.test(host)) return null;
    const port = fields?.get('port')?.value;
    const text = typeof port === 'string' || typeof port === 'number' ? String(port) : '';
    return { host, port: /^\d{1,5}$/.test(text) ? text : '' };
  }

  params(msg: SipMsg): string {
    const id = this.hasServerId && this.#serverId !== 0 ? `;srvid=${this.#serverId}` : '';
    return this.hasXavpParams ? id + xavpParams(xavp(msg, this.#paramsXavp)) : id;
  }
}

function xavp(msg: SipMsg, name: string): XavpList | undefined {
  const value = name === '' ? undefined : msg.vars?.xavps.get(name)?.value;
  return value instanceof XavpList ? value : undefined;
}

/** Fields as parameters, the newest first; what would break out of the header is left out. */
function xavpParams(list: XavpList | undefined): string {
  let text = '';
  for (const { name, value } of list?.items ?? []) {
    if (value instanceof XavpList || value === null) continue;
    const param = `${name}=${valueToString(value)}`;
    if (/^[^\s;,=]+=(?:"[^"\r\n]*"|[^\s;,"]*)$/.test(param)) text += `;${param}`;
  }
  return text;
}

function edits(run: Run): ViaEdits {
  const { msg } = run;
  const known = viaExtension(msg);
  if (known instanceof ViaEdits) return known;
  const fresh = new ViaEdits(run);
  msg.setExtension(VIA_EXTENSION, fresh);
  return fresh;
}

/** `via_add_srvid(flags)`, `via_add_xavp_params(flags)`, `via_use_xavp_fields(flags)`: 1 does, 0 does not. */
export function viaAddSrvid(run: Run, _state: unknown, flag: number): number {
  edits(run).hasServerId = flag !== 0;
  return 1;
}
export function viaAddXavpParams(run: Run, _state: unknown, flag: number): number {
  edits(run).hasXavpParams = flag !== 0;
  return 1;
}
export function viaUseXavpFields(run: Run, _state: unknown, flag: number): number {
  edits(run).hasXavpFields = flag !== 0;
  return 1;
}
