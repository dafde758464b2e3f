/** Every member of `config.yaml`, for its JSON Schema and for docs/config.md. A test compares it with the reader. */
import { MOST_INSTANCES } from '../src/platform/config/pools.ts';
import { closedMap, DIALECT, type JsonSchema } from '../src/documents/json-schema.ts';
import { VENDORS } from '../src/platform/config/names.ts';
import { DEFAULT_CONFIG, QUOTA_NAMES } from '../src/platform/config/config.ts';
import { FOLDER_FORMATS } from '../src/platform/config/registries.ts';
import { eventsSchema } from './events-schema.ts';
import { DESTINATIONS } from '../src/logs/shipping/destinations.ts';
import { hookKinds } from '../src/pipelines/hooks/signatures.ts';
import { providerTypes } from '../src/secrets/providers.ts';

const ACCOUNTS: JsonSchema = {
  description: "Accounts that may use it, or '*' for every account. Default: the account of the first key pair.",
  anyOf: [{ $ref: '#/definitions/account' }, { type: 'array', minItems: 1, items: { $ref: '#/definitions/account' } }],
};
const PATH: JsonSchema = { type: 'string', pattern: '^/' };
const TEXT: JsonSchema = { type: 'string', minLength: 1 };
const TEXTS: JsonSchema = { type: 'array', items: TEXT };
const ENDPOINT: JsonSchema = { type: 'string', pattern: '^https?://' };

const described = (description: string, schema: JsonSchema): JsonSchema => ({ description, ...schema });
const mapOf = (description: string, values: JsonSchema): JsonSchema => ({
  description,
  type: ['object', 'null'],
  additionalProperties: values,
});
const atLeast = (minimum: number, value: number, description: string): JsonSchema => ({
  description,
  type: 'integer',
  minimum,
  default: value,
});

const QUOTA_DESCRIPTIONS: Readonly<Partial<Record<(typeof QUOTA_NAMES)[number], string>>> = {
  components: 'Component versions in an account and Region.',
  workflows: 'Workflow versions in an account and Region.',
  concurrentBuilds: 'Images being built at once in an account and Region.',
  concurrentStateUpdates: 'Resource state updates running at once in an account and Region.',
  componentsPerRecipe: 'Components in a recipe.',
  workflowsPerImage: 'Workflows of an image.',
};

const RATE: JsonSchema = {
  ...closedMap(
    {
      perSecond: { description: 'Requests per second.', type: 'integer', minimum: 1 },
      burst: { description: 'Requests at once. Default: perSecond.', type: 'integer', minimum: 1 },
    },
    ['perSecond'],
  ),
  type: ['object', 'null'],
};

const { audit, builds, files } = DEFAULT_CONFIG;

const MANAGED_DOCUMENT: readonly JsonSchema[] = [
  described('Absolute path of a component document.', PATH),
  closedMap(
    {
      file: described('Absolute path of a component document.', PATH),
      version: { description: 'Version.', type: 'string', pattern: '^\\d+\\.\\d+\\.\\d+$', default: '1.0.0' },
      platform: { description: 'Platform.', enum: ['Linux', 'Windows', 'macOS'], default: 'Linux' },
    },
    ['file'],
  ),
];

