/**
 * Files in a bucket of Amazon S3, or of what speaks its protocol, by the AWS SDK: its credentials, its retries. Large
 * files go in parts, each with its checksum; an upload that was interrupted continues. The SDK is loaded when it is
 * needed.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { clientOptions, type AwsSettings } from './aws-secrets.ts';

/** A bucket. */
export interface BucketSettings extends AwsSettings {
  readonly bucket: string;
}

/** An object. */
export interface S3Object {
  readonly key: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

const MIB = 1024 ** 2;
/** S3's limit is 10,000 parts of 5 MiB or more. */
const PART_BYTES = 16 * MIB;
const MOST_PARTS = 9000;
const PARTS_AT_ONCE = 4;
/** How long one request may take, with a part of a file, in milliseconds. */
const REQUEST_MS = 120_000;
const SHA256 = 'sha256';
/** Most of a small file. */
const LONGEST_TEXT = 4 * MIB;

/** Requests to one bucket. All methods throw the SDK's error, or the signal's reason. */
export class S3Bucket {
  readonly #settings: BucketSettings;
  #opened: Promise<{ readonly client: S3Client; readonly s3: typeof import('@aws-sdk/client-s3') }> | undefined;

  constructor(settings: BucketSettings) {
    this.#settings = settings;
  }

  /** Whether a probe can be written, read and deleted. */
  async probe(key: string, signal: AbortSignal): Promise<void> {
    await this.putText(key, 'probe', signal);
    if ((await this.getText(key, signal)) !== 'probe') throw new Error('what was written is not what is read');
    await this.remove(key);
  }

