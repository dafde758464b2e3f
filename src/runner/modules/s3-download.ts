/** S3Download. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
import { signS3, type S3Access } from '../../platform/s3-requests.ts';
import { absolutePath, withoutSeparators } from '../kit/file-program.ts';
import { transfer } from '../kit/http-transfer.ts';
import { flag, itemsOf, mapOf, optionalText, text } from '../kit/inputs.ts';
import { InputError, onWindows, type ActionModule, type AttemptContext, type AttemptResult } from '../module.ts';
import { readListing, s3Access, s3Failure, s3Place } from '../kit/s3.ts';
import type { S3Place } from '../../resources/s3-uri.ts';
import { runSmall, type SmallProgram } from '../kit/small-program.ts';
import { copySource, isFileSource, shownSource, sourceFile } from '../kit/source-file.ts';
import type { InputValue } from '../../documents/component/document.ts';

/** Maximum number of objects with a prefix. Source: reference, `awstoe.md` section 2. */
const MOST_OBJECTS = 1000;

interface Download {
  readonly source: S3Place;
  readonly destination: string;
  readonly overwrite: boolean;
  readonly owner: Readonly<Record<string, never>> | { readonly expectedBucketOwner: string };
}

export const s3Download: ActionModule = {
  name: 'S3Download',
  platforms: ['Linux', 'Windows', 'macOS'],
  async attempt(context) {
    const downloads = itemsOf(context.inputs).map((item, index) =>
      downloadOf(mapOf(item, `inputs[${index}]`), context),
    );
    let access: S3Access | undefined;
    for (const download of downloads) {
      if ('file' in download) {
        const failure = await getFile(context, download);
        if (failure !== undefined) return failure;
        continue;
      }
      access ??= await s3Access(context);
      const failure = download.source.key.endsWith('*')
        ? await getPrefix(context, access, download)
        : await getObject(context, access, download, download.source.key, download.destination, false);
      if (failure !== undefined) return failure;
    }
    return { result: 'success' };
  },
};

/** A file that Ingot stores, or the archive of a folder. */
interface FileCopy {
  readonly file: string;
  readonly destination: string;
  readonly overwrite: boolean;
}

/** @throws {InputError} */
function downloadOf(inputs: Readonly<Record<string, InputValue>>, context: AttemptContext): Download | FileCopy {
  const written = text(inputs, 'source').trim();
  if (isFileSource(written))
    return {
      file: written,
      destination: absolutePath(context, text(inputs, 'destination')),
      overwrite: flag(inputs, 'overwrite', true),
    };
  const source = s3Place(text(inputs, 'source'), 'source');
  if (source.key === '' || source.key.endsWith('/'))
    throw new InputError(`source: expected a key, or a prefix that ends in /*, not "${text(inputs, 'source')}"`);
  if (source.key.slice(0, -1).includes('*') || (source.key.endsWith('*') && !/(^|\/)\*$/.test(source.key)))
    throw new InputError('source: a * is allowed only as the last part of the key');
  const destination = absolutePath(context, text(inputs, 'destination'));
  const file = withoutSeparators(context, destination);
  if (!source.key.endsWith('*') && file !== destination)
    throw new InputError(`destination: "${destination}" must include the name of the file`);
  const owner = optionalText(inputs, 'expectedBucketOwner');
  return {
    source,
    destination: file,
    overwrite: flag(inputs, 'overwrite', true),
    owner: owner === undefined ? {} : { expectedBucketOwner: owner },
  };
}

/** Checks whether the destination is writable, and creates its parent folders if the step may. */
const PREPARE: SmallProgram = {
  name: 's3-download',
  bash: readScript(import.meta.url, 's3-download-prepare.sh'),
  powershell: readScript(import.meta.url, 's3-download-prepare.ps1'),
};

const IS_FOLDER: SmallProgram = {
  name: 's3-download',
  bash: readScript(import.meta.url, 's3-download-folder.sh'),
  powershell: readScript(import.meta.url, 's3-download-folder.ps1'),
};

