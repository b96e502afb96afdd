import { type CommandContext, UsageError } from './command.ts';

const ENTER = /[\r\n\x04]/;
const BACKSPACE = /[\x08\x7f]/;
const INTERRUPT = '\x03';

/** A password from standard input: its first line, not shown where it is typed. Throws UsageError where there is none. */
export async function readPassword(context: Pick<CommandContext, 'stdin' | 'stderr'>, prompt: string): Promise<string> {
  const stdin = context.stdin?.();
  if (stdin === undefined) throw new UsageError('a password is needed');
  const isTyped = stdin.isTTY === true && stdin.setRawMode !== undefined;
  if (isTyped) {
    context.stderr.write(prompt);
    stdin.setRawMode?.(true);
  }
  let typed = '';
  try {
    for await (const chunk of stdin) {
      for (const char of Buffer.from(chunk as Uint8Array | string).toString('utf8')) {
        if (ENTER.test(char)) return typed;
        if (char === INTERRUPT && isTyped) throw new UsageError('interrupted');
        typed = isTyped && BACKSPACE.test(char) ? typed.slice(0, -1) : typed + char;
      }
    }
    return typed;
  } finally {
    if (isTyped) {
      stdin.setRawMode?.(false);
      context.stderr.write('\n');
    }
  }
}
