/**
 * boto3's paginators, of every list operation: all items, each once, in the same order whatever the size of the pages.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { OPERATIONS, type OperationName } from '../../src/api/model.ts';
import { insertStepExecution, insertWorkflowExecution, saveImagePackages } from '../../src/catalog/executions.ts';
import { beginWaiting } from '../../src/catalog/waiting-steps.ts';
import { DEFAULT_CONFIG } from '../../src/platform/config/config.ts';
import { findProgram } from '../../src/platform/files.ts';
import { newStepExecutionId, newWorkflowExecutionId } from '../../src/platform/ids.ts';
import { run } from '../harness/processes.ts';
import { CASES, commandOf, type Fixture } from './cases.ts';
import { ACCOUNT, DEBIAN, documentOf, REGION, startApi, type TestApi } from './server.ts';

/** More than one page of the largest size. */
const ITEMS = 26;
const TIMEOUT_MS = 180_000;
const python = findProgram('python3');
const boto =
  python !== undefined &&
  (await run([python, '-c', 'import boto3'], { timeoutMs: TIMEOUT_MS, okCodes: 'any' })).code === 0;
const skip = boto ? false : 'python3 with boto3 is not on this machine (pip install boto3)';

const folder = mkdtempSync(join(tmpdir(), 'ingot-paginators-'));
let api: TestApi;
let fixture: Fixture;
before(async () => {
  api = await startApi({ quotas: { ...DEFAULT_CONFIG.quotas, concurrentBuilds: null, concurrentStateUpdates: null } });
  fixture = {
    region: REGION,
    account: ACCOUNT,
    catalog: api.catalog,
    send: async (operation, input) =>
      (await api.client.send(commandOf(operation, input))) as unknown as Record<string, string>,
  };
});
after(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});

const PROGRAM = `
import boto3, json, sys
client = boto3.client('imagebuilder')
answers = {}
for operation, parameters in json.load(open(sys.argv[1])).items():
    answers[operation] = []
    for size in (None, 10):
        items, pages = [], 0
        unsized = size is None or operation == 'list_image_scan_finding_aggregations'
        settings = {} if unsized else {'PaginationConfig': {'PageSize': size}}
        for page in client.get_paginator(operation).paginate(**parameters, **settings):
            pages += 1
            lists = [value for value in page.values() if isinstance(value, list)]
            items += [json.dumps(item, sort_keys=True, default=str) for value in lists for item in value]
        answers[operation].append({'items': items, 'pages': pages})
names = [name for name in client.meta.method_to_api_mapping if client.can_paginate(name)]
print(json.dumps({'answers': answers, 'names': names}))
`;

