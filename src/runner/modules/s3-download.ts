/** S3Download. Source: reference, `awstoe.md` section 6. */
import { signS3, type S3Access } from '../../platform/s3-requests.ts';
import { BASH } from '../environment.ts';
import { posixPath } from '../file-program.ts';
import { transfer } from '../http-transfer.ts';
import { flag, itemsOf, mapOf, optionalText, text } from '../inputs.ts';
import { InputError, type ActionModule, type AttemptContext, type AttemptResult } from '../module.ts';
import { readListing, s3Access, s3Place, type S3Place } from '../s3.ts';
import type { InputValue } from '../../documents/component/document.ts';

/** Objects that a prefix may have. Source: reference, `awstoe.md` section 2. */
const MOST_OBJECTS = 1000;

interface Download {
  readonly source: S3Place;
  readonly destination: string;
  readonly overwrite: boolean;
  readonly owner: Readonly<Record<string, never>> | { readonly expectedBucketOwner: string };
}

export const s3Download: ActionModule = {
  name: 'S3Download',
  platforms: ['Linux', 'macOS'],
  async attempt(context) {
    const downloads = itemsOf(context.inputs).map((item, index) => downloadOf(mapOf(item, `inputs[${index}]`), context));
    const access = await s3Access(context);
    for (const download of downloads) {
      const failure = download.source.key.endsWith('*') ? await getPrefix(context, access, download) : await getObject(context, access, download, download.source.key, download.destination, false);
      if (failure !== undefined) return failure;
    }
    return { result: 'success' };
  },
};

/** @throws {InputError} */
function downloadOf(inputs: Readonly<Record<string, InputValue>>, context: AttemptContext): Download {
  const source = s3Place(text(inputs, 'source'), 'source');
  if (source.key === '' || source.key.endsWith('/')) throw new InputError(`source: a key, or a prefix that ends in /*, was expected, not "${text(inputs, 'source')}"`);
  if (source.key.slice(0, -1).includes('*') || (source.key.endsWith('*') && !/(^|\/)\*$/.test(source.key))) throw new InputError('source: a * may stand only as the last part of the key');
  const destination = posixPath(text(inputs, 'destination'), context.workingDirectory);
  if (!source.key.endsWith('*') && destination.endsWith('/')) throw new InputError(`destination: "${destination}" has to include the name of the file`);
  const owner = optionalText(inputs, 'expectedBucketOwner');
  return { source, destination: destination.replace(/(?<=.)\/+$/, ''), overwrite: flag(inputs, 'overwrite', true), owner: owner === undefined ? {} : { expectedBucketOwner: owner } };
}

const PREPARE = `
path=$1 overwrite=$2 make=$3
fail() { printf '%s\\n' "$1" >&2; exit 1; }
if [ -d "$path" ]; then fail "$path is a folder; the destination has to include the name of the file"; fi
if [ "$overwrite" = false ] && [ -e "$path" ]; then fail "$path exists, and overwrite is false"; fi
above=\${path%/*}
if [ "$make" = true ]; then mkdir -p -- "$above/" || exit 1; elif [ ! -d "$above/" ]; then fail "the folder $above does not exist; S3Download makes none"; fi
`;

async function getObject(context: AttemptContext, access: S3Access, download: Download, key: string, path: string, makeFolders: boolean): Promise<AttemptResult | undefined> {
  const shown = `s3://${download.source.bucket}/${key}`;
  const prepared = await context.command({
    argv: [...BASH, PREPARE, 's3-download', path, String(download.overwrite), String(makeFolders)], own: true, quiet: true, what: `looking at ${path}`,
  });
  if (prepared.exitCode !== 0) return { result: 'failed', message: prepared.stderr };
  const request = await signS3(access, { method: 'GET', bucket: download.source.bucket, key, ...download.owner });
  const ended = await transfer(context, { what: 'get', path, shown, ...request });
  if ('failure' in ended) return { result: 'failed', message: s3Failure(ended.failure) };
  context.log(`${shown} is in ${path}`);
  return undefined;
}

async function getPrefix(context: AttemptContext, access: S3Access, download: Download): Promise<AttemptResult | undefined> {
  const { bucket } = download.source;
  const prefix = download.source.key.slice(0, -1);
  const request = await signS3(access, { method: 'GET', bucket, key: '', query: { 'list-type': '2', prefix, 'encoding-type': 'url', 'max-keys': String(MOST_OBJECTS) }, ...download.owner });
  const listed = await transfer(context, { what: 'ask', path: '', shown: `s3://${bucket}/${prefix}*`, ...request });
  if ('failure' in listed) return { result: 'failed', message: s3Failure(listed.failure) };
  const { keys, truncated } = readListing(listed.body);
  if (truncated) return { result: 'failed', message: `s3://${bucket}/${prefix}* has more than ${MOST_OBJECTS} objects, which is as many as S3Download takes` };
  if (keys.length === 0) return { result: 'failed', message: `s3://${bucket}/${prefix}* has no objects` };
  const there = await context.command({ argv: [...BASH, '[ -d "$1" ]', 's3-download', download.destination], own: true, quiet: true, what: `looking at ${download.destination}` });
  if (there.exitCode !== 0) return { result: 'failed', message: `the folder ${download.destination} does not exist; S3Download makes none` };
  for (const key of keys) {
    const name = key.slice(prefix.length);
    if (name === '' || name.endsWith('/')) continue;
    // A key is any text: it must not lead out of the destination.
    if (name.split('/').some((part) => part === '..' || part === '.' || part === '') || name.includes('\0')) return { result: 'failed', message: `s3://${bucket}/${key} is no name of a file below ${download.destination}` };
    const failure = await getObject(context, access, download, key, `${download.destination}/${name}`, true);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

/** What S3 said in XML, in words. */
export function s3Failure(failure: string): string {
  const [, before, code, message] = /^([^]*?): the server answered \d+: [^]*?<Code>([^<]*)<\/Code>[^]*?<Message>([^<]*)<\/Message>/.exec(failure) ?? [];
  return code === undefined ? failure : `${before}: ${code}: ${message}`;
}
