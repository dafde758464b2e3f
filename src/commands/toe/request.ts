/** The request of `ingot toe`, from awstoe's flags and configuration file. Source: reference, `awstoe.md` section 8. */
import { readFileSync } from 'node:fs';
import { newUuid } from '../../platform/ids.ts';
import { readUtf8 } from '../../platform/utf8.ts';
import { type Arguments, WrongUse, type CommandOption } from '../command.ts';

/** A document to run, by its location, with its own values. */
interface DocumentSource {
  /** A path, or the ARN of a component's build version. */
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** A requested run. */
export interface ToeRequest {
  readonly documents: readonly DocumentSource[];
  /** Default: all phases. */
  readonly phases: readonly string[] | undefined;
  readonly executionId: string;
  readonly logDirectory: string;
  readonly stateDirectory: string;
  readonly blocked: readonly string[];
  readonly trace: boolean;
}

const REJECTED_GROUP = 'Flags of awstoe that are not supported yet, and rejected';

/** The flags of `awstoe run`. */
export const RUN_OPTIONS: Readonly<Record<string, CommandOption>> = {
  documents: {
    value: 'LIST',
    short: 'd',
    help: 'documents, comma-separated: paths, or ARNs of component build versions',
  },
  config: { value: 'FILE', short: 'c', help: 'read documents and options from a JSON file' },
  phases: { value: 'LIST', short: 'p', help: 'phases to run, comma-separated', default: 'all' },
  parameters: { value: 'LIST', help: 'parameters of the document, as name=value,name2=value2' },
  'execution-id': { value: 'ID', short: 'i', help: 'ID of the run', default: 'a new UUID' },
  'log-directory': {
    value: 'DIR',
    short: 'l',
    help: 'where to create the log folder',
    default: 'the current directory',
  },
  'state-directory': {
    value: 'DIR',
    short: 's',
    help: 'where to keep a run that waits for a restart of this host',
    default: 'the log directory',
  },
  'blocked-action-modules': { value: 'LIST', help: 'action modules that documents may not use' },
  'document-s3-bucket-owner': { value: 'ID', help: 'accepted for compatibility; has no effect' },
  trace: { short: 't', help: 'show debug messages' },
  version: { short: 'v', help: 'print the version' },
  'log-s3-bucket-name': { value: 'NAME', short: 'b', group: REJECTED_GROUP, help: 'S3 bucket for logs' },
  'log-s3-key-prefix': { value: 'PREFIX', short: 'k', group: REJECTED_GROUP, help: 'prefix of the log objects' },
  'log-s3-bucket-owner': { value: 'ID', group: REJECTED_GROUP, help: 'account that owns the bucket' },
  'cw-log-group': { value: 'NAME', group: REJECTED_GROUP, help: 'CloudWatch log group' },
  'cw-log-stream': { value: 'NAME', group: REJECTED_GROUP, help: 'CloudWatch log stream' },
  'cw-log-region': { value: 'REGION', group: REJECTED_GROUP, help: 'Region of the log group' },
  'cw-ignore-failures': { group: REJECTED_GROUP, help: 'continue if CloudWatch Logs fails' },
};

/**
 * Flags and configuration members that would send logs elsewhere, which is not supported yet. They are rejected,
 * because ignoring them would lose logs.
 */
const SENDS_LOGS: readonly (readonly [flag: string, member: string])[] = [
  ['log-s3-bucket-name', 'logS3BucketName'],
  ['log-s3-key-prefix', 'logS3KeyPrefix'],
  ['log-s3-bucket-owner', 'logS3BucketOwner'],
  ['cw-log-group', 'cwLogGroup'],
  ['cw-log-stream', 'cwLogStream'],
  ['cw-log-region', 'cwLogRegion'],
];

/** Members of the configuration file that awstoe knows. */
const MEMBERS = new Set([
  'documents',
  'phases',
  'parameters',
  'executionId',
  'logDirectory',
  'cwIgnoreFailures',
  'documentS3BucketOwner',
  'stateDirectory',
  'trace',
  ...SENDS_LOGS.map(([, member]) => member),
]);

/** The parsed configuration file. */
interface ToeConfig {
  readonly documents?: readonly { readonly path?: string; readonly parameters?: readonly NamedValue[] }[];
  readonly phases?: string;
  readonly parameters?: readonly NamedValue[];
  readonly executionId?: string;
  readonly logDirectory?: string;
  readonly stateDirectory?: string;
  readonly trace?: boolean;
}

interface NamedValue {
  readonly name?: string;
  readonly value?: string;
}

/**
 * The request from the arguments. A flag overrides the configuration file.
 * @param args those of `RUN_OPTIONS`; positional arguments are documents too
 * @throws {WrongUse}
 */
export function toeRequest(args: Arguments): ToeRequest {
  const config = readConfig(args);
  const named = [...list(args.text('documents')), ...args.positionals];
  if (config !== undefined && named.length > 0) throw new WrongUse('--config and --documents cannot be used together');
  if (config !== undefined && args.text('parameters') !== undefined)
    throw new WrongUse('--parameters cannot be used with --config, which has its own parameters');
  const everywhere = args.text('parameters') === undefined ? {} : parametersOf(args.text('parameters')!);
  const documents =
    config === undefined ? named.map((path) => ({ path, parameters: everywhere })) : documentsOf(config);
  if (documents.length === 0) throw new WrongUse('no document to run: name one, or use --documents or --config');
  for (const [flag, member] of SENDS_LOGS) {
    if (args.text(flag) === undefined && (config as Record<string, unknown> | undefined)?.[member] === undefined)
      continue;
    throw new WrongUse(
      `--${flag} (${member}) is not supported yet: logs are only written to the log folder, see --log-directory`,
    );
  }
  const executionId = args.text('execution-id') ?? config?.executionId ?? newUuid();
  if (!/^[\w.-]{1,128}$/.test(executionId))
    throw new WrongUse(`invalid execution ID '${executionId}': use letters, digits, '-', '_' and '.'`);
  const logDirectory = args.text('log-directory') ?? config?.logDirectory ?? '.';
  const phases = list(args.text('phases') ?? config?.phases);
  return {
    documents,
    phases: phases.length === 0 ? undefined : phases,
    executionId,
    logDirectory,
    stateDirectory: args.text('state-directory') ?? config?.stateDirectory ?? logDirectory,
    blocked: list(args.text('blocked-action-modules')),
    trace: args.flag('trace') || config?.trace === true,
  };
}

/** A comma-separated list (default: empty). */
export function list(text: string | undefined): readonly string[] {
  return (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** Parses `n=v,n2=v2`; a comma that no name follows belongs to the value. @throws {WrongUse} */
export function parametersOf(text: string): Readonly<Record<string, string>> {
  const given = text.split(/,(?=[A-Za-z0-9_-]+=)/).map((item) => {
    const split = /^([A-Za-z0-9_-]+)=([^]+)$/.exec(item);
    if (split === null)
      throw new WrongUse(`invalid value '${item}' for --parameters: expected name=value,name2=value2`);
    return [split[1]!, split[2]!] as const;
  });
  return Object.fromEntries(given);
}

function readConfig(args: Arguments): ToeConfig | undefined {
  const path = args.text('config');
  if (path === undefined) return undefined;
  if (path.startsWith('s3://'))
    throw new WrongUse('configuration files from S3 are not supported yet; copy it to this host first');
  let config: unknown;
  try {
    config = JSON.parse(readUtf8(readFileSync(path)));
  } catch (error) {
    throw new WrongUse(`cannot read the configuration file ${path}: ${(error as Error).message}`);
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw new WrongUse(`the configuration file ${path} is not a JSON object`);
  const unknown = Object.keys(config).filter((member) => !MEMBERS.has(member));
  if (unknown.length > 0)
    throw new WrongUse(
      `the configuration file ${path} has unknown members: ${unknown.join(', ')}; expected: ${[...MEMBERS].join(', ')}`,
    );
  return config as ToeConfig;
}

function documentsOf({ documents, parameters = [] }: ToeConfig): readonly DocumentSource[] {
  return (documents ?? []).map((document, index) => {
    if (typeof document.path !== 'string' || document.path === '')
      throw new WrongUse(`documents[${index}] of the configuration file has no path`);
    return {
      path: document.path,
      parameters: {
        ...values(parameters, 'parameters'),
        ...values(document.parameters ?? [], `documents[${index}].parameters`),
      },
    };
  });
}

function values(given: readonly NamedValue[], where: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    given.map(({ name, value }, index) => {
      if (typeof name !== 'string' || typeof value !== 'string')
        throw new WrongUse(`${where}[${index}] of the configuration file must have a name and a value, both strings`);
      return [name, value];
    }),
  );
}