/** Makes so many of everything, and says with which parameters each list shows them. */
async function seed(): Promise<Partial<Record<OperationName, object>>> {
  const { send } = fixture;
  const each = async <T>(make: (index: number) => Promise<T>): Promise<T[]> => {
    const made: T[] = [];
    for (let index = 0; index < ITEMS; index++) made.push(await make(index));
    return made;
  };
  await each((index) =>
    send('CreateComponent', {
      name: 'builds',
      semanticVersion: '1.0.0',
      platform: 'Linux',
      data: documentOf(`echo ${index}`),
    }),
  );
  await each((index) =>
    send('CreateWorkflow', {
      name: 'builds',
      semanticVersion: '1.0.0',
      type: 'TEST',
      data:
        `schemaVersion: 1.0\ndescription: d${index}\nsteps:\n  - name: Launch\n    action: LaunchInstance\n    ` +
        'inputs:\n      waitFor: ssmAgent\n',
    }),
  );
  for (const operation of [
    'CreateComponent',
    'CreateWorkflow',
    'CreateImageRecipe',
    'CreateContainerRecipe',
    'CreateInfrastructureConfiguration',
    'CreateDistributionConfiguration',
    'CreateLifecyclePolicy',
  ] as const) {
    await each(async () => send(operation, await CASES[operation].input(fixture)));
  }
  const build = {
    imageRecipeArn: (await send('CreateImageRecipe', { name: 'paged', semanticVersion: '1.0.0', parentImage: DEBIAN }))[
      'imageRecipeArn'
    ],
    infrastructureConfigurationArn: (
      await send('CreateInfrastructureConfiguration', { name: 'paged', instanceProfileName: 'p' })
    )['infrastructureConfigurationArn'],
  };
  const [pipeline] = await each(
    async (index) => (await send('CreateImagePipeline', { name: `paged-${index}`, ...build }))['imagePipelineArn'],
  );
  await each(() => send('StartImagePipelineExecution', { imagePipelineArn: pipeline }));
  await each(async (index) => {
    const { imageRecipeArn } = await send('CreateImageRecipe', {
      name: `image-${index}`,
      semanticVersion: '1.0.0',
      parentImage: DEBIAN,
    });
    return send('CreateImage', { ...build, imageRecipeArn });
  });
  const { imageBuildVersionArn } = await send('CreateImage', build);
  const image = imageBuildVersionArn!;
  const now = new Date().toISOString();
  const [workflow] = await each(async (position) => {
    const id = newWorkflowExecutionId();
    await insertWorkflowExecution(api.catalog.db, {
      id,
      image_arn: image,
      workflow_arn: `arn:aws:imagebuilder:${REGION}:aws:workflow/test/test-image/1.0.0/1`,
      type: 'TEST',
      status: 'RUNNING',
      message: null,
      parallel_group: null,
      position,
      total_steps: 1,
      start_time: now,
      end_time: null,
    });
    return id;
  });
  await each(async (position) => {
    const id = newStepExecutionId();
    await insertStepExecution(api.catalog.db, {
      id,
      workflow_execution_id: workflow!,
      image_arn: image,
      position,
      name: `Wait${position}`,
      action: 'WaitForAction',
      description: null,
      status: 'RUNNING',
      rollback_status: null,
      message: null,
      inputs: '{}',
      outputs: '{}',
      on_failure: 'ABORT',
      timeout_seconds: 60,
      start_time: now,
      end_time: null,
    });
    await beginWaiting(api.catalog.db, { step_id: id, image_arn: image, account: ACCOUNT, region: REGION, since: now });
  });
  await saveImagePackages(
    api.catalog.db,
    image,
    Array.from({ length: ITEMS }, (_, index) => ({ name: `package-${index}`, version: '1' })),
  );
  await each((index) =>
    api.catalog.db
      .insertInto('lifecycle_executions')
      .values({
        id: `lce-${crypto.randomUUID()}`,
        account: ACCOUNT,
        region: REGION,
        image_arn: image,
        policy_arn: null,
        status: 'SUCCESS',
        reason: null,
        request: '{}',
        due: '',
        created: `2026-01-01T00:00:${String(index).padStart(2, '0')}.000Z`,
        start_time: null,
        end_time: null,
      })
      .execute(),
  );
  const own = (tail: string): string => `arn:aws:imagebuilder:${REGION}:${ACCOUNT}:${tail}`;
  return {
    ListComponentBuildVersions: { componentVersionArn: own('component/builds/1.0.0') },
    ListWorkflowBuildVersions: { workflowVersionArn: own('workflow/test/builds/1.0.0') },
    ListImageBuildVersions: { imageVersionArn: own('image/paged/1.0.0') },
    ListImagePipelineImages: { imagePipelineArn: pipeline },
    ListImagePackages: { imageBuildVersionArn: image },
    ListWorkflowExecutions: { imageBuildVersionArn: image },
    ListWorkflowStepExecutions: { workflowExecutionId: workflow },
    ListLifecycleExecutions: { resourceArn: image },
    ListLifecycleExecutionResources: await CASES.ListLifecycleExecutionResources.input(fixture),
  };
}

/** Lists that have no items here, or as many as an image has AMIs and snapshots. */
const FEW: readonly OperationName[] = [
  'ListImageScanFindings',
  'ListImageScanFindingAggregations',
  'ListLifecycleExecutionResources',
];

test('boto3 pages through every list', { skip }, async () => {
  const parameters = await seed();
  const snake = (name: string): string => name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
  const lists = [...OPERATIONS.keys()].filter((name) => name.startsWith('List') && name !== 'ListTagsForResource');
  writeFileSync(join(folder, 'paginators.py'), PROGRAM);
  writeFileSync(
    join(folder, 'parameters.json'),
    JSON.stringify(Object.fromEntries(lists.map((name) => [snake(name), parameters[name] ?? {}]))),
  );
  const { stdout } = await run([python!, join(folder, 'paginators.py'), join(folder, 'parameters.json')], {
    timeoutMs: TIMEOUT_MS,
    maxCapture: 64 << 20,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      AWS_ENDPOINT_URL_IMAGEBUILDER: api.endpoint,
      AWS_REGION: REGION,
      AWS_DEFAULT_REGION: REGION,
      AWS_ACCESS_KEY_ID: 'AKIDTEST',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_EC2_METADATA_DISABLED: 'true',
    },
  });
  const { answers, names } = JSON.parse(stdout) as {
    answers: Record<string, readonly { items: string[]; pages: number }[]>;
    names: string[];
  };
  assert.deepEqual(Object.keys(answers).sort(), names.sort(), 'these are the lists that boto3 pages through');
  for (const name of lists) {
    const [whole, tens] = answers[snake(name)]!;
    if (!FEW.includes(name)) assert.ok(whole!.items.length >= ITEMS, `${name} shows ${whole!.items.length}`);
    assert.equal(new Set(whole!.items).size, whole!.items.length, `${name}: an item comes twice`);
    assert.deepEqual(tens!.items, whole!.items, name);
    if (FEW.includes(name)) continue;
    assert.deepEqual(
      [whole!.pages, tens!.pages],
      [25, 10].map((size) => Math.ceil(whole!.items.length / size)),
      name,
    );
  }
});
