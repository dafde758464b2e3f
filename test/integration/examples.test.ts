/** Every template in `examples/` builds, passes its tests in a virtual machine, and is distributed. */
import assert from 'node:assert/strict';
import { existsSync, globSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { HostState } from '../harness/host-state.ts';
import { ingot, PROJECT } from '../harness/service.ts';
import { beginOnDirectory, endOnDirectory } from '../harness/suite.ts';

describe('examples', () => {
  let state: HostState;
  let dataDirectory: string;

  before(async () => void ({ state, dataDirectory } = await beginOnDirectory()));

  after(async () => {
    await ingot(dataDirectory, ['stop']);
    await endOnDirectory({ state, dataDirectory });
  });

  // That of a container image takes two minutes: `long/containers`.
  const templates = globSync('examples/*/template.yaml', { cwd: PROJECT }).filter(
    (template) => !template.startsWith('examples/container/'),
  );
  assert.ok(templates.length > 0);
  for (const template of templates) {
    test(template, async () => {
      const { code, stdout, stderr } = await ingot(dataDirectory, ['build', template, '--json']);
      assert.equal(code, 0, `${stderr}\n${stdout.split('\n').slice(-40).join('\n')}`);
      const result = JSON.parse(stdout.trim().split('\n').at(-1)!) as {
        status: string;
        amis: { region: string; file: string }[];
      };
      assert.equal(result.status, 'AVAILABLE');
      assert.deepEqual(
        result.amis.map(({ region }) => region),
        ['us-east-1', 'eu-west-1'],
      );
      for (const { file } of result.amis) assert.ok(existsSync(file), file);
    });
  }
});
