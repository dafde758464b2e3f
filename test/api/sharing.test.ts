/** What an account uses of another's: components that documents name, and shared ones when an image begins. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CreateComponentCommand,
  CreateImageCommand,
  CreateImageRecipeCommand,
  CreateContainerRecipeCommand,
  CreateInfrastructureConfigurationCommand,
  CreateWorkflowCommand,
  GetComponentCommand,
  GetImageCommand,
  PutComponentPolicyCommand,
  PutImagePolicyCommand,
  type ImagebuilderClient,
} from '@aws-sdk/client-imagebuilder';
import type { OperationName } from '../../src/api/model.ts';
import { amiOnRecord } from '../../src/catalog/amis.ts';
import { getImage } from '../../src/catalog/images.ts';
import { sealedParent } from '../../src/images/parents.ts';
import { LayerStore } from '../../src/images/layer-store.ts';
import type { Report } from '../../src/resources/progress.ts';
import { openSecrets } from '../../src/secrets/open.ts';
import { executeComponents } from '../../src/workflows/actions/execute-components.ts';
import { newProgress, type WorkInstance } from '../../src/workflows/machines/image-progress.ts';
import { resolveComponents, type PlanPlace } from '../../src/workflows/planning/components.ts';
import type { PlannedImage } from '../../src/workflows/planning/image-plan.ts';
import { ParsedDocuments } from '../../src/workflows/planning/parsed-documents.ts';
import { runImage } from '../../src/workflows/stages/run-image.ts';
import { selectWorkflows } from '../../src/workflows/planning/select-workflows.ts';
import { CASES, commandOf } from './cases.ts';
import { samplePlan } from '../harness/image-plan.ts';
import { localInstance } from '../harness/local-instance.ts';
import { ACCOUNT, addUser, DEBIAN, documentOf, REGION, startApi, type TestApi } from './server.ts';

const OTHER = '210987654321';
let api: TestApi;
let other: ImagebuilderClient;
let serial = 0;
before(async () => {
  api = await startApi();
  other = api.clientOf('other', REGION);
});
after(() => api.close());

const placeFor = (account: string): PlanPlace => ({
  catalog: api.catalog,
  db: api.catalog.db,
  region: REGION,
  account,
  documents: new ParsedDocuments(),
});
const unique = (name: string): string => `${name}-${++serial}`;
const steps = (text: string, extra = ''): string =>
  `schemaVersion: 1.0\n${extra}phases:\n  - name: build\n    steps:\n${text}`;
const runs = (document: string, more = ''): string =>
  steps(`      - {name: Run, action: ExecuteDocument, inputs: {document: ${JSON.stringify(document)}${more}}}\n`);

async function component(
  client: ImagebuilderClient,
  data: string,
  name = unique('c'),
  semanticVersion = '1.0.0',
): Promise<string> {
  return (await client.send(new CreateComponentCommand({ name, semanticVersion, platform: 'Linux', data })))
    .componentBuildVersionArn!;
}
const share = (componentArn: string, action = 'imagebuilder:GetComponent') =>
  api.client.send(
    new PutComponentPolicyCommand({
      componentArn,
      policy: JSON.stringify({
        Statement: { Effect: 'Allow', Principal: { AWS: OTHER }, Action: action, Resource: '*' },
      }),
    }),
  );
/** A policy cannot be removed: another is put in its place. */
const withdraw = (componentArn: string) => share(componentArn, 'imagebuilder:GetComponentPolicy');
const any = (arn: string): string => arn.replace(/\d+\.\d+\.\d+\/\d+$/, 'x.x.x');
const secret = (): string => documentOf(`echo private ${++serial}`);

const denied = async (request: Promise<unknown>, resource: string): Promise<string> => {
  let message = '';
  await assert.rejects(request, (error: Error) => {
    message = error.message;
    assert.equal(error.name, 'AccessDeniedException', error.message);
    assert.ok(error.message.includes(`imagebuilder:GetComponent on resource: ${resource} `), error.message);
    return true;
  });
  return message.replaceAll(resource, 'ARN');
};

