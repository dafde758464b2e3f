/** Objects in S3 that this process reads and writes itself, with the credentials of an instance profile. */
import type { InstanceProfile } from './config/profiles.ts';
import { askServer } from './http.ts';
import { credentialProvider } from './role-credentials.ts';
import { signS3, type S3Access, type S3Request } from './s3-requests.ts';

/** S3 rejected a request. */
export class S3Refused extends Error {
  override readonly name = 'S3Refused';
  /** HTTP status. */
  readonly status: number;
  /** The start of the response, which is XML. */
  readonly body: string;

  constructor(status: number, body: string) {
    super(`S3 answered ${status}`);
    this.status = status;
    this.body = body;
  }
}

/** An object is larger than allowed. */
export class S3TooLarge extends Error {
  override readonly name = 'S3TooLarge';
}

/**
 * The S3 endpoint and credentials of instances with a profile.
 * @param region if the profile has none
 */
export function s3AccessOf(profile: InstanceProfile, region: string): () => Promise<S3Access> {
  const credentials = credentialProvider(profile.credentials);
  return async () => ({
    credentials: await credentials(),
    region: profile.region ?? region,
    endpoint: profile.s3Endpoint,
  });
}

/**
 * Writes an object. Redirects are not followed.
 * @throws {S3Refused} for an unsuccessful response
 * @throws the system's error if there is no response; the signal's reason if it is aborted
 */
export async function writeS3Object(
  access: S3Access,
  place: Pick<S3Request, 'bucket' | 'key'>,
  text: string,
  signal: AbortSignal,
): Promise<void> {
  const { url, headers } = await signS3(access, { method: 'PUT', ...place });
  const body = Buffer.from(text);
  const { answer, close } = await askServer(url, {
    method: 'PUT',
    headers: { ...headers, 'content-length': String(body.length) },
    body,
    signal,
    proxy: 'host',
  });
  try {
    let said = '';
    for await (const chunk of answer as AsyncIterable<Buffer>) if (said.length < 2000) said += chunk.toString();
    if (answer.statusCode !== 200) throw new S3Refused(answer.statusCode!, said.slice(0, 2000));
  } finally {
    close();
  }
}

/**
 * Reads an object. Redirects are not followed, because they would send the signature elsewhere.
 * @throws {S3Refused} for an unsuccessful response
 * @throws {S3TooLarge} if it has more than `maxBytes`
 * @throws the system's error if there is no response; the signal's reason if it is aborted
 */
export async function readS3Object(
  access: S3Access,
  place: Pick<S3Request, 'bucket' | 'key'>,
  { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<Buffer> {
  const { url, headers } = await signS3(access, { method: 'GET', ...place });
  const { answer, close } = await askServer(url, { headers, signal, proxy: 'host' });
  try {
    const status = answer.statusCode!;
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBytes) {
        if (status === 200) throw new S3TooLarge();
        break;
      }
      chunks.push(chunk);
    }
    const body = Buffer.concat(chunks);
    if (status !== 200) throw new S3Refused(status, body.toString('utf8'));
    return body;
  } catch (error) {
    throw signal.aborted ? (signal.reason as Error) : error;
  } finally {
    close();
  }
}
