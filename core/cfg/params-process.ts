import { bool, type CoreParamTable, int, list, live, none, str } from './param-def.ts';

const MEMORY = none('the JavaScript engine manages memory');
const ASYNC = none('what waits does so on the event loop, without worker processes');
const PROCESSES = none('a worker is a thread that serves all sockets (see `workers`)');
const REAL_TIME = none('Node.js can not set a scheduling policy; use the service manager');
const KEMI = none('routes are written in the native language');
const DB_BUFFER = none('SQL texts have no buffer of fixed size');
const PV_BUFFER = none('strings have no buffer of fixed size');
const PV_CACHE = none('variables are bound when the script is compiled; there is no cache to limit');
const WAIT_WORKER = none('a worker starts after the module initialisation of the one before it');

/** Processes, users, folders, memory, interpreter limits. */
export const PROCESS_PARAMS: CoreParamTable = {
  children: int(1, 'Workers (threads), but no more than there are cores; see `workers`.', { min: 0 }),
  workers: int(0, 'Workers (threads), whatever the number of cores; 0: as `children` says.', { min: 0, max: 256 }),
  socket_workers: int(0, 'Workers of the next `listen`.', PROCESSES),
  async_workers: int(0, 'Processes for asynchronous work.', ASYNC),
  async_nonblock: int(0, 'Non-blocking sockets to the asynchronous workers.', ASYNC),
  async_usleep: int(0, 'Pause of the asynchronous workers, microseconds.', ASYNC),
  async_workers_group: list('Named groups of asynchronous workers.', ASYNC),
  async_tkv_evcb: str('', 'Event route of type-key-value events.', none('no such events are made')),
  async_tkv_gname: str('', 'Group that handles type-key-value events.', ASYNC),
  wait_worker1_mode: int(0, 'Wait for the first worker.', WAIT_WORKER),
  wait_worker1_time: int(4_000_000, 'Longest wait for the first worker, microseconds.', WAIT_WORKER),
  wait_worker1_usleep: int(100_000, 'Step of that wait, microseconds.', WAIT_WORKER),
  fork: bool(1, 'Go to the background (strowger-kamailio).'),
  fork_delay: int(0, 'Microseconds before each fork.', none('nothing is forked')),
  modinit_delay: int(
    0,
    'Microseconds after each module initialisation.',
    none('modules open no connections in bursts'),
  ),
  exit_timeout: int(60, 'Seconds an orderly stop may take; 0 for no limit.', { min: 0, aliases: ['ser_kill_timeout'] }),
  user: str('', 'User to run as.', { aliases: ['uid'] }),
  group: str('', 'Group to run as.', { aliases: ['gid'] }),
  chroot: str('', 'New root folder.', none('Node.js can not change its root; use the service manager')),
  workdir: str('', 'Working folder.', { aliases: ['wdir'] }),
  rundir: str('', "Folder of sockets and FIFOs made at run time; empty for /run/strowger, or one of the user's own.", {
    aliases: ['run_dir'],
  }),
  disable_core_dump: bool(0, 'No core files.', none('Node.js can not set resource limits; use the service manager')),
  open_files_limit: int(0, 'Open file limit.', none('Node.js raises its limit to the hard one by itself')),

  shm_mem_size: int(64, 'Shared memory, MB.', { aliases: ['shm', 'shm_mem'], ...MEMORY }),
  shm_force_alloc: bool(0, 'Touch all shared memory at start.', MEMORY),
  mlock_pages: bool(0, 'Lock memory pages.', MEMORY),
  memdbg: int(4, 'Log level of memory debugging.', { aliases: ['mem_dbg'], ...live('memdbg'), ...MEMORY }),
  memlog: int(4, 'Log level of memory statistics.', { aliases: ['mem_log'], ...live('memlog'), ...MEMORY }),
  mem_summary: int(12, 'Memory information printed at exit (flags).', { ...live('mem_summary'), ...MEMORY }),
  mem_safety: int(1, 'Go on after a bad free.', { ...live('mem_safety'), ...MEMORY }),
  mem_join: int(1, 'Join free fragments.', { ...live('mem_join'), ...MEMORY }),
  mem_status_mode: int(0, 'Fragments in the memory status.', { ...live('mem_status_mode'), ...MEMORY }),
  mem_add_size: int(0, 'Bytes added to each allocation.', MEMORY),

  real_time: int(0, 'Real-time priorities (flags).', REAL_TIME),
  rt_policy: int(0, 'Scheduling policy.', REAL_TIME),
  rt_prio: int(0, 'Real-time priority.', REAL_TIME),
  rt_timer1_policy: int(0, 'Policy of the fast timer.', { aliases: ['rt_ftimer_policy'], ...REAL_TIME }),
  rt_timer1_prio: int(0, 'Priority of the fast timer.', {
    aliases: ['rt_fast_timer_prio', 'rt_ftimer_prio'],
    ...REAL_TIME,
  }),
  rt_timer2_policy: int(0, 'Policy of the slow timer.', { aliases: ['rt_stimer_policy'], ...REAL_TIME }),
  rt_timer2_prio: int(0, 'Priority of the slow timer.', { aliases: ['rt_stimer_prio'], ...REAL_TIME }),
  'coreparam[random_engine]': str('', 'Random engine.', none('randomness is always cryptographic')),
  'coreparam[timer_sanity_check]': int(0, 'Checks of the timer list.', none('the timing wheel needs none')),

  cfgengine: str('native', 'Language of the routes.', { choices: ['native', 'default'] }),
  'kemi.onsend_route_callback': str('', 'KEMI function.', KEMI),
  'kemi.reply_route_callback': str('', 'KEMI function.', KEMI),
  'kemi.event_route_callback': str('', 'KEMI function.', KEMI),
  'kemi.received_route_callback': str('', 'KEMI function.', KEMI),
  'kemi.pre_routing_callback': str('', 'KEMI function.', KEMI),
  'kemi.request_route_callback': str('', 'KEMI function.', KEMI),
  max_recursive_level: int(256, 'Deepest nesting of route() calls.', { min: 1 }),
  max_while_loops: int(100, 'Rounds of one while loop; 0 for no limit.', { min: 0, ...live('max_while_loops') }),
  return_mode: int(0, 'A call counts in an expression as 1 or 0 (0), or as what it returned (1; Kamailio since 5.7).', {
    min: 0,
    max: 1,
  }),
  route_locks_size: int(0, 'Run messages of one Call-ID one after the other where above 0.', { min: 0 }),
  pv_buffer_size: int(8192, 'Buffer for printed variables, bytes.', PV_BUFFER),
  pv_buffer_slots: int(10, 'Number of those buffers.', PV_BUFFER),
  pv_cache_limit: int(2048, 'Variables in the cache before the limit action.', {
    ...live('pv_cache_limit'),
    ...PV_CACHE,
  }),
  pv_cache_action: int(0, 'What to do at that limit.', { ...live('pv_cache_action'), ...PV_CACHE }),
  sql_buffer_size: int(65535, 'Buffer for SQL texts, bytes.', DB_BUFFER),
  version_table: str('version', 'Database table of table versions.'),
  stats_name_separator: str('_', 'Character between the parts of made-up statistic names.', {
    check: (value) => (String(value).length === 1 ? null : 'one character expected'),
    ...none('no statistic here has a name made of parts'),
  }),
  rpc_exec_delta: int(0, 'Seconds between two runs of one reload command.', { min: 0 }),
  rpc_exec_locks: int(0, 'Locks for RPC commands.', none('RPC commands run one at a time')),
  rpc_exec_locks_mode: int(0, 'Use of those locks.', none('RPC commands run one at a time')),
  server_id: int(0, 'Number of this server in a cluster (`$sruid`, Via).'),
  verbose_startup: bool(0, 'Print the routing tree at start.', none('`strowger check` shows what was understood')),
};
