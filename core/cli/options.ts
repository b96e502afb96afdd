import type { OptionDef } from './getopt.ts';

const MEMORY = 'the JavaScript engine manages memory';
const SCTP = 'there is no SCTP';
const EVENT_LOOP = 'libuv chooses how to wait for sockets';

/** Kamailio 5.6's options, letter by letter, and those of newer ones. Both programs take them. */
export const KAMAILIO_OPTIONS: readonly OptionDef[] = [
  { name: 'file', flags: ['-f'], arg: 'FILE', help: 'The script; - reads standard input' },
  { name: 'check', flags: ['-c'], help: 'Check the script and exit' },
  { name: 'define', flags: ['-A'], arg: 'NAME[=VALUE]', help: 'Define a name for the preprocessor; may be repeated' },
  {
    name: 'listen',
    flags: ['-l'],
    arg: 'ADDRESS',
    help: 'Listen on [proto:]address|interface[:port][/advertised[:port]]; may be repeated',
  },
  { name: 'load-path', flags: ['-L'], arg: 'FOLDERS', help: 'Search path of modules, separated by colons' },
  { name: 'loadmodule', flags: ['--loadmodule'], arg: 'NAME', help: 'Load a module; may be repeated' },
  {
    name: 'modparam',
    flags: ['--modparam'],
    arg: 'MODULE:NAME:TYPE:VALUE',
    help: 'Set a module parameter, TYPE i for a number or s for a string; may be repeated',
  },
  { name: 'subst', flags: ['--subst'], arg: 'EXPRESSION', help: 'As the directive #!subst' },
  { name: 'substdef', flags: ['--substdef'], arg: 'EXPRESSION', help: 'As the directive #!substdef' },
  { name: 'substdefs', flags: ['--substdefs'], arg: 'EXPRESSION', help: 'As the directive #!substdefs' },
  { name: 'cfg-print', flags: ['--cfg-print'], help: 'Print the script after its preprocessor and exit' },
  { name: 'all-errors', flags: ['--all-errors'], help: 'Print all errors, as is always done (Kamailio since 5.8)' },
  { name: 'debug-more', flags: ['-d'], help: 'Log more; each use adds 1 to level 0' },
  { name: 'debug', flags: ['--debug'], arg: 'LEVEL', help: 'Log level, -5 … 3' },
  { name: 'stderr', flags: ['-E'], help: 'Log to standard error, as text' },
  { name: 'color', flags: ['-e'], help: 'Colours in the log (with -E)' },
  { name: 'log-engine', flags: ['--log-engine'], arg: 'NAME', help: 'json: one JSON object a line' },
  { name: 'foreground', flags: ['-D'], help: 'Stay in the foreground (-D, -DD) or go to the background (-DDD)' },
  { name: 'pid-file', flags: ['-P'], arg: 'FILE', help: 'Write the process id to a file' },
  { name: 'pgid-file', flags: ['-G'], arg: 'FILE', help: 'Write the process group id to a file' },
  { name: 'user', flags: ['-u'], arg: 'USER', help: 'Run as this user once the sockets are open' },
  { name: 'group', flags: ['-g'], arg: 'GROUP', help: 'Run as this group once the sockets are open' },
  { name: 'workdir', flags: ['-w'], arg: 'FOLDER', help: 'Change to this working folder' },
  { name: 'rundir', flags: ['-Y'], arg: 'FOLDER', help: 'Folder of sockets and FIFOs made at run time' },
  { name: 'chroot', flags: ['-t'], arg: 'FOLDER', help: 'Refused: Node.js can not change its root folder' },
  { name: 'children', flags: ['-n'], arg: 'NUMBER', help: 'Upper bound of the number of workers' },
  { name: 'tcp-children', flags: ['-N'], arg: 'NUMBER', help: 'Processes that read TCP', noEffect: 'workers do' },
  { name: 'no-tcp', flags: ['-T'], help: 'No TCP' },
  { name: 'auto-aliases', flags: ['-a'], arg: 'MODE', help: 'yes or no: names of the listening addresses are aliases' },
  { name: 'alias', flags: ['--alias'], arg: 'NAME', help: 'A further name of this server; may be repeated' },
  { name: 'server-id', flags: ['--server-id'], arg: 'NUMBER', help: 'Number of this server in a cluster' },
  { name: 'check-via', flags: ['-K'], help: 'Drop replies whose first Via is not ours' },
  { name: 'max-buffer', flags: ['-b'], arg: 'BYTES', help: 'Receive buffer of UDP sockets' },
  {
    name: 'max-send-buffer',
    flags: ['-B'],
    arg: 'BYTES',
    help: 'Send buffer of UDP sockets (Kamailio since 5.8)',
    noEffect: 'Node.js can not set it; the system default holds',
  },
  { name: 'dns', flags: ['-r'], help: 'Look up sent-by', noEffect: 'received is added as RFC 3261 says' },
  { name: 'rev-dns', flags: ['-R'], help: 'Look up sources', noEffect: 'received is added as RFC 3261 says' },
  { name: 'shm', flags: ['-m'], arg: 'MB', help: 'Shared memory', noEffect: MEMORY },
  { name: 'pkg', flags: ['-M'], arg: 'MB', help: 'Private memory', noEffect: MEMORY },
  { name: 'shm-manager', flags: ['-x'], arg: 'NAME', help: 'Shared memory manager', noEffect: MEMORY },
  { name: 'pkg-manager', flags: ['-X'], arg: 'NAME', help: 'Private memory manager', noEffect: MEMORY },
  {
    name: 'optimise',
    flags: ['-O'],
    arg: 'LEVEL',
    help: 'Script optimisation',
    noEffect: 'scripts are always compiled',
  },
  { name: 'poll', flags: ['-W'], arg: 'METHOD', help: 'Poll method', noEffect: EVENT_LOOP },
  { name: 'sctp-children', flags: ['-Q'], arg: 'NUMBER', help: 'SCTP processes', noEffect: SCTP },
  { name: 'no-sctp', flags: ['-S'], help: 'No SCTP', noEffect: SCTP },
  { name: 'atexit', flags: ['--atexit'], arg: 'MODE', help: 'Exit callbacks', noEffect: 'there are no C libraries' },
  { name: 'version', flags: ['-v', '-V', '--version'], help: 'Print the version' },
  { name: 'build-info', flags: ['-I'], help: 'Print the version and what it runs on' },
  { name: 'help', flags: ['-h', '--help'], help: 'Print this help' },
];

