import { styleText } from 'node:util';
import { escapeControls } from './log-text.ts';

interface TextFormatOptions {
  readonly color: boolean;
  readonly timestamps: boolean;
  readonly worker: number;
  readonly pid: number;
}

const LABELS: Readonly<Record<string, string>> = {
  alert: 'ALERT',
  bug: 'BUG',
  crit: 'CRITICAL',
  error: 'ERROR',
  warn: 'WARNING',
  notice: 'NOTICE',
  info: 'INFO',
  debug: 'DEBUG',
};
const COLORS: Readonly<Record<string, Parameters<typeof styleText>[0]>> = {
  alert: ['bold', 'red'],
  bug: ['bold', 'magenta'],
  crit: ['bold', 'red'],
  error: 'red',
  warn: 'yellow',
  notice: 'cyan',
  debug: 'gray',
};
const OWN_KEYS = new Set(['level', 'time', 'worker', 'module', 'prefix', 'msg', 'err']);

/**
 * An entry as text, in the shape of Kamailio's log to stderr: ` 0(1234) ERROR: {prefix}tm: text key=value`. An error's
 * stack follows on lines of its own, indented.
 */
export function formatLine(entry: Readonly<Record<string, unknown>>, options: TextFormatOptions): string {
  const level = textOf(entry['level']);
  const prefix = typeof entry['prefix'] === 'string' ? entry['prefix'] : '';
  const head = `${LABELS[level] ?? level}: ${prefix}${textOf(entry['module'])}: ${textOf(entry['msg'])}`;
  const style = COLORS[level];
  const painted = options.color && style !== undefined ? styleText(style, head, { validateStream: false }) : head;
  const time = options.timestamps ? `${timeOfDay(Number(entry['time']))} ` : '';
  const process = `${String(options.worker).padStart(2, ' ')}(${options.pid})`;
  return `${time}${process} ${painted}${fieldText(entry)}${stackText(entry['err'])}`;
}

function timeOfDay(wallMs: number): string {
  const date = new Date(wallMs);
  const two = (n: number): string => String(n).padStart(2, '0');
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${time}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

function fieldText(entry: Readonly<Record<string, unknown>>): string {
  let text = '';
  for (const [key, value] of Object.entries(entry)) {
    if (OWN_KEYS.has(key)) continue;
    const shown = typeof value === 'string' ? value : JSON.stringify(value);
    text += ` ${key}=${/[\s"]/.test(shown) ? JSON.stringify(shown) : shown}`;
  }
  return text;
}

function stackText(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { stack } = error as { stack?: unknown };
  return typeof stack === 'string' ? `\n    ${escapeControls(stack)}` : '';
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
