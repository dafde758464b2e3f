/**
 * The templates of `examples/cloudformation` and the CDK app of `examples/cdk` are built, one stack after another: each
 * function and section, nested stacks with images in them, exports, and what `cdk synth` really writes.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { GetImageCommand, type GetImageCommandOutput } from '@aws-sdk/client-imagebuilder';
import type { Stack } from '../../src/catalog/stacks.ts';
import { ingot, PROJECT, startServer, type TestServer } from '../harness/service.ts';
import { beginOnDirectory, endOnDirectory, type DirectorySuite } from '../harness/suite.ts';

describe('example templates', () => {
  let suite: DirectorySuite;
  let server: TestServer;
  let folder: string;

  before(async () => {
    suite = await beginOnDirectory();
    server = await startServer(suite.dataDirectory);
    folder = await mkdtemp(join(tmpdir(), 'ingot-cdk-'));
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
    await server.stop();
    await endOnDirectory(suite);
  });

  /** Builds a template that must be sound. @returns its stack */
  async function build(template: string, ...options: readonly string[]): Promise<Stack> {
    const run = await ingot(suite.dataDirectory, ['build', template, ...options]);
    assert.equal(run.code, 0, `${run.stderr}\n${run.stdout.split('\n').slice(-60).join('\n')}`);
    const { stdout } = await ingot(suite.dataDirectory, ['stacks', '--json']);
    const { stacks } = JSON.parse(stdout) as { readonly stacks: readonly Stack[] };
    return stacks.find(({ name }) => run.stdout.includes(`stack ${name}`) || run.stdout.includes(`Stack ${name}`))!;
  }

  function output({ outputs }: Stack, name: string): string {
    return outputs.find((each) => each.name === name)!.value;
  }

  /** The image that a resource of a stack is. */
  async function imageOf({ resources }: Stack, logicalId: RegExp): Promise<GetImageCommandOutput> {
    const { physicalId } = resources.find((resource) => logicalId.test(resource.logicalId))!;
    return server.client.send(new GetImageCommand({ imageBuildVersionArn: physicalId }));
  }

  test('base, and web with every function and section', async () => {
    await build('examples/cloudformation/base.yaml');
    const web = await build('examples/cloudformation/web.yaml');
    assert.match(output(web, 'ImageId'), /^ami-/);
    const { image } = await imageOf(web, /^Image$/);
    assert.equal(image!.state!.status, 'AVAILABLE');
    const { tags } = image!.imageRecipe!;
    assert.equal(tags!['parent'], 'debian-12-x86');
    assert.deepEqual(
      [tags!['how-many'], tags!['first'], tags!['network'], tags!['packages']],
      ['2', 'a', '10.0.1.0/24', 'nginx+curl'],
    );
  });

  test('team, with images in a nested stack and by a pipeline', async () => {
    const team = await build('examples/cloudformation/team.yaml');
    const { image } = await imageOf(team, /^Image$/);
    assert.equal(image!.state!.status, 'AVAILABLE');
    assert.equal(image!.imageRecipe!.parentImage, output(team, 'Golden'));
    assert.match(image!.workflows!.map(({ workflowArn }) => workflowArn).join(), /workflow\/build\/team-workflow/);
    // Nothing has changed: resources stay, images are built.
    const { stdout } = await ingot(suite.dataDirectory, ['plan', 'examples/cloudformation/team.yaml']);
    assert.match(stdout, /1 to build, 4 unchanged/);
  });

  test('the CDK app, synthesised by the CDK', async (t) => {
    await cp(join(PROJECT, 'examples/cdk'), folder, { recursive: true });
    try {
      const npm = ['install', '--ignore-scripts', '--no-audit', '--no-fund'];
      execFileSync('npm', npm, { cwd: folder, timeout: 600_000, stdio: 'pipe' });
    } catch (error) {
      return t.skip(`npm does not bring the CDK: ${(error as Error).message.slice(0, 300)}`);
    }
    execFileSync(process.execPath, ['app.js'], { cwd: folder, timeout: 300_000, stdio: 'pipe' });
    const stack = await build(join(folder, 'cdk.out/Images.template.json'));
    assert.match(output(stack, 'ImageId'), /^ami-/);
    const { image } = await imageOf(stack, /^Image/);
    assert.equal(image!.state!.status, 'AVAILABLE');
    const { stdout } = await ingot(suite.dataDirectory, ['stacks', 'Images', '--json']);
    assert.match(stdout, /cdk-web/);
  });
});
