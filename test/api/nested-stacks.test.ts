/** Nested stacks, as a user deploys them: templates in files and in S3, outputs, exports, deletion, faults. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { ListComponentsCommand, ListImageRecipesCommand } from '@aws-sdk/client-imagebuilder';
import type { Stack } from '../../src/catalog/stacks.ts';
import { templatesInS3, type TemplatesInS3 } from './templates-in-s3.ts';

let at: TemplatesInS3;
before(async () => {
  at = await templatesInS3();
});
after(() => at.end());

async function stacks(): Promise<readonly Stack[]> {
  const { stdout } = await at.run('stacks', '--json');
  return (JSON.parse(stdout) as { readonly stacks: readonly Stack[] }).stacks;
}

async function made(): Promise<readonly string[]> {
  const components = await at.server.client.send(new ListComponentsCommand({ owner: 'Self' }));
  const recipes = await at.server.client.send(new ListImageRecipesCommand({ owner: 'Self' }));
  return [...components.componentVersionList!, ...recipes.imageRecipeSummaryList!].map(({ arn }) => arn!).sort();
}

/** A component whose name and command are parameters; its ARN is an output and an export. */
const TOOLS = `Parameters:
  Name: {Type: String}
  Commands: {Type: CommaDelimitedList}
Resources:
  Tool:
    Type: AWS::ImageBuilder::Component
    Properties:
      Name: !Ref Name
      Version: 1.0.0
      Platform: Linux
      Uri: !Sub 'documents/\${Name}.yaml'
      Description: !Join [' and ', !Ref Commands]
Outputs:
  Arn: {Value: !GetAtt Tool.Arn, Export: {Name: !Sub '\${Name}-arn'}}
  Stack: {Value: !Ref AWS::StackName}
`;
const DOCUMENT = `schemaVersion: 1.0
phases:
  - name: build
    steps:
      - name: Run
        action: ExecuteBash
        inputs: {commands: ['true']}
`;
const RECIPE = `Parameters:
  Component: {Type: String}
Resources:
  Recipe:
    Type: AWS::ImageBuilder::ImageRecipe
    Properties:
      Name: nested-recipe
      Version: 1.0.x
      ParentImage: !Sub 'arn:aws:imagebuilder:\${AWS::Region}:aws:image/debian-12-x86/x.x.x'
      Components: [{ComponentArn: !Ref Component}, {ComponentArn: !ImportValue nested-two-arn}]
Outputs:
  Name: {Value: !GetAtt Recipe.Name}
`;
const parent = (recipe: string, first = 'nested-one') => `Resources:
  Recipes:
    Type: AWS::CloudFormation::Stack
    DependsOn: Second
    Properties:
      TemplateURL: ${recipe}
      Parameters: {Component: !GetAtt First.Outputs.Arn}
  First:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: lower/tools.yaml
      Parameters: {Name: ${first}, Commands: [one, two]}
  Second:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: file:lower/tools.yaml
      Parameters: {Name: nested-two, Commands: 'one,two'}
Outputs:
  Recipe: {Value: !GetAtt Recipes.Outputs.Name}
  Stack: {Value: !Ref First}
  Nested: {Value: !GetAtt First.Outputs.Stack}
`;

beforeEach(() => {
  at.file('lower/tools.yaml', TOOLS);
  for (const name of ['nested-one', 'nested-two', 'x']) at.file(`lower/documents/${name}.yaml`, DOCUMENT);
  at.s3.objects.set('templates/lower/recipe.yaml', Buffer.from(RECIPE));
});

