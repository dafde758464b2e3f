/** The example of a Packer template: imported, and built in a container without tests. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { HostState } from '../harness/host-state.ts';
import { run } from '../harness/processes.ts';
import { ingot, MAIN, PROJECT } from '../harness/service.ts';
import { beginOnDirectory, endOnDirectory } from '../harness/suite.ts';

describe('import-packer', () => {
  let state: HostState;
  let dataDirectory: string;

  before(async () => void ({ state, dataDirectory } = await beginOnDirectory()));

  after(async () => {
    await ingot(dataDirectory, ['stop']);
    await endOnDirectory({ state, dataDirectory });
  });

  test("a template with files and scripts builds, and its own check of the files' content passes", async () => {
    const made = join(dataDirectory, '..', 'web.yaml');
    await run([process.execPath, MAIN, 'import-packer', join(PROJECT, 'examples/packer/web.pkr.hcl'), '-o', made]);
    // Without tests, no virtual machine is booted.
    const text = await readFile(made, 'utf8');
    const image = '    Type: AWS::ImageBuilder::Image\n    Properties:\n';
    assert.ok(text.includes(image));
    await writeFile(made, text.replace(image, `${image}      ImageTestsConfiguration: {ImageTestsEnabled: false}\n`));
    const { code, stdout, stderr } = await ingot(dataDirectory, [
      'build',
      made,
      '--json',
      // The template was written elsewhere: its files are not beside it.
      '--file-root',
      join(PROJECT, 'examples/packer'),
    ]);
    assert.equal(code, 0, `${stderr}\n${stdout.split('\n').slice(-40).join('\n')}`);
    const result = JSON.parse(stdout.trim().split('\n').at(-1)!) as {
      status: string;
      amis: { region: string }[];
    };
    assert.equal(result.status, 'AVAILABLE');
    assert.deepEqual(
      result.amis.map(({ region }) => region),
      ['us-east-1', 'eu-west-1'],
    );
  });
});
