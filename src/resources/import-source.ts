/** The forms of an import source. Pure. */

/** An object in S3, in its parts. */
export const S3_SOURCE = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/(.+)$/;

/**
 * The fault of a source, with what to do; `undefined` if it is valid.
 * @param sha256 its expected checksum, if given
 */
export function sourceFault(source: string, sha256: string | undefined): string | undefined {
  if (source.startsWith('/')) return undefined;
  if (source.startsWith('s3://'))
    return S3_SOURCE.test(source) ? undefined : 'An object in S3 is named s3://BUCKET/KEY.';
  if (!URL.canParse(source) || !['http:', 'https:'].includes(new URL(source).protocol))
    return 'It must be an absolute path, an http or https address, or s3://BUCKET/KEY.';
  if (new URL(source).protocol === 'http:' && sha256 === undefined)
    return 'What comes over http can be changed on its way: give its sha256.';
  return undefined;
}

/** A source without possible secrets: user, password and query of a URL. */
export function sourceName(source: string): string {
  if (!/^https?:/.test(source) || !URL.canParse(source)) return source;
  const url = new URL(source);
  return `${url.protocol}//${url.host}${url.pathname}`;
}
