/**
 * The configurations of the AWS provider's own acceptance tests for Image Builder: each is applied, planned again
 * (which must find nothing to do), changed as its test changes it, and destroyed.
 *
 * They are read from a checkout of the provider at the time of the test, and nothing of them is here:
 * `INGOT_TF_ACCEPTANCE` names its folder `internal/service/imagebuilder`. The provider comes from where
 * `TF_CLI_CONFIG_FILE` or `INGOT_TF_PLUGINS` says: see terraform.test.ts. Resources of other services are made values:
 * `OTHERS`.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DEFAULT_CONFIG } from '../../src/platform/config/config.ts';
import { namedImages } from '../../src/images/names/names.ts';
import { findProgram } from '../../src/platform/files.ts';
import { ACCOUNT, REGION, startApi, type TestApi } from '../api/server.ts';
import { acceptanceTests } from '../harness/go-configs.ts';
import { run } from '../harness/processes.ts';

const SOURCES = process.env['INGOT_TF_ACCEPTANCE'];
const skip =
  findProgram('terraform') === undefined
    ? 'there is no terraform command here (https://developer.hashicorp.com/terraform/install)'
    : SOURCES === undefined || !existsSync(SOURCES)
      ? 'INGOT_TF_ACCEPTANCE names no checkout of the provider (internal/service/imagebuilder)'
      : false;

/** What references to resources of other services become, by type. */
const OTHERS: Readonly<Record<string, (name: string, attribute: string) => string>> = {
  aws_ecr_repository: (name) => name,
  aws_iam_instance_profile: (name) => name,
  aws_iam_role: (name, attribute) => (attribute === 'arn' ? `arn:aws:iam::${ACCOUNT}:role/${name}` : name),
  aws_key_pair: (name) => name,
  aws_kms_key: (name) => `arn:aws:kms:${REGION}:${ACCOUNT}:key/${name}`,
  aws_launch_template: (name, attribute) => (attribute === 'id' ? 'lt-0123456789abcdef0' : name),
  aws_licensemanager_license_configuration: (name) =>
    `arn:aws:license-manager:${REGION}:${ACCOUNT}:license-configuration:lic-` +
    createHash('md5').update(name).digest('hex'),
  aws_s3_bucket: (name) => name,
  aws_security_group: () => 'sg-0123456789abcdef0',
  aws_sns_topic: (name) => `arn:aws:sns:${REGION}:${ACCOUNT}:${name}`,
  aws_subnet: () => 'subnet-0123456789abcdef0',
  aws_vpc: (_name, attribute) => (attribute === 'id' ? 'vpc-0123456789abcdef0' : '10.0.0.0/16'),
};

/** Configurations that need what this test does not have: a pattern of their text, and why they are left out. */
const LEFT_OUT: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/resource "aws_imagebuilder_image" /, 'it builds an image of Amazon Linux'],
  [/resource "aws_s3_object"/, 'it reads an object in S3: see test/data/terraform-uris'],
  [/resource "aws_organizations_/, 'it needs an organization of AWS'],
  [/resource "aws_ebs_snapshot"/, 'it needs a snapshot of EC2'],
  [/^data "aws_ami"/m, 'it looks for an AMI of Amazon'],
  [/^provider "/m, 'it has providers of other Regions or accounts'],
];

/**
 * What is rejected, by test. A recipe is replaced here while a pipeline uses it, and Terraform deletes the old one
 * first. AWS documents the order pipeline, recipe, and ResourceDependencyException for the other.
 */
const REFUSED: Readonly<Record<string, RegExp>> = {
  TestAccImageBuilderImageRecipe_pipelineUpdateDependency: /ResourceDependencyException/,
};

/** One test as a module. */
interface Module {
  readonly id: string;
  readonly name: string;
  readonly steps: readonly string[];
}

interface Diagnostic {
  readonly summary: string;
  readonly detail?: string;
  readonly address?: string;
  readonly range?: { readonly filename: string };
}

interface Line {
  readonly '@level': string;
  readonly diagnostic?: Diagnostic;
  readonly change?: { readonly resource: { readonly addr: string }; readonly action: string };
  readonly type: string;
}

/** A configuration without the resources of other services. */
function ownOnly(text: string): string {
  return text
    .replaceAll(/^resource "aws_(?!imagebuilder_)\w+" "\w+" \{[\s\S]*?^\}\n?/gm, '')
    .replaceAll(/^\s*depends_on\s*=\s*\[[^\]]*\]\n/gm, '')
    .replaceAll(/(\$\{)?\b(aws_(?!imagebuilder_)\w+)\.(\w+)(?:\[\w+\])?\.(\w+)(\})?/g, (whole, ...parts: string[]) => {
      const [open, type, name, attribute, close] = parts as [string?, string?, string?, string?, string?];
      const made = OTHERS[type!]?.(`acceptance-${name}`, attribute!);
      if (made === undefined) return whole;
      return open === undefined ? `${JSON.stringify(made)}${close ?? ''}` : made;
    });
}

