/** S3Upload. Uploaded objects stay if a later one fails. Source: reference, `awstoe.md` section 6. */
import { readScript } from '../../platform/scripts.ts';
import { signS3, type S3Access } from '../../platform/s3-requests.ts';
import { absolutePath, wildcard, withoutSeparators } from '../kit/file-program.ts';
import { transfer } from '../kit/http-transfer.ts';
import { flag, itemsOf, mapOf, optionalText, text } from '../kit/inputs.ts';
import { InputError, onWindows, type ActionModule, type AttemptContext, type AttemptResult } from '../module.ts';
import { s3Access, s3Failure, s3Place } from '../kit/s3.ts';
import type { S3Place } from '../../resources/s3-uri.ts';
import { runSmall, type SmallProgram } from '../kit/small-program.ts';
import type { InputValue } from '../../documents/component/document.ts';

/** Maximum size of one upload request to S3, in bytes. */
const MOST_BYTES = 5 * 2 ** 30;

interface Upload {
  readonly source: string;
  readonly pattern: string;
  readonly recurse: boolean;
  readonly destination: S3Place;
  readonly owner: Readonly<Record<string, never>> | { readonly expectedBucketOwner: string };
}

export const s3Upload: ActionModule = {
  name: 'S3Upload',
  platforms: ['Linux', 'Windows', 'macOS'],
  async attempt(context) {
    const uploads = itemsOf(context.inputs).map((item, index) => uploadOf(mapOf(item, `inputs[${index}]`), context));
    const access = await s3Access(context);
    for (const upload of uploads) {
      const failure = await send(context, access, upload);
      if (failure !== undefined) return failure;
    }
    return { result: 'success' };
  },
};

/** @throws {InputError} */
function uploadOf(inputs: Readonly<Record<string, InputValue>>, context: AttemptContext): Upload {
  const source = withoutSeparators(context, absolutePath(context, text(inputs, 'source')));
  if (text(inputs, 'source').startsWith('s3://'))
    throw new InputError('source: expected a path; use S3Download to download from S3');
  const { pattern, hasWildcard } = wildcard(source, 'source', onWindows(context));
  const owner = optionalText(inputs, 'expectedBucketOwner');
  return {
    source,
    pattern: hasWildcard ? pattern : '',
    recurse: flag(inputs, 'recurse', false),
    destination: s3Place(text(inputs, 'destination'), 'destination'),
    owner: owner === undefined ? {} : { expectedBucketOwner: owner },
  };
}

/** Prints size, path and name below the destination of each file; files in subfolders only if the step recurses. */
const FIND: SmallProgram = {
  name: 's3-upload',
  bash: readScript(import.meta.url, 's3-upload.sh'),
  powershell: readScript(import.meta.url, 's3-upload.ps1'),
};

async function send(context: AttemptContext, access: S3Access, upload: Upload): Promise<AttemptResult | undefined> {
  const found = await runSmall(
    context,
    FIND,
    [upload.source, upload.pattern, String(upload.recurse)],
    `looking at ${upload.source}`,
  );
  if (found.exitCode !== 0) return { result: 'failed', message: found.stderr };
  if (found.stdoutBytes === undefined)
    return { result: 'failed', message: `${upload.source} has more files than one step can upload` };
  const fields = found.stdoutBytes.toString('utf8').split('\0').slice(0, -1);
  const { bucket, key: to } = upload.destination;
  for (let at = 0; at < fields.length; at += 3) {
    const [size, path, name] = fields.slice(at, at + 3) as [string, string, string];
    const key =
      name === ''
        ? to === '' || to.endsWith('/')
          ? `${to}${path.split(onWindows(context) ? /[/\\]/ : '/').at(-1)!}`
          : to
        : `${to.replace(/\/?\*?$/, '')}/${name}`.replace(/^\//, '');
    const shown = `${path} to s3://${bucket}/${key}`;
    if (Number(size) > MOST_BYTES)
      return {
        result: 'failed',
        message: `${shown}: the file has more than 5 GiB, which S3Upload does not support yet`,
      };
    const request = await signS3(access, { method: 'PUT', bucket, key, ...upload.owner });
    const ended = await transfer(context, { what: 'put', path, shown, ...request });
    if ('failure' in ended) return { result: 'failed', message: s3Failure(ended.failure) };
    context.log(`${path} is in s3://${bucket}/${key}`);
  }
  return undefined;
}
