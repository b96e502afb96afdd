import { bool, type CoreParamTable, int, live, none, str } from './param-def.ts';

/** Names of syslog facilities, for `log_facility`. */
const LOG_FACILITIES: readonly string[] =
  'AUTH AUTHPRIV CRON DAEMON FTP KERN LPR MAIL NEWS SYSLOG USER UUCP LOCAL0 LOCAL1 LOCAL2 LOCAL3 LOCAL4 LOCAL5 LOCAL6 LOCAL7'
    .split(' ')
    .map((name) => `LOG_${name}`);

/** Logs and latency reports. */
export const LOG_PARAMS: CoreParamTable = {
  debug: int(0, 'Log level, -5 … 3 and above: messages up to it are written.', live('debug')),
  log_stderror: bool(0, 'Write the log to standard error.'),
  log_facility: str('LOG_DAEMON', 'Syslog facility.', { choices: LOG_FACILITIES, ...live('log_facility') }),
  log_name: str('', 'Program name in log lines.'),
  log_color: bool(0, 'Colours by level on a terminal.'),
  log_prefix: str('', 'Format string in front of lines logged for a message.'),
  log_prefix_mode: int(0, 'Evaluate `log_prefix` once a message (0) or before each action (1).', { min: 0, max: 1 }),
  log_engine_type: str('', 'Form of log lines: `json`, or empty for text.', { choices: ['', 'json'] }),
  log_engine_data: str('', 'Options of the log engine.', none('JSON lines have a fixed form')),
  corelog: int(-1, 'Level at which messages that can not be read are logged.', {
    aliases: ['core_log'],
    ...live('corelog'),
  }),
  sip_parser_log: int(0, 'Level at which messages with a bad header are logged.', live('sip_parser_log')),
  sip_parser_log_oneline: bool(0, 'Print a message that can not be parsed on one line.', {
    ...live('sip_parser_log_oneline'),
    ...none('an entry of the log is always one line'),
  }),
  latency_log: int(-1, 'Level of reports by latency_limit_action.', live('latency_log')),
  latency_cfg_log: int(
    3,
    'Level at which the duration of each request or reply route is logged.',
    live('latency_cfg_log'),
  ),
  latency_limit_action: int(0, 'Report commands slower than this, microseconds; 0 never. Read at start and reload.', {
    min: 0,
    ...live('latency_limit_action'),
  }),
  latency_limit_cfg: int(0, 'Log durations by latency_cfg_log only from this on, microseconds.', {
    min: 0,
    ...live('latency_limit_cfg'),
  }),
  latency_limit_db: int(0, 'Report database operations slower than this, microseconds; 0 never.', {
    min: 0,
    ...live('latency_limit_db'),
  }),
  msg_time: bool(0, 'Take the time of receipt of each message.', none('the time is read when it is asked for')),
};
