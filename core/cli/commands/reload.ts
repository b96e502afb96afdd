import type { CliCommand } from '../command.ts';
import { command as rpc } from './rpc.ts';

/** `strowger reload`: the RPC method core.reload of a running server. */
export const command: CliCommand = {
  name: 'reload',
  summary: 'Let a running server load its script anew',
  usage: '',
  options: rpc.options,
  run: (context) => rpc.run({ ...context, operands: ['core.reload', ...context.operands] }),
};
