import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { s3Url, signS3 } from './s3-requests.ts';

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };

describe('URLs in S3', () => {
  const cases: readonly [
    access: { readonly region: string; readonly endpoint?: string },
    place: { readonly bucket: string; readonly key: string },
    url: string,
  ][] = [
    [{ region: 'eu-west-1' }, { bucket: 'web', key: 'a/b c+d' }, 'https://web.s3.eu-west-1.amazonaws.com/a/b%20c%2Bd'],
    [{ region: 'eu-west-1' }, { bucket: 'a.b', key: 'x' }, 'https://s3.eu-west-1.amazonaws.com/a.b/x'],
    [{ region: 'cn-north-1' }, { bucket: 'web', key: '' }, 'https://web.s3.cn-north-1.amazonaws.com.cn/'],
    [
      { region: 'us-east-1', endpoint: 'http://minio:9000/' },
      { bucket: 'web', key: "it's (*)" },
      'http://minio:9000/web/it%27s%20%28%2A%29',
    ],
  ];
  for (const [access, place, url] of cases) test(url, () => assert.equal(s3Url(access, place).href, url));
});

test('a request is signed for its bucket, its owner and its session', async () => {
  const access = { credentials: { ...credentials, sessionToken: 'token' }, region: 'eu-west-1' };
  const { url, headers } = await signS3(
    access,
    {
      method: 'GET',
      bucket: 'web',
      key: '',
      query: { prefix: 'a b/', 'list-type': '2' },
      expectedBucketOwner: '123456789012',
    },
    new Date('2026-01-02T03:04:05Z'),
  );
  assert.equal(url, 'https://web.s3.eu-west-1.amazonaws.com/?prefix=a%20b%2F&list-type=2');
  assert.match(
    headers['authorization']!,
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/20260102\/eu-west-1\/s3\/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-expected-bucket-owner;x-amz-security-token, Signature=[0-9a-f]{64}$/,
  );
  assert.equal(headers['x-amz-security-token'], 'token');
});
