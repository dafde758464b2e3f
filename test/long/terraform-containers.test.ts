/**
 * A container image by Terraform's AWS provider: repository, recipe and image are made, built for real, changed and
 * destroyed. The provider comes from where `TF_CLI_CONFIG_FILE` or `INGOT_TF_PLUGINS` says: see terraform.test.ts.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { findProgram } from '../../src/platform/files.ts';
import { run } from '../../src/platform/processes.ts';
import { hostState } from '../harness/host-state.ts';
import { connectionTo, registryLogin } from '../harness/repositories.ts';
import { PROJECT, startServer } from '../harness/service.ts';
import { endOnServer, type ServerSuite } from '../harness/suite.ts';

const found = findProgram('terraform') !== undefined;
if (!found)
  test('Terraform', {
    skip: 'there is no terraform command here (https://developer.hashicorp.com/terraform/install)',
  }, () => {});

describe('a container image of Terraform', { skip: !found }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-terraform-'));
  let suite: ServerSuite;

  before(async () => {
    const state = await hostState();
    const dataDirectory = join(mkdtempSync(join(tmpdir(), 'ingot-test-')), 'data directory');
    suite = { state, dataDirectory, server: await startServer(dataDirectory) };
    cpSync(join(PROJECT, 'test/data/terraform-containers'), folder, { recursive: true });
    await terraform('init', '-input=false');
  });
  after(async () => {
    await endOnServer(suite);
    rmSync(folder, { recursive: true, force: true });
  });

  function environment(): Record<string, string> {
    const { endpoint, credentials } = suite.server;
    const given = process.env['TF_CLI_CONFIG_FILE'];
    const plugins = process.env['INGOT_TF_PLUGINS'];
    const own = join(folder, 'terraformrc');
    const mirror = plugins === undefined ? '' : `filesystem_mirror {\n    path = ${JSON.stringify(plugins)}\n  }\n`;
    writeFileSync(own, mirror === '' ? '' : `provider_installation {\n  ${mirror}}\n`);
    return {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      CHECKPOINT_DISABLE: '1',
      TF_IN_AUTOMATION: '1',
      TF_CLI_CONFIG_FILE: given !== undefined && existsSync(given) ? given : own,
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_REGION: 'us-east-1',
    };
  }

  async function terraform(...argv: string[]): Promise<string> {
    const { code, stdout, stderr } = await run(['terraform', ...argv, '-no-color'], {
      cwd: folder,
      env: environment(),
      okCodes: 'any',
      timeoutMs: 1_200_000,
      maxCapture: 16 << 20,
    });
    assert.equal(code, 0, `terraform ${argv.join(' ')} ended with ${code}:\n${stdout.slice(-4000)}\n${stderr}`);
    return stdout;
  }

  async function outputs(): Promise<{ readonly uris: readonly string[]; readonly digest: string }> {
    const all = JSON.parse(await terraform('output', '-json')) as Record<'uris' | 'digest', { value: never }>;
    return { uris: all.uris.value, digest: all.digest.value };
  }

  async function digestOf(uri: string): Promise<string> {
    const creds = `--creds=${await registryLogin(connectionTo(suite.server))}`;
    const { stdout } = await run(['skopeo', 'inspect', '--tls-verify=false', creds, `docker://${uri}`]);
    return (JSON.parse(stdout) as { Digest: string }).Digest;
  }

  const apply = (...variables: string[]): Promise<string> =>
    terraform('apply', '-auto-approve', '-input=false', ...variables);

  test('is made, and there is nothing left to do', async () => {
    await apply();
    await terraform('plan', '-input=false', '-detailed-exitcode');
    const { uris, digest } = await outputs();
    assert.deepEqual(
      uris.map((uri) => uri.replace(/^127\.0\.0\.1:\d+\/\d{12}\//, '')),
      ['us-east-1/terraform/web:latest', 'us-east-1/terraform/web:v1'],
    );
    for (const uri of uris) assert.equal(await digestOf(uri), digest);
  });

  test('is built again for another component, and is all gone after destroy', async () => {
    const { uris, digest } = await outputs();
    const second = ['-var=word=two', '-var=component_version=1.0.1'];
    await apply(...second);
    await terraform('plan', '-input=false', '-detailed-exitcode', ...second);
    const changed = await outputs();
    assert.notEqual(changed.digest, digest);
    assert.equal(await digestOf(uris[0]!), changed.digest);
    await terraform('destroy', '-auto-approve', '-input=false', ...second);
    assert.equal((await terraform('state', 'list')).trim(), '');
    await assert.rejects(digestOf(uris[0]!));
  });
});