const SECTIONS: Readonly<Record<string, JsonSchema>> = {
  access: described(
    'Who may sign requests.',
    closedMap({
      longLivedKeys: {
        description:
          'Accept access keys of users. If false, only sessions are accepted, and the first key pair from this host.',
        type: 'boolean',
        default: true,
      },
      oidcIssuers: {
        description: 'Issuers of OpenID Connect tokens, for AssumeRoleWithWebIdentity.',
        type: 'array',
        default: [],
        items: closedMap(
          {
            issuer: described('URL of the issuer, as in the `iss` claim of its tokens.', ENDPOINT),
            audiences: { description: 'Accepted audiences.', type: 'array', minItems: 1, items: TEXT },
            jwks: {
              description: "Path or URL of the issuer's keys. Default: from its discovery document.",
              type: 'string',
              pattern: '^(/|https?://)',
            },
          },
          ['issuer', 'audiences'],
        ),
      },
      proxies: {
        description: 'IP addresses or ranges of reverse proxies whose X-Forwarded-For header is trusted.',
        ...TEXTS,
        default: [],
      },
    }),
  ),
  quotas: described(
    'Limits in an account and Region, in a recipe or of an image. null means no limit.',
    closedMap(
      Object.fromEntries(
        QUOTA_NAMES.map((name) => [
          name,
          {
            description: QUOTA_DESCRIPTIONS[name] ?? 'Resources of this type in an account and Region.',
            type: ['integer', 'null'],
            minimum: 0,
            default: DEFAULT_CONFIG.quotas[name],
          },
        ]),
      ),
    ),
  ),
  rates: described(
    'Request rates of an account, and of an address. Requests above them get TooManyRequestsException.',
    closedMap({
      reads: { description: 'Rate of Get and List operations.', ...RATE, default: null },
      writes: { description: 'Rate of all other operations.', ...RATE, default: null },
      unsigned: {
        description:
          'Rate of requests without a valid signature from one address. null means no limit. Default: 50, 500 at once.',
        ...RATE,
        default: DEFAULT_CONFIG.rates.unsigned,
      },
    }),
  ),
  files: described(
    'Limits of files that components name by file:.',
    closedMap({
      maxMegabytes: atLeast(1, files.maxBytes / 1e6, 'Most of one file, in MB.'),
      accountMegabytes: atLeast(1, files.accountBytes / 1e6, 'Most of all files of an account, in MB.'),
    }),
  ),
  builds: described(
    'How many images are built at once.',
    closedMap({
      atOnce: {
        description: 'Most images in work at once. Default: the number of processors, at least 2.',
        type: 'integer',
        minimum: 1,
      },
      keepFreeMegabytes: atLeast(
        0,
        builds.keepFreeBytes / 1e6,
        'Free disk space, in MB, below which no build starts beside another.',
      ),
      diskMegabytes: atLeast(
        0,
        builds.diskBytes / 1e6,
        'Disk space, in MB, that is set aside for each running build: another one starts with that much more.',
      ),
      cpus: {
        description:
          'Processors that the instance types of all running builds may have together. Default: twice those of the ' +
          'host.',
        type: 'integer',
        minimum: 1,
      },
      memoryMegabytes: {
        description:
          'Memory, in MiB, that the instance types of all running builds may have together. Default: nine tenths of ' +
          'that of the host.',
        type: 'integer',
        minimum: 1,
      },
    }),
  ),
  audit: described(
    'Size and retention of the audit log.',
    closedMap({
      maxMegabytes: atLeast(1, audit.maxBytes / 1e6, 'Size at which a file is closed, in MB.'),
      maxHours: atLeast(1, audit.maxSeconds / 3600, 'Age at which a file is closed, in hours.'),
      keepDays: atLeast(0, audit.keepDays, 'Retention of closed files, in days.'),
      keepFiles: atLeast(0, audit.keepFiles, 'Most closed files of an account.'),
    }),
  ),
  secrets: {
    description: 'Providers of component secrets, in the order in which they are asked. Default: the environment.',
    type: ['array', 'null'],
    items: closedMap(
      {
        type: { description: 'Kind of provider.', enum: Object.keys(providerTypes) },
        accounts: ACCOUNTS,
        services: {
          description: 'Services that it answers for. Default: all.',
          type: 'array',
          items: { enum: ['secretsmanager', 'ssm', 'ssm-secure'] },
        },
        folder: described('file: folder of the secrets.', PATH),
        prefix: described('environment: prefix of the variables. Default: INGOT_SECRET_.', TEXT),
        command: {
          description: 'command: program and arguments.',
          type: 'array',
          minItems: 1,
          items: { type: 'string' },
        },
        region: described("aws: Region. Default: the image's Region.", TEXT),
        endpoint: described('aws: endpoint URL. Default: that of AWS.', ENDPOINT),
        profile: described('aws: profile of the AWS configuration files.', TEXT),
      },
      ['type'],
    ),
  },
  accounts: {
    description: 'Accounts of the authors of your files, and the account of this server that each one means.',
    type: 'object',
    propertyNames: { pattern: '^[0-9]{12}$' },
    additionalProperties: {
      description: 'An account of this server. What a caller may do there does not change.',
      type: 'string',
      pattern: '^[0-9]{12}$',
    },
  },
  organizations: mapOf('Organizations and their units, by id, for launch permissions of AMIs.', {
    description: 'The accounts in it.',
    type: 'array',
    items: { type: 'string', pattern: '^[0-9]{12}$' },
  }),
  parentImages: mapOf('What names of managed images mean, instead of their usual images, and AMI IDs.', {
    description:
      "An AMI ID, an image ARN, image/NAME/VERSION of the recipe's account, or the name of a managed image. For " +
      'container images also docker://REFERENCE, an image in a registry, and oci:/FOLDER, an OCI layout on this host.',
    ...TEXT,
  }),
  parameters: mapOf('Values of Systems Manager parameters, for `ssm:` parent images.', {
    description: 'As in parentImages.',
    ...TEXT,
  }),
  managedComponents: mapOf(
    'Documents for components that AWS publishes and Ingot does not have: one, or a list with one for each version.',
    { anyOf: [...MANAGED_DOCUMENT, { type: 'array', minItems: 1, items: { anyOf: MANAGED_DOCUMENT } }] },
  ),
  vendors: described(
    'Mirrors of the vendors that Ingot downloads disks from.',
    closedMap(
      Object.fromEntries(
        VENDORS.map((name) => [
          name,
          closedMap({
            address: {
              description:
                `URL of the mirror, ending in a slash${name === 'ubuntu' ? '' : '; https'}. Default: the vendor's ` +
                'own.',
              type: 'string',
              pattern: '^https?://.*/$',
            },
            keyring: described('Absolute path of the public key that signs there.', PATH),
          }),
        ]),
      ),
    ),
  ),
  commandDocuments: closedMap({
    folder: described('Absolute path of a folder of command documents: NAME.yaml, NAME.yml or NAME.json.', PATH),
    accounts: ACCOUNTS,
  }),
  pools: mapOf(
    'Virtual machines that wait for builds, by the name of their pool.',
    closedMap(
      {
        image: described('Parent image: an AMI, `ssm:` and a parameter, or an image ARN.', TEXT),
        size: {
          description: 'Virtual machines that wait.',
          type: 'integer',
          minimum: 1,
          maximum: MOST_INSTANCES,
          default: 1,
        },
        instanceType: described('Their instance type. Default: that of builds, t3.small.', TEXT),
        account: described('Account whose builds may take them. Default: the account of the first key pair.', TEXT),
        region: described('Region. Default: that of the image ARN, else us-east-1.', TEXT),
      },
      ['image'],
    ),
  ),
  stateMachines: mapOf(
    'What ExecuteStateMachine runs, by name: exactly one of command, url and arn.',
    closedMap({
      accounts: ACCOUNTS,
      command: described(
        'Program of this host (absolute path) and its arguments. JSON on its standard input and output.',
        { type: 'array', items: TEXT, minItems: 1 },
      ),
      url: described('Web hook: the input is posted to it, the output is its response.', TEXT),
      secret: described('Key of the signature of a web hook: whsec_ and base64, or a reference to a secret.', TEXT),
      arn: described('State machine of AWS, of type STANDARD.', TEXT),
      endpoint: described('Endpoint URL. Default: that of AWS.', TEXT),
      profile: described('Profile of the AWS configuration files.', TEXT),
    }),
  ),
  registries: mapOf(
    'Container registries that images may go to, by host and port.',
    closedMap({
      accounts: ACCOUNTS,
      authFile: described(
        "Absolute path of the file with its login: Docker's config.json or Podman's auth.json, with their credential " +
          'helpers.',
        PATH,
      ),
      plain: { description: 'Speak HTTP without TLS.', type: 'boolean', default: false },
      folder: described('Instead of a registry: absolute path of a folder of this host, which exists.', PATH),
      format: {
        description: 'Of a folder: an OCI layout for each repository, or a Docker archive for each tag.',
        enum: FOLDER_FORMATS,
        default: 'oci',
      },
    }),
  ),
  keys: closedMap({
    rootKey: {
      ...closedMap({
        file: described(
          'File of 32 random bytes with mode 0600, made on first use. Default: `root.key` in the data directory.',
          PATH,
        ),
        credential: described('Name of a credential of systemd with 32 random bytes.', TEXT),
        passphraseFile: described('File with a passphrase of 12 characters or more, mode 0600.', PATH),
      }),
      description: 'What opens all keys: one of its members.',
    },
  }),
  regions: mapOf(
    'Stores of Regions, by their names. A Region that is not listed is a folder of the data directory.',
    closedMap({
      store: { description: 'Kind of store.', enum: ['directory', 's3', 'ec2'], default: 'directory' },
      path: described('Of a directory. Default: `regions/NAME` in the data directory.', PATH),
      layout: {
        description: 'Of a directory: layers, each once, or one file for each AMI.',
        enum: ['chain', 'flat'],
        default: 'chain',
      },
      bucket: described('Of `s3`: the bucket, which must exist.', TEXT),
      prefix: described('Of `s3`: what the keys begin with.', TEXT),
      endpoint: described('Of `s3` and `ec2`: URL of another service than that of AWS.', ENDPOINT),
      awsRegion: described('Of `s3` and `ec2`: the Region of AWS. Default: the name of this Region.', TEXT),
      profile: described("Of `s3` and `ec2`: profile in ~/.aws/config. Default: the SDK's own chain.", TEXT),
      encrypted: { description: 'Of `ec2`: EBS encrypts the disks.', type: 'boolean', default: false },
      kmsKeyId: described("Of `ec2`: ARN of a KMS key. Default: the account's key for EBS.", TEXT),
      trusted: {
        description: "Whether this host's kernel mounts disks that other servers have put there.",
        type: 'boolean',
        default: false,
      },
    }),
  ),
  instanceProfiles: mapOf(
    'Credentials of instances, by the name of their instance profile.',
    closedMap(
      {
        accounts: ACCOUNTS,
        role: described("Name of the role. Default: the profile's name.", TEXT),
        credentials: described('Where the credentials come from: one of keys, file or process.', {
          oneOf: [
            closedMap(
              {
                accessKeyId: described('Access key ID.', TEXT),
                secretAccessKey: described('Secret access key.', TEXT),
                sessionToken: described('Session token.', TEXT),
              },
              ['accessKeyId', 'secretAccessKey'],
            ),
            closedMap(
              {
                file: described('Absolute path of an AWS credentials file.', PATH),
                profile: described('Profile in that file.', { ...TEXT, default: 'default' }),
              },
              ['file'],
            ),
            closedMap(
              {
                process: {
                  description: 'Program (absolute path) and arguments; prints what a credential_process prints.',
                  type: 'array',
                  minItems: 1,
                  items: TEXT,
                },
              },
              ['process'],
            ),
          ],
        }),
        region: described("Region of S3. Default: the image's Region.", TEXT),
        endpoints: described('Endpoints to use instead of AWS.', closedMap({ s3: described('URL of S3.', ENDPOINT) })),
      },
      ['credentials'],
    ),
  ),
  uriProfiles: {
    description:
      "Names of `instanceProfiles`. The server reads a `uri` with the first that the caller's account may use.",
    type: 'array',
    items: TEXT,
  },
  networks: described(
    'What instances reach, by subnet and security group.',
    closedMap({
      default: described('Profile of instances that no subnet or security group places.', {
        ...TEXT,
        default: DEFAULT_CONFIG.networks.default,
      }),
      subnets: mapOf('Network profile of each subnet ID.', TEXT),
      securityGroups: mapOf('Network profile of each security group ID.', TEXT),
      profiles: mapOf(
        'Network profiles by name. `full` and `none` always exist.',
        closedMap(
          {
            accounts: ACCOUNTS,
            access: { description: 'What instances reach.', enum: ['full', 'allow-list', 'mirror', 'none'] },
            allow: { description: 'Addresses, ranges, names or *.NAME, each with an optional :PORT.', ...TEXTS },
            mirrors: mapOf('Package mirrors: original address, address of the mirror.', ENDPOINT),
            proxy: described('HTTP proxy, as http://HOST:PORT.', { type: 'string', pattern: '^http://' }),
            noProxy: { description: 'Hosts and domains that are reached without the proxy.', ...TEXTS },
            certificates: {
              description: 'Absolute paths of CA certificates (PEM) that instances trust.',
              type: 'array',
              items: PATH,
            },
          },
          ['access'],
        ),
      ),
    }),
  ),
  maintenance: {
    description: 'Windows in which no pipeline starts by itself.',
    type: 'array',
    items: closedMap(
      {
        name: described('Name, for the records. Default: maintenance and its place.', TEXT),
        tags: mapOf('Tags that a pipeline must have to be held. Default: every pipeline.', {
          type: ['string', 'number', 'boolean'],
        }),
        begins: described('When a window begins.', { type: 'string', pattern: '^cron\\(.+\\)$' }),
        lasts: described('How long it lasts, such as 90m or 8h.', { type: 'string', pattern: '^\\d{1,6}[smhd]$' }),
        timezone: described('Time zone of `begins`.', { ...TEXT, default: 'UTC' }),
      },
      ['begins', 'lasts'],
    ),
  },
  events: eventsSchema(ACCOUNTS),
  hooks: mapOf(
    'Web hooks that start pipelines: `POST /hooks/NAME`.',
    closedMap(
      {
        pipeline: described('ARN of the pipeline.', { type: 'string', pattern: ':image-pipeline/' }),
        kind: { description: 'How deliveries are signed.', enum: Object.keys(hookKinds) },
        secretFile: described('Absolute path of a file with the secret.', PATH),
        events: { description: 'Events that start the pipeline. Default: all.', ...TEXTS },
        match: mapOf('Members of the body, by path, and the values that they must have.', {
          type: ['string', 'number', 'boolean'],
        }),
        parameters: {
          description: 'Component parameters that the body sets.',
          type: 'array',
          items: closedMap(
            {
              component: described('Name of a component of the recipe, as in its ARN.', TEXT),
              parameter: described('Parameter that the component declares.', TEXT),
              from: described('Path of the value in the body, such as head_commit.id.', TEXT),
            },
            ['component', 'parameter', 'from'],
          ),
        },
      },
      ['pipeline', 'kind', 'secretFile'],
    ),
  ),
  logs: described(
    'Where logs are shipped to.',
    closedMap({
      ship: mapOf(
        'Destinations by name.',
        closedMap(
          {
            type: { description: 'Kind of destination.', enum: Object.keys(DESTINATIONS) },
            region: described('For `cloudwatch`, required: the Region.', TEXT),
            endpoint: described('For `cloudwatch`: another endpoint.', TEXT),
            profile: described('For `cloudwatch`: a profile of `~/.aws`.', TEXT),
            groupPrefix: described('For `cloudwatch`: a prefix for the names of log groups.', TEXT),
            address: described(
              'For `syslog`, required: `tcp://HOST:PORT`, `tls://HOST:PORT` or `udp://HOST:PORT`.',
              TEXT,
            ),
            path: described('For `file`, required: an absolute path.', PATH),
          },
          ['type'],
        ),
      ),
    }),
  ),
  monitoring: described(
    'Who may read metrics, and where they are sent.',
    closedMap({
      token: described('Bearer token that `/metrics`, `/healthz` and `/readyz` need from other hosts.', {
        type: 'string',
        minLength: 16,
      }),
      cloudwatch: described(
        'Sends metrics to Amazon CloudWatch, with the credentials that the AWS SDK finds.',
        closedMap(
          {
            region: described('Region of the metrics.', { type: 'string', pattern: '^[a-z0-9-]{1,64}$' }),
            namespace: described('Namespace of the metrics.', {
              type: 'string',
              pattern: '^(?!AWS/)[A-Za-z0-9._/#-]{1,255}$',
              default: 'Ingot',
            }),
            everySeconds: described('Interval in seconds.', {
              type: 'integer',
              minimum: 1,
              maximum: 3600,
              default: 60,
            }),
            endpoint: described('Endpoint URL, instead of that of AWS.', TEXT),
            profile: described('Profile of `~/.aws`.', TEXT),
          },
          ['region'],
        ),
      ),
    }),
  ),
};

