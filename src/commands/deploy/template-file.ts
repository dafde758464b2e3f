/** A template file and the values for it. */
import { INGOT } from '../../platform/own-program.ts';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import type { StackExport } from '../../catalog/stacks.ts';
import type { Fault } from '../../documents/position.ts';
import { signedJson, type Connection } from '../../platform/api-client.ts';
import { readUtf8 } from '../../platform/utf8.ts';
import { leniently } from '../../templates/faults.ts';
import { describeFile, recognize } from '../../templates/recognize.ts';
import {
  parseTemplate,
  planTemplate,
  type Plan,
  type PseudoParameters,
  type Template,
} from '../../templates/template.ts';
import { FILE_OPTIONS } from '../local-files/find.ts';
import { keptParameters } from './parameters.ts';
import { WrongUse, type Arguments, type CommandOption } from '../command.ts';

/** Options of every command that takes a template. */
export const TEMPLATE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  parameter: { value: 'NAME=VALUE', short: 'p', multiple: true, help: 'template parameter' },
  import: {
    value: 'NAME=VALUE',
    multiple: true,
    help: 'value of an export for Fn::ImportValue, overriding what stacks export',
  },
  'stack-name': {
    value: 'NAME',
    help: 'name of the stack, and value of AWS::StackName',
    default: "the template's name",
  },
  ...FILE_OPTIONS,
};

/** Maximum bytes of a template: CloudFormation's limit. */
export const MOST_BYTES = 4 << 20;

/** A template that was read. */
export interface TemplateFile {
  readonly path: string;
  readonly text: string;
  /** What could be parsed. */
  readonly template?: Template;
  /** Texts of the included files, by name. */
  readonly included?: ReadonlyMap<string, string>;
  readonly faults: readonly Fault[];
}

/** @throws {WrongUse} if the file cannot be read */
export async function readText(path: string, what: string): Promise<string> {
  try {
    if ((await stat(path)).isDirectory()) throw new WrongUse(describeFile(path, 'directory', INGOT));
    if ((await stat(path)).size > MOST_BYTES) throw new Error(`it is larger than ${MOST_BYTES >> 20} MiB`);
    return readUtf8(await readFile(path));
  } catch (error) {
    if (error instanceof WrongUse) throw error;
    throw new WrongUse(
      `cannot read the ${what} ${path}: ` +
        `${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : (error as Error).message}`,
    );
  }
}

/**
 * Opens a template file.
 * @throws {WrongUse} if it cannot be read, or is not a template
 */
export async function openTemplate(path: string): Promise<TemplateFile> {
  const text = await readText(path, 'template');
  const kind = recognize(path, text);
  if (kind !== 'cloudformation' && kind !== 'unknown') throw new WrongUse(describeFile(path, kind, INGOT));
  return readTemplate(path, text);
}

/** Parses a template as far as possible. */
export function readTemplate(path: string, text: string): TemplateFile {
  const { value, faults } = leniently(() => parseTemplate(text));
  return { path, text, faults, template: value };
}

/** The values for evaluating a template. */
export interface Given {
  readonly parameters: ReadonlyMap<string, string>;
  readonly imports: ReadonlyMap<string, string>;
  readonly stackName: string;
  readonly region: string;
  readonly account: string;
}

/** The pseudo parameters of a template. */
export function pseudoOf({ region, account, stackName }: Given): PseudoParameters {
  return { region, accountId: account, partition: 'aws', stackName };
}

/** The values from the options. @throws {WrongUse} */
export function givenBy(args: Arguments, path: string, place: Pick<Given, 'region' | 'account'>): Given {
  const stackName = args.text('stack-name') ?? stackNameOf(path);
  if (!/^[A-Za-z][A-Za-z0-9-]{0,127}$/.test(stackName))
    throw new WrongUse(
      `invalid value '${stackName}' for --stack-name: expected at most 128 letters, digits and hyphens, beginning ` +
        'with a letter',
    );
  return { parameters: pairs(args, 'parameter'), imports: pairs(args, 'import'), stackName, ...place };
}

function pairs(args: Arguments, option: string): ReadonlyMap<string, string> {
  return new Map(
    args.list(option).map((given): [string, string] => {
      const split = /^([^=]+)=([^]*)$/.exec(given);
      if (split === null) throw new WrongUse(`invalid value '${given}' for --${option}: expected NAME=VALUE`);
      return [split[1]!, split[2]!];
    }),
  );
}

/** The file's name, or its directory's if the file is just called template, in the characters of a stack's name. */
function stackNameOf(path: string): string {
  const name = basename(path, extname(path)).replace(/\.template$/, '');
  const telling = name === 'template' ? basename(dirname(resolve(path))) : name;
  return (
    telling
      .replace(/[^A-Za-z0-9-]+/g, '-')
      .replace(/^[^A-Za-z]+/, '')
      .slice(0, 128) || 'stack'
  );
}

/** The server's resources that a template may refer to. */
export interface Surroundings {
  readonly exports: readonly StackExport[];
  /** Values of stored parameters, by name. */
  readonly parameters: ReadonlyMap<string, string>;
}

const NOTHING: Surroundings = { exports: [], parameters: new Map() };

/** The server's resources in the connection's Region. */
export async function surroundingsOf(connection: Connection): Promise<Surroundings> {
  return { exports: await exportsOf(connection), parameters: await keptParameters(connection) };
}

/** A template with its parameters, as far as it could be evaluated. */
export interface EvaluatedTemplate extends TemplateFile {
  readonly plan?: Plan;
  /** Names of exports of other stacks that it uses. It grows while values are evaluated. */
  readonly imported: ReadonlySet<string>;
}

/**
 * Evaluates a template as far as possible before anything exists.
 * @param surroundings the server's resources, once they are known
 */
export function evaluateTemplate(
  file: TemplateFile,
  given: Given,
  { exports, parameters }: Surroundings = NOTHING,
): EvaluatedTemplate {
  const imported = new Set<string>();
  const { template } = file;
  if (template === undefined) return { ...file, imported };
  const values = new Map(exports.map(({ name, value }) => [name, value]));
  const exportValue = (name: string): string | undefined => {
    const own = given.imports.get(name);
    if (own === undefined && values.has(name)) imported.add(name);
    return own ?? values.get(name);
  };
  const { value: plan, faults } = leniently(() =>
    planTemplate(template, given.parameters, pseudoOf(given), {
      exportValue,
      parameterValue: (name) => parameters.get(name),
    }),
  );
  return { ...file, imported, faults, plan };
}

/** Whether the server must check anything; not for a template that cannot be parsed. */
export function asksServer({ plan }: EvaluatedTemplate): boolean {
  return plan !== undefined && plan.resources.length > 0;
}

/** The exports of stacks in the connection's Region. */
export async function exportsOf(connection: Connection): Promise<readonly StackExport[]> {
  const path = '/ingot/exports';
  return (await signedJson<{ exports: readonly StackExport[] }>(connection, { method: 'GET', path })).exports;
}
