import { intParam, type ParamDef, strParam } from 'strowger';

/** Bits of `load_backends`. */
export const BACKEND = { ADDRESS: 1, TRUSTED: 2, ALLOW_FILE: 4, DENY_FILE: 8 } as const;

const column = (name: string, what: string): ParamDef => strParam({ default: name, doc: `Column with ${what}.` });
const bit = (value: 0 | 1, doc: string): ParamDef => intParam({ default: value, min: 0, max: 1, doc });

/** permissions' parameters (Kamailio: permissions, Parameters). */
export const PERMISSIONS_PARAMS: Readonly<Record<string, ParamDef>> = {
  default_allow_file: strParam({ default: 'permissions.allow', doc: 'File of allow_routing() without a name.' }),
  default_deny_file: strParam({ default: 'permissions.deny', doc: 'The same, of what is denied.' }),
  check_all_branches: bit(1, '0: allow_routing() looks at the Request-URI only, not at further branches.'),
  allow_suffix: strParam({ default: '.allow', doc: 'What a basename gets to be the file of what is allowed.' }),
  deny_suffix: strParam({ default: '.deny', doc: 'The same, of what is denied.' }),
  address_file: strParam({ default: null, doc: 'File with addresses; the table is not read then.' }),
  db_url: strParam({ default: null, doc: 'Database with the tables.' }),
  db_mode: bit(0, '0: allow_trusted() asks the database each time; 1: the table is in memory.'),
  address_table: strParam({ default: 'address', doc: 'Table with addresses.' }),
  grp_col: column('grp', 'the group of an address'),
  ip_addr_col: column('ip_addr', 'the address'),
  mask_col: column('mask', 'the length of its prefix'),
  port_col: column('port', 'its port; 0 for any'),
  trusted_table: strParam({ default: 'trusted', doc: 'Table with what is trusted.' }),
  source_col: column('src_ip', 'the source address'),
  proto_col: column('proto', 'the transport protocol: any, udp, tcp, tls, sctp, ws, wss or none'),
  from_col: column('from_pattern', 'the expression for the From URI'),
  ruri_col: column('ruri_pattern', 'the expression for the Request-URI'),
  tag_col: column('tag', 'the tag, in both tables'),
  priority_col: column('priority', 'the priority; the highest comes first in memory'),
  peer_tag_avp: strParam({ default: null, doc: 'AVP that gets the tag of what matched.' }),
  peer_tag_mode: bit(0, '1: allow_trusted() adds the tags of all that match, and returns how many do.'),
  max_subnets: intParam({ default: 512, min: 0, doc: 'Subnets that are loaded at most.' }),
  load_backends: intParam({
    default: 0xffff,
    min: 0,
    doc: 'What is loaded: 1 the table or file of addresses, 2 trusted, 4 the default allow file, 8 the default deny file.',
  }),
  reload_delta: intParam({ default: 5, min: 0, doc: 'Seconds between two reloads by RPC at least; 0: any.' }),
  trusted_cleanup_interval: intParam({
    default: 60,
    min: 0,
    doc: 'Seconds until an old table is freed.',
    noEffect: 'memory is freed when nobody uses it',
  }),
};
