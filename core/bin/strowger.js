#!/usr/bin/env -S node --max-semi-space-size=32 --single-threaded-gc
// Why these flags: what a transaction keeps lives a few seconds, so a larger young generation is collected less often;
// and collecting with helper threads costs more CPU in all than it saves time.
import { launch } from './launch.js';

await launch('strowger');
