const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** A time taken apart, as in C's `struct tm` but with the whole year. */
export interface BrokenDownTime {
  readonly sec: number;
  readonly min: number;
  readonly hour: number;
  readonly mday: number;
  /** 0 is January. */
  readonly mon: number;
  readonly year: number;
  /** 0 is Sunday. */
  readonly wday: number;
  /** 0 is the 1st of January. */
  readonly yday: number;
  readonly isdst: boolean;
  /** Minutes east of UTC. */
  readonly offsetMinutes: number;
}

/** Takes a wall time (milliseconds since 1970) apart, in UTC or in the process's time zone. */
export function breakDown(wallMs: number, isUtc: boolean): BrokenDownTime {
  const date = new Date(wallMs);
  if (isUtc) {
    const year = date.getUTCFullYear();
    return {
      sec: date.getUTCSeconds(),
      min: date.getUTCMinutes(),
      hour: date.getUTCHours(),
      mday: date.getUTCDate(),
      mon: date.getUTCMonth(),
      year,
      wday: date.getUTCDay(),
      yday: dayOfYear(year, date.getUTCMonth(), date.getUTCDate()),
      isdst: false,
      offsetMinutes: 0,
    };
  }
  const year = date.getFullYear();
  const offsetMinutes = -date.getTimezoneOffset();
  const winter = Math.min(-new Date(year, 0, 1).getTimezoneOffset(), -new Date(year, 6, 1).getTimezoneOffset());
  return {
    sec: date.getSeconds(),
    min: date.getMinutes(),
    hour: date.getHours(),
    mday: date.getDate(),
    mon: date.getMonth(),
    year,
    wday: date.getDay(),
    yday: dayOfYear(year, date.getMonth(), date.getDate()),
    isdst: offsetMinutes > winter,
    offsetMinutes,
  };
}

function dayOfYear(year: number, month: number, day: number): number {
  return Math.round((Date.UTC(year, month, day) - Date.UTC(year, 0, 1)) / 86_400_000);
}

/** Writes a time as C's strftime does in the C locale. Unknown conversions stay as they are. */
export function strftime(format: string, wallMs: number, isUtc: boolean): string {
  const time = breakDown(wallMs, isUtc);
  let out = '';
  for (let i = 0; i < format.length; i++) {
    if (format.charCodeAt(i) !== 37 || i + 1 === format.length) {
      out += format.charAt(i);
      continue;
    }
    let c = format.charAt(++i);
    // E and O ask for another numeral system, which the C locale does not have
    if ((c === 'E' || c === 'O') && i + 1 < format.length) c = format.charAt(++i);
    out += convert(c, time, wallMs, isUtc);
  }
  return out;
}

/** `Sat Nov 21 05:03:31 2026`, as C's ctime without its line end. */
export function ctime(wallMs: number): string {
  return strftime('%a %b %e %H:%M:%S %Y', wallMs, false);
}

function convert(c: string, t: BrokenDownTime, wallMs: number, isUtc: boolean): string {
  switch (c) {
    case 'Y':
      return String(t.year);
    case 'm':
      return two(t.mon + 1);
    case 'd':
      return two(t.mday);
    case 'H':
      return two(t.hour);
    case 'M':
      return two(t.min);
    case 'S':
      return two(t.sec);
    case 'y':
      return two(t.year % 100);
    case 'C':
      return two(Math.floor(t.year / 100));
    case 'e':
      return String(t.mday).padStart(2);
    case 'a':
      return (DAYS[t.wday] ?? '').slice(0, 3);
    case 'A':
      return DAYS[t.wday] ?? '';
    case 'b':
    case 'h':
      return (MONTHS[t.mon] ?? '').slice(0, 3);
    case 'B':
      return MONTHS[t.mon] ?? '';
    case 'I':
      return two(t.hour % 12 || 12);
    case 'k':
      return String(t.hour).padStart(2);
    case 'l':
      return String(t.hour % 12 || 12).padStart(2);
    case 'p':
      return t.hour < 12 ? 'AM' : 'PM';
    case 'P':
      return t.hour < 12 ? 'am' : 'pm';
    case 'j':
      return String(t.yday + 1).padStart(3, '0');
    case 'u':
      return String(t.wday || 7);
    case 'w':
      return String(t.wday);
    case 'U':
      return two(Math.floor((t.yday + 7 - t.wday) / 7));
    case 'W':
      return two(Math.floor((t.yday + 7 - ((t.wday + 6) % 7)) / 7));
    case 'V':
      return two(isoWeek(t).week);
    case 'G':
      return String(isoWeek(t).year);
    case 'g':
      return two(isoWeek(t).year % 100);
    case 's':
      return String(Math.floor(wallMs / 1000));
    case 'z':
      return offset(t.offsetMinutes);
    case 'Z':
      return isUtc ? 'GMT' : zoneName(wallMs);
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case '%':
      return '%';
    case 'D':
    case 'x':
      return `${two(t.mon + 1)}/${two(t.mday)}/${two(t.year % 100)}`;
    case 'F':
      return `${t.year}-${two(t.mon + 1)}-${two(t.mday)}`;
    case 'T':
    case 'X':
      return `${two(t.hour)}:${two(t.min)}:${two(t.sec)}`;
    case 'R':
      return `${two(t.hour)}:${two(t.min)}`;
    case 'r':
      return `${two(t.hour % 12 || 12)}:${two(t.min)}:${two(t.sec)} ${t.hour < 12 ? 'AM' : 'PM'}`;
    case 'c':
      return `${(DAYS[t.wday] ?? '').slice(0, 3)} ${(MONTHS[t.mon] ?? '').slice(0, 3)} ${String(t.mday).padStart(2)} ${two(t.hour)}:${two(t.min)}:${two(t.sec)} ${t.year}`;
    default:
      return `%${c}`;
  }
}

function two(n: number): string {
  return n < 10 ? `0${n}` : String(n);
}

function offset(minutes: number): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${two(size % 60)}`;
}

function zoneName(wallMs: number): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(wallMs);
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? '';
}

/** Week of ISO 8601: weeks begin on Monday, week 1 holds the first Thursday. */
function isoWeek(t: BrokenDownTime): { readonly year: number; readonly week: number } {
  const monday = (t.wday + 6) % 7;
  const week = Math.floor((t.yday - monday + 10) / 7);
  if (week < 1) return { year: t.year - 1, week: weeksIn(t.year - 1) };
  return week > weeksIn(t.year) ? { year: t.year + 1, week: 1 } : { year: t.year, week };
}

function weeksIn(year: number): number {
  const first = new Date(Date.UTC(year, 0, 1)).getUTCDay();
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return first === 4 || (isLeap && first === 3) ? 53 : 52;
}
