/** `AWS::Include` as a user has it: files beside the template and in S3, in a nested stack, and their faults. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { GetComponentCommand, ListComponentsCommand } from '@aws-sdk/client-imagebuilder';
import { templatesInS3, type TemplatesInS3 } from './templates-in-s3.ts';

let at: TemplatesInS3;
before(async () => {
  at = await templatesInS3();
});
after(() => at.end());

const TEMPLATE = `Parameters: {Bucket: {Type: String, Default: snippets}}
Transform: {Name: AWS::Include, Parameters: {Location: parts/outputs.yaml}}
Resources:
  Tool:
    Type: AWS::ImageBuilder::Component
    Properties:
      Name: included
      Version: 1.0.0
      Fn::Transform:
        Name: AWS::Include
        Parameters: {Location: !Sub 's3://\${Bucket}/properties.yaml'}
`;
const PROPERTIES = (command: string): string => `Platform: Linux
Description: {Fn::Sub: 'of \${AWS::StackName}'}
Data: |
  schemaVersion: 1.0
  phases:
    - name: build
      steps:
        - name: Run
          action: ExecuteBash
          inputs: {${command}: ['true']}
`;

test('files beside the template and in S3 are a part of it', async () => {
  const path = at.file('including.yaml', TEMPLATE);
  at.file('parts/outputs.yaml', 'Outputs: {Arn: {Value: !GetAtt Tool.Arn}}\n');
  at.s3.objects.set('snippets/properties.yaml', Buffer.from(PROPERTIES('commands')));
  for (const command of ['validate', 'plan', 'build']) {
    const { code, stdout, stderr } = await at.run(command, path);
    assert.equal(code, 0, `${command}: ${stdout}${stderr}`);
  }
  const { componentVersionList } = await at.server.client.send(new ListComponentsCommand({ owner: 'Self' }));
  const [made] = componentVersionList!;
  const { component } = await at.server.client.send(new GetComponentCommand({ componentBuildVersionArn: made!.arn! }));
  assert.equal(component!.description, 'of including');
  assert.match(component!.data!, /commands: \['true'\]/);
  assert.match((await at.run('plan', path)).stdout, /\n1 unchanged\n$/);
});

test('a nested stack includes files beside it', async () => {
  at.file('lower/nested.yaml', TEMPLATE.replace('parts/outputs', 'here').replace('Name: included', 'Name: nested'));
  at.file('lower/here.yaml', 'Outputs: {Version: {Value: !GetAtt Tool.Version}}\n');
  at.s3.objects.set('snippets/properties.yaml', Buffer.from(PROPERTIES('commands')));
  const path = at.file(
    'around.yaml',
    'Resources:\n  Net: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: lower/nested.yaml}}\n' +
      'Outputs: {Version: {Value: !GetAtt Net.Outputs.Version}}\n',
  );
  const { code, stdout, stderr } = await at.run('build', path);
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout + stderr, /Version.*1\.0\.0/);
});

test('faults name the included file, and line and column in it', async () => {
  const path = at.file('faulty.yaml', TEMPLATE);
  at.file('parts/outputs.yaml', 'Outputs: {Arn: {Value: !GetAtt Tol.Arn}}\n');
  at.s3.objects.set('snippets/properties.yaml', Buffer.from(PROPERTIES('comands')));
  const { code, stdout } = await at.run('validate', path);
  assert.equal(code, 1);
  assert.match(stdout, /parts\/outputs\.yaml:1:32 Outputs\.Arn\.Value: no resource is called 'Tol'/);
  assert.match(stdout, /s3:\/\/snippets\/properties\.yaml:10:19 Resources\.Tool\.Properties\.Data: .*comands/);
  const [listed] = JSON.parse((await at.run('validate', '--json', path)).stdout) as readonly {
    readonly faults: readonly { readonly file?: string; readonly line: number }[];
  }[];
  assert.ok(listed!.faults.some((fault) => fault.file === 's3://snippets/properties.yaml' && fault.line === 10));

  at.s3.objects.delete('snippets/properties.yaml');
  assert.match(
    (await at.run('validate', path)).stdout,
    /cannot read the included file s3:\/\/snippets.*: NoSuchBucket/,
  );
  assert.equal((await at.run('build', path)).code, 2);
});
