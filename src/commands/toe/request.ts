/** What `ingot toe` is asked for: the flags and the configuration file of awstoe. Source: reference, `awstoe.md` section 8. */
import { readFileSync } from 'node:fs';
import { newUuid } from '../../platform/ids.ts';
import { type Arguments, WrongUse, type CommandOption } from '../command.ts';

/** A document to run, by where it is, with the values that are its own. */
interface DocumentSource {
  /** A path, or the ARN of a component's build version. */
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** A run. */
export interface ToeRequest {
  readonly documents: readonly DocumentSource[];
  /** All phases when absent. */
  readonly phases: readonly string[] | undefined;
  readonly executionId: string;
  readonly logDirectory: string;
  readonly stateDirectory: string;
  readonly blocked: readonly string[];
  readonly trace: boolean;
}

/** The flags of `awstoe run`. */
export const RUN_OPTIONS: Readonly<Record<string, CommandOption>> = {
  config: { type: 'string', short: 'c' },
  documents: { type: 'string', short: 'd' },
  phases: { type: 'string', short: 'p' },
  parameters: { type: 'string' },
  'execution-id': { type: 'string', short: 'i' },
  'log-directory': { type: 'string', short: 'l' },
  'state-directory': { type: 'string', short: 's' },
  'blocked-action-modules': { type: 'string' },
  'document-s3-bucket-owner': { type: 'string' },
  trace: { type: 'boolean', short: 't' },
  version: { type: 'boolean', short: 'v' },
  'log-s3-bucket-name': { type: 'string', short: 'b' },
  'log-s3-key-prefix': { type: 'string', short: 'k' },
  'log-s3-bucket-owner': { type: 'string' },
  'cw-log-group': { type: 'string' },
  'cw-log-stream': { type: 'string' },
  'cw-log-region': { type: 'string' },
  'cw-ignore-failures': { type: 'boolean' },
};

/** Flags and members of the configuration that would send logs away, which does not work yet: to pass them over would lose logs. */
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

/** The configuration file, as it is read. */
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
 * The request that the arguments make. A flag goes before the configuration file.
 * @param args those of `RUN_OPTIONS`; positional arguments are documents too
 * @throws {WrongUse}
 */
export function toeRequest(args: Arguments): ToeRequest {
  const config = readConfig(args);
  const named = [...list(args.text('documents')), ...args.positionals];
  if (config !== undefined && named.length > 0) throw new WrongUse('--config and --documents exclude each other');
  if (config !== undefined && args.text('parameters') !== undefined)
    throw new WrongUse('--parameters does not go with --config, which has parameters of its own');
  const everywhere = args.text('parameters') === undefined ? {} : parametersOf(args.text('parameters')!);
  const documents =
    config === undefined ? named.map((path) => ({ path, parameters: everywhere })) : documentsOf(config);
  if (documents.length === 0) throw new WrongUse('there is no document to run: name one, or --documents, or --config');
  for (const [flag, member] of SENDS_LOGS) {
    if (args.text(flag) === undefined && (config as Record<string, unknown> | undefined)?.[member] === undefined)
      continue;
    throw new WrongUse(`--${flag} (${member}) does not work yet: logs stay in the log folder, see --log-directory`);
  }
  const executionId = args.text('execution-id') ?? config?.executionId ?? newUuid();
  if (!/^[\w.-]{1,128}$/.test(executionId))
    throw new WrongUse(`the execution id '${executionId}' has to be letters, digits, - _ and .`);
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

/** A comma list; empty when absent. */
export function list(text: string | undefined): readonly string[] {
  return (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** `n=v,n2=v2`: a comma that no name follows belongs to the value. @throws {WrongUse} */
export function parametersOf(text: string): Readonly<Record<string, string>> {
  const given = text.split(/,(?=[A-Za-z0-9_-]+=)/).map((item) => {
    const split = /^([A-Za-z0-9_-]+)=([^]+)$/.exec(item);
    if (split === null) throw new WrongUse(`--parameters takes name=value,name2=value2, and '${item}' is none`);
    return [split[1]!, split[2]!] as const;
  });
  return Object.fromEntries(given);
}

function readConfig(args: Arguments): ToeConfig | undefined {
  const path = args.text('config');
  if (path === undefined) return undefined;
  if (path.startsWith('s3://'))
    throw new WrongUse('a configuration file from S3 does not work yet; name one of this host');
  let config: unknown;
  try {
    config = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new WrongUse(`the configuration file ${path} cannot be read: ${(error as Error).message}`);
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw new WrongUse(`the configuration file ${path} is no JSON object`);
  const unknown = Object.keys(config).filter((member) => !MEMBERS.has(member));
  if (unknown.length > 0)
    throw new WrongUse(
      `the configuration file ${path} has members that are not known: ${unknown.join(', ')}; there are: ${[...MEMBERS].join(', ')}`,
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
        throw new WrongUse(`${where}[${index}] of the configuration file has to have a name and a value, both texts`);
      return [name, value];
    }),
  );
}