  /** Size of an object and the checksum that it was put with; `undefined` when it is absent. */
  async head(key: string, signal?: AbortSignal): Promise<{ bytes: number; sha256: string | undefined } | undefined> {
    const { client, s3 } = await this.#open();
    try {
      const answer = await client.send(new s3.HeadObjectCommand({ ...this.#bucket, Key: key }), {
        abortSignal: signal,
      });
      return { bytes: answer.ContentLength ?? 0, sha256: answer.Metadata?.[SHA256] };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** A small object, or `undefined`. */
  async getText(key: string, signal?: AbortSignal): Promise<string | undefined> {
    const { client, s3 } = await this.#open();
    try {
      const answer = await client.send(new s3.GetObjectCommand({ ...this.#bucket, Key: key }), { abortSignal: signal });
      if ((answer.ContentLength ?? 0) > LONGEST_TEXT) throw new Error(`${key} has more than ${LONGEST_TEXT} bytes`);
      return await answer.Body!.transformToString('utf8');
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** Writes a small object. */
  async putText(key: string, text: string, signal?: AbortSignal): Promise<void> {
    const { client, s3 } = await this.#open();
    const body = Buffer.from(text);
    await client.send(
      new s3.PutObjectCommand({ ...this.#bucket, Key: key, Body: body, ChecksumSHA256: digestOf(body) }),
      { abortSignal: signal },
    );
  }

  /** Deletes an object, if it is there. */
  async remove(key: string): Promise<void> {
    const { client, s3 } = await this.#open();
    await client.send(new s3.DeleteObjectCommand({ ...this.#bucket, Key: key }));
  }

  /** The objects whose keys begin so. */
  async list(prefix: string, signal?: AbortSignal): Promise<readonly S3Object[]> {
    const { client, s3 } = await this.#open();
    const found: S3Object[] = [];
    for (let token: string | undefined; ; ) {
      const answer = await client.send(
        new s3.ListObjectsV2Command({ ...this.#bucket, Prefix: prefix, ContinuationToken: token }),
        { abortSignal: signal },
      );
      for (const { Key: key, Size: bytes = 0, LastModified: modified } of answer.Contents ?? [])
        if (key !== undefined) found.push({ key, bytes, modified: modified?.getTime() ?? 0 });
      if (answer.IsTruncated !== true || answer.NextContinuationToken === undefined) return found;
      token = answer.NextContinuationToken;
    }
  }

  /**
   * Puts a file. An upload of it that was interrupted continues with the parts that are missing.
   * @param sha256 of the file, in hexadecimal digits; kept with the object
   */
  async upload(
    key: string,
    path: string,
    { sha256, bytes }: { readonly sha256: string; readonly bytes: number },
    onBytes: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, s3 } = await this.#open();
    await using file = await open(path, 'r');
    if (bytes <= PART_BYTES) {
      const body = await readPart(file, 0, bytes);
      await client.send(
        new s3.PutObjectCommand({
          ...this.#bucket,
          Key: key,
          Body: body,
          ChecksumSHA256: digestOf(body),
          Metadata: { [SHA256]: sha256 },
        }),
        { abortSignal: signal },
      );
      onBytes(bytes);
      return;
    }
    const partBytes = Math.max(PART_BYTES, Math.ceil(bytes / MOST_PARTS / MIB) * MIB);
    const upload = { ...this.#bucket, Key: key, UploadId: await this.#uploadOf(key, sha256, signal) };
    const there = await this.#partsOf(upload, signal);
    const parts: { PartNumber: number; ETag: string; ChecksumSHA256: string }[] = [];
    const numbers = Array.from({ length: Math.ceil(bytes / partBytes) }, (_, index) => index + 1);
    let done = 0;
    const lane = async (): Promise<void> => {
      for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
        signal.throwIfAborted();
        const from = (number - 1) * partBytes;
        const body = await readPart(file, from, Math.min(partBytes, bytes - from));
        const checksum = digestOf(body);
        const before = there.get(number);
        const etag =
          before !== undefined && before.bytes === body.length && before.is(body, checksum)
            ? before.etag
            : (
                await client.send(
                  new s3.UploadPartCommand({ ...upload, PartNumber: number, Body: body, ChecksumSHA256: checksum }),
                  { abortSignal: signal },
                )
              ).ETag!;
        parts.push({ PartNumber: number, ETag: etag, ChecksumSHA256: checksum });
        onBytes((done += body.length));
      }
    };
    const lanes = await Promise.allSettled(Array.from({ length: PARTS_AT_ONCE }, lane));
    for (const each of lanes) if (each.status === 'rejected') throw each.reason;
    parts.sort((a, b) => a.PartNumber - b.PartNumber);
    await client.send(new s3.CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: parts } }), {
      abortSignal: signal,
    });
  }

  /**
   * Writes an object to a file that is opened for writing, from where the file ends: what was interrupted continues.
   * @param bytes size of the object
   */
  async download(
    key: string,
    file: FileHandle,
    bytes: number,
    onBytes: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, s3 } = await this.#open();
    for (let at = 0; at < bytes; ) {
      const end = Math.min(at + PART_BYTES, bytes);
      const answer = await client.send(
        new s3.GetObjectCommand({ ...this.#bucket, Key: key, Range: `bytes=${at}-${end - 1}` }),
        { abortSignal: signal },
      );
      const part = Buffer.from(await answer.Body!.transformToByteArray());
      if (part.length !== end - at) throw new Error(`${key} ended after ${at + part.length} of ${bytes} bytes`);
      for (let from = 0; from < part.length; )
        from += (await file.write(part, from, part.length - from, at + from)).bytesWritten;
      onBytes((at = end));
    }
  }

  get #bucket(): { readonly Bucket: string } {
    return { Bucket: this.#settings.bucket };
  }

  #open() {
    this.#opened ??= import('@aws-sdk/client-s3').then((s3) => ({
      s3,
      client: new s3.S3Client({
        ...clientOptions(this.#settings),
        // Buckets of another S3 than AWS's are the first part of the path.
        forcePathStyle: this.#settings.endpoint !== undefined,
        maxAttempts: 4,
        // Files are compared with their own checksum.
        responseChecksumValidation: 'WHEN_REQUIRED' as const,
        requestHandler: { connectionTimeout: 10_000, requestTimeout: REQUEST_MS, throwOnRequestTimeout: true },
      }),
    }));
    return this.#opened;
  }

  /** The upload of an object that was begun before, or a new one. */
  async #uploadOf(key: string, sha256: string, signal: AbortSignal): Promise<string> {
    const { client, s3 } = await this.#open();
    const { Uploads: uploads = [] } = await client.send(
      new s3.ListMultipartUploadsCommand({ ...this.#bucket, Prefix: key }),
      { abortSignal: signal },
    );
    const before = uploads.find((each) => each.Key === key)?.UploadId;
    if (before !== undefined) return before;
    const { UploadId: id } = await client.send(
      new s3.CreateMultipartUploadCommand({
        ...this.#bucket,
        Key: key,
        ChecksumAlgorithm: 'SHA256',
        Metadata: { [SHA256]: sha256 },
      }),
      { abortSignal: signal },
    );
    return id!;
  }

  async #partsOf(
    upload: { readonly Bucket: string; readonly Key: string; readonly UploadId: string },
    signal: AbortSignal,
  ): Promise<ReadonlyMap<number, UploadedPart>> {
    const { client, s3 } = await this.#open();
    const found = new Map<number, UploadedPart>();
    for (let marker: string | undefined; ; ) {
      const answer = await client.send(new s3.ListPartsCommand({ ...upload, PartNumberMarker: marker }), {
        abortSignal: signal,
      });
      for (const { PartNumber: number, ETag: etag, Size: bytes, ChecksumSHA256: checksum } of answer.Parts ?? [])
        found.set(number!, {
          etag: etag!,
          bytes: bytes ?? 0,
          // What has no checksum of this kind is compared by its MD5.
          is: (body, ours) =>
            checksum === undefined
              ? etag!.replaceAll('"', '') === createHash('md5').update(body).digest('hex')
              : checksum === ours,
        });
      if (answer.IsTruncated !== true || answer.NextPartNumberMarker === undefined) return found;
      marker = answer.NextPartNumberMarker;
    }
  }
}

interface UploadedPart {
  readonly etag: string;
  readonly bytes: number;
  /** Whether it holds these bytes, with this SHA-256 in base64. */
  readonly is: (body: Buffer, checksum: string) => boolean;
}

function digestOf(body: Buffer): string {
  return createHash('sha256').update(body).digest('base64');
}

async function readPart(file: FileHandle, from: number, length: number): Promise<Buffer> {
  const part = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(part, done, length - done, from + done);
    if (bytesRead === 0) throw new Error(`the file ended after ${from + done} bytes`);
    done += bytesRead;
  }
  return part;
}

function isAbsent(error: unknown): boolean {
  return ['NotFound', 'NoSuchKey'].includes((error as Error).name);
}
