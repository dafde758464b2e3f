/** Files that templates name, beside them or in S3, and what they include. */
import { dirname, isAbsolute, relative } from 'node:path';
import { readConfig } from '../../platform/config/config.ts';
import { uriProfileFor } from '../../platform/config/profiles.ts';
import { readS3Object, s3AccessOf, S3Refused, S3TooLarge } from '../../platform/s3-object.ts';
import { readUtf8 } from '../../platform/utf8.ts';
import { readS3Address, s3ErrorText, type S3Place } from '../../resources/s3-uri.ts';
import { filesToInclude, includeFiles, type IncludedFile } from '../../templates/template.ts';
import { CommandFailed } from '../command.ts';
import { pathOf } from './files.ts';
import { MOST_BYTES, pseudoOf, readText, type Given, type Surroundings, type TemplateFile } from './template-file.ts';

const S3_MS = 30_000;
/** Maximum number of included files of a template. */
const MOST_INCLUDED = 200;

/** The values for evaluating a template, and the location of the files that it names. */
export interface TemplateContext {
  readonly given: Given;
  readonly surroundings: Surroundings;
  readonly dataDirectory: string;
  /** Directory that files of documents must stay in (default: the template's). */
  readonly fileRoot?: string | undefined;
  /** Paths and URLs of the outer templates, its own last. */
  readonly files: readonly string[];
}

/** The location of a template, for finding the files that it names. */
type Whereabouts = Pick<TemplateContext, 'files' | 'dataDirectory' | 'given'>;

/** A template with the content of the files that it includes. An unreadable file is a fault of the template. */
export async function withIncluded(file: TemplateFile, where: Whereabouts): Promise<TemplateFile> {
  const { template } = file;
  if (template === undefined || !template.includes) return file;
  const pseudo = pseudoOf(where.given);
  const { parameters } = where.given;
  const read = new Map<string, IncludedFile>();
  const included = new Map<string, string>();
  for (const { location } of filesToInclude(template, parameters, pseudo)) {
    if (read.has(location)) continue;
    if (read.size >= MOST_INCLUDED) {
      read.set(location, { refused: `the template includes more than ${MOST_INCLUDED} files` });
      continue;
    }
    try {
      const named = await readNamed(where, location, 'included file');
      read.set(location, named);
      included.set(named.name, named.text);
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      read.set(location, { refused: error.message });
    }
  }
  return { ...file, included, template: includeFiles(template, read, parameters, pseudo) };
}

/**
 * The text of a file beside a template or in S3: another template, or an included file.
 * @param what for messages
 * @throws {CommandFailed} if it cannot be read
 */
export async function readNamed(
  { files, dataDirectory, given }: Whereabouts,
  url: string,
  what: string,
): Promise<{ readonly name: string; readonly text: string }> {
  const parent = files.at(-1)!;
  const path = await pathOf(dirname(parent), url);
  if (path !== undefined) {
    const name = isAbsolute(parent) ? path : relative(process.cwd(), path);
    try {
      return { name, text: await readText(name, what) };
    } catch (error) {
      throw new CommandFailed((error as Error).message);
    }
  }
  const place = readS3Address(url);
  if (place === undefined)
    throw new CommandFailed(
      `cannot read the ${what} '${url}': expected a path from the template's folder, file:, s3://BUCKET/KEY, or the ` +
        'https:// address of an object in S3',
    );
  return { name: `s3://${place.bucket}/${place.key}`, text: await readFromS3(dataDirectory, given, place, what) };
}

async function readFromS3(
  dataDirectory: string,
  { account, region }: Pick<Given, 'account' | 'region'>,
  place: S3Place,
  what: string,
): Promise<string> {
  const shown = `the ${what} s3://${place.bucket}/${place.key}`;
  const profile = uriProfileFor(await readConfig(dataDirectory), account);
  if (profile === undefined)
    throw new CommandFailed(
      `cannot read ${shown}: config.yaml names no instance profile for account ${account}. Add uriProfiles: [NAME], ` +
        `or put the ${what} beside the template that names it`,
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