/** Only `strowger` has these. */
const OWN_OPTIONS: readonly OptionDef[] = [
  { name: 'log-format', flags: ['--log-format'], arg: 'FORMAT', help: 'text or json', default: 'text on a terminal' },
  { name: 'strict', flags: ['--strict'], help: 'Refuse what Kamailio 5.6 refuses' },
  {
    name: 'control',
    flags: ['--control'],
    arg: 'PATH',
    help: 'Control socket of strowger rpc; none for no such socket',
    default: 'strowger.sock in the run folder',
  },
  { name: 'watch', flags: ['--watch'], help: 'Reload the script whenever it, or a file it includes, is written' },
  { name: 'workers', flags: ['--workers'], arg: 'NUMBER', help: 'Workers (threads)' },
  {
    name: 'stop-timeout',
    flags: ['--stop-timeout'],
    arg: 'SECONDS',
    help: 'Time for open transactions at the end',
    default: '10',
  },
];

export const RUN_OPTIONS: readonly OptionDef[] = [...KAMAILIO_OPTIONS, ...OWN_OPTIONS];

/** Folders where a script is looked for without -f, best first; `strowger.cfg` in any comes before `kamailio.cfg`. */
export const SCRIPT_FOLDERS = ['/etc/strowger', '/usr/local/etc/strowger', '/usr/local/etc/kamailio', '/etc/kamailio'];
export const SCRIPT_NAMES = ['strowger.cfg', 'kamailio.cfg'];
