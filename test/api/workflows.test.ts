import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CreateImageCommand,
  CreateImagePipelineCommand,
  CreateImageRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  CreateWorkflowCommand,
  DeleteImagePipelineCommand,
  DeleteWorkflowCommand,
  GetWorkflowCommand,
  GetWorkflowStepExecutionCommand,
  ListWaitingWorkflowStepsCommand,
  ListWorkflowBuildVersionsCommand,
  ListWorkflowExecutionsCommand,
  ListWorkflowsCommand,
  SendWorkflowStepActionCommand,
  type CreateWorkflowCommandInput,
  type WorkflowConfiguration,
} from '@aws-sdk/client-imagebuilder';
import { parseWorkflowDocument } from '../../src/documents/workflow/parse.ts';
import { LayerStore } from '../../src/images/layer-store.ts';
import { until } from '../../src/platform/clock.ts';
import { CancelledError } from '../../src/workflows/errors.ts';
import { newProgress } from '../../src/workflows/machines/image-progress.ts';
import { runWorkflow, type RunningImage } from '../../src/workflows/stages/interpreter.ts';
import { ParsedDocuments } from '../../src/workflows/planning/parsed-documents.ts';
import { selectWorkflows } from '../../src/workflows/planning/select-workflows.ts';
import { samplePlan } from '../harness/image-plan.ts';
import { openSecrets } from '../../src/secrets/open.ts';
import { ACCOUNT, DEBIAN, REGION, startApi, type TestApi } from './server.ts';

let api: TestApi;
let recipe: string;
let infrastructure: string;
before(async () => {
  api = await startApi();
  recipe = (
    await api.client.send(new CreateImageRecipeCommand({ name: 'web', semanticVersion: '1.0.0', parentImage: DEBIAN }))
  ).imageRecipeArn!;
  infrastructure = (
    await api.client.send(new CreateInfrastructureConfigurationCommand({ name: 'web', instanceProfileName: 'p' }))
  ).infrastructureConfigurationArn!;
});
after(() => api.close());

const own = (tail: string): string => `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:workflow/${tail}`;
const amazon = (tail: string): string => `arn:aws:imagebuilder:${REGION}:aws:workflow/${tail}`;
const step = (action: string, more = ''): string => `  - name: ${action}\n    action: ${action}\n${more}`;
const documentOf = (steps: string, more = ''): string => `name: w\nschemaVersion: 1.0\n${more}steps:\n${steps}`;
const LAUNCHED = '$.stepOutputs.LaunchInstance.instanceId';
const LAUNCH = step('LaunchInstance', '    inputs:\n      waitFor: ssmAgent\n');
let serial = 0;

function create(name: string, more: Partial<CreateWorkflowCommandInput> = {}) {
  return api.client.send(
    new CreateWorkflowCommand({
      name,
      semanticVersion: '1.0.0',
      type: 'BUILD',
      data: documentOf(`${LAUNCH}# ${++serial}\n`),
      ...more,
    }),
  );
}
const createImage = (workflows: WorkflowConfiguration[], executionRole: string | undefined = 'role') =>
  api.client.send(
    new CreateImageCommand({
      imageRecipeArn: recipe,
      infrastructureConfigurationArn: infrastructure,
      workflows,
      executionRole,
    }),
  );

