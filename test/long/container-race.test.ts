/** The race for the host: for minutes each process that enters a container is looked at, and seized where it can be. */
import { deepEqual, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Instance } from '../../src/instances/instance.ts';
import { sharedBase } from '../harness/base.ts';
import { launchOn } from '../harness/launch-on.ts';
import { foreignProcesses } from '../harness/seizing.ts';

/** Old code, which entered by one `nsenter --all`, was seized several times in 16 entries. */
const ENTRIES = 1500;

let instance: Instance;
let end: () => Promise<void>;

before(async () => {
  ({ instance, end } = await launchOn('nspawn', await sharedBase()));
});
after(() => end());

test("nothing that enters a container is the host's, however often it is raced", { timeout: 900_000 }, async () => {
  const seen = await foreignProcesses(instance, async (signal) => {
    for (let entry = 0; entry < ENTRIES && !signal.aborted; entry++)
      await instance.run(entry % 10 === 0 ? { script: 'true', signal } : { argv: ['true'], own: true, signal });
  });

  deepEqual({ seized: seen.seized, foreign: seen.foreign }, { seized: 0, foreign: [] });
  ok(seen.looks > ENTRIES, `only ${seen.looks} looks`);
});
