/** Signed requests to S3. The caller sends them; for an instance, the instance does, through its own network. */
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';

/** An access key, as an instance gets it from IMDS. */
interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** The S3 endpoint and its credentials. */
export interface S3Access {
  readonly credentials: S3Credentials;
  readonly region: string;
  /**
   * The value of `AWS_ENDPOINT_URL_S3` for an S3 service other than AWS's; buckets are then the first part of the path.
   */
  readonly endpoint?: string;
}

export interface S3Request {
  readonly method: 'GET' | 'PUT';
  readonly bucket: string;
  /** Without a leading slash; empty for the bucket itself. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly expectedBucketOwner?: string;
}

/** A request to send. */
export interface SignedRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The URL of a bucket or an object. */
export function s3Url(
  { region, endpoint }: Pick<S3Access, 'region' | 'endpoint'>,
  { bucket, key }: Pick<S3Request, 'bucket' | 'key'>,
): URL {
  const path = key.split('/').map(encode).join('/');
  if (endpoint !== undefined)
    return new URL(`${endpoint.replace(/\/+$/, '')}/${bucket}/${path}`.replace(/\/$/, key === '' ? '' : '/'));
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  // A certificate for one level of names does not cover bucket names with dots.
  return new URL(
    bucket.includes('.')
      ? `https://s3.${region}.${suffix}/${bucket}/${path}`
      : `https://${bucket}.s3.${region}.${suffix}/${path}`,
  );
}

/** Signs a request without its body, which only the instance has. */
export async function signS3(access: S3Access, request: S3Request, now = new Date()): Promise<SignedRequest> {
  const url = s3Url(access, request);
  const query = { ...request.query };
  const signer = new SignatureV4({
    service: 's3',
    region: access.region,
    credentials: access.credentials,
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
  const { headers } = await signer.sign(
    {
      method: request.method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query,
      ...(url.port === '' ? {} : { port: Number(url.port) }),
      headers: {
        host: url.host,
        'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
        ...(request.expectedBucketOwner === undefined
          ? {}
          : { 'x-amz-expected-bucket-owner': request.expectedBucketOwner }),
      },
    },
    { signingDate: now },
  );
  const text = Object.entries(query)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join('&');
  return { url: `${url.origin}${url.pathname}${text === '' ? '' : `?${text}`}`, headers };
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