describe('workflows', () => {
  test('are created, read, built again and deleted', async () => {
    const data = documentOf(
      LAUNCH,
      'parameters:\n  - name: Hosts\n    type: stringList\n    default: [a, b]\n  - name: Wanted\n    type: integer\n',
    );
    const created = await create('My Flow', {
      data,
      description: 'd',
      changeDescription: 'c',
      tags: { a: 'b' },
      clientToken: 'one',
    });
    assert.deepEqual(
      { ...created, $metadata: undefined },
      {
        $metadata: undefined,
        clientToken: 'one',
        workflowBuildVersionArn: own('build/my-flow/1.0.0/1'),
        latestVersionReferences: {
          latestVersionArn: own('build/my-flow/x.x.x'),
          latestMajorVersionArn: own('build/my-flow/1.x.x'),
          latestMinorVersionArn: own('build/my-flow/1.0.x'),
          latestPatchVersionArn: own('build/my-flow/1.0.0'),
        },
      },
    );
    const { workflow } = await api.client.send(
      new GetWorkflowCommand({ workflowBuildVersionArn: own('build/my-flow/1.x.x') }),
    );
    assert.deepEqual(
      { ...workflow, dateCreated: '' },
      {
        arn: own('build/my-flow/1.0.0/1'),
        name: 'My Flow',
        version: '1.0.0',
        description: 'd',
        changeDescription: 'c',
        type: 'BUILD',
        owner: ACCOUNT,
        data,
        dateCreated: '',
        tags: { a: 'b' },
        parameters: [
          { name: 'Hosts', type: 'stringList', defaultValue: ['a', 'b'] },
          { name: 'Wanted', type: 'integer' },
        ],
      },
    );
    await assert.rejects(create('my_flow', { data, description: 'd', changeDescription: 'c', clientToken: 'two' }), {
      name: 'ResourceAlreadyExistsException',
      message: /my-flow\/1\.0\.0\/1/,
    });
    assert.equal((await create('my-flow')).workflowBuildVersionArn, own('build/my-flow/1.0.0/2'));
    // A workflow of another type has the name for itself.
    assert.equal((await create('my-flow', { type: 'TEST' })).workflowBuildVersionArn, own('test/my-flow/1.0.0/1'));

    const builds = async (workflowVersionArn?: string) =>
      (await api.client.send(new ListWorkflowBuildVersionsCommand({ workflowVersionArn }))).workflowSummaryList!.map(
        ({ arn }) => arn,
      );
    assert.deepEqual(await builds(own('build/my-flow/x.x.x')), [
      own('build/my-flow/1.0.0/1'),
      own('build/my-flow/1.0.0/2'),
    ]);
    assert.deepEqual(await builds(), [
      own('build/my-flow/1.0.0/1'),
      own('build/my-flow/1.0.0/2'),
      own('test/my-flow/1.0.0/1'),
    ]);
    assert.deepEqual(await builds(amazon('build/build-image/1.x.x')), [amazon('build/build-image/1.0.0/1')]);
    await api.client.send(new DeleteWorkflowCommand({ workflowBuildVersionArn: own('test/my-flow/1.0.0/1') }));
    await assert.rejects(
      api.client.send(new GetWorkflowCommand({ workflowBuildVersionArn: own('test/my-flow/1.0.0/1') })),
      { name: 'ResourceNotFoundException' },
    );
    await assert.rejects(
      api.client.send(new DeleteWorkflowCommand({ workflowBuildVersionArn: amazon('build/build-image/1.0.0/1') })),
      { name: 'ForbiddenException' },
    );
  });

  test('are refused with all that is wrong with them', async () => {
    await assert.rejects(create('bad', { data: documentOf(step('Nonsense') + step('DistributeImage')) }), {
      name: 'InvalidParameterValueException',
      message: /'data' is not valid[\s\S]*unknown-action[\s\S]*action-not-allowed-in-type/,
    });
    await assert.rejects(create('bad', { data: undefined, uri: 's3://bucket/k' }), {
      name: 'InvalidParameterValueException',
      message: /has no credentials to read/,
    });
    await assert.rejects(create('bad', { uri: 's3://b/k' }), { name: 'InvalidParameterCombinationException' });
    await assert.rejects(create('bad', { semanticVersion: '1073741824.0.0' }), {
      name: 'InvalidVersionNumberException',
    });
    await assert.rejects(create('bad', { dryRun: true }), { name: 'DryRunOperationException' });
    await assert.rejects(api.client.send(new GetWorkflowCommand({ workflowBuildVersionArn: own('build/bad/x.x.x') })), {
      name: 'ResourceNotFoundException',
    });
  });

  test('of Amazon are there, under x.x.x', async () => {
    const { workflow, latestVersionReferences } = await api.client.send(
      new GetWorkflowCommand({ workflowBuildVersionArn: amazon('build/build-image/x.x.x') }),
    );
    assert.equal(workflow!.arn, amazon('build/build-image/1.0.0/1'));
    assert.equal(workflow!.owner, 'Amazon');
    assert.deepEqual(latestVersionReferences, { latestVersionArn: amazon('build/build-image/x.x.x') });
    const { workflowVersionList } = await api.client.send(
      new ListWorkflowsCommand({ owner: 'Amazon', filters: [{ name: 'type', values: ['BUILD', 'TEST'] }] }),
    );
    assert.deepEqual(
      workflowVersionList!.map(({ arn, type }) => [arn, type]),
      [
        [amazon('build/build-container/1.0.0'), 'BUILD'],
        [amazon('build/build-image/1.0.0'), 'BUILD'],
        [amazon('test/test-container/1.0.0'), 'TEST'],
        [amazon('test/test-image/1.0.0'), 'TEST'],
      ],
    );
  });

  test('are listed by filters and by name', async () => {
    for (const semanticVersion of ['1.9.0', '1.10.0', '2.0.0']) await create('listed', { semanticVersion });
    const listed = async (values: readonly string[], byName?: boolean) =>
      (
        await api.client.send(
          new ListWorkflowsCommand({
            byName,
            filters: [
              { name: 'name', values: ['listed'] },
              ...(byName ? [] : [{ name: 'version', values: [...values] }]),
            ],
          }),
        )
      ).workflowVersionList!.map(({ version, arn }) => [version, arn!.split('/').at(-1)]);
    assert.deepEqual(await listed(['1.x.x']), [
      ['1.9.0', '1.9.0'],
      ['1.10.0', '1.10.0'],
    ]);
    assert.deepEqual(await listed(['2.0.0', '1.9.x']), [
      ['1.9.0', '1.9.0'],
      ['2.0.0', '2.0.0'],
    ]);
    assert.deepEqual(await listed(['2', 'x.1.x']), []);
    assert.deepEqual(await listed([], true), [['2.0.0', 'x.x.x']]);
    await assert.rejects(
      api.client.send(new ListWorkflowsCommand({ byName: true, filters: [{ name: 'version', values: ['1.0.0'] }] })),
      { name: 'InvalidParameterCombinationException' },
    );
  });

  test('are checked where they are named, and run in place of the managed ones', async () => {
    await create('named', { data: documentOf(LAUNCH, 'parameters:\n  - name: Wanted\n    type: integer\n') });
    const workflowArn = own('build/named/x.x.x');
    const cases: readonly (readonly [workflows: WorkflowConfiguration[], message: RegExp])[] = [
      [[{ workflowArn: own('build/absent/x.x.x') }], /'workflows\[0\]\.workflowArn' is not valid.*does not exist/],
      [[{ workflowArn }], /'workflows\[0\]\.parameters'.*'Wanted' has no default/],
      [[{ workflowArn, parameters: [{ name: 'Wanted', value: ['many'] }] }], /must be one integer/],
      [
        [1, 2].map(() => ({ workflowArn, parameters: [{ name: 'Wanted', value: ['1'] }] })),
        /'workflows\[1\]\.workflowArn'.*one BUILD workflow/,
      ],
      [
        [{ workflowArn, parameters: [{ name: 'Wanted', value: ['1'] }], onFailure: 'CONTINUE' }],
        /'workflows\[0\]\.onFailure'.*for TEST workflows/,
      ],
    ];
    for (const [workflows, message] of cases)
      await assert.rejects(createImage(workflows), { name: 'InvalidParameterValueException', message });
    await assert.rejects(createImage([{ workflowArn }], ''), { name: 'InvalidParameterValueException' });
    await assert.rejects(
      createImage(Array.from({ length: 11 }, () => ({ workflowArn: amazon('test/test-image/x.x.x') }))),
      { name: 'ServiceQuotaExceededException' },
    );

    const workflows = [{ workflowArn, parameters: [{ name: 'Wanted', value: ['1'] }] }];
    await createImage(workflows);
    const { workflows: selected } = await selectWorkflows(
      { workflows },
      {
        catalog: api.catalog,
        db: api.catalog.db,
        region: REGION,
        account: ACCOUNT,
        documents: new ParsedDocuments(),
      },
    );
    assert.deepEqual(
      selected.map(({ arn }) => arn),
      [own('build/named/1.0.0/1'), amazon('distribution/distribute-image/1.0.0/1')],
    );

    const alone = await selectWorkflows(
      { workflows: [{ workflowArn: amazon('test/test-image/x.x.x') }] },
      {
        catalog: api.catalog,
        db: api.catalog.db,
        region: REGION,
        account: ACCOUNT,
        documents: new ParsedDocuments(),
      },
    );
    assert.deepEqual(
      alone.workflows.map(({ type }) => type),
      ['TEST'],
      'tests alone make nothing that could be distributed',
    );

    const { imagePipelineArn } = await api.client.send(
      new CreateImagePipelineCommand({
        name: 'named',
        imageRecipeArn: recipe,
        infrastructureConfigurationArn: infrastructure,
        executionRole: 'role',
        workflows,
      }),
    );
    await assert.rejects(
      api.client.send(new DeleteWorkflowCommand({ workflowBuildVersionArn: own('build/named/1.0.0/1') })),
      { name: 'ResourceDependencyException', message: /image-pipeline\/named/ },
    );
    await api.client.send(new DeleteImagePipelineCommand({ imagePipelineArn }));
    await api.client.send(new DeleteWorkflowCommand({ workflowBuildVersionArn: own('build/named/1.0.0/1') }));
  });

  test('with an action that cannot run yet are refused at create and where they are named, unless a condition may spare it', async () => {
    const prepare = (condition: string): string =>
      `${LAUNCH}${step('RunSysPrep', `${condition}    inputs:\n      instanceId.$: ${LAUNCHED}\n`)}`;
    const condition = '    if:\n      stringEquals: Windows\n      value: $.imagebuilder.platform\n';
    const refused = {
      name: 'InvalidParameterValueException',
      message: /\d+:\d+ The step 'RunSysPrep' has the action RunSysPrep, which prepares Windows for imaging/,
    };
    await assert.rejects(create('windows', { data: documentOf(prepare('')) }), refused);
    await create('windows', { data: documentOf(prepare(condition)) });
    await createImage([{ workflowArn: own('build/windows/x.x.x') }]);
    // One that is here since before it was refused at create.
    await api.catalog.db
      .updateTable('workflows')
      .set({ data: documentOf(prepare('')) })
      .where('slug', '=', 'windows')
      .execute();
    await assert.rejects(createImage([{ workflowArn: own('build/windows/x.x.x') }]), refused);
  });
});

