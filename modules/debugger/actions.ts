import { ROUTE, type TraceAction } from 'strowger';

/** Kamailio 5.6's numbers of what scripts do, and its names where they differ from ours. */
const STATEMENTS: Readonly<Record<Exclude<TraceAction['kind'], 'command'>, readonly [code: number, name: string]>> = {
  assign: [63, 'assign'],
  if: [16, 'if'],
  while: [23, 'while'],
  switch: [21, 'switch'],
  return: [2, 'return'],
  exit: [2, 'exit'],
  drop: [2, 'drop'],
  break: [2, 'exit'],
  continue: [2, 'continue'],
  route: [5, 'route'],
};

const CORE_COMMANDS: ReadonlyMap<string, readonly [code: number, name: string]> = new Map([
  ['forward', [1, 'forward']],
  ['log', [3, 'log']],
  ['rewritehost', [7, 'sethost']],
  ['sethost', [7, 'sethost']],
  ['rewritehostport', [8, 'sethostport']],
  ['sethostport', [8, 'sethostport']],
  ['rewriteuser', [9, 'setuser']],
  ['setuser', [9, 'setuser']],
  ['rewriteuserpass', [10, 'setuserpass']],
  ['setuserpass', [10, 'setuserpass']],
  ['rewriteport', [11, 'setport']],
  ['setport', [11, 'setport']],
  ['rewriteuri', [12, 'seturi']],
  ['seturi', [12, 'seturi']],
  ['setflag', [39, 'setflag']],
  ['resetflag', [40, 'resetflag']],
  ['isflagset', [41, 'isflagset']],
  ['prefix', [44, 'prefix']],
  ['strip', [45, 'strip']],
  ['strip_tail', [46, 'striptail']],
  ['revert_uri', [50, 'reverturi']],
  ['force_rport', [55, 'force_rport']],
  ['set_advertised_address', [57, 'set_adv_addr']],
  ['set_advertised_port', [58, 'set_adv_port']],
  ['udp_mtu_try_proto', [65, 'udp_mtu_try_proto']],
  ['set_forward_no_connect', [66, 'set_fwd_no_connect']],
  ['set_reply_no_connect', [67, 'set_rpl_no_connect']],
  ['set_forward_close', [68, 'set_fwd_close']],
  ['set_reply_close', [69, 'set_rpl_close']],
]);

/** A module's command has this number and that of its arguments, up to six. */
const FIRST_COMMAND = 24;
const MOST_ARGS = 6;
const UNKNOWN = 0;

/** Number and name of a step in the trace. */
export function actionOf({ kind, name, module, argCount }: TraceAction): readonly [code: number, name: string] {
  if (kind !== 'command') return STATEMENTS[kind];
  if (module !== 'core') return [FIRST_COMMAND + Math.min(argCount, MOST_ARGS + 1), name];
  return CORE_COMMANDS.get(name) ?? [UNKNOWN, name];
}

/** `[file:line] a=5 n=route` */
export function placeOf(action: TraceAction): string {
  const [code, name] = actionOf(action);
  return `[${action.file}:${action.line}] a=${code} n=${name}`;
}

const KINDS: readonly (readonly [bits: number, name: string])[] = [
  [ROUTE.REQUEST, 'request_route'],
  [ROUTE.FAILURE, 'failure_route'],
  [ROUTE.TM_ONREPLY | ROUTE.CORE_ONREPLY, 'onreply_route'],
  [ROUTE.BRANCH, 'branch_route'],
  [ROUTE.ONSEND, 'onsend_route'],
  [ROUTE.ERROR, 'error_route'],
  [ROUTE.LOCAL, 'local_route'],
  [ROUTE.BRANCH_FAILURE, 'branch_failure_route'],
];

/** `request_route=[RELAY]`: the kind of run, and the block of the script it is in. */
export function routeOf(routeType: number, title: string): string {
  const kind = KINDS.find(([bits]) => (bits & routeType) !== 0)?.[1] ?? 'event_route';
  const open = title.indexOf('[');
  return `${kind}=[${open < 0 ? 'DEFAULT_ROUTE' : title.slice(open + 1, -1)}]`;
}