async function getFile(context: AttemptContext, copy: FileCopy): Promise<AttemptResult | undefined> {
  const shown = shownSource(copy.file);
  const file = await sourceFile(context, copy.file);
  const path = withoutSeparators(context, copy.destination);
  if (!file.folder && path !== copy.destination)
    throw new InputError(`destination: "${copy.destination}" must include the name of the file`);
  const looked = file.folder
    ? await runSmall(context, IS_FOLDER, [path], `looking at ${path}`)
    : await runSmall(context, PREPARE, [path, String(copy.overwrite), 'false'], `looking at ${path}`);
  if (looked.exitCode !== 0) return { result: 'failed', message: looked.stderr };
  const message = await copySource(context, file, path, { what: shown, overwrite: copy.overwrite });
  if (message !== undefined) return { result: 'failed', message };
  context.log(`${shown} is in ${path}`);
  return undefined;
}

async function getObject(
  context: AttemptContext,
  access: S3Access,
  download: Download,
  key: string,
  path: string,
  makeFolders: boolean,
): Promise<AttemptResult | undefined> {
  const shown = `s3://${download.source.bucket}/${key}`;
  const prepared = await runSmall(
    context,
    PREPARE,
    [path, String(download.overwrite), String(makeFolders)],
    `looking at ${path}`,
  );
  if (prepared.exitCode !== 0) return { result: 'failed', message: prepared.stderr };
  const request = await signS3(access, { method: 'GET', bucket: download.source.bucket, key, ...download.owner });
  const ended = await transfer(context, { what: 'get', path, shown, ...request });
  if ('failure' in ended) return { result: 'failed', message: s3Failure(ended.failure) };
  context.log(`${shown} is in ${path}`);
  return undefined;
}

async function getPrefix(
  context: AttemptContext,
  access: S3Access,
  download: Download,
): Promise<AttemptResult | undefined> {
  const { bucket } = download.source;
  const prefix = download.source.key.slice(0, -1);
  const request = await signS3(access, {
    method: 'GET',
    bucket,
    key: '',
    query: { 'list-type': '2', prefix, 'encoding-type': 'url', 'max-keys': String(MOST_OBJECTS) },
    ...download.owner,
  });
  const listed = await transfer(context, { what: 'ask', path: '', shown: `s3://${bucket}/${prefix}*`, ...request });
  if ('failure' in listed) return { result: 'failed', message: s3Failure(listed.failure) };
  const { keys, truncated } = readListing(listed.body);
  if (truncated)
    return {
      result: 'failed',
      message: `s3://${bucket}/${prefix}* has more than ${MOST_OBJECTS} objects, the limit of S3Download`,
    };
  if (keys.length === 0) return { result: 'failed', message: `s3://${bucket}/${prefix}* has no objects` };
  const there = await runSmall(context, IS_FOLDER, [download.destination], `looking at ${download.destination}`);
  if (there.exitCode !== 0) return { result: 'failed', message: there.stderr };
  for (const key of keys) {
    const name = key.slice(prefix.length);
    if (name === '' || name.endsWith('/')) continue;
    if (!namesFile(context, name))
      return {
        result: 'failed',
        message: `s3://${bucket}/${key} is not a valid file name below ${download.destination}`,
      };
    const path = onWindows(context)
      ? `${download.destination}\\${name.replaceAll('/', '\\')}`
      : `${download.destination}/${name}`;
    const failure = await getObject(context, access, download, key, path, true);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

/**
 * Whether the rest of a key after the prefix, which can be any text, is a valid name on the system that stays below the
 * destination.
 */
function namesFile(context: AttemptContext, name: string): boolean {
  if (name.includes('\0') || name.split('/').some((part) => part === '..' || part === '.' || part === '')) return false;
  return !onWindows(context) || !/[\u0000-\u001f<>:"\\|?*]|[ .](?:\/|$)/.test(name);
}
