/**
 * Terraform with the AWS provider against the services beside Image Builder: `test/data/terraform-catalogue`. The
 * provider comes from where `TF_CLI_CONFIG_FILE` or `INGOT_TF_PLUGINS` says: see terraform.test.ts.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { findAmi, insertAmi } from '../../src/catalog/amis.ts';
import { findProgram } from '../../src/platform/files.ts';
import { ACCOUNT, REGION, startApi, type TestApi } from '../api/server.ts';
import { run } from '../harness/processes.ts';
import { PROJECT } from '../harness/service.ts';

const skip =
  findProgram('terraform') === undefined
    ? 'there is no terraform command here (https://developer.hashicorp.com/terraform/install)'
    : false;
const folder = mkdtempSync(join(tmpdir(), 'ingot-terraform-'));
let api: TestApi;
before(async () => {
  api = await startApi();
  for (const number of [1, 2])
    await insertAmi(api.catalog.db, {
      id: `ami-0000000000000000${number}`,
      region: REGION,
      account: ACCOUNT,
      name: `web ${number}`,
      description: null,
      image_arn: `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:image/web/1.0.0/${number}`,
      layer_id: null,
      file: 'none',
      state: 'available',
      tags: '{"Team":"web"}',
      platform: 'Linux',
      os_version: null,
      architecture: 'x86_64',
      created: `2026-01-0${number}T00:00:00.000Z`,
    });
  cpSync(join(PROJECT, 'test/data/terraform-catalogue'), folder, { recursive: true });
});
after(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});

function environment(): Record<string, string> {
  const { credentials } = api.connectionOf('same');
  const given = process.env['TF_CLI_CONFIG_FILE'];
  const plugins = process.env['INGOT_TF_PLUGINS'];
  const own = join(folder, 'terraformrc');
  const config = plugins === undefined ? '' : `filesystem_mirror {\n    path = ${JSON.stringify(plugins)}\n  }\n`;
  writeFileSync(own, config === '' ? '' : `provider_installation {\n  ${config}}\n`);
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    CHECKPOINT_DISABLE: '1',
    TF_IN_AUTOMATION: '1',
    TF_CLI_CONFIG_FILE: given !== undefined && existsSync(given) ? given : own,
    AWS_ENDPOINT_URL: api.endpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: REGION,
  };
}

const terraform = async (...argv: string[]): Promise<string> => {
  const { code, stdout, stderr } = await run(['terraform', ...argv, '-no-color'], {
    cwd: folder,
    env: environment(),
    okCodes: 'any',
    timeoutMs: 600_000,
  });
  assert.equal(code, 0, `terraform ${argv.join(' ')} ended with ${code}:\n${stdout.slice(-4000)}\n${stderr}`);
  return stdout;
};
const outputs = async (): Promise<Record<string, unknown>> => {
  const all = JSON.parse(await terraform('output', '-json')) as Record<string, { value: unknown }>;
  return Object.fromEntries(Object.entries(all).map(([name, { value }]) => [name, value]));
};

test('what consumers write: made, read, changed, gone', { skip }, async () => {
  await terraform('init', '-input=false');
  const apply = (value: string) => terraform('apply', '-auto-approve', '-input=false', '-var', `value=${value}`);
  const nothingToDo = (value: string) =>
    terraform('plan', '-input=false', '-detailed-exitcode', '-var', `value=${value}`);
  await apply('1');
  await nothingToDo('1');
  assert.deepEqual(await outputs(), {
    ami: 'ami-00000000000000002',
    amis: ['ami-00000000000000001', 'ami-00000000000000002'],
    names: ['/golden/release', '/golden/secret'],
    registry_user: 'AWS',
    release: '1',
    repository: `/${ACCOUNT}/${REGION}/golden/web`,
    template: 'ami-00000000000000002 1',
  });
  assert.deepEqual(JSON.parse((await findAmi(api.catalog.db, 'ami-00000000000000002'))!.launch_permission), {
    userIds: ['210987654321'],
  });
  await apply('2');
  await nothingToDo('2');
  assert.equal((await outputs())['template'], 'ami-00000000000000002 2');
  await terraform('destroy', '-auto-approve', '-input=false', '-var', 'value=2');
  assert.deepEqual(await api.catalog.db.selectFrom('parameters').selectAll().execute(), []);
  assert.deepEqual(await api.catalog.db.selectFrom('repositories').selectAll().execute(), []);
});
