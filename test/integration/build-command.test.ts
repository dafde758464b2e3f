/** `ingot build`: templates through the command line, as a user runs it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { until } from '../../src/platform/clock.ts';
import { startOtlpReceiver, type OtlpReceiver } from '../harness/otlp-receiver.ts';
import { start } from '../harness/processes.ts';
import { assertNothingLeft, hostState, type HostState } from '../harness/host-state.ts';
import { dataDirectoryWithBase, ingot, MAIN, PROJECT } from '../harness/service.ts';

interface Result {
  readonly type: 'result';
  readonly status: string;
  readonly reason?: string;
  readonly image: string;
  readonly amis: readonly { readonly region: string; readonly id: string; readonly file: string }[];
  readonly seconds: number;
}

function resultOf(stdout: string): Result {
  const lines = stdout.trim().split('\n');
  for (const line of lines) assert.doesNotThrow(() => JSON.parse(line), `every line is JSON: ${line}`);
  const last = JSON.parse(lines.at(-1)!) as Result;
  assert.equal(last.type, 'result');
  return last;
}

/** A template without tests, so that no virtual machine is booted. */
function template(command: string): string {
  return `
Parameters:
  Word: { Type: String, Default: hello }
Resources:
  Greet:
    Type: AWS::ImageBuilder::Component
    Properties:
      Name: greet
      Version: 1.0.0
      Platform: Linux
      Data: !Sub |
        schemaVersion: 1.0
        phases:
          - name: build
            steps:
              - name: Greet
                action: ExecuteBash
                inputs:
                  commands:
                    - echo "\${Word}"
                    - ${command}
  Recipe:
    Type: AWS::ImageBuilder::ImageRecipe
    Properties:
      Name: greeting
      Version: 1.0.x
      ParentImage: !Sub arn:aws:imagebuilder:\${AWS::Region}:aws:image/debian-12-x86/x.x.x
      Components:
        - ComponentArn: !Ref Greet
  Infrastructure:
    Type: AWS::ImageBuilder::InfrastructureConfiguration
    Properties: { Name: greeting, InstanceProfileName: ingot, InstanceTypes: [t3.small] }
  Greeting:
    Type: AWS::ImageBuilder::Image
    Properties:
      ImageRecipeArn: !Ref Recipe
      InfrastructureConfigurationArn: !Ref Infrastructure
      ImageTestsConfiguration: { ImageTestsEnabled: false }
`;
}