describe('a component that a document names', () => {
  let own: string;
  before(async () => {
    own = await component(api.client, secret(), 'private');
  });
  const missing = (): string => own.replace('component/private', 'component/none');

  test('is read by another account as GetComponent is, and no other account learns whether it exists', async () => {
    const asked = await denied(other.send(new GetComponentCommand({ componentBuildVersionArn: own })), own);
    for (const [text, arn] of [
      [runs(own), own],
      [runs(any(own)), any(own)],
      [runs(missing()), missing()],
      [runs(own.replace('1.0.0', '01.00.0')), own],
      [
        steps(
          `      - {name: Run, action: ExecuteDocument, inputs: {document: '{{ From }}'}}\n`,
          `parameters:\n  - From: {type: string, default: '${own}'}\n`,
        ),
        own,
      ],
      [
        steps(
          `      - {name: Run, action: ExecuteDocument, inputs: {document: 'arn:aws:{{ Rest }}'}}\n`,
          `constants:\n  - Rest: {type: string, value: '${own.slice('arn:aws:'.length)}'}\n`,
        ),
        own,
      ],
      [
        steps(
          `      - {name: Run, action: ExecuteDocument, loop: {name: each, forEach: [/a.yaml, '${own}']}, inputs: ` +
            `{document: '{{ each.value }}'}}\n`,
        ),
        own,
      ],
      [
        steps(
          '      - {name: Run, action: ExecuteDocument, loop: {for: {start: 1, end: 9, updateBy: 1}}, inputs: ' +
            `{document: '${own.replace('1.0.0/1', '1.0.0/{{ loop.value }}')}'}}\n`,
        ),
        own,
      ],
      [
        steps(
          '      - {name: Run, action: ExecuteDocument, if: {stringEquals: a, value: b}, inputs: {document: ' +
            `'${own}'}}\n`,
        ),
        own,
      ],
    ] as const) {
      assert.equal(await denied(component(other, text), arn), asked, text);
    }
  });

  test('is read by a user as its policies say, in its own account too', async () => {
    const key = await addUser(api, `arn:aws:iam::${ACCOUNT}:user/reader`, [
      { Effect: 'Allow', Action: '*', Resource: '*' },
      { Effect: 'Deny', Action: 'imagebuilder:GetComponent', Resource: own },
    ]);
    const user = api.clientWith(key);
    for (const name of [own, any(own), own.replace(/\/1$/, '')]) await denied(component(user, runs(name)), name);
    await component(user, runs(await component(api.client, secret())));
  });

  test('is followed through those that are shared, with the values of their parameters', async () => {
    const between = await component(api.client, runs(own));
    const chosen = await component(
      api.client,
      steps(
        `      - {name: Run, action: ExecuteDocument, inputs: {document: '{{ From }}'}}\n`,
        'parameters:\n  - From: {type: string, default: /tmp/none.yaml}\n',
      ),
    );
    for (const arn of [between, chosen]) await share(arn);
    await denied(component(other, runs(between)), own);
    await component(other, runs(chosen));
    await denied(component(other, runs(chosen, `, parameters: [{name: From, value: '${own}'}]`)), own);
    await denied(component(other, runs(chosen, `, parameters: [{name: From, value: '${between}'}]`)), own);
  });

  test('is checked again with the values that a recipe gives', async () => {
    const chosen = await component(
      other,
      steps(
        `      - {name: Run, action: ExecuteDocument, inputs: {document: '{{ From }}'}}\n`,
        'parameters:\n  - From: {type: string, default: /tmp/none.yaml}\n',
      ),
    );
    const components = (value: string) => [{ componentArn: chosen, parameters: [{ name: 'From', value: [value] }] }];
    const recipe = (value: string) =>
      other.send(
        new CreateImageRecipeCommand({
          name: unique('r'),
          semanticVersion: '1.0.0',
          parentImage: DEBIAN,
          components: components(value),
        }),
      );
    await denied(recipe(own), own);
    await denied(recipe(missing()), missing());
    await denied(
      other.send(
        new CreateContainerRecipeCommand({
          name: unique('r'),
          semanticVersion: '1.0.0',
          containerType: 'DOCKER',
          parentImage: 'debian:12',
          dockerfileTemplateData:
            'FROM {{{ imagebuilder:parentImage }}}\n{{{ imagebuilder:environments }}}\n{{{ imagebuilder:components ' +
            '}}}\n',
          targetRepository: { service: 'ECR', repositoryName: 'r' },
          components: components(own),
        }),
      ),
      own,
    );
    await recipe('/tmp/other.yaml');
  });
});

