import { intParam, listParam, type ModuleContext, type ParamDef, strParam } from 'strowger';
import type { RegistrationSettings } from './client-registration.ts';
import type { RestoreMode } from './replace.ts';

const MODES = ['none', 'manual', 'auto'] as const;

const seconds = (value: number, min: number, doc: string): ParamDef =>
  intParam({ default: value, min, max: 0x1fffff, doc });

/** uac's parameters (Kamailio: uac, Parameters). Times in seconds. */
export const UAC_PARAMS: Readonly<Record<string, ParamDef>> = {
  rr_from_store_param: strParam({ default: 'vsf', doc: 'Record-Route parameter that tells the original From.' }),
  rr_to_store_param: strParam({ default: 'vst', doc: 'Record-Route parameter that tells the original To.' }),
  restore_mode: strParam({
    default: 'auto',
    doc: 'What brings original URIs back: none, manual (uac_restore_*; replies by themselves) or auto.',
    check: (value) =>
      (MODES as readonly string[]).includes(String(value).toLowerCase()) ? null : 'expected none, manual or auto',
  }),
  restore_dlg: intParam({
    default: 0,
    min: 0,
    max: 1,
    doc: '1: names are kept in variables of the dialog instead, where there is one.',
  }),
  restore_passwd: strParam({ default: null, doc: 'Password that the Record-Route parameters are disguised with.' }),
  restore_from_avp: strParam({ default: null, doc: 'AVP that gets the original From.' }),
  restore_to_avp: strParam({ default: null, doc: 'AVP that gets the original To.' }),
  credential: listParam({ doc: 'Credentials for a realm: "username:realm:password".' }),
  auth_username_avp: strParam({ default: null, doc: 'Variable with the username for uac_auth().' }),
  auth_realm_avp: strParam({ default: null, doc: 'Variable with the realm; an empty one goes with any.' }),
  auth_password_avp: strParam({ default: null, doc: 'Variable with the password, or H(A1).' }),
  reg_db_url: strParam({ default: null, doc: 'Database with the registrations.' }),
  reg_db_table: strParam({ default: 'uacreg', doc: 'Table with the registrations.' }),
  reg_contact_addr: strParam({
    default: null,
    doc: 'Host, port and parameters of our Contact, without sip:.',
    check: (value) => (/^sips?:/i.test(String(value)) ? 'must not begin with sip:' : null),
  }),
  reg_timer_interval: seconds(
    90,
    1,
    'Bindings are refreshed this and 3 seconds before they end, at most half of their time.',
  ),
  reg_retry_interval: seconds(0, 0, 'A registration that failed is tried again after this; 0: never.'),
  reg_keep_callid: intParam({ default: 0, min: 0, max: 1, doc: '1: all REGISTERs of a binding have one Call-ID.' }),
  reg_random_delay: seconds(0, 0, 'Registrations without reg_delay begin within so many seconds; 0: at once.'),
  reg_active: intParam({ default: 1, min: 0, max: 1, doc: '0: nothing is registered until uac.reg_active says so.' }),
  reg_gc_interval: seconds(150, 1, 'Seconds that must pass between two reloads of the table.'),
  reg_hash_size: intParam({
    default: 4,
    min: 1,
    max: 16,
    doc: "The order of uac.reg_dump is that of Kamailio's table with 2^n slots.",
  }),
  reg_use_domain: intParam({ default: 0, min: 0, max: 1, doc: '1: local users are looked up with their domain.' }),
  default_socket: strParam({ default: null, doc: 'Socket that REGISTERs and uac_req_send() use.' }),
  event_callback: strParam({
    default: null,
    doc: 'Function of an embedded language to call for events.',
    noEffect: 'scripts are written in the native language, which has the event route',
  }),
};

export function restoreMode(ctx: ModuleContext): RestoreMode {
  const text = ctx.str('restore_mode').toLowerCase();
  return MODES.find((mode) => mode === text) ?? 'auto';
}

/** How early a refresh is, beyond reg_timer_interval. */
const REFRESH_EARLY_SEC = 3;

export function registrationSettings(ctx: ModuleContext): RegistrationSettings {
  return {
    keepCallId: ctx.int('reg_keep_callid') !== 0,
    retrySec: ctx.int('reg_retry_interval'),
    marginSec: ctx.int('reg_timer_interval') + REFRESH_EARLY_SEC,
  };
}
