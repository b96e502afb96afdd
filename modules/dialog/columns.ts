import { type ModuleContext, type ParamDef, strParam } from 'strowger';

/** Columns of the table `dialog`: their parameter and default name. Those without a parameter's documentation have one all the same. */
const DIALOG_COLUMNS = {
  callId: ['call_id_column', 'callid'],
  fromUri: ['from_uri_column', 'from_uri'],
  fromTag: ['from_tag_column', 'from_tag'],
  toUri: ['to_uri_column', 'to_uri'],
  toTag: ['to_tag_column', 'to_tag'],
  hId: ['h_id_column', 'hash_id'],
  hEntry: ['h_entry_column', 'hash_entry'],
  state: ['state_column', 'state'],
  startTime: ['start_time_column', 'start_time'],
  timeout: ['timeout_column', 'timeout'],
  callerCseq: ['from_cseq_column', 'caller_cseq'],
  calleeCseq: ['to_cseq_column', 'callee_cseq'],
  callerRoutes: ['from_route_column', 'caller_route_set'],
  calleeRoutes: ['to_route_column', 'callee_route_set'],
  callerContact: ['from_contact_column', 'caller_contact'],
  calleeContact: ['to_contact_column', 'callee_contact'],
  callerSocket: ['from_sock_column', 'caller_sock'],
  calleeSocket: ['to_sock_column', 'callee_sock'],
  sflags: ['sflags_column', 'sflags'],
  timeoutRoute: ['toroute_name_column', 'toroute_name'],
} as const;

/** Columns of the table `dialog_vars`. */
const VARS_COLUMNS = {
  varsHId: ['vars_h_id_column', 'hash_id'],
  varsHEntry: ['vars_h_entry_column', 'hash_entry'],
  varsKey: ['vars_key_column', 'dialog_key'],
  varsValue: ['vars_value_column', 'dialog_value'],
} as const;

/** Columns that have no parameter in Kamailio 5.6 either. */
const FIXED = { iflags: 'iflags', requestUri: 'req_uri', xdata: 'xdata' } as const;

const ALL = { ...DIALOG_COLUMNS, ...VARS_COLUMNS };

export type Columns = { readonly [K in keyof typeof ALL | keyof typeof FIXED]: string };

/** The parameters that name columns. */
export const COLUMN_PARAMS: Readonly<Record<string, ParamDef>> = Object.fromEntries(
  Object.values(ALL).map(([param, column]) => [
    param,
    strParam({ default: column, doc: `Name of the column ${column}.` }),
  ]),
);

export function columnsOf(ctx: Pick<ModuleContext, 'str'>): Columns {
  const named = Object.entries(ALL).map(([key, [param]]) => [key, ctx.str(param)]);
  return { ...Object.fromEntries(named), ...FIXED } as Columns;
}