const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:approvals';

describe('a step that waits', () => {
  /** Works on a workflow that waits, as a worker would. Returns when it waits. */
  async function waiting(
    controller = new AbortController(),
  ): Promise<{ readonly image: string; readonly step: string; readonly ended: Promise<unknown> }> {
    const { imageBuildVersionArn: image } = await api.client.send(
      new CreateImageCommand({ imageRecipeArn: recipe, infrastructureConfigurationArn: infrastructure }),
    );
    const { document } = parseWorkflowDocument(
      documentOf(
        step('WaitForAction', `    inputs:\n      snsTopicArn: ${TOPIC}\n      payload: please look\n`),
        'outputs:\n  - name: Said\n    value: $.stepOutputs.WaitForAction.reason\n',
      ),
      'BUILD',
    );
    const progress = newProgress();
    const work: RunningImage = {
      plan: samplePlan({ arn: image!, region: REGION, account: ACCOUNT, image: { arn: image } }),
      progress,
      services: {
        catalog: api.catalog,
        dataDirectory: api.catalog.dataDirectory,
        secrets: openSecrets(api.catalog.dataDirectory, ACCOUNT, REGION),
        layers: new LayerStore(api.catalog, api.catalog.dataDirectory),
      },
      report: () => {},
      signal: controller.signal,
    };
    const ended = runWorkflow(work, {
      document: document!,
      arn: own('build/waits/1.0.0/1'),
      name: 'waits',
      type: 'BUILD',
      parameters: {},
      position: 0,
    }).then(
      () => progress.workflowOutputs.get('Said'),
      (error: unknown) => error,
    );
    const listed = await until('the step to wait', 10_000, async () =>
      (await api.client.send(new ListWaitingWorkflowStepsCommand({}))).steps!.find(
        (each) => each.imageBuildVersionArn === image,
      ),
    );
    assert.deepEqual(
      [listed.name, listed.action, listed.workflowBuildVersionArn],
      ['WaitForAction', 'WaitForAction', own('build/waits/1.0.0/1')],
    );
    const execution = await api.client.send(
      new GetWorkflowStepExecutionCommand({ stepExecutionId: listed.stepExecutionId }),
    );
    assert.equal(execution.status, 'RUNNING');
    return { image: image!, step: listed.stepExecutionId!, ended };
  }
  const send = (stepExecutionId: string, imageBuildVersionArn: string, action: 'RESUME' | 'STOP', reason?: string) =>
    api.client.send(new SendWorkflowStepActionCommand({ stepExecutionId, imageBuildVersionArn, action, reason }));

  test('goes on when it is resumed, once', async () => {
    const { image, step: id, ended } = await waiting();
    await assert.rejects(send(id, image.replace(/\d+$/, '99'), 'RESUME'), {
      name: 'InvalidParameterValueException',
      message: /is not one of/,
    });
    await assert.rejects(
      send(
        id.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
        image,
        'RESUME',
      ),
      { name: 'ResourceNotFoundException' },
    );
    const answer = await send(id, image, 'RESUME', 'looks good');
    assert.deepEqual([answer.stepExecutionId, answer.imageBuildVersionArn], [id, image]);
    await assert.rejects(send(id, image, 'STOP'), { name: 'InvalidRequestException' });
    assert.equal(await ended, 'looks good');
    const { status, outputs } = await api.client.send(new GetWorkflowStepExecutionCommand({ stepExecutionId: id }));
    assert.deepEqual([status, outputs], ['COMPLETED', '{"action":"RESUME","reason":"looks good"}']);
    await assert.rejects(send(id, image, 'STOP'), {
      name: 'InvalidRequestException',
      message: /COMPLETED and does not wait for an answer/,
    });
    const events = await api.catalog.db
      .selectFrom('outbox')
      .selectAll()
      .where('resource', '=', image)
      .where('status', '=', 'WAITING')
      .execute();
    assert.deepEqual(
      events.map(({ type, payload, resources, topic_arn, topic_payload }) => [
        type,
        resources,
        topic_arn,
        topic_payload,
        (JSON.parse(payload) as Record<string, unknown>)['workflow-step-execution-id'],
      ]),
      [
        [
          'EC2 Image Builder Workflow Step Waiting',
          JSON.stringify([own('build/waits/1.0.0/1')]),
          TOPIC,
          'please look',
          id,
        ],
      ],
    );
  });

  test('fails its workflow when it is stopped', async () => {
    const { image, step: id, ended } = await waiting();
    await send(id, image, 'STOP', 'not today');
    assert.match(String(await ended), /stopped by SendWorkflowStepAction \(STOP\): not today/);
    const { workflowExecutions } = await api.client.send(
      new ListWorkflowExecutionsCommand({ imageBuildVersionArn: image }),
    );
    assert.deepEqual(
      workflowExecutions!.map(({ status }) => status),
      ['ROLLBACK_COMPLETED'],
    );
  });

  test('waits no more when its image is cancelled', async () => {
    const controller = new AbortController();
    const { image, ended } = await waiting(controller);
    controller.abort(new CancelledError('cancelled'));
    assert.ok((await ended) instanceof CancelledError);
    assert.deepEqual(
      (await api.client.send(new ListWaitingWorkflowStepsCommand({}))).steps!.filter(
        (each) => each.imageBuildVersionArn === image,
      ),
      [],
    );
  });
});