describe('ingot build', () => {
  let state: HostState;
  let dataDirectory: string;
  let file: string;
  let traces: OtlpReceiver;

  before(async () => {
    state = await hostState();
    traces = await startOtlpReceiver();
    dataDirectory = await dataDirectoryWithBase();
    file = join(dirname(dataDirectory), 'template.yaml');
  });

  after(async () => {
    await ingot(dataDirectory, ['stop']);
    await traces.close();
    await assertNothingLeft(state, dataDirectory);
    await rm(dirname(dataDirectory), { recursive: true, force: true });
  });

  test('a build, a second one, a changed one', async () => {
    await writeFile(file, template('echo built'));
    // The server that it starts has the variables.
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: traces.endpoint };
    const first = await ingot(dataDirectory, ['build', file, '--json'], { env });
    assert.equal(first.code, 0, first.stderr + first.stdout.slice(-2000));
    const result = resultOf(first.stdout);
    assert.equal(result.status, 'AVAILABLE');
    assert.match(result.image, /:image\/greeting\/1\.0\.0\/1$/);
    assert.deepEqual(
      result.amis.map(({ region }) => region),
      ['us-east-1'],
    );
    assert.ok(existsSync(result.amis[0]!.file));
    assert.match(first.stdout, /"text":"hello"/);
    const spans = await until('the trace', 30_000, () => (traces.spans.length > 0 ? traces.spans : undefined));
    const way = (name: string): readonly string[] => {
      const span = spans.find((each) => each.name === name);
      const parent = spans.find(({ spanId }) => spanId === span?.parentId);
      return span === undefined ? [] : [...(parent === undefined ? [] : way(parent.name)), name];
    };
    assert.deepEqual(way('greet: Greet'), ['BUILD greeting', 'build-image', 'ApplyBuildComponents', 'greet: Greet']);
    assert.equal(spans[0]!.attributes['ingot.image.arn'], result.image);
    assert.ok(spans.every(({ code }) => code === 0));

    const second = await ingot(dataDirectory, ['build', file, '--json']);
    assert.match(resultOf(second.stdout).image, /:image\/greeting\/1\.0\.0\/2$/);

    const changed = await ingot(dataDirectory, ['build', file, '--json', '--parameter', 'Word=good morning']);
    assert.match(resultOf(changed.stdout).image, /:image\/greeting\/1\.0\.1\/1$/);
    assert.match(changed.stdout, /"text":"good morning"/);
  });

  test('for a person it ends with the ARN, the AMI and how to launch it', async () => {
    const { code, stdout } = await ingot(dataDirectory, ['build', file]);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /AVAILABLE[\s\S]*arn:aws:imagebuilder:us-east-1:\d{12}:image\/greeting[\s\S]*ami-[0-9a-f]{17}[\s\S]*ingot launch ami-/,
    );
  });

  test('short names, lists, and a pipeline that is run by its name', async () => {
    const pipeline = template('echo built')
      .replace('Type: AWS::ImageBuilder::Image\n', 'Type: AWS::ImageBuilder::ImagePipeline\n')
      .replace('    Properties:\n      ImageRecipeArn', '    Properties:\n      Name: Nightly\n      ImageRecipeArn');
    await writeFile(file, pipeline);
    const built = await ingot(dataDirectory, ['build', file, '--progress', 'quiet']);
    assert.equal(built.code, 0, built.stderr);
    assert.match(built.stdout, /^\nAVAILABLE in /);
    assert.match((await ingot(dataDirectory, ['pipelines'])).stdout, /^nightly +ENABLED +greeting\/1\.0\.\d+ /m);
    const ran = await ingot(dataDirectory, ['run', 'nightly', '--progress', 'json']);
    assert.equal(ran.code, 0, ran.stderr);
    const { image, amis } = resultOf(ran.stdout);
    const { stdout: listed } = await ingot(dataDirectory, ['images', 'greeting/1.0.x', '--status', 'available']);
    const name = image.replace(/^.*:image\//, '');
    assert.match(listed.split('\n')[1]!, new RegExp(`^${name} +AVAILABLE +${amis[0]!.id} +us-east-1 `));
    const { stdout: log } = await ingot(dataDirectory, ['logs', name]);
    assert.match(log, /== AVAILABLE\n$/);
    // A layer holds the component.
    assert.match(ran.stdout, /"component":"greet",[^\n]*"status":"CACHED"/);
  });

  test('a failed build exits with 1 and tells what failed at the very end', async () => {
    await writeFile(file, template('ls /no/such/folder'));
    const { code, stdout, stderr } = await ingot(dataDirectory, ['build', file]);
    assert.equal(code, 1);
    assert.match((stdout + stderr).split('\n').slice(-8).join('\n'), /\/no\/such\/folder/);
    const json = await ingot(dataDirectory, ['build', file, '--json']);
    assert.equal(json.code, 1);
    const result = resultOf(json.stdout);
    assert.equal(result.status, 'FAILED');
    assert.match(result.reason!, /phase 'build', step 'Greet'/i);
  });

  for (const [name, args, message] of [
    ['no file', ['build', '/no/such/template.yaml'], /no\/such\/template\.yaml/],
    ['an unknown option', ['build', 'x.yaml', '--fast'], /--fast/],
    ['an unknown command', ['bulid'], /build/],
  ] as const) {
    test(`wrong use exits with 2: ${name}`, async () => {
      const { code, stderr } = await ingot(dataDirectory, args);
      assert.equal(code, 2);
      assert.match(stderr, message);
    });
  }

  test('an invalid template is refused with the place, and nothing is created', async () => {
    await writeFile(file, 'Resources:\n  A:\n    Type: AWS::ImageBuilder::Component\n    Properties:\n      Nmae: a\n');
    const { code, stderr } = await ingot(dataDirectory, ['build', file]);
    assert.equal(code, 2);
    assert.match(stderr, /5:7.*Nmae[\s\S]*Name/);
    assert.doesNotMatch(stderr, /see: ingot help/);
  });

  test('a port that is in use ends the server at once, worker and all', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    try {
      await once(taken, 'listening');
      const { port } = taken.address() as AddressInfo;
      const { code, stderr } = await ingot(join(dirname(dataDirectory), 'other'), ['serve', '--port', String(port)], {
        timeoutMs: 60_000,
      });
      assert.notEqual(code, 0);
      assert.match(stderr, new RegExp(`port ${port} .*in use`));
    } finally {
      taken.close();
    }
  });

  test('a build whose command is killed goes on, and the next run follows it', async () => {
    await writeFile(file, template('sleep 15'));
    const arguments_ = ['build', file, '--json', '--parameter', 'Word=killed'];
    const build = await start([process.execPath, MAIN, ...arguments_, '--data', dataDirectory], { cwd: PROJECT });
    let output = '';
    build.stdout!.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
    build.stderr!.resume();
    await until('the component to run', 60_000, () => (/"type":"output"[^\n]*killed/.test(output) ? true : undefined), {
      everyMs: 50,
    });
    build.kill('SIGKILL');
    await build.exited;
    const image = /"image":"(arn[^"]+)"/.exec(output)![1]!;
    const next = await ingot(dataDirectory, arguments_);
    assert.equal(next.code, 0, next.stdout.slice(-2000));
    assert.match(next.stdout, /going on with the build/);
    assert.equal(resultOf(next.stdout).image, image);
    const { stdout } = await ingot(dataDirectory, ['stacks', '--json']);
    const { stacks } = JSON.parse(stdout) as { stacks: readonly { status: string }[] };
    assert.deepEqual(
      stacks.map(({ status }) => status),
      ['UPDATE_COMPLETE'],
    );
  });

  for (const [name, end, exitCode] of [
    ['Ctrl-C', 'SIGINT', 130],
    ['SIGTERM', 'SIGTERM', 143],
    ['a terminal that goes', 'SIGHUP', 129],
    ['a reader that goes', 'SIGPIPE', 141],
  ] as const)
    test(`${name} cancels the image and leaves nothing`, async () => {
      const layers = readdirSync(join(dataDirectory, 'layers')).length;
      await writeFile(file, template('while sleep 0.1; do echo still; done'));
      const word = `hang ${end}`;
      const build = await start(
        [process.execPath, MAIN, 'build', file, '--json', '--data', dataDirectory, '--parameter', `Word=${word}`],
        { cwd: PROJECT },
      );
      let output = '';
      let errors = '';
      build.stdout!.on('data', (chunk: Buffer) => {
        output += chunk.toString('utf8');
      });
      build.stderr!.on('data', (chunk: Buffer) => {
        errors += chunk.toString('utf8');
      });
      await until(
        'the component to run',
        60_000,
        () => (new RegExp(`"type":"output"[^\\n]*${word}`).test(output) ? true : undefined),
        { everyMs: 50 },
      );
      if (end === 'SIGPIPE') build.stdout!.destroy();
      else build.kill(end);
      const { code } = await build.exited;
      assert.equal(code, exitCode, errors);
      if (end === 'SIGPIPE') assert.equal(errors, 'ingot: the output was closed: canceling the build\n');
      else assert.equal(resultOf(output).status, 'CANCELLED');
      const { image } = JSON.parse(output.split('\n').find((line) => line.includes('"type":"state"'))!) as Result;
      const { stdout } = await ingot(dataDirectory, ['logs', image]);
      assert.match(stdout, /== CANCELLED/);
      assert.equal(readdirSync(join(dataDirectory, 'layers')).length, layers);
    });
});
