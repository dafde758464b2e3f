/** `validate`, `plan`, `build`, `stacks` and `delete-stack` on templates that build no image, as a user runs them. */
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DescribeRepositoriesCommand, ECRClient, type Repository } from '@aws-sdk/client-ecr';
import { ListComponentsCommand, ListImageRecipesCommand } from '@aws-sdk/client-imagebuilder';
import { signedJson } from '../../src/platform/api-client.ts';
import * as processes from '../harness/processes.ts';
import { ingot, PROJECT, startServer, type TestServer } from '../harness/service.ts';

let folder: string;
let data: string;
let server: TestServer;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ingot-stacks-'));
  data = join(folder, 'data');
  server = await startServer(data);
});
after(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

const run = (...args: readonly string[]) => ingot(data, args);

/** Names of what there is. */
async function made(): Promise<readonly string[]> {
  const components = await server.client.send(new ListComponentsCommand({ owner: 'Self' }));
  const recipes = await server.client.send(new ListImageRecipesCommand({ owner: 'Self' }));
  return [...components.componentVersionList!, ...recipes.imageRecipeSummaryList!].map(({ name }) => name!).sort();
}

const component = (name: string, command = 'echo one', more = '') => `
  Tool${more}:
    Type: AWS::ImageBuilder::Component
    Properties:
      Name: ${name}
      Version: 1.0.0
      Platform: Linux
      Data: |
        schemaVersion: 1.0
        phases:
          - name: build
            steps:
              - name: Run
                action: ExecuteBash
                inputs:
                  commands:
                    - ${command}
`;
const infrastructure = (name: string, more = '') => `
  Infrastructure:
    Type: AWS::ImageBuilder::InfrastructureConfiguration${more}
    Properties: { Name: ${name}, InstanceProfileName: ingot }
`;

/** Three kinds of faults: the template's, the document's, the server's. A recipe names the invalid component. */
const THREE_KINDS = `Resources:
  Tool:
    Type: AWS::ImageBuilder::Component
    Properties:
      Name: tool
      Version: 1.0.0
      Platform: Linux
      Data: |
        schemaVersion: 1.0
        phases:
          - name: build
            steps:
              - name: Run
                action: ExecuteBsh
                inputs:
                  commands:
                    - echo one
  Good:
    Type: AWS::ImageBuilder::Component
    Properties:
      Name: good
      Version: 1.0.0
      Platform: Linux
      Data: '{"schemaVersion":"1.0","phases":[{"name":"build","steps":[{"name":"A","action":"Reboot"}]}]}'
  Recipe:
    Type: AWS::ImageBuilder::ImageRecipe
    Properties:
      Name: web
      Version: 1.0.0
      ParentImage: !Sub arn:aws:imagebuilder:\${AWS::Region}:aws:image/debain-12-x86/x.x.x
      Components:
        - ComponentArn: !Ref Tool
        - ComponentArn: !Ref Good
  Infrastructure:
    Type: AWS::ImageBuilder::InfrastructureConfiguration
    Properties:
      Nmae: web
      InstanceProfileName: ingot
  Distribution:
    Type: AWS::ImageBuilder::DistributionConfiguration
    Properties:
      Name: web
      Distributions:
        - Region: us-east-1
          AmiDistributionConfiguration:
            Name: web without a date
  Web:
    Type: AWS::ImageBuilder::Image
    Properties:
      ImageRecipeArn: !Ref Recipe
      InfrastructureConfigurationArn: !GetAtt Infrastructure.Arn
`;

describe('ingot validate', () => {
  test('faults of the template, of a document and of the server are reported in one run, and nothing is made', async () => {
    const path = await file('three.yaml', THREE_KINDS);
    const { code, stdout, stderr } = await run('validate', path);
    assert.equal(code, 1, stderr);
    assert.match(stdout, new RegExp(`^${path}:14:25 Resources.Tool.Properties.Data: .*ExecuteBsh`, 'm'));
    assert.match(stdout, /:30:\d+ Resources\.Recipe\.Properties\.ParentImage: .*debain-12-x86/);
    assert.match(stdout, /:37:7 Resources\.Infrastructure\.Properties\.Nmae: unknown property.*Name/);
    assert.match(
      stdout,
      /:46:13 Resources\.Distribution\.Properties\.Distributions\[0\]\.AmiDistributionConfiguration\.Name: .*buildDate/,
    );
    assert.doesNotMatch(stdout, /Resources\.Good|Components/);
    assert.deepEqual(await made(), []);
  });

  test('build tells the same, and leaves nothing behind', async () => {
    const path = await file('three.yaml', THREE_KINDS);
    const { code, stderr } = await run('build', path);
    assert.equal(code, 2);
    for (const told of [/ExecuteBsh/, /debain-12-x86/, /Nmae/, /buildDate/]) assert.match(stderr, told);
    assert.doesNotMatch(stderr, /see: ingot help/);
    assert.deepEqual(await made(), []);
    const json = await run('build', path, '--json');
    assert.equal(json.code, 2);
    const last = JSON.parse(json.stdout.trim().split('\n').at(-1)!) as { type: string; reason: string };
    assert.equal(last.type, 'result');
    assert.match(last.reason, /debain-12-x86/);
  });

  test('a value that is missing is one fault, not one of each resource that it is for', async () => {
    const path = await file(
      'valueless.yaml',
      `Parameters:
  Base: { Type: String }
Resources:
  Recipe:
    Type: AWS::ImageBuilder::ImageRecipe
    Properties:
      Name: valueless
      Version: 1.0.0
      ParentImage: !Ref Base
      Components: [{ ComponentArn: !ImportValue { 'Fn::Sub': '\${Base}-tool' } }]
  Kept: { Type: AWS::SSM::Parameter, Properties: { Type: StringList, Value: !Ref Base } }
`,
    );
    const { stdout } = await run('validate', path);
    assert.match(stdout, /:2:3 Parameters\.Base: .*\n.*: 1 fault\n$/);
  });

  test('build, plan and toe say what they are given when it is something else', async () => {
    const play = await file('site.yml', '- hosts: all\n  tasks: []\n');
    const document = await file('tool.yaml', 'schemaVersion: 1.0\nphases: []\n');
    for (const [args, told] of [
      [['build', play], /site\.yml is an Ansible playbook: /],
      [['plan', document], /tool\.yaml is a component document: `\.\/ingot toe test /],
      [['build', folder], /is a directory: /],
      [['toe', 'validate', play], /site\.yml is an Ansible playbook: /],
    ] as const) {
      const { code, stderr } = await run(...args);
      assert.equal(code, 2, args.join(' '));
      assert.match(stderr, told);
    }
  });

  test('several files, as a list of JSON', async () => {
    const good = await file('good.yaml', `Resources:${component('listed')}`);
    const document = await file('document.yaml', 'schemaVersion: 1.0\nphases:\n  - name: build\n    steps: none\n');
    const packer = await file('web.pkr.hcl', 'source "qemu" "web" {\n}\n');
    const { code, stdout } = await run('validate', '--json', good, document, packer, folder);
    assert.equal(code, 1);
    const list = JSON.parse(stdout) as { kind: string; valid: boolean; hint?: string; faults: { line: number }[] }[];
    assert.deepEqual(
      list.map(({ kind, valid }) => [kind, valid]),
      [
        ['cloudformation', true],
        ['component', false],
        ['packer-hcl', false],
        ['directory', false],
      ],
    );
    assert.equal(list[1]!.faults[0]!.line, 4);
    assert.match(list[2]!.hint!, /is a Packer template/);
    assert.deepEqual(await made(), []);
  });
});

describe('stacks', () => {
  const first = `Description: A stack without an image
Resources:${component('stacked')}${infrastructure('stacked', '\n    DeletionPolicy: Retain')}`;

  test('a template that only makes resources is deployed and says so', async () => {
    const path = await file('first.yaml', first);
    const planned = await run('plan', path);
    assert.equal(planned.code, 0, planned.stderr);
    assert.match(planned.stdout, /^Stack first \(new\)\n\n\+ create {3}Tool/);
    assert.match(planned.stdout, /2 to create\n$/);
    assert.deepEqual(await made(), []);

    const built = await run('build', path);
    assert.equal(built.code, 0, built.stderr);
    assert.match(built.stdout, /created {3}Tool: arn[\s\S]*Stack first is deployed\. .* nothing was built/);
    assert.deepEqual(await made(), ['stacked']);
    const again = await run('plan', path);
    assert.match(again.stdout, /2 unchanged\n$/);
    const listed = await run('stacks');
    assert.match(listed.stdout, /^first {2}CREATE_COMPLETE .*2 resources$/m);
    const { stdout } = await run('stacks', 'first', '--json');
    const stack = JSON.parse(stdout) as { resources: { logicalId: string; deletionPolicy?: string }[] };
    assert.deepEqual(
      stack.resources.map(({ logicalId, deletionPolicy }) => [logicalId, deletionPolicy]),
      [
        ['Tool', undefined],
        ['Infrastructure', 'Retain'],
      ],
    );
  });

  test('a changed template is planned with its reasons, and what it no longer has is deleted', async () => {
    const changed = first
      .replace('echo one', 'echo two')
      .replace('InstanceProfileName: ingot', 'InstanceProfileName: new');
    const path = await file('first.yaml', `${changed}${component('more', 'echo more', 'Two')}`);
    const { stdout } = await run('plan', path);
    assert.match(stdout, /± replace {2}Tool[\s\S]*component\/stacked\/1\.0\.0\/2\n {4}replaces .*\/1\.0\.0\/1/);
    assert.match(stdout, /- *- echo one\n.*\+ *- echo two/);
    assert.match(stdout, /~ update {3}Infrastructure[\s\S]*instanceProfileName: ingot -> new/);
    assert.match(stdout, /1 to create, 1 to update, 1 to replace\n$/);
    assert.equal((await run('build', path)).code, 0);
    assert.deepEqual(await made(), ['more', 'stacked']);

    await writeFile(path, `Resources:${component('more', 'echo more', 'Two')}`);
    const removal = await run('plan', path, '--json');
    const { changes } = JSON.parse(removal.stdout) as { changes: { action: string; logicalId: string }[] };
    assert.deepEqual(
      changes.map(({ action, logicalId }) => [action, logicalId]),
      [
        ['unchanged', 'ToolTwo'],
        ['delete', 'Tool'],
        ['retain', 'Infrastructure'],
      ],
    );
    const removed = await run('build', path);
    assert.equal(removed.code, 0, removed.stderr);
    assert.match(removed.stdout, /deleted {3}Tool: .*\/2\n.*deleted {3}Tool: .*\/1\n/);
    assert.match(removed.stdout, /kept {6}Infrastructure: .*Retain/);
    assert.deepEqual(await made(), ['more']);
  });

  test('what is in use is kept and said, and goes with the next run', async () => {
    const path = await file('used.yaml', `Resources:${component('used')}${component('stays', 'echo', 'Two')}`);
    assert.equal((await run('build', path)).code, 0);
    const user = await file(
      'user.yaml',
      `Resources:
  Recipe:
    Type: AWS::ImageBuilder::ImageRecipe
    Properties:
      Name: user
      Version: 1.0.0
      ParentImage: !Sub arn:aws:imagebuilder:\${AWS::Region}:aws:image/debian-12-x86/x.x.x
      Components:
        - ComponentArn: !Sub arn:aws:imagebuilder:\${AWS::Region}:\${AWS::AccountId}:component/used/1.0.0/1
`,
    );
    assert.equal((await run('build', user)).code, 0);
    await writeFile(path, `Resources:${component('stays', 'echo', 'Two')}`);
    const kept = await run('build', path);
    assert.equal(kept.code, 0, kept.stderr);
    assert.match(kept.stdout, /kept {6}Tool: .*image-recipe\/user\/1\.0\.0/);
    const refused = await run('delete-stack', 'used');
    assert.equal(refused.code, 1);
    assert.match(refused.stdout, /kept {4}Tool: [\s\S]*not deleted/);
    assert.equal((await run('delete-stack', 'user')).code, 0);
    const { code, stdout } = await run('delete-stack', 'used');
    assert.equal(code, 0, stdout);
    assert.match((await run('delete-stack', 'used')).stderr, /there is no stack 'used'/);
    assert.deepEqual(await made(), ['more']);
  });

  test('a run that ended half-way is gone on from: what it had made and the template has no longer is deleted', async () => {
    const path = await file('half.yaml', `Resources:${component('half')}${infrastructure('half')}`);
    assert.equal((await run('build', path)).code, 0);
    const { stdout } = await run('stacks', 'half', '--json');
    const { resources } = JSON.parse(stdout) as { resources: object[] };
    // The record as it is between the first resource and the second.
    const { hostname, port } = new URL(server.endpoint);
    await signedJson(
      { host: hostname, port: Number(port), region: 'us-east-1', credentials: server.credentials },
      {
        method: 'POST',
        path: '/ingot/stacks/half',
        body: { status: 'CREATE_IN_PROGRESS', resources: resources.slice(0, 1), outputs: [], imports: [] },
      },
    );
    await writeFile(path, `Resources:${infrastructure('half')}`);
    const next = await run('build', path);
    assert.equal(next.code, 0, next.stderr);
    assert.match(next.stdout, /unchanged Infrastructure[\s\S]*deleted {3}Tool/);
    assert.match((await run('stacks')).stdout, /^half .*CREATE_COMPLETE/m);
  });

  test('a parameter is made, found in the same run, and deleted with its stack', async () => {
    const path = await file(
      'parameter.yaml',
      `Resources:
  Parent:
    Type: AWS::SSM::Parameter
    Properties:
      Name: /stacks/parent
      Type: String
      Value: !Sub arn:aws:imagebuilder:\${AWS::Region}:aws:image/debian-12-x86/x.x.x
  Recipe:
    Type: AWS::ImageBuilder::ImageRecipe
    Properties:
      Name: parameter
      Version: 1.0.0
      ParentImage: !Sub ssm:\${Parent}
      Components: [{ ComponentArn: !Sub 'arn:aws:imagebuilder:\${AWS::Region}:aws:component/hello-world-linux/x.x.x' }]
`,
    );
    assert.match((await run('plan', path)).stdout, /2 to create\n$/);
    const built = await run('build', path);
    assert.equal(built.code, 0, built.stderr);
    assert.match((await run('plan', path)).stdout, /2 unchanged\n$/);
    const { code, stdout } = await run('delete-stack', 'parameter');
    assert.equal(code, 0, stdout);
    assert.match(stdout, /deleted Recipe: [^]*deleted Parent: \/stacks\/parent\n/);
    assert.match((await run('plan', path)).stdout, /2 to create\n$/);
  });

  test('a stack exports, another imports, and neither is changed behind the other', async () => {
    const base = await file(
      'base.yaml',
      `Resources:${component('exported')}
Outputs:
  ToolArn:
    Value: !Ref Tool
    Export: { Name: tool-arn }
  Plain: { Value: !Sub '\${AWS::StackName}: \${Tool.Name}', Description: Not exported }
`,
    );
    const importer = `Resources:
  Recipe:
    Type: AWS::ImageBuilder::ImageRecipe
    Properties:
      Name: importer
      Version: 1.0.0
      ParentImage: !Sub arn:aws:imagebuilder:\${AWS::Region}:aws:image/debian-12-x86/x.x.x
      Components:
        - ComponentArn: !ImportValue tool-arn
`;
    const path = await file('importer.yaml', importer);
    const missing = await run('validate', path);
    assert.equal(missing.code, 1);
    assert.match(missing.stdout, /:9:\d+ Resources\.Recipe\..*ComponentArn: .*tool-arn/);
    const given = await run(
      'validate',
      path,
      '--import',
      'tool-arn=arn:aws:imagebuilder:us-east-1:aws:component/hello-world-linux/x.x.x',
    );
    assert.equal(given.code, 0, given.stdout);

    const deployed = await run('build', base);
    assert.equal(deployed.code, 0, deployed.stderr);
    assert.match(
      deployed.stdout,
      /Outputs of stack base:\n {2}ToolArn {2}arn:.*\/exported\/1\.0\.0\/1 {2}\(exported as tool-arn\)\n {2}Plain {4}base: exported/,
    );
    const json = await run('build', base, '--json');
    const last = JSON.parse(json.stdout.trim().split('\n').at(-1)!) as {
      type: string;
      status: string;
      outputs: object[];
    };
    assert.deepEqual([last.type, last.status, last.outputs.length], ['result', 'DEPLOYED', 2]);

    const imported = await run('build', path);
    assert.equal(imported.code, 0, imported.stderr);
    assert.match((await run('delete-stack', 'base')).stderr, /tool-arn cannot be deleted as it is in use by importer/);
    const text = `Resources:${component('exported')}`;
    const gone = await run('validate', await file('base.yaml', text));
    assert.match(gone.stdout, /Export tool-arn cannot be deleted as it is in use by importer/);
    const refused = await run('build', base);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /in use by importer/);
    assert.match((await run('stacks', 'base')).stdout, /exported as tool-arn/);
    assert.equal((await run('delete-stack', 'importer')).code, 0);
    assert.equal((await run('delete-stack', 'base')).code, 0);
  });
});

test('completion asks the running server for names, and says nothing where none runs', async () => {
  await run('build', await file('completed.yaml', `Resources:${component('completed-tool')}`));
  assert.match((await run('completion', 'names', 'component')).stdout, /^completed-tool$/m);
  assert.match((await run('completion', 'names', 'stack', 'nothing')).stdout, /^completed$/m);
  const nobody = await ingot(join(folder, 'no data'), ['completion', 'names', 'component']);
  assert.deepEqual([nobody.code, nobody.stdout, nobody.stderr], [0, '', '']);
  const script = (await run('completion', 'bash')).stdout;
  const asked = await processes.run(
    [
      'bash',
      '-c',
      `${script}\nCOMP_WORDS=("$1" delete-stack compl) COMP_CWORD=2; _ingot; printf '%s\\n' "\${COMPREPLY[@]}"`,
      'bash',
      join(PROJECT, 'ingot'),
    ],
    { env: { INGOT_DATA: data } },
  );
  assert.equal(asked.stdout, 'completed\n');
});

test('texts that are not UTF-8 are refused with the place of the byte: a template, and a document that it names', async () => {
  const latin = join(folder, 'latin.yaml');
  await writeFile(latin, Buffer.from('schemaVersion: 1.0\n# Gr\u00f6\u00dfe\n', 'latin1'));
  const naming = await file(
    'naming.yaml',
    'Resources:\n  Tool:\n    Type: AWS::ImageBuilder::Component\n' +
      '    Properties: { Name: tool, Version: 1.0.0, Platform: Linux, Uri: latin.yaml }\n',
  );
  for (const path of [latin, naming]) {
    const { code, stdout, stderr } = await run('validate', path);
    assert.notEqual(code, 0);
    assert.match(`${stdout}${stderr}`, /latin\.yaml.* is not UTF-8: byte 0xf6 in line 2, 5 bytes into it/);
  }
});

describe('repositories of container images', () => {
  const template = (more: string): string => `
Resources:
  Repository:
    Type: AWS::ECR::Repository
    Properties:
      RepositoryName: team/web
      RepositoryPolicyText:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Principal: '*'
            Action: ecr:BatchGetImage
      LifecyclePolicy:
        LifecyclePolicyText: |
          {"rules": [{"rulePriority": 1, "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan",
            "countNumber": 5}, "action": {"type": "expire"}}]}
      Tags: [{Key: Team, Value: web}]
${more}
  Unnamed: {Type: AWS::ECR::Repository}
  Distribution:
    Type: AWS::ImageBuilder::DistributionConfiguration
    Properties:
      Name: web-containers
      Distributions:
        - Region: !Ref AWS::Region
          ContainerDistributionConfiguration:
            TargetRepository: {Service: ECR, RepositoryName: !Ref Repository}
Outputs:
  Uri: {Value: !GetAtt Repository.RepositoryUri}
  Arn: {Value: !GetAtt Repository.Arn}
`;
  const described = async (): Promise<Repository | undefined> => {
    const { hostname, port } = new URL(server.endpoint);
    const client = new ECRClient({
      endpoint: `http://${hostname}:${port}`,
      region: 'us-east-1',
      credentials: server.credentials,
    });
    try {
      const { repositories = [] } = await client.send(new DescribeRepositoriesCommand({}));
      return repositories.find(({ repositoryName }) => repositoryName === 'team/web');
    } finally {
      client.destroy();
    }
  };

  test('are made, changed in place and deleted', async () => {
    const path = await file('repositories.yaml', template(''));
    const planned = await run('plan', path, '--stack-name', 'repositories');
    assert.equal(planned.code, 0, planned.stderr);
    assert.match(planned.stdout, /create +Repository/);
    const built = await run('build', path, '--stack-name', 'repositories');
    assert.equal(built.code, 0, `${built.stdout}${built.stderr}`);
    const host = new URL(server.endpoint).host;
    assert.ok(`${built.stdout}${built.stderr}`.includes(`${host}/123456789012/us-east-1/team/web`), built.stdout);
    assert.equal((await described())?.imageTagMutability, 'MUTABLE');
    const again = await run('build', path, '--stack-name', 'repositories');
    assert.match(`${again.stdout}${again.stderr}`, /unchanged Repository/);

    await file('repositories.yaml', template('      ImageTagMutability: IMMUTABLE'));
    assert.match((await run('plan', path, '--stack-name', 'repositories')).stdout, /update +Repository/);
    assert.equal((await run('build', path, '--stack-name', 'repositories')).code, 0);
    assert.equal((await described())?.imageTagMutability, 'IMMUTABLE');

    await file(
      'repositories.yaml',
      template('      EncryptionConfiguration: {EncryptionType: KMS}').replace('team/web', 'team/kms'),
    );
    const refused = await run('validate', path);
    assert.equal(refused.code, 1);
    assert.match(`${refused.stdout}${refused.stderr}`, /no key service/);

    const deleted = await run('delete-stack', 'repositories');
    assert.equal(deleted.code, 0, deleted.stdout);
    assert.equal(await described(), undefined);
  });
});
