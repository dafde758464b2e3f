/** Locations in S3: `s3://bucket/key`. Pure. */

/** A location in S3. */
export interface S3Place {
  readonly bucket: string;
  /** Without a leading slash; may be empty. */
  readonly key: string;
}

/** Source: S3 User Guide, "General purpose bucket naming rules". */
const S3_URI = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/(.*)$/s;

/** Maximum bytes of a key. Source: S3 User Guide, "Naming Amazon S3 objects". */
const LONGEST_KEY = 1024;

/** The location that `s3://bucket/key` names; `undefined` for any other text. */
export function readS3Uri(text: string): S3Place | undefined {
  const found = S3_URI.exec(text);
  return found === null ? undefined : { bucket: found[1]!, key: found[2]! };
}

/**
 * The object that a text names; `undefined` for any other text. A key with `.` or `..` between slashes is rejected: in
 * a URL it would lead to another object than the one that policies are checked for.
 */
export function readS3ObjectUri(text: string): S3Place | undefined {
  const place = readS3Uri(text);
  if (place === undefined || place.key === '' || place.key.endsWith('/')) return undefined;
  if (Buffer.byteLength(place.key) > LONGEST_KEY) return undefined;
  return place.key.split('/').some((part) => part === '.' || part === '..') ? undefined : place;
}

/** The error in S3's XML response, as `Code: Message`; `undefined` if there is none. */
export function s3ErrorText(xml: string): string | undefined {
  const code = /<Code>([^<]*)<\/Code>/.exec(xml)?.[1];
  const message = /<Message>([^<]*)<\/Message>/.exec(xml)?.[1];
  return code === undefined || message === undefined ? undefined : `${code}: ${message}`;
}

/** Hosts of S3: with the bucket in the name, or in the path. Source: S3 User Guide, "Virtual hosting of buckets". */
const BUCKET_HOST =
  /^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3(?:[.-](?:dualstack\.)?[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?$/;
const PATH_HOST = /^s3(?:[.-](?:dualstack\.)?[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?$/;

/** The object that a URL names: `s3://bucket/key`, or S3's own `https://` form; `undefined` for any other. */
export function readS3Address(text: string): S3Place | undefined {
  if (!text.startsWith('https://')) return readS3ObjectUri(text);
  if (!URL.canParse(text)) return undefined;
  const { hostname, pathname } = new URL(text);
  let path: string;
  try {
    path = decodeURIComponent(pathname.slice(1));
  } catch {
    return undefined;
  }
  const bucket = BUCKET_HOST.exec(hostname)?.[1];
  if (bucket !== undefined) return readS3ObjectUri(`s3://${bucket}/${path}`);
  return PATH_HOST.test(hostname) ? readS3ObjectUri(`s3://${path}`) : undefined;
}
