/** Nested stacks: the template of an `AWS::CloudFormation::Stack`, with its parameters. */
import { dirname } from 'node:path';
import { nameOfForeign } from '../../templates/foreign.ts';
import type { PlannedResource, RequestValue } from '../../templates/template.ts';
import { CommandFailed } from '../command.ts';
import { pathOf } from './files.ts';
import { readNamed, withIncluded, type TemplateContext } from './named-files.ts';
import { evaluateTemplate, readTemplate, type EvaluatedTemplate, type Given } from './template-file.ts';

/** Maximum depth of nested stacks, including the outermost. */
const DEEPEST = 6;

/** A nested stack. */
export interface NestedTemplate {
  readonly file: EvaluatedTemplate;
  readonly context: TemplateContext;
}

type Request = Readonly<Record<string, RequestValue>>;

/**
 * Opens the template of a nested stack, and evaluates it with its parameters.
 * @param request the stack's properties
 * @throws {CommandFailed} if it cannot be read, is nested too deeply, or contains itself
 */
export async function openNested(
  context: TemplateContext,
  { logicalId, type, asset }: PlannedResource,
  request: Request,
): Promise<NestedTemplate> {
  const { given } = context;
  const written = String(request['templateURL']);
  // Without cdk's list of assets, its Metadata names the file.
  const beside = await pathOf(dirname(context.files.at(-1)!), written);
  const url = beside === undefined && asset?.property === 'TemplateURL' ? asset.path : written;
  if (context.files.length >= DEEPEST)
    throw new CommandFailed(`the stack is nested more than ${DEEPEST} levels deep: ${context.files.join(' > ')}`);
  const { name, text } = await readNamed(context, url, 'template');
  if (context.files.includes(name)) throw new CommandFailed(`the template nests itself: ${name}`);
  const { region, account: accountId, stackName } = given;
  const parameters = Object.entries((request['parameters'] ?? {}) as Request).map(
    ([parameter, value]) => [parameter, Array.isArray(value) ? value.join(',') : String(value)] as const,
  );
  const own: Given = {
    ...given,
    parameters: new Map(parameters),
    // A name like CloudFormation's; the random part is always the same.
    stackName: nameOfForeign(logicalId, type, { region, accountId, partition: 'aws', stackName }),
  };
  const nested = { ...context, given: own, files: [...context.files, name] };
  const file = await withIncluded(readTemplate(name, text), nested);
  return { file: evaluateTemplate(file, own, context.surroundings), context: nested };
}