describe('nested stacks', () => {
  test('are planned, made, changed and deleted with the stack around them', async () => {
    const path = at.file('parent.yaml', parent('https://templates.s3.us-east-1.amazonaws.com/lower/recipe.yaml'));
    const validated = await at.run('validate', path);
    assert.equal(validated.code, 0, validated.stdout + validated.stderr);
    assert.deepEqual(await made(), []);
    const planned = JSON.parse((await at.run('plan', '--json', path)).stdout) as {
      readonly changes: readonly { readonly action: string; readonly logicalId: string }[];
    };
    assert.deepEqual(
      planned.changes.map(({ action, logicalId }) => `${action} ${logicalId}`),
      ['Second', 'Second.Tool', 'First', 'First.Tool', 'Recipes', 'Recipes.Recipe'].map((id) => `create ${id}`),
    );

    const built = await at.run('build', path);
    assert.equal(built.code, 0, built.stdout + built.stderr);
    const own = (tail: string) => `arn:aws:imagebuilder:us-east-1:123456789012:${tail}`;
    assert.deepEqual(await made(), [
      own('component/nested-one/1.0.0'),
      own('component/nested-two/1.0.0'),
      own('image-recipe/nested-recipe/1.0.0'),
    ]);
    const all = await stacks();
    assert.deepEqual(
      all.map(({ name, status }) => [name.replace(/-[A-Z0-9]{12}$/, '-RANDOM'), status]),
      ['parent', 'parent-First-RANDOM', 'parent-Recipes-RANDOM', 'parent-Second-RANDOM'].map((name) => [
        name,
        'CREATE_COMPLETE',
      ]),
    );
    const [root, first] = all as [Stack, Stack];
    assert.deepEqual(
      root.outputs.map(({ name, value }) => [name, value]),
      [
        ['Recipe', 'nested-recipe'],
        ['Stack', first.stackId],
        ['Nested', first.name],
      ],
    );
    assert.equal(root.resources.find(({ logicalId }) => logicalId === 'First')!.physicalId, first.stackId);
    assert.match((await at.run('plan', path)).stdout, /\n6 unchanged\n$/);

    // Another document in the nested stack is another build, and another recipe.
    at.file('lower/documents/nested-one.yaml', DOCUMENT.replace('true', 'echo changed'));
    const again = await at.run('plan', path);
    assert.match(again.stdout, /~ update {3}First {2}AWS::CloudFormation::Stack/);
    assert.match(again.stdout, /± replace {2}First\.Tool/);
    const changed = await at.run('build', path);
    assert.equal(changed.code, 0, changed.stdout + changed.stderr);
    assert.equal((await stacks())[1]!.status, 'UPDATE_COMPLETE');
    assert.equal((await made()).filter((arn) => arn.includes('image-recipe')).length, 2);

    // What the template no longer has goes with all that is in it.
    at.file(
      'parent.yaml',
      parent('unused')
        .replace(/ {2}Recipes:[^]*? {2}First:/, '  First:')
        .replace(/ {2}Recipe: .*\n/, ''),
    );
    const less = await at.run('build', path);
    assert.equal(less.code, 0, less.stdout + less.stderr);
    assert.match(
      less.stdout + less.stderr,
      /deleted {3}Recipes\.Recipe: .*\n[^]*deleted {3}Recipes: arn:aws:cloudformation/,
    );
    const deleted = await at.run('delete-stack', 'parent');
    assert.equal(deleted.code, 0, deleted.stdout + deleted.stderr);
    assert.deepEqual(await made(), []);
    assert.deepEqual(await stacks(), []);
  });

  test('are found by what cdk synth writes into Metadata, where its list of assets is absent', async () => {
    const stack = (metadata: string): string => `Resources:
  Net:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub 'https://s3.\${AWS::Region}.\${AWS::URLSuffix}/cdk-x-assets-\${AWS::AccountId}-us-east-1/0.json'
      Parameters: {Name: nested-one, Commands: one}
    Metadata: {'aws:asset:path': lower/tools.yaml, 'aws:asset:property': ${metadata}}
`;
    const found = await at.run('validate', at.file('asset.yaml', stack('TemplateURL')));
    assert.equal(found.code, 0, found.stdout + found.stderr);
    const other = await at.run('validate', at.file('asset.yaml', stack('Code')));
    assert.match(other.stdout, /TemplateURL: cannot read the template s3:/);
  });

  test('tell faults with their place in the nested file, and make nothing', async () => {
    at.file('lower/tools.yaml', TOOLS.replace('Version: 1.0.0', 'Version: one'));
    const path = at.file('faulty.yaml', parent('lower/none.yaml', 'x').replace('Commands: [one, two]', 'Comands: one'));
    const { code, stdout } = await at.run('validate', path);
    assert.equal(code, 1);
    assert.match(stdout, /faulty\.yaml:\d+:\d+ Resources\.Recipes.*|lower\/none\.yaml/);
    assert.match(stdout, /lower\/tools\.yaml:9:\d+ Resources\.Tool\.Properties\.Version: 'one' is not a version/);
    assert.match(stdout, /lower\/tools\.yaml:.*Commands: has no default/);
    assert.match(stdout, /lower\/tools\.yaml:.*Comands/);
    const listed = JSON.parse((await at.run('validate', '--json', path)).stdout) as readonly {
      readonly faults: readonly { readonly file?: string; readonly path: string }[];
    }[];
    const version = listed[0]!.faults.find((fault) => fault.path.endsWith('Version'))!;
    assert.match(version.file!, /lower\/tools\.yaml$/);
    assert.equal((await at.run('build', path)).code, 2);
    assert.deepEqual(await made(), []);
  });

  test('that cannot be read, nest themselves or say nothing are refused at TemplateURL', async () => {
    const nest = (url: string) => `Resources:
  Net:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: '${url}'}
Outputs:
  Out: {Value: !GetAtt Net.Outputs.Nothing}
`;
    at.s3.objects.delete('templates/lower/recipe.yaml');
    at.s3.objects.set('templates/other', Buffer.from('x'));
    for (const [url, message] of [
      [
        'missing.yaml',
        /4:18 Resources\.Net\.Properties\.TemplateURL: cannot read the template .*missing\.yaml: no such/,
      ],
      ['self.yaml', /TemplateURL: the template nests itself/],
      ['https://example.com/t.yaml', /TemplateURL: cannot read the template .*expected a path/],
      ['s3://templates/lower/recipe.yaml', /cannot read the template s3:\/\/templates\/.*: NoSuchKey/],
    ] as const) {
      const { code, stdout } = await at.run('validate', at.file('self.yaml', nest(url)));
      assert.equal(code, 1, url);
      assert.match(stdout, message);
    }
    for (let depth = 0; depth < 7; depth++) at.file(`deep-${depth}.yaml`, nest(`deep-${depth + 1}.yaml`));
    assert.match((await at.run('validate', join(at.folder, 'deep-0.yaml'))).stdout, /nested more than 6 levels deep/);
  });
});
