/** The runner in a virtual machine: what depends on how a machine runs commands and restarts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { sharedBase } from '../harness/base.ts';
import { diskSearchCases } from '../harness/disk-search-cases.ts';
import { languageCases } from '../harness/language-cases.ts';
import { launchOn, type Launched } from '../harness/launch-on.ts';
import { moduleCases } from '../harness/module-cases.ts';
import { fileSourceCases } from '../harness/file-source-cases.ts';
import { webCases } from '../harness/web-cases.ts';
import { bashDocument, runText } from '../harness/runner-cases.ts';

let launched: Launched;

before(async () => {
  launched = await launchOn('qemu', await sharedBase());
});
after(() => launched.end());

test('exit code 194 restarts the machine and runs the step again', async () => {
  const { outcome, lines } = await runText(
    launched.instance,
    bashDocument([
      {
        name: 'Kernel',
        script:
          'if [ -e /var/tmp/once ]; then echo again; [ "$(cat /var/tmp/once)" != "$(cat ' +
          '/proc/sys/kernel/random/boot_id)" ]\nelse cat /proc/sys/kernel/random/boot_id > /var/tmp/once; exit ' +
          '194; fi',
      },
      { name: 'After', script: 'echo "after {{ build.Kernel.outputs.stdout }}"' },
    ]),
  );
  assert.equal(outcome.status, 'success', JSON.stringify(outcome.failure));
  assert.deepEqual(lines, ['again', 'after again']);
  assert.deepEqual(
    outcome.phases[0]?.steps.map((step) => step.attempts),
    [1, 1],
  );
});

test('a failure and a time limit are reported', async () => {
  const failed = await runText(
    launched.instance,
    bashDocument([{ name: 'Bad', script: 'echo before\nls /no-such-file' }]),
  );
  assert.equal(failed.outcome.failure?.exitCode, 2);
  assert.deepEqual(failed.outcome.failure?.outputTail.length, 2);
  const slow = await runText(
    launched.instance,
    bashDocument([{ name: 'Hangs', script: 'sleep 600', more: 'timeoutSeconds: 2' }]),
  );
  assert.equal(slow.outcome.status, 'timedOut');
});

test('simple-boot-test-linux', async () => {
  const text = readFileSync(new URL('../../managed/components/simple-boot-test-linux.yaml', import.meta.url), 'utf8');
  const { outcome } = await runText(launched.instance, text, { phases: ['test'] });
  assert.equal(outcome.status, 'success', JSON.stringify(outcome.failure));
});

languageCases(
  () => launched.instance,
  () => '/var/tmp/the language',
);
moduleCases(
  () => launched.instance,
  () => '/var/tmp/the modules',
);
webCases(
  () => launched.instance,
  () => '/var/tmp/the web',
);
fileSourceCases(
  () => launched.instance,
  () => '/var/tmp/the files',
);
diskSearchCases(() => launched.instance);
