/**
 * Managed components that install or check something do so in a fresh Debian container, each by itself. Those that
 * restart, and `update-linux`, run in builds of other tests.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { ingot, PROJECT } from '../harness/service.ts';
import { beginOnDirectory, endOnDirectory, type DirectorySuite } from '../harness/suite.ts';

interface Document {
  readonly phases: readonly { readonly name: string; readonly steps: readonly object[] }[];
}

describe('managed components', () => {
  let suite: DirectorySuite;
  let folder: string;
  before(async () => {
    suite = await beginOnDirectory();
    folder = await mkdtemp(join(tmpdir(), 'ingot-managed-'));
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
    await ingot(suite.dataDirectory, ['stop']);
    await endOnDirectory(suite);
  });

  async function run(
    name: string,
    first: readonly string[] = [],
    fill: Readonly<Record<string, string>> = {},
  ): Promise<{ code: number | null; text: string }> {
    const whole = await readFile(join(PROJECT, `managed/components/${name}.yaml`), 'utf8');
    const filled = Object.entries(fill).reduce((text, [key, value]) => text.replaceAll(`@${key}@`, value), whole);
    const document = parse(filled) as Document;
    const install = { name: 'Before', action: 'ExecuteBash', inputs: { commands: first } };
    const phases = [...(first.length === 0 ? [] : [{ name: 'build', steps: [install] }]), ...document.phases];
    const path = join(folder, `${name}.yaml`);
    await writeFile(path, stringify({ ...document, phases }));
    const { code, stdout, stderr } = await ingot(suite.dataDirectory, ['toe', 'test', path, '--progress', 'plain']);
    return { code, text: stdout + stderr };
  }

  for (const name of [
    'apt-repository-test-linux',
    'go-linux',
    'mariadb-linux',
    'mono-linux',
    'php-8_2-linux',
    'reboot-test-linux',
  ])
    test(name, async () => {
      const { code, text } = await run(name);
      assert.equal(code, 0, text);
    });

  test('amazon-corretto: OpenJDK of the same version, or what is missing', async () => {
    const jdk = await run('amazon-corretto-linux', [], { VERSION: '17', KIND: 'jdk' });
    assert.equal(jdk.code, 0, jdk.text);
    assert.match(jdk.text, /openjdk-17-jdk, the distribution's build of OpenJDK, is installed[^]*javac 17/);
    const newer = await run('amazon-corretto-linux', [], { VERSION: '21', KIND: 'headless' });
    assert.equal(newer.code, 1);
    assert.match(newer.text, /No repository of this image has Corretto or OpenJDK 21/);
  });

  test('chrony-time-configuration-test, without chrony and with it', async () => {
    const without = await run('chrony-time-configuration-test');
    assert.equal(without.code, 1);
    assert.match(without.text, /chrony is not installed/);
    const commands = ['apt-get update', 'DEBIAN_FRONTEND=noninteractive apt-get install -y chrony'];
    // A container may not set the clock: that chrony answers is what can be seen here.
    const start = ['systemctl is-active chrony || systemctl start chrony || true'];
    const { code, text } = await run('chrony-time-configuration-test', [...commands, ...start]);
    if (code !== 0) assert.match(text, /chrony does not answer/);
    assert.match(text, /chronyd?\.service is enabled, with: pool/);
  });

  test('yum-repository-test-linux says that Debian has no yum', async () => {
    const { code, text } = await run('yum-repository-test-linux');
    assert.equal(code, 1);
    assert.match(text, /neither dnf nor yum/);
  });

  test('amazon-cloudwatch-agent-linux installs the agent, or says what it cannot reach', async () => {
    const { code, text } = await run('amazon-cloudwatch-agent-linux');
    if (code !== 0) assert.match(text, /amazoncloudwatch-agent\.s3\.amazonaws\.com\S* cannot be fetched\. Build where/);
  });
});
