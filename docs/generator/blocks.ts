/**
 * The parts of `docs/` that are made from the registers of the code. `npm run docs:api` writes them, a test finds what
 * has drifted.
 */
import type { Distribution, Image, InstanceBlockDeviceMapping } from '@aws-sdk/client-imagebuilder';
import { loadManaged } from '../../src/catalog/managed.ts';
import { planDistribution } from '../../src/distribution/plan.ts';
import { CONDITION_OPERATORS } from '../../src/documents/component/conditions.ts';
import { ACTION_MODULES, type ActionModule } from '../../src/documents/component/modules.ts';
import { FAULT_KINDS } from '../../src/documents/faults.ts';
import { SYSTEM_VARIABLES, workflowActions } from '../../src/documents/workflow/actions.ts';
import { baseImages, managedImages } from '../../src/images/base/base-images.ts';
import type { ParentName } from '../../src/images/names/name.ts';
import { nameSources } from '../../src/images/names/names.ts';
import { ApiError, ERROR_STATUS, type ErrorCode } from '../../src/resources/errors.ts';
import { MODULES } from '../../src/modules.ts';
import type { StepAction } from '../../src/workflows/actions/action.ts';
import { stepActions } from '../../src/workflows/actions/register.ts';
import { membersWithoutEffect } from '../../src/workflows/planning/members.ts';
import type { Handler, OperationContext } from '../../src/api/context.ts';
import { ingotRoutes } from '../../src/api/ingot/register.ts';
import { members, OPERATIONS, type OperationName } from '../../src/api/model.ts';
import { census, handlers } from '../../src/api/operations/register.ts';
import { CONFIG_SECTIONS, configMembers } from '../../schemas/config-schema.ts';
import { wrap } from '../../src/commands/text.ts';
import { PAGE_SIZE } from '../../src/api/paging.ts';
import { LONGEST_PRESIGNED_SECONDS, SKEW_MS } from '../../src/api/signature.ts';
import { DEFAULT_CONFIG } from '../../src/platform/config/config.ts';
import { BEHIND, INGOT_ROUTES, KINDS, WHEN, type Supported } from './operations.ts';

/** Every block by its name: Markdown without the markers around it. */
export async function docBlocks(): Promise<Readonly<Record<string, string>>> {
  return {
    'code-modules': codeModules('../src/'),
    'modules-for-contributors': codeModules('src/'),
    operations: operations(),
    filters: await filters(),
    'api-limits': apiLimits(),
    'without-effect': withoutEffect(),
    errors: table(
      ['code', 'status', 'when'],
      (Object.keys(ERROR_STATUS) as ErrorCode[]).map((code) => [`\`${code}\``, String(ERROR_STATUS[code]), WHEN[code]]),
    ),
    routes: table(
      ['action', 'request', 'request and answer'],
      ingotRoutes.map(({ action, method, path }) => [
        `\`${action}\``,
        `\`${method} ${path}\``,
        INGOT_ROUTES[action] ?? '',
      ]),
    ),
    modules: modules(),
    'condition-operators': nameList(CONDITION_OPERATORS),
    faults: table(
      ['code', 'severity', 'meaning'],
      Object.entries(FAULT_KINDS).map(([code, { severity, description }]) => [`\`${code}\``, severity, description]),
    ),
    'step-actions': actions(),
    'system-variables': nameList([...SYSTEM_VARIABLES.keys()]),
    'managed-components': table(
      ['name', 'version', 'type', 'what it does'],
      loadManaged(managedImages).components.map(({ name, version, type, description }) => [
        `\`${name}\``,
        version,
        type,
        description,
      ]),
    ),
    'missing-components': nameList(loadManaged(managedImages).missingComponents.map(({ name }) => name)),
    'parent-names': table(
      ['name', 'system', 'from'],
      nameSources.flatMap(({ names, vendor }) =>
        names.map((each) => [`\`${each.name}\``, each.osVersion, supplyOf(each, vendor)]),
      ),
    ),
    'base-images': table(
      ['name', 'what it is', 'architecture', 'virtual size'],
      Object.values(baseImages).map(({ name, description, architecture, virtualSize }) => [
        `\`${name}\``,
        description,
        architecture,
        `${virtualSize! / 2 ** 30} GiB`,
      ]),
    ),
    ...Object.fromEntries(
      CONFIG_SECTIONS.map((section) => [
        `config-${section}`,
        table(
          ['member', 'default', 'meaning'],
          configMembers(section).map((member) => [`\`${member.path}\``, member.default, member.description]),
        ),
      ]),
    ),
  };
}