/** The schema of `config.yaml`. */
export function configSchema(): JsonSchema {
  return {
    $schema: DIALECT,
    title: "Ingot's config.yaml",
    ...closedMap(
      Object.fromEntries(
        Object.entries(SECTIONS).map(([name, schema]) => [
          name,
          schema['type'] === 'object' ? { ...schema, type: ['object', 'null'] } : schema,
        ]),
      ),
    ),
    type: ['object', 'null'],
    definitions: { account: { type: 'string', pattern: '^(\\d{12}|\\*)$' } },
  };
}

/** A member for the reference page. */
export interface ConfigMember {
  /** `quotas.components`; `NAME` for a name of the user's, `[]` for an item. */
  readonly path: string;
  readonly default: string;
  readonly description: string;
}

/** All members of a section that hold a value, for a table. */
export function configMembers(name: string): readonly ConfigMember[] {
  return membersOf(SECTIONS[name]!, name);
}

/** Names of the sections. */
export const CONFIG_SECTIONS: readonly string[] = Object.keys(SECTIONS);

function membersOf(schema: JsonSchema, path: string, required = false): readonly ConfigMember[] {
  const properties = schema['properties'] as Readonly<Record<string, JsonSchema>> | undefined;
  const values = schema['additionalProperties'] as JsonSchema | false | undefined;
  const items = schema['items'] as JsonSchema | undefined;
  const choices = (schema['oneOf'] ?? schema['anyOf']) as readonly JsonSchema[] | undefined;
  const own =
    typeof schema['description'] === 'string' && properties === undefined ? [memberOf(schema, path, required)] : [];
  const below = [
    ...Object.entries(properties ?? {}).flatMap(([name, each]) =>
      membersOf(each, `${path}.${name}`, ((schema['required'] as readonly string[] | undefined) ?? []).includes(name)),
    ),
    ...(values ? membersOf(values, `${path}.NAME`) : []),
    ...(items?.['properties'] === undefined ? [] : membersOf(items, `${path}[]`)),
    ...(choices ?? []).flatMap((each) => (each['properties'] === undefined ? [] : membersOf(each, path))),
  ];
  return [...own, ...below];
}

function memberOf(schema: JsonSchema, path: string, required: boolean): ConfigMember {
  const [, text, otherwise] = /^(.*?)(?: Default: (.*)\.)?$/s.exec(schema['description'] as string)!;
  const value = schema['default'];
  return {
    path,
    default: required
      ? 'required'
      : (otherwise ?? (value === undefined ? '' : value === null ? 'no limit' : `\`${JSON.stringify(value)}\``)),
    description: text!,
  };
}
