/** What S3Download and S3Upload have in common. Source: reference, `awstoe.md` section 6. */
import { InputError, type AttemptContext } from '../module.ts';
import type { S3Access } from '../../platform/s3-requests.ts';

/** A place in S3. */
export interface S3Place {
  readonly bucket: string;
  readonly key: string;
}

/** `s3://bucket/key`. @throws {InputError} */
export function s3Place(text: string, input: string): S3Place {
  const found = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/(.*)$/s.exec(text);
  if (found === null) throw new InputError(`${input}: expected s3://BUCKET/KEY, not "${text}"`);
  return { bucket: found[1]!, key: found[2]! };
}

/**
 * Who the instance is to S3: its instance profile, and nobody else.
 * @throws {InputError} when it is nobody
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

/** What S3 said in XML, in words. */
export function s3Failure(failure: string): string {
  const answered = /: the server answered \d+: /.exec(failure);
  const code = answered === null ? null : /<Code>([^<]*)<\/Code>/.exec(failure.slice(answered.index));
  const message = code === null ? null : /<Message>([^<]*)<\/Message>/.exec(code.input.slice(code.index));
  if (answered === null || code === null || message === null) return failure;
  return `${failure.slice(0, answered.index)}: ${code[1]}: ${message[1]}`;
}
