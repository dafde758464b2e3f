/**
 * A small S3: buckets in memory, objects by path-style addresses, and each request's signature checked as S3 checks it,
 * by code that shares nothing with what signs. A bucket is there as soon as it has an object.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Who may ask. */
export interface S3User {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** A running server. */
export interface S3Server {
  readonly endpoint: string;
  /** By `bucket/key`. */
  readonly objects: Map<string, Buffer>;
  /** `METHOD path by access key from address`, of each request that was let in. */
  readonly log: string[];
  close(): Promise<void>;
}

const LONGEST_SKEW_MS = 15 * 60_000;

/** Starts one on an address of this host. */
export async function s3Server(user: S3User, { host = '127.0.0.1', region = 'us-east-1' } = {}): Promise<S3Server> {
  const objects = new Map<string, Buffer>();
  const log: string[] = [];
  const server = createServer((request, response) => {
    void body(request).then((content) => {
      const url = new URL(request.url!, 'http://s3');
      const refusal = refused(request, url, content, user, region);
      const answer =
        refusal === undefined
          ? served(request, url, content, objects)
          : { status: 403, body: fault(refusal, `${refusal}, says the S3 of the tests`) };
      if (refusal === undefined)
        log.push(
          `${request.method} ${decodeURIComponent(url.pathname)} by ${user.accessKeyId} from ` +
            `${request.socket.remoteAddress}`,
        );
      response.writeHead(answer.status, { 'Content-Length': Buffer.byteLength(answer.body) });
      response.end(answer.body);
    });
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, host, resolve));
  return {
    endpoint: `http://${host}:${(server.address() as AddressInfo).port}`,
    objects,
    log,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

interface Answer {
  readonly status: number;
  readonly body: Buffer | string;
}

function served(request: IncomingMessage, url: URL, content: Buffer, objects: Map<string, Buffer>): Answer {
  const [, bucket = '', ...rest] = decodeURIComponent(url.pathname).split('/');
  const key = rest.join('/');
  if (request.method === 'PUT' && key !== '') {
    objects.set(`${bucket}/${key}`, content);
    return { status: 200, body: '' };
  }
  if (request.method !== 'GET')
    return {
      status: 405,
      body: fault('MethodNotAllowed', 'The specified method is not allowed against this resource.'),
    };
  if (![...objects.keys()].some((each) => each.startsWith(`${bucket}/`)))
    return { status: 404, body: fault('NoSuchBucket', 'The specified bucket does not exist') };
  if (key !== '') {
    const found = objects.get(`${bucket}/${key}`);
    return found === undefined
      ? { status: 404, body: fault('NoSuchKey', 'The specified key does not exist.') }
      : { status: 200, body: found };
  }
  const prefix = url.searchParams.get('prefix') ?? '';
  const keys = [...objects.keys()]
    .filter((each) => each.startsWith(`${bucket}/${prefix}`))
    .map((each) => each.slice(bucket.length + 1))
    .sort();
  const contents = keys
    .map((each) => `<Contents><Key>${encodeURIComponent(each).replaceAll('%2F', '/')}</Key></Contents>`)
    .join('');
  return {
    status: 200,
    body: `<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>${contents}</ListBucketResult>`,
  };
}

/** Why a request is not let in: S3's error code. */
function refused(
  request: IncomingMessage,
  url: URL,
  content: Buffer,
  user: S3User,
  region: string,
): string | undefined {
  const header = (name: string): string => String(request.headers[name] ?? '');
  const found =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      header('authorization'),
    );
  if (found === null) return 'AccessDenied';
  const [, accessKeyId, day, inRegion, signed, signature] = found as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  if (accessKeyId !== user.accessKeyId) return 'InvalidAccessKeyId';
  if (inRegion !== region) return 'AuthorizationHeaderMalformed';
  if (header('x-amz-security-token') !== (user.sessionToken ?? '')) return 'InvalidToken';
  const time = header('x-amz-date');
  const at = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!(Math.abs(at - Date.now()) < LONGEST_SKEW_MS) || !time.startsWith(day)) return 'RequestTimeTooSkewed';
  const hash = header('x-amz-content-sha256');
  if (hash !== 'UNSIGNED-PAYLOAD' && hash !== sha256(content)) return 'XAmzContentSHA256Mismatch';
  const names = signed.split(';');
  if (
    !names.includes('host') ||
    Object.keys(request.headers).some((name) => name.startsWith('x-amz-') && !names.includes(name))
  )
    return 'AccessDenied';
  const encode = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`);
  const query = [...url.searchParams]
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : 1))
    .map((pair) => pair.join('='))
    .join('&');
  const canonical = [
    request.method,
    url.pathname,
    query,
    ...names.map((name) => `${name}:${header(name).trim().replace(/ +/g, ' ')}`),
    '',
    signed,
    hash,
  ].join('\n');
  const scope = `${day}/${inRegion}/s3/aws4_request`;
  const key = [day, inRegion, 's3', 'aws4_request'].reduce<Buffer | string>(
    (secret, text) => hmac(secret, text),
    `AWS4${user.secretAccessKey}`,
  );
  const expected = hmac(key, ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n'));
  return timingSafeEqual(expected, Buffer.from(signature, 'hex')) ? undefined : 'SignatureDoesNotMatch';
}

function fault(code: string, message: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex');
}

async function body(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