describe("the provider's acceptance tests", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-acceptance-'));
  const failures = new Map<string, string>();
  const modules: Module[] = [];
  const absent: string[] = [];
  let api: TestApi;

  before(async () => {
    const names = {
      ...DEFAULT_CONFIG.names,
      parentImages: {
        'amazon-linux-2-x86': 'debian-12-x86',
        'amazon-linux-x86-latest': 'debian-12',
        'windows-server-2022-english-full-base-x86': 'windows-11',
      },
    };
    const windows = { name: 'windows-11', osVersion: 'Windows 11', platform: 'Windows' } as const;
    api = await startApi({ names }, [...namedImages.filter(({ name }) => name !== windows.name), windows]);
    const files = readdirSync(SOURCES!).filter((name) => name.endsWith('_test.go'));
    const tests = acceptanceTests(
      files.map((name) => readFileSync(join(SOURCES!, name), 'utf8')),
      (index) => `tf-acc-${index}`,
    );
    for (const [index, { name, steps, absent: why }] of tests.entries()) {
      const because = why ?? LEFT_OUT.find(([pattern]) => steps.some((text) => pattern.test(text)))?.[1];
      if (because !== undefined) absent.push(`${name}: ${because}`);
      else modules.push({ id: `t${index}`, name, steps: steps.map(ownOnly) });
    }
  });
  after(async () => {
    await api.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function terraform(...argv: string[]): Promise<{ readonly code: number | null; readonly lines: Line[] }> {
    const own = join(folder, 'terraformrc');
    const plugins = process.env['INGOT_TF_PLUGINS'];
    const given = process.env['TF_CLI_CONFIG_FILE'];
    const mirror = `provider_installation {\n  filesystem_mirror {\n    path = ${JSON.stringify(plugins)}\n  }\n}\n`;
    writeFileSync(own, plugins === undefined ? '' : mirror);
    const { credentials } = api.connectionOf('same');
    const { code, stdout, stderr } = await run(['terraform', ...argv], {
      cwd: folder,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: folder,
        CHECKPOINT_DISABLE: '1',
        TF_IN_AUTOMATION: '1',
        TF_CLI_CONFIG_FILE: given !== undefined && existsSync(given) ? given : own,
        AWS_ENDPOINT_URL: api.endpoint,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_REGION: REGION,
      },
      okCodes: 'any',
      maxCapture: 64 << 20,
      timeoutMs: 1_200_000,
    });
    if (argv[0] === 'init') assert.equal(code, 0, `${stdout}\n${stderr}`);
    const lines = stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Line] : []));
    return { code, lines };
  }

  const idOf = (text: string | undefined): string | undefined => /\b(t\d+)\b/.exec(text ?? '')?.[1];

  /** Notes what is wrong with modules. @returns how many are new */
  function note(lines: readonly Line[]): number {
    const before = failures.size;
    for (const { diagnostic, '@level': level } of lines) {
      if (diagnostic === undefined || level !== 'error') continue;
      // What is deleted has no address: the resource's name tells.
      const named = /\btf-acc-(\d+)\b/.exec(`${diagnostic.summary} ${diagnostic.detail}`)?.[1];
      const id =
        idOf(diagnostic.address) ?? idOf(diagnostic.range?.filename) ?? (named === undefined ? undefined : `t${named}`);
      const said = `${diagnostic.summary}: ${diagnostic.detail ?? ''}`.replaceAll(/\s+/g, ' ').slice(0, 400);
      assert.ok(id !== undefined, said);
      if (!failures.has(id)) failures.set(id, said);
    }
    return failures.size - before;
  }

  function write(step: number): readonly Module[] {
    const left = modules.filter(({ id }) => !failures.has(id));
    for (const { id, steps } of left) {
      mkdirSync(join(folder, id), { recursive: true });
      writeFileSync(join(folder, id, 'main.tf'), steps[Math.min(step, steps.length - 1)]!);
    }
    writeFileSync(
      join(folder, 'main.tf'),
      left.map(({ id }) => `module "${id}" {\n  source = "./${id}"\n}\n`).join('\n'),
    );
    return left;
  }

  /** Applies a step of all. A module whose plan fails is left out, since it would stop the others. */
  async function apply(step: number): Promise<void> {
    for (;;) {
      write(step);
      await terraform('init', '-input=false', '-no-color');
      const { code, lines } = await terraform('plan', '-json', '-input=false', '-refresh=false');
      if (code === 0) break;
      assert.ok(note(lines) > 0, 'the plan failed for a reason that names no test');
    }
    note((await terraform('apply', '-json', '-auto-approve', '-input=false')).lines);
    const { lines } = await terraform('plan', '-json', '-input=false');
    note(lines);
    for (const { type, change } of lines) {
      const id = type === 'planned_change' ? idOf(change?.resource.addr) : undefined;
      if (id !== undefined && !failures.has(id))
        failures.set(id, `step ${step + 1}: the plan is not empty: ${change!.action} ${change!.resource.addr}`);
    }
  }

  test('are applied without a fault, and have nothing to do afterwards', async (t) => {
    for (const why of absent) t.diagnostic(`left out: ${why}`);
    assert.ok(modules.length > 50, `${modules.length} configurations were found`);
    const most = Math.max(...modules.map(({ steps }) => steps.length));
    for (let step = 0; step < most; step++) await apply(step);
    write(most);
    const { code } = await terraform('destroy', '-json', '-auto-approve', '-input=false');
    t.diagnostic(`${modules.length - failures.size} of ${modules.length} pass, ${absent.length} are left out`);
    const failed = [...failures].map(([id, why]) => [modules.find((each) => each.id === id)!.name, why] as const);
    for (const [name, why] of failed) t.diagnostic(`${name}: ${why}`);
    assert.deepEqual(
      failed.filter(([name, why]) => REFUSED[name]?.test(why) !== true),
      [],
    );
    assert.deepEqual(
      Object.keys(REFUSED).filter((refused) => modules.some(({ name }) => name === refused)),
      failed.map(([name]) => name),
    );
    assert.equal(code, 0, 'all is destroyed');
  });
});