describe('when an image begins', () => {
  let infrastructure: string;
  before(async () => {
    infrastructure = (
      await other.send(new CreateInfrastructureConfigurationCommand({ name: 'infra', instanceProfileName: 'p' }))
    ).infrastructureConfigurationArn!;
  });
  const recipeOf = async (componentArn: string, parentImage = DEBIAN): Promise<string> =>
    (
      await other.send(
        new CreateImageRecipeCommand({
          name: unique('r'),
          semanticVersion: '1.0.0',
          parentImage,
          components: [{ componentArn }],
        }),
      )
    ).imageRecipeArn!;
  const imageOf = async (imageRecipeArn: string): Promise<string> =>
    (await other.send(new CreateImageCommand({ imageRecipeArn, infrastructureConfigurationArn: infrastructure })))
      .imageBuildVersionArn!;
  const never = new AbortController().signal;
  const planned = async (arn: string): Promise<PlannedImage> => ({
    arn,
    image: (await getImage(api.catalog.db, arn))!,
    region: REGION,
    account: OTHER,
  });
  /** Its components, as a plan resolves them. */
  const resolved = async (arn: string): Promise<readonly string[]> => {
    const { resolved, refusals } = await resolveComponents((await planned(arn)).image, placeFor(OTHER));
    assert.deepEqual(refusals, []);
    return resolved.map((each) => each.arn);
  };
  /** Begins it, which has to fail. @returns why */
  const failure = async (arn: string): Promise<string> => {
    await runImage({ catalog: api.catalog, dataDirectory: api.catalog.dataDirectory, arn, signal: never, over: never });
    const { state } = (await other.send(new GetImageCommand({ imageBuildVersionArn: arn }))).image!;
    assert.equal(state!.status, 'FAILED');
    return state!.reason!;
  };

  test('a version of a shared component that is private by then fails it', async () => {
    const name = unique('shared');
    const first = await component(api.client, secret(), name);
    await share(first);
    const arn = await imageOf(await recipeOf(any(first)));
    assert.deepEqual(await resolved(arn), [first]);
    const later = await component(api.client, secret(), name, '1.1.0');
    const reason = await failure(arn);
    assert.ok(
      reason.startsWith(`the account ${OTHER} may not use the component ${any(first)}: `) &&
        reason.includes('because no resource-based policy allows the imagebuilder:GetComponent action'),
      reason,
    );
    assert.ok(!reason.includes(later), reason);
  });

  test('a policy that was withdrawn fails it, and one for a condition that does not hold', async () => {
    const shared = await component(api.client, secret());
    await share(shared);
    const recipe = await recipeOf(shared);
    const [one, two] = [await imageOf(recipe), await imageOf(recipe)];
    await withdraw(shared);
    assert.match(await failure(one), /may not use the component .* no resource-based policy allows/);
    await api.client.send(
      new PutComponentPolicyCommand({
        componentArn: shared,
        policy: JSON.stringify({
          Statement: [
            { Effect: 'Allow', Principal: { AWS: OTHER }, Action: 'imagebuilder:GetComponent', Resource: '*' },
            {
              Effect: 'Deny',
              Principal: '*',
              Action: 'imagebuilder:GetComponent',
              Resource: '*',
              Condition: { StringEquals: { 'aws:PrincipalAccount': OTHER } },
            },
          ],
        }),
      }),
    );
    assert.match(await failure(two), /may not use the component .* explicit deny in a resource-based policy/);
  });

  test('a component that a document names fails it, once it is not shared any more', async () => {
    const inner = await component(api.client, secret());
    const outer = await component(api.client, runs(inner));
    for (const arn of [inner, outer]) await share(arn);
    const own = await component(other, runs(outer));
    const arn = await imageOf(await recipeOf(own));
    await resolved(arn);
    await withdraw(inner);
    const reason = await failure(arn);
    assert.ok(
      reason.startsWith(`the account ${OTHER} may not use the component ${inner}, which ${own} runs: `),
      reason,
    );
  });

  test('a component that a document names by what it computed is refused while it runs, there or not', async () => {
    const hidden = await component(api.client, documentOf('echo "the private line"'));
    const messages: string[] = [];
    for (const target of [hidden, any(hidden), hidden.replace(/component\/[^/]+/, 'component/none')]) {
      const own = await component(
        other,
        steps(`      - {name: Find, action: ExecuteBash, inputs: {commands: ['echo ${target}']}}
      - {name: Run, action: ExecuteDocument, inputs: {document: '{{ test.Find.outputs.stdout }}'}}\n`).replace(
          'name: build',
          'name: test',
        ),
      );
      const image = await planned(await imageOf(await recipeOf(own)));
      const plan = samplePlan(image, (await resolveComponents(image.image, placeFor(OTHER))).resolved);
      const progress = newProgress();
      const instance = await localInstance();
      try {
        progress.instances.set('i-1', { instance, componentsDone: 0 } as unknown as WorkInstance);
        const told: string[] = [];
        const report: Report = ({ text }) => void told.push(text ?? '');
        const execution = { workflowId: 'w', stepId: 's', stepName: 'n', position: 0, resumed: false, mayLeave: false };
        await assert.rejects(
          executeComponents.run({
            plan,
            progress,
            services: {
              catalog: api.catalog,
              dataDirectory: api.catalog.dataDirectory,
              layers: undefined as unknown as LayerStore,
              secrets: openSecrets(api.catalog.dataDirectory, OTHER, REGION),
            },
            stage: 'TEST',
            inputs: { instanceId: 'i-1' },
            execution,
            report,
            signal: never,
            workSignal: never,
            timeoutSeconds: 60,
          }),
          (error: Error) => {
            // A reason is cut at a length, behind the sentence that counts.
            messages.push(
              error.message
                .replaceAll(target, 'ARN')
                .replaceAll(own, 'OWN')
                .replace(/ Ask .*/s, ''),
            );
            return /not authorized to perform: imagebuilder:GetComponent/.test(error.message);
          },
        );
        assert.ok(!told.join('\n').includes('the private line'), told.join('\n'));
      } finally {
        await instance.terminate();
      }
    }
    assert.equal(new Set(messages).size, 1, messages.join('\n'));
  });

  test('a parent image is shared or fails it, by its ARN and by its AMI', async () => {
    const fixture = {
      region: REGION,
      account: ACCOUNT,
      catalog: api.catalog,
      send: async (name: OperationName, input: object) =>
        (await api.client.send(commandOf(name, input))) as unknown as Record<string, string>,
    };
    const { sourceImage: ami } = (await CASES.DistributeImage.input(fixture)) as { sourceImage: string };
    const parent = (await amiOnRecord(api.catalog.db, ami))!.image_arn;
    const open = (Action: string) =>
      api.client.send(
        new PutImagePolicyCommand({
          imageArn: parent,
          policy: JSON.stringify({ Statement: { Effect: 'Allow', Principal: { AWS: OTHER }, Action, Resource: '*' } }),
        }),
      );
    const layers = new LayerStore(api.catalog, api.catalog.dataDirectory);
    const find = (reference: string) =>
      sealedParent({
        reference,
        region: REGION,
        account: OTHER,
        catalog: api.catalog,
        layers,
        arn: 'a',
        dataDirectory: api.catalog.dataDirectory,
        report: () => {},
        signal: never,
      });
    await open('imagebuilder:GetImage');
    const recipe = (
      await other.send(
        new CreateImageRecipeCommand({ name: unique('r'), semanticVersion: '1.0.0', parentImage: any(parent) }),
      )
    ).imageRecipeArn!;
    await imageOf(recipe);
    assert.match((await find(any(parent))).description, new RegExp(ami));
    await open('imagebuilder:GetImagePolicy');
    await assert.rejects(imageOf(recipe), {
      name: 'InvalidParameterValueException',
      message: /No build of .* is AVAILABLE/,
    });
    for (const reference of [parent, any(parent)])
      await assert.rejects(find(reference), /no resource-based policy allows the imagebuilder:GetImage action/);
    await assert.rejects(find(ami), new RegExp(`no AMI ${ami} is available in ${REGION}$`));
  });

  test("a workflow is the account's own", async () => {
    const workflowArn = (
      await api.client.send(
        new CreateWorkflowCommand({
          name: 'private',
          semanticVersion: '1.0.0',
          type: 'TEST',
          data: 'schemaVersion: 1.0\nsteps:\n  - {name: Launch, action: LaunchInstance, inputs: {waitFor: ssmAgent}}\n',
        }),
      )
    ).workflowBuildVersionArn!;
    const selected = (account: string) => selectWorkflows({ workflows: [{ workflowArn }] }, placeFor(account));
    assert.equal((await selected(ACCOUNT)).workflows[0]!.arn, workflowArn);
    assert.match((await selected(OTHER)).refusals[0]!.message, /does not exist/);
  });
});
