/**
 * Every component in `examples/components/` does what it says: by itself in a fresh container, and all of them in one
 * image, whose tests run in a virtual machine.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseComponentDocument } from '../../src/documents/component/parse.ts';
import type { HostState } from '../harness/host-state.ts';
import { createTestImage, waitUntilAvailable } from '../harness/images.ts';
import { imageLog, ingot, PROJECT, startServer } from '../harness/service.ts';
import { beginOnDirectory, endOnDirectory } from '../harness/suite.ts';

/** Their test phases ask for a kernel of their own. */
const NEED_A_MACHINE: readonly string[] = ['auditd', 'docker-engine', 'hardening-debian', 'kernel-parameters'];
const FILES = globSync('examples/components/*.yaml', { cwd: PROJECT }).sort();

describe('example components', () => {
  let state: HostState;
  let dataDirectory: string;

  before(async () => void ({ state, dataDirectory } = await beginOnDirectory()));

  after(async () => {
    await ingot(dataDirectory, ['stop']);
    await endOnDirectory({ state, dataDirectory });
  });

  assert.ok(FILES.length >= 12);
  for (const file of FILES) {
    const name = basename(file, '.yaml');
    test(`${name} validates without a warning, and says how it is tested`, () => {
      const { document, faults } = parseComponentDocument(readFileSync(join(PROJECT, file), 'utf8'), {
        platform: 'Linux',
      });
      assert.deepEqual(faults, []);
      assert.ok(document!.phases.some((phase) => phase.name === 'test'));
    });

    test(`${name} in a container`, async () => {
      const phases = NEED_A_MACHINE.includes(name) ? 'build,validate' : 'build,validate,test';
      const { code, stdout, stderr } = await ingot(
        dataDirectory,
        ['toe', 'test', join(PROJECT, file), '--on', 'nspawn', '--phases', phases],
        { timeoutMs: 1_200_000 },
      );
      assert.equal(code, 0, `${stdout}\n${stderr}`);
    });
  }

  test('all of them in one image', async () => {
    const server = await startServer(dataDirectory);
    try {
      const arn = await createTestImage(server, {
        name: 'examples',
        tests: true,
        components: FILES.map((file) => readFileSync(join(PROJECT, file), 'utf8')),
      });
      await waitUntilAvailable(server, arn);
      const log = await imageLog(dataDirectory, arn);
      const tested = log
        .filter(({ type, status, phase }) => type === 'step' && phase === 'test' && status === 'Success')
        .map(({ component }) => component);
      assert.equal(new Set(tested).size, FILES.length);
    } finally {
      await server.stop();
    }
  });
});
