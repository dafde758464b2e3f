/**
 * The AWS credentials of this process, as the AWS SDK finds them: the environment, `~/.aws`, a role of this machine.
 */
import type { S3Access } from './s3-requests.ts';

/** Time limit for this machine's metadata service, which most hosts do not have, in milliseconds. */
const METADATA_MS = 1000;

/**
 * The endpoint and credentials for S3. Without credentials it returns none, because public objects need no signature.
 */
export async function ownS3Access(): Promise<
  Omit<S3Access, 'credentials'> & { readonly credentials?: S3Access['credentials'] }
> {
  const { AWS_REGION, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = process.env;
  const endpoint = AWS_ENDPOINT_URL_S3 || AWS_ENDPOINT_URL;
  const place = { region: AWS_REGION || AWS_DEFAULT_REGION || 'us-east-1', ...(endpoint ? { endpoint } : {}) };
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
  try {
    const { accessKeyId, secretAccessKey, sessionToken } = await defaultProvider({
      maxRetries: 0,
      timeout: METADATA_MS,
    })();
    return {
      ...place,
      credentials: { accessKeyId, secretAccessKey, sessionToken },
    };
  } catch (error) {
    if ((error as Error).name === 'CredentialsProviderError') return place;
    throw error;
  }
}
