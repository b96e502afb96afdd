import assert from 'node:assert/strict';
import { test } from 'node:test';
import { breakDown, strftime } from './strftime.ts';

const ALL =
  '%a %A %b %B %C %d %D %e %F %H %I %j %k %l %m %M %p %P %r %R %S %T %u %U %V %w %W %y %Y %g %G %s %z %%|%c|%x %X';

/** As GNU date prints them in the C locale. */
const EXPECTED: readonly (readonly [number, string])[] = [
  [
    0,
    'Thu Thursday Jan January 19 01 01/01/70  1 1970-01-01 00 12 001  0 12 01 00 AM am 12:00:00 AM 00:00 00 00:00:00 4 00 01 4 00 70 1970 70 1970 0 +0000 %|Thu Jan  1 00:00:00 1970|01/01/70 00:00:00',
  ],
  [
    1704067199,
    'Sun Sunday Dec December 20 31 12/31/23 31 2023-12-31 23 11 365 23 11 12 59 PM pm 11:59:59 PM 23:59 59 23:59:59 7 53 52 0 52 23 2023 23 2023 1704067199 +0000 %|Sun Dec 31 23:59:59 2023|12/31/23 23:59:59',
  ],
  [
    1709210096,
    'Thu Thursday Feb February 20 29 02/29/24 29 2024-02-29 12 12 060 12 12 02 34 PM pm 12:34:56 PM 12:34 56 12:34:56 4 08 09 4 09 24 2024 24 2024 1709210096 +0000 %|Thu Feb 29 12:34:56 2024|02/29/24 12:34:56',
  ],
  [
    1230768000,
    'Thu Thursday Jan January 20 01 01/01/09  1 2009-01-01 00 12 001  0 12 01 00 AM am 12:00:00 AM 00:00 00 00:00:00 4 00 01 4 00 09 2009 09 2009 1230768000 +0000 %|Thu Jan  1 00:00:00 2009|01/01/09 00:00:00',
  ],
  [
    1293840000,
    'Sat Saturday Jan January 20 01 01/01/11  1 2011-01-01 00 12 001  0 12 01 00 AM am 12:00:00 AM 00:00 00 00:00:00 6 00 52 6 00 11 2011 10 2010 1293840000 +0000 %|Sat Jan  1 00:00:00 2011|01/01/11 00:00:00',
  ],
  [
    1798761599,
    'Thu Thursday Dec December 20 31 12/31/26 31 2026-12-31 23 11 365 23 11 12 59 PM pm 11:59:59 PM 23:59 59 23:59:59 4 52 53 4 52 26 2026 26 2026 1798761599 +0000 %|Thu Dec 31 23:59:59 2026|12/31/26 23:59:59',
  ],
];

test('strftime writes what C does, week numbers at the turn of years included', () => {
  for (const [seconds, expected] of EXPECTED) assert.equal(strftime(ALL, seconds * 1000, true), expected);
});

test('unknown conversions and a lone percent stay', () => {
  assert.equal(strftime('%Q 100%', 0, true), '%Q 100%');
  assert.equal(strftime('%Ey %Od %n%t', 0, true), '70 01 \n\t');
});

test('a time is taken apart from the first day of the year', () => {
  const time = breakDown(Date.UTC(2024, 11, 31, 23, 59, 58), true);
  assert.deepEqual([time.year, time.mon, time.mday, time.yday, time.wday], [2024, 11, 31, 365, 2]);
});
