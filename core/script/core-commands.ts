import type { CommandDef } from '../module/define-module.ts';
import { FLAG_COMMANDS } from './flag-commands.ts';
import { MISC_COMMANDS } from './misc-commands.ts';
import { SEND_COMMANDS } from './send-commands.ts';
import { URI_COMMANDS } from './uri-commands.ts';

/**
 * The core functions of Kamailio's core cookbook as a table. Their state is the server, null in a check. What belongs to
 * the language (`route`, `return`, `exit`, `drop`, `break`, `selval`) is the compiler's. Kamailio's core functions do not
 * touch `$rc`, so the compiler leaves it alone for these.
 */
export const CORE_COMMANDS: Readonly<Record<string, CommandDef<never> | readonly CommandDef<never>[]>> = {
  ...URI_COMMANDS,
  ...FLAG_COMMANDS,
  ...SEND_COMMANDS,
  ...MISC_COMMANDS,
};
