/** Code that S3Download and S3Upload share. Source: reference, `awstoe.md` section 6. */
import { InputError, type AttemptContext } from '../module.ts';
import type { S3Access } from '../../platform/s3-requests.ts';
import { readS3Uri, s3ErrorText, type S3Place } from '../../resources/s3-uri.ts';

/** `s3://bucket/key`. @throws {InputError} */
export function s3Place(text: string, input: string): S3Place {
  const found = readS3Uri(text);
  if (found === undefined) throw new InputError(`${input}: expected s3://BUCKET/KEY, not "${text}"`);
  return found;
}

/**
 * The instance's S3 credentials, from its instance profile only.
 * @throws {InputError} if there are none
 */
export async function s3Access(context: AttemptContext): Promise<S3Access> {
  const access = await context.s3Access?.().catch((error: unknown) => {
    throw new InputError(`could not load the instance profile's credentials: ${(error as Error).message}`);
  });
  if (access === undefined)
    throw new InputError('the instance profile has no credentials in config.yaml, and S3 requests use only those');
  return access;
}

/** One page of a listing: keys, and whether there are more. */
export function readListing(xml: string): { readonly keys: readonly string[]; readonly truncated: boolean } {
  const keys = xml
    .split('<Contents>')
    .slice(1)
    .flatMap((contents) => {
      const key = /<Key>([^<]*)<\/Key>/.exec(contents)?.[1];
      return key === undefined ? [] : [decodeURIComponent(key.replaceAll('+', '%20').replaceAll('&amp;', '&'))];
    });
  return { keys, truncated: /<IsTruncated>true<\/IsTruncated>/.test(xml) };
}

/** S3's error message, from XML. */
export function s3Failure(failure: string): string {
  const answered = /: the server answered \d+: /.exec(failure);
  const told = answered === null ? undefined : s3ErrorText(failure.slice(answered.index));
  return answered === null || told === undefined ? failure : `${failure.slice(0, answered.index)}: ${told}`;
}
