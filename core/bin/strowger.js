#!/usr/bin/env -S node --min-semi-space-size=16 --max-semi-space-size=32 --single-threaded-gc --no-parallel-scavenge --no-concurrent-sweeping --no-concurrent-marking --no-parallel-marking --no-parallel-compaction --heap-growing-percent=200
// Why these flags: what a transaction keeps lives a few seconds, so a larger young generation is collected less often, and
// stays large where a busy second follows a quiet one. Collecting with helper threads costs more CPU in all than it saves
// time; V8 14 does not take --single-threaded-gc to mean the --no- flags behind it, as older ones do. Marking costs as much
// as there is alive, whatever it frees: the heap may grow to three times that between two rounds (at V8's one and a half a
// busy proxy spent a fifth of its time there).
import { launch } from './launch.js';

await launch('strowger');