function supplyOf({ supply }: ParentName, vendor: string): string {
  if (supply.kind === 'made') return 'made here';
  if (supply.kind === 'refused') return supply.why;
  const { address, folder, signature } = supply.disk;
  return `fetched: ${vendor}, \`${address}${folder}\`, ${signature === undefined ? 'checksums' : 'signed checksums'}`;
}

const BLOCK = /(<!-- made by npm run docs:api: ([a-zA-Z-]+) -->\n)[\s\S]*?(<!-- end -->)/g;

/**
 * A document with its blocks as they are now.
 * @throws {Error} for a marker that names no block
 */
export function withBlocks(text: string, blocks: Readonly<Record<string, string>>): string {
  return text.replace(BLOCK, (_, begin: string, name: string, end: string) => {
    if (blocks[name] === undefined)
      throw new Error(`unknown block '${name}'; expected one of: ${Object.keys(blocks).join(', ')}`);
    return `${begin}${blocks[name]}\n${end}`;
  });
}

/** Names of the blocks that a document has. */
export function blocksOf(text: string): readonly string[] {
  return [...text.matchAll(BLOCK)].map((match) => match[2]!);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function nameList(names: readonly string[]): string {
  return wrap(names.map((name) => `\`${name}\``).join(', '), 120).join('\n');
}

function operations(): string {
  const { supported, notYet } = census();
  const known = new Set<OperationName>(supported);
  const kindOf = (name: OperationName): string => KINDS.find(([, names]) => names.test(name))![0];
  const all = [...OPERATIONS.values()];
  const sections = KINDS.map(([heading]) => {
    const here = all.filter(({ name }) => kindOf(name) === heading);
    const there = here.filter(({ name }) => known.has(name)).sort((a, b) => order(a.name) - order(b.name));
    const missing = here
      .filter(({ name }) => !known.has(name))
      .map(({ name }) => name)
      .sort();
    const rows = there.map(({ name, method, uri }) => [
      `\`${name}\``,
      `\`${method} ${uri}\``,
      BEHIND[name as Supported],
    ]);
    return [
      `### ${heading}\n`,
      ...(rows.length === 0 ? [] : [`${table(['operation', 'request', 'behavior'], rows)}\n`]),
      ...(missing.length === 0 ? [] : [`Not supported yet: ${missing.map((name) => `\`${name}\``).join(', ')}.\n`]),
    ].join('\n');
  });
  const rest =
    notYet.length === 0
      ? ''
      : `; ${notYet.length} answer \`InvalidRequestException\`: "The operation … is not supported by this version ` +
        'of Ingot."';
  return `${supported.length} of ${all.length} operations work${rest}.\n\n${sections.join('\n')}`;
}

function order(name: OperationName): number {
  return Object.keys(BEHIND).indexOf(name);
}

/** The filters of each list, out of its own words for one that it does not have. */
async function filters(): Promise<string> {
  const rows: string[][] = [];
  for (const name of census().supported) {
    if (!members(OPERATIONS.get(name)!.input).has('filters')) continue;
    const context = { operation: name, account: '123456789012', region: 'us-east-1' } as OperationContext;
    const handler = handlers[name] as unknown as Handler<OperationName>;
    const refusal: unknown = await handler({ filters: [{ name: '?', values: ['?'] }] } as never, context).catch(
      (error: unknown) => error,
    );
    const found = refusal instanceof ApiError ? /Expected one of: (.*)\.$/.exec(refusal.message)?.[1] : undefined;
    if (found === undefined) throw new Error(`${name} does not say which filters it has`, { cause: refusal });
    rows.push([
      `\`${name}\``,
      found
        .split(', ')
        .map((filter) => `\`${filter}\``)
        .join(', '),
    ]);
  }
  return table(['list', 'filters'], rows);
}

/** Facts about requests that prose would get wrong in time. */
function apiLimits(): string {
  const rate = (name: 'reads' | 'writes'): string => {
    const value = DEFAULT_CONFIG.rates[name];
    return value === null ? 'no limit' : `${value.perSecond} per second`;
  };
  return table(
    ['limit', 'value'],
    [
      ['clock difference', `${SKEW_MS / 60_000} minutes`],
      ['validity of a presigned URL', `${LONGEST_PRESIGNED_SECONDS / 86_400} days at most`],
      ['items per page', `${PAGE_SIZE}`],
      ['read requests of an account ([`rates.reads`](config.md#rates))', `${rate('reads')} by default`],
      ['write requests of an account ([`rates.writes`](config.md#rates))', `${rate('writes')} by default`],
      ['account of the first key pair', `\`${DEFAULT_CONFIG.homeAccount}\` unless \`credentials.json\` says otherwise`],
    ],
  );
}

/** What the code itself names of an image and a distribution that ask for everything. */
function withoutEffect(): string {
  const paths = [
    ...membersWithoutEffect(EVERYTHING),
    ...planDistribution(
      { distributions: [EVERY_OUTPUT] },
      {
        imageArn: 'arn:aws:imagebuilder:us-east-1:123456789012:image/web/1.0.0/1',
        name: 'web',
        buildVersion: 1,
        buildDate: '2026-01-01T00:00:00.000Z',
        region: 'us-east-1',
        account: '123456789012',
      },
    ).withoutEffect,
  ];
  return paths.map((path) => `- \`${path.replaceAll(/\[\d+\]/g, '[…]')}\``).join('\n');
}

const EVERY_OUTPUT: Distribution = {
  region: 'us-east-1',
  containerDistributionConfiguration: { targetRepository: { service: 'ECR', repositoryName: 'web' } },
  licenseConfigurationArns: ['arn'],
  launchTemplateConfigurations: [{ launchTemplateId: 'lt-1' }],
  s3ExportConfiguration: { roleName: 'r', diskImageFormat: 'RAW', s3Bucket: 'b' },
  fastLaunchConfigurations: [{ enabled: true }],
  ssmParameterConfigurations: [{ parameterName: '/p' }],
  amiDistributionConfiguration: { targetAccountIds: ['123456789012'], launchPermission: { userIds: ['123456789012'] } },
};

const EVERY_MAPPING: readonly InstanceBlockDeviceMapping[] = [
  {
    deviceName: '/dev/xvda',
    ebs: { iops: 100, throughput: 125, volumeType: 'gp3', snapshotId: 'snap-1', deleteOnTermination: true },
  },
  { deviceName: '/dev/sdb' },
];

const EVERYTHING: Image = {
  infrastructureConfiguration: {
    subnetId: 'subnet-1',
    keyPair: 'k',
    snsTopicArn: 'arn',
    instanceMetadataOptions: { httpPutResponseHopLimit: 1 },
    placement: {},
    terminateInstanceOnCompletion: false,
    securityGroupIds: ['sg-1'],
    instanceTypes: ['t3.micro', 't3.small'],
  },
  imageScanningConfiguration: {
    imageScanningEnabled: true,
    imageScanningTypes: ['TEST_INSTANCE_CVE'],
    scanResultCondition: { maximumSeverityLabel: 'HIGH' },
  },
  imageRecipe: {
    amiWatermarks: ['w'],
    additionalInstanceConfiguration: { userDataOverride: 'I2Nsb3VkLWNvbmZpZwo=' },
    blockDeviceMappings: [...EVERY_MAPPING],
  },
};

/** @param folder where `src/` is, seen from the document */
function codeModules(folder: string): string {
  return table(
    ['module', 'holds'],
    MODULES.map(({ name, holds, pure }) => [
      `[\`${name}/\`](${folder}${name}/README.md)`,
      pure === undefined ? holds : `${holds}. Pure: no clock, no disk, no network`,
    ]),
  );
}

function modules(): string {
  const all = [...ACTION_MODULES.values()];
  const rows = all.map((module) => [
    `\`${module.name}\``,
    module.platforms.join(', '),
    inputsOf(module),
    module.outputs?.map((name) => `\`${name}\``).join(', ') || 'none',
  ]);
  return table(['module', 'platforms', 'inputs (* required)', 'outputs'], rows);
}

function inputsOf({ shape, inputs }: ActionModule): string {
  if (shape === 'condition') return 'a condition';
  const names = Object.entries(inputs)
    .map(([name, { required }]) => `\`${name}\`${required === true ? '*' : ''}`)
    .join(', ');
  return shape === 'list' ? `list of: ${names}` : names;
}

function actions(): string {
  const all = Object.values(workflowActions);
  const running: Readonly<Record<string, StepAction>> = stepActions;
  const rows = all
    .filter(({ name }) => running[name] !== undefined)
    .map(({ name, types, defaultTimeoutMinutes, maxTimeoutMinutes, outputs }) => [
      `\`${name}\``,
      types.join(', '),
      String(defaultTimeoutMinutes),
      String(maxTimeoutMinutes),
      Object.keys(outputs)
        .map((output) => `\`${output}\``)
        .join(', ') || 'none',
      running[name]!.rollback === undefined ? 'nothing' : 'ends the instance',
    ]);
  const later = all.filter(({ name }) => running[name] === undefined).map(({ name }) => `\`${name}\``);
  const known = `Not supported yet (\`CreateWorkflow\` rejects a step with one): ${later.join(', ')}.`;
  return (
    `${table(['action', 'stages', 'default (min)', 'longest (min)', 'outputs', 'rollback'], rows)}\n\n` +
    wrap(known, 120).join('\n')
  );
}
