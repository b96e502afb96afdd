import type { ModuleContext } from 'strowger';

/** Names of the columns of a location table, as the parameters say. */
export interface Columns {
  readonly ruid: string;
  readonly user: string;
  readonly domain: string;
  readonly contact: string;
  readonly received: string;
  readonly path: string;
  readonly expires: string;
  readonly q: string;
  readonly callid: string;
  readonly cseq: string;
  readonly lastModified: string;
  readonly flags: string;
  readonly cflags: string;
  readonly userAgent: string;
  readonly socket: string;
  readonly methods: string;
  readonly instance: string;
  readonly regId: string;
  readonly serverId: string;
  readonly connectionId: string;
  readonly keepalive: string;
  readonly partition: string;
}

export function columnsOf(ctx: Pick<ModuleContext, 'str'>): Columns {
  return {
    ruid: ctx.str('ruid_column'),
    user: ctx.str('user_column'),
    domain: ctx.str('domain_column'),
    contact: ctx.str('contact_column'),
    received: ctx.str('received_column'),
    path: ctx.str('path_column'),
    expires: ctx.str('expires_column'),
    q: ctx.str('q_column'),
    callid: ctx.str('callid_column'),
    cseq: ctx.str('cseq_column'),
    // Kamailio has a parameter for each column but this one.
    lastModified: 'last_modified',
    flags: ctx.str('flags_column'),
    cflags: ctx.str('cflags_column'),
    userAgent: ctx.str('user_agent_column'),
    socket: ctx.str('socket_column'),
    methods: ctx.str('methods_column'),
    instance: ctx.str('instance_column'),
    regId: ctx.str('reg_id_column'),
    serverId: ctx.str('server_id_column'),
    connectionId: ctx.str('connection_id_column'),
    keepalive: ctx.str('keepalive_column'),
    partition: ctx.str('partition_column'),
  };
}
