/** Nested stacks: the template that an `AWS::CloudFormation::Stack` names, with the parameters that it is given. */
import { dirname, isAbsolute, relative } from 'node:path';
import { readConfig } from '../../platform/config/config.ts';
import { uriProfileFor } from '../../platform/config/profiles.ts';
import { readS3Object, s3AccessOf, S3Refused, S3TooLarge } from '../../platform/s3-object.ts';
import { readUtf8 } from '../../platform/utf8.ts';
import { readS3Address, s3ErrorText, type S3Place } from '../../resources/s3-uri.ts';
import { nameOfForeign } from '../../templates/foreign.ts';
import type { PlannedResource, RequestValue } from '../../templates/template.ts';
import { CommandFailed } from '../command.ts';
import { pathOf } from './files.ts';
import {
  evaluateTemplate,
  MOST_BYTES,
  readTemplate,
  readText,
  type EvaluatedTemplate,
  type Given,
  type Surroundings,
} from './template-file.ts';

/** Stacks in stacks, the first one included. */
const DEEPEST = 6;
const S3_MS = 30_000;

/** What a template is evaluated with, and where the files that it names are. */
export interface TemplateContext {
  readonly given: Given;
  readonly surroundings: Surroundings;
  readonly dataDirectory: string;
  /** Paths and addresses of the templates around it, its own last. */
  readonly files: readonly string[];
}

/** A nested stack. */
export interface NestedTemplate {
  readonly file: EvaluatedTemplate;
  readonly context: TemplateContext;
}

type Request = Readonly<Record<string, RequestValue>>;

/**
 * Opens the template of a nested stack, and evaluates it with the parameters that it is given.
 * @param request the stack's properties
 * @throws {CommandFailed} when it cannot be read, or is nested too deeply or in itself
 */
export async function openNested(
  context: TemplateContext,
  { logicalId, type }: PlannedResource,
  request: Request,
): Promise<NestedTemplate> {
  const { given } = context;
  const url = String(request['templateURL']);
  if (context.files.length >= DEEPEST)
    throw new CommandFailed(`the stack is nested more than ${DEEPEST} levels deep: ${context.files.join(' > ')}`);
  const { name, text } = await read(context, url);
  if (context.files.includes(name)) throw new CommandFailed(`the template nests itself: ${name}`);
  const { region, account: accountId, stackName } = given;
  const parameters = Object.entries((request['parameters'] ?? {}) as Request).map(
    ([parameter, value]) => [parameter, Array.isArray(value) ? value.join(',') : String(value)] as const,
  );
  const own: Given = {
    ...given,
    parameters: new Map(parameters),
    // As CloudFormation names it; the random part is the same each time.
    stackName: nameOfForeign(logicalId, type, { region, accountId, partition: 'aws', stackName }),
  };
  const nested = { ...context, given: own, files: [...context.files, name] };
  return { file: evaluateTemplate(readTemplate(name, text), own, context.surroundings), context: nested };
}

async function read(
  { files, dataDirectory, given }: TemplateContext,
  url: string,
): Promise<{ readonly name: string; readonly text: string }> {
  const parent = files.at(-1)!;
  const path = await pathOf(dirname(parent), url);
  if (path !== undefined) {
    const name = isAbsolute(parent) ? path : relative(process.cwd(), path);
    try {
      return { name, text: await readText(name, 'template') };
    } catch (error) {
      throw new CommandFailed((error as Error).message);
    }
  }
  const place = readS3Address(url);
  if (place === undefined)
    throw new CommandFailed(
      `cannot read the template '${url}': expected a path from the template's folder, file:, s3://BUCKET/KEY, or the ` +
        'https:// address of an object in S3',
    );
  return { name: `s3://${place.bucket}/${place.key}`, text: await readFromS3(dataDirectory, given, place) };
}

async function readFromS3(
  dataDirectory: string,
  { account, region }: Pick<Given, 'account' | 'region'>,
  place: S3Place,
): Promise<string> {
  const shown = `the template s3://${place.bucket}/${place.key}`;
  const profile = uriProfileFor(await readConfig(dataDirectory), account);
  if (profile === undefined)
    throw new CommandFailed(
      `cannot read ${shown}: config.yaml names no instance profile for account ${account}. Add uriProfiles: [NAME], ` +
        'or put the template beside the one that names it',
    );
  try {
    const access = await s3AccessOf(profile, region)();
    const signal = AbortSignal.timeout(S3_MS);
    return readUtf8(await readS3Object(access, place, { maxBytes: MOST_BYTES, signal }));
  } catch (error) {
    if (error instanceof S3TooLarge) throw new CommandFailed(`${shown} is larger than ${MOST_BYTES >> 20} MiB`);
    const answer = error instanceof S3Refused ? s3ErrorText(error.body) : undefined;
    throw new CommandFailed(`cannot read ${shown}: ${answer ?? (error as Error).message}`);
  }
}
