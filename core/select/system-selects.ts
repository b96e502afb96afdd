import { pid } from 'node:process';
import { cfgGet, cfgSelected } from '../cfg/select.ts';
import { ctime, strftime } from '../pv/strftime.ts';
import type { Run } from '../script/run.ts';
import { noSuchPart, type SelectDef } from './select.ts';

/** @sys: the process and its clock. */
export const SYS_SELECT: SelectDef = {
  doc: 'pid, server_id, unique (a number no other call gets), now (seconds since 1970), now.local, now.gmt and now.utc with an optional strftime format.',
  bind(parts) {
    const [, first, second] = parts;
    if (first?.name === 'pid' && parts.length === 2) return () => String(pid);
    if (first?.name === 'server_id' && parts.length === 2) return (run) => String(run.server.settings.int('server_id'));
    if (first?.name === 'unique' && parts.length === 2) return uniqueText;
    if (first?.name !== 'now') return noSuchPart(parts.slice(1), ['pid', 'server_id', 'unique', 'now']);
    if (second === undefined) return (run) => String(Math.floor(run.server.clock.wall() / 1000));
    const isUtc = second.name === 'gmt' || second.name === 'utc';
    if ((!isUtc && second.name !== 'local') || parts.length > 3)
      return noSuchPart(parts.slice(2), ['local', 'gmt', 'utc']);
    const format = second.index === null ? null : String(second.index);
    if (format === null)
      return isUtc
        ? (run) => strftime('%a %b %e %H:%M:%S %Y', run.server.clock.wall(), true)
        : (run) => ctime(run.server.clock.wall());
    return (run) => strftime(format, run.server.clock.wall(), isUtc);
  },
};

function uniqueText(run: Run): string {
  const { random } = run.server;
  return `${pid.toString(16)}-${random.uint32().toString(16)}-${random.uint32().toString(16)}`;
}

/** @cfg_get.group.name: values of the cfg framework, of the instance that cfg_select() chose or of the one it names. */
export const CFG_GET_SELECT: SelectDef = {
  doc: 'Value of a configuration variable: cfg_get.group.name.',
  bind(parts) {
    const [, group, name] = parts;
    if (group === undefined || name === undefined || parts.length !== 3)
      return 'a configuration variable is group.name';
    const id = group.index;
    if (typeof id === 'number') return (run) => String(run.server.settings.groups.get(group.name, id, name.name) ?? '');
    return (run) => String(cfgGet(run, group.name, name.name) ?? '');
  },
};

/** @cfg_selected.group: what cfg_select() chose. */
export const CFG_SELECTED_SELECT: SelectDef = {
  doc: 'The instance of a group that cfg_select() chose in this run, empty without: cfg_selected.group.',
  bind(parts) {
    const [, group] = parts;
    if (group === undefined || parts.length !== 2 || group.index !== null)
      return 'cfg_selected needs the name of a group';
    return (run) => String(cfgSelected(run, group.name) ?? '');
  },
};
