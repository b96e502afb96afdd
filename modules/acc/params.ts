import { intParam, type ParamDef, strParam } from 'strowger';
import { parseExtras } from './extras.ts';
import { parseFilter } from './filter.ts';

const flag = (doc: string): ParamDef => intParam({ default: -1, min: -1, max: 31, doc });
const bit = (value: 0 | 1, doc: string): ParamDef => intParam({ default: value, min: 0, max: 1, doc });
const column = (name: string, what: string): ParamDef => strParam({ default: name, doc: `Column for ${what}.` });
const extras = (doc: string): ParamDef =>
  strParam({
    default: null,
    doc,
    check: (value) => {
      const parsed = parseExtras(String(value));
      return typeof parsed === 'string' ? parsed : null;
    },
  });

/** acc's parameters (Kamailio: acc, Parameters). A flag of -1 is not set. */
export const ACC_PARAMS: Readonly<Record<string, ParamDef>> = {
  early_media: bit(0, '1: account provisional replies with a body too.'),
  failed_transaction_flag: flag('Flag of transactions that are accounted when they fail (300 and above) too.'),
  failed_filter: strParam({
    default: null,
    doc: 'Failures that are never accounted: `404,407`.',
    check: (value) => (parseFilter(String(value)) === null ? 'expected codes from 300 to 999, separated by ,' : null),
  }),
  report_ack: bit(0, '1: account the ACK of a 2xx, where its flag is set.'),
  report_cancels: bit(0, '1: account CANCELs.'),
  multi_leg_info: extras('Values of each leg of a call: `name=$avp(x);…`.'),
  detect_direction: bit(0, '1: in requests from the callee, From and To change places. Needs rr.'),
  acc_prepare_flag: flag('Flag of transactions whose other flags may be set later, as in a failure_route.'),
  acc_prepare_always: bit(0, '1: that holds for all.'),
  reason_from_hf: bit(0, '1: the reason is what the header Reason says, where there is one.'),
  acc_extra_nullable: bit(0, '1: values that are null are NULL in the database, not empty.'),
  log_flag: flag('Flag of transactions that are accounted to the log.'),
  log_missed_flag: flag('Flag of calls whose failures are logged as missed; reset once one was.'),
  log_level: intParam({ default: 1, min: -5, max: 3, doc: 'Level of these lines.' }),
  log_facility: strParam({ default: 'LOG_DAEMON', doc: 'Syslog facility of these lines.' }),
  log_extra: extras('Further values in the line: `name=$pv;…`.'),
  cdr_enable: bit(0, '1: write a record of each call. Needs dialog.'),
  cdr_skip: strParam({ default: null, doc: 'Dialog variable whose calls have no record.' }),
  cdr_log_enable: bit(1, '0: records are not logged.'),
  cdr_start_on_confirmed: bit(0, '1: calls begin when they are confirmed, not with their INVITE.'),
  cdr_facility: strParam({ default: 'LOG_DAEMON', doc: 'Syslog facility of records.' }),
  cdr_extra: extras('Further values in records: `name=$dlg_var(x);…`.'),
  cdr_extra_nullable: bit(0, '1: values that are null are NULL in the database, not empty.'),
  cdr_start_id: strParam({
    default: 'start_time',
    doc: 'Name of the start: in the log, as a column and a dialog variable.',
  }),
  cdr_end_id: strParam({ default: 'end_time', doc: 'Name of the end.' }),
  cdr_duration_id: strParam({ default: 'duration', doc: 'Name of the duration, seconds.' }),
  cdr_expired_dlg_enable: bit(0, '1: records of calls too whose time was over and that got no BYE.'),
  db_flag: flag('Flag of transactions that are accounted to the database.'),
  db_missed_flag: flag('As log_missed_flag, for the database.'),
  db_extra: extras('Further columns: `column=$pv;…`.'),
  db_url: strParam({ default: null, doc: 'Database to write to; none where empty.' }),
  db_table_acc: strParam({ default: 'acc', doc: 'Table of transactions; may hold variables.' }),
  db_table_missed_calls: strParam({ default: 'missed_calls', doc: 'Table of missed calls; may hold variables.' }),
  acc_method_column: column('method', 'the method'),
  acc_from_tag_column: column('from_tag', 'the From tag'),
  acc_to_tag_column: column('to_tag', 'the To tag'),
  acc_callid_column: column('callid', 'the Call-ID'),
  acc_sip_code_column: column('sip_code', 'the status'),
  acc_sip_reason_column: column('sip_reason', 'the reason phrase'),
  acc_time_column: column('time', 'the time'),
  db_insert_mode: intParam({
    default: 0,
    min: 0,
    max: 2,
    doc: '1: INSERT DELAYED; 2: write in the background.',
    noEffect: 'rows are always written in the background',
  }),
  time_mode: intParam({
    default: 0,
    min: 0,
    max: 4,
    doc: 'A further time: 1 seconds and microseconds, 2 seconds with fraction, 3 by time_format, 4 the same in UTC.',
  }),
  time_attr: strParam({ default: 'time_attr', doc: 'Name of the further time.' }),
  time_exten: strParam({ default: 'time_exten', doc: 'Name of the microseconds of time_mode 1.' }),
  cdrs_table: strParam({ default: '', doc: 'Table of records; none are written where empty.' }),
  time_format: strParam({ default: '%Y-%m-%d %H:%M:%S', doc: 'Format of time_mode 3 and 4 (strftime).' }),
  clone_msg: intParam({
    default: 1,
    min: 0,
    max: 1,
    doc: '0: read the transaction’s request itself.',
    noEffect: 'nobody else touches a request while it is accounted',
  }),
  cdr_on_failed: bit(1, '0: no records of calls that were not answered.'),
  acc_extra_size: intParam({ default: 64, min: 1, max: 4096, doc: 'Values that one of the extras may have at most.' }),
  cdr_extra_size: intParam({ default: 64, min: 1, max: 4096, doc: 'Values that cdr_extra may have at most.' }),
};
