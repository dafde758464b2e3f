/**
 * Roles and networks, in builds: packages from a local mirror with no other network, S3 with the credentials of the
 * instance profile, and none of the instance's settings in the image. The mirror forwards Debian's mirror, on an
 * address of this host that nothing else can reach.
 */
import { equal, match, ok } from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, describe, test } from 'node:test';
import { debianSources, mirrorsFromEnvironment } from '../../src/images/base/debian-packages.ts';
import { run } from '../../src/platform/processes.ts';
import { waitForStatus, createTestImage } from './images.ts';
import { s3Server, type S3Server } from './s3-server.ts';
import { imageLog, startServer } from './service.ts';
import { beginOnDirectory, endOnServer, type ServerSuite } from './suite.ts';

/** A documentation address (RFC 5737), which this host has during the test. */
const ADDRESS = '198.51.100.7';
const USER = { accessKeyId: 'AKIDOFTHEPROFILE', secretAccessKey: 'a secret of the profile', sessionToken: 'a session' };

/** A mirror that has what Debian's has, and only that. */
async function mirrorServer(asked: string[]): Promise<Server> {
  const { main, security } = mirrorsFromEnvironment(process.env);
  const server = createServer((request, response) => {
    asked.push(`${request.url} from ${request.socket.remoteAddress}`);
    const from = request.url!.startsWith('/debian-security/')
      ? `${security}${request.url!.slice('/debian-security'.length)}`
      : `${main}${request.url!.slice('/debian'.length)}`;
    void (async () => {
      const answer = await fetch(from, {
        headers:
          request.headers['if-modified-since'] === undefined
            ? {}
            : { 'if-modified-since': request.headers['if-modified-since'] },
      });
      const headers = Object.fromEntries(
        ['content-length', 'last-modified', 'content-type'].flatMap((name) =>
          answer.headers.get(name) === null ? [] : [[name, answer.headers.get(name)!]],
        ),
      );
      response.writeHead(answer.status, headers);
      if (answer.body === null) response.end();
      else await pipeline(Readable.fromWeb(answer.body as import('node:stream/web').ReadableStream), response);
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, ADDRESS, resolve));
  return server;
}

/** For scripts: what has to fail. `set -e` lets the failure of `! command` pass. */
const NOT = 'not() { if "$@"; then echo "$* should have failed"; exit 1; fi; }';

/** A document whose build phase runs one script. */
function script(name: string, lines: string): string {
  return `schemaVersion: 1.0
phases:
  - name: build
    steps:
      - name: ${name}
        action: ExecuteBash
        inputs:
          commands:
            - |
${lines
  .trim()
  .split('\n')
  .map((line) => `              ${line}`)
  .join('\n')}
`;
}

/** Declares the tests. @param driver of the build instances */
export const networkCases = (driver: 'nspawn' | 'qemu'): void =>
  void describe(`networks and roles, ${driver}`, () => {
    let suite: ServerSuite;
    let folder: string;
    let mirror: Server;
    let s3: S3Server;
    const asked: string[] = [];
    let host: string;

    before(async () => {
      await run(['ip', 'address', 'add', `${ADDRESS}/32`, 'dev', 'lo']);
      folder = await mkdtemp(join(tmpdir(), 'ingot-networks-'));
      mirror = await mirrorServer(asked);
      s3 = await s3Server(USER, { host: ADDRESS });
      host = `http://${ADDRESS}:${(mirror.address() as AddressInfo).port}`;
      const { main, security } = mirrorsFromEnvironment(process.env);
      await writeFile(
        join(folder, 'credentials'),
        `[builds]\naws_access_key_id = ${USER.accessKeyId}\naws_secret_access_key = ` +
          `${USER.secretAccessKey}\naws_session_token = ${USER.sessionToken}\n`,
        { mode: 0o600 },
      );
      await run([
        'openssl',
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-subj',
        '/CN=The authority of the tests',
        '-days',
        '2',
        '-keyout',
        join(folder, 'key.pem'),
        '-out',
        join(folder, 'ca.pem'),
      ]);
      const mirrors = { [main]: `${host}/debian`, [security]: `${host}/debian-security` };
      const s3Place = s3.endpoint.slice('http://'.length);
      const config = {
        instanceProfiles: {
          BuildProfile: {
            role: 'BuildRole',
            credentials: { file: join(folder, 'credentials'), profile: 'builds' },
            endpoints: { s3: s3.endpoint },
          },
        },
        networks: {
          subnets: { 'subnet-mirror': 'mirror-only', 'subnet-none': 'none', 'subnet-broken': 'broken' },
          securityGroups: { 'sg-lab': 'lab' },
          profiles: {
            'mirror-only': { access: 'mirror', mirrors },
            lab: {
              access: 'allow-list',
              mirrors,
              allow: [s3Place, `${new URL(main).hostname}:80`],
              proxy: host,
              noProxy: [ADDRESS, new URL(main).hostname],
              certificates: [join(folder, 'ca.pem')],
            },
            broken: { access: 'allow-list', allow: [`${ADDRESS}:1`] },
          },
        },
      };
      const begun = await beginOnDirectory();
      await writeFile(join(begun.dataDirectory, 'config.yaml'), JSON.stringify(config));
      suite = { ...begun, server: await startServer(begun.dataDirectory) };
    });

    after(async () => {
      mirror?.closeAllConnections();
      mirror?.close();
      await s3?.close();
      await endOnServer(suite).finally(async () => {
        await run(['ip', 'address', 'del', `${ADDRESS}/32`, 'dev', 'lo']);
        await rm(folder, { recursive: true, force: true });
      });
    });

    async function build(
      name: string,
      components: readonly string[],
      infrastructure: object,
      parent?: string,
    ): Promise<{ readonly arn: string; readonly status: string; readonly reason: string; readonly lines: string }> {
      const arn = await createTestImage(suite.server, {
        name,
        components,
        infrastructure: { ...infrastructure, resourceTags: { 'ingot:driver': driver } },
        ...(parent === undefined ? {} : { parent }),
      });
      const { state } = await waitForStatus(suite.server, arn);
      const lines = (await imageLog(suite.dataDirectory, arn)).map(({ text }) => text).join('\n');
      return { arn, status: state!.status!, reason: state!.reason ?? '', lines };
    }

    const subnet = (id: string): object => ({ subnetId: id, securityGroupIds: ['sg-elsewhere'] });

    test('a build from a local mirror, with no other network', async () => {
      const { arn, status, reason, lines } = await build(
        'from-mirror',
        [
          script(
            'Packages',
            `
set -ex
apt-get update
apt-get install --yes --no-install-recommends hello
hello
grep -q '${ADDRESS}' /etc/apt/sources.list
${NOT}
for place in ${ADDRESS}/${new URL(s3.endpoint).port} 192.0.2.1/80 1.1.1.1/53; do
  not timeout 5 bash -c "exec 3<>/dev/tcp/$place"
done
not getent hosts deb.debian.org
`,
          ),
        ],
        subnet('subnet-mirror'),
      );
      equal(status, 'AVAILABLE', reason);
      mirrored = arn;
      match(lines, /network profile 'mirror-only' \(subnet-mirror\): access mirror/);
      ok(
        asked.some((each) => /^\/debian\/pool\/.*\/hello_.*\.deb from 198\.18\./.test(each)),
        asked.join('\n'),
      );
    });

    let mirrored: string;
    let built: string;

    test('S3 with the credentials of the instance profile; names, proxy and authorities of the network', async () => {
      s3.objects.set('the-bucket/in.txt', Buffer.from('from S3'));
      const { main } = mirrorsFromEnvironment(process.env);
      const { arn, status, reason } = await build(
        'in-the-lab',
        [
          `schemaVersion: 1.0
phases:
  - name: build
    steps:
      - name: Get
        action: S3Download
        inputs: [{source: 's3://the-bucket/in.txt', destination: /opt/in.txt}]
      - name: Look
        action: ExecuteBash
        inputs:
          commands:
            - set -ex
            - '${NOT}'
            - test "$(cat /opt/in.txt)" = 'from S3'
            - test "$AWS_ENDPOINT_URL_S3" = ${s3.endpoint}
            - test "$https_proxy" = ${host}
            - grep -x 'http_proxy=${host}' /etc/environment
            - apt-config dump Acquire::https::Proxy | grep ${ADDRESS}
            - |
              openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt \\
                /usr/local/share/ca-certificates/ingot-network-0.crt
            - curl -sS --noproxy '*' -m 20 -o /dev/null ${main}/
            - not getent hosts debian.org
            - |
              TOKEN=$(curl -sS -X PUT --noproxy '*' http://169.254.169.254/latest/api/token \\
                -H 'X-aws-ec2-metadata-token-ttl-seconds: 60')
              curl -sS --noproxy '*' -H "X-aws-ec2-metadata-token: $TOKEN" http://169.254.169.254/latest/meta-data/iam/security-credentials/BuildRole | grep -q ${USER.accessKeyId}
            - echo 'OF=A_COMPONENT' >> /etc/environment
      - name: Put
        action: S3Upload
        inputs: [{source: /opt/in.txt, destination: 's3://the-bucket/out.txt'}]
`,
        ],
        { instanceProfileName: 'BuildProfile', securityGroupIds: ['sg-lab'] },
        mirrored,
      );
      built = arn;
      equal(status, 'AVAILABLE', reason);
      ok(s3.objects.has('the-bucket/out.txt'));
      for (const line of s3.log) match(line, /by AKIDOFTHEPROFILE from 198\.18\./);
    });

    test('what an instance was told is not in the image; in no network nothing is reached', async () => {
      const { main, security } = mirrorsFromEnvironment(process.env);
      const sources = Buffer.from(debianSources('bookworm', { main, security })).toString('base64');
      const { status, reason } = await build(
        'looked-at',
        [
          script(
            'Look',
            `
set -ex
grep -x 'OF=A_COMPONENT' /etc/environment
${NOT}
not grep -rlF ${ADDRESS} /etc /usr/local /var/lib/apt/lists
test ! -e /var/lib/ingot-network
test ! -e /usr/local/share/ca-certificates/ingot-network-0.crt
not sh -c 'ls /etc/ssl/certs | grep ingot'
echo ${sources} | base64 -d | cmp - /etc/apt/sources.list
ls /var/lib/apt/lists/*_debian_dists_bookworm_InRelease
test -z "$https_proxy"
not timeout 5 bash -c 'exec 3<>/dev/tcp/${ADDRESS}/${new URL(host).port}'
not getent hosts deb.debian.org
`,
          ),
        ],
        subnet('subnet-none'),
        built,
      );
      equal(status, 'AVAILABLE', reason);
    });

    test('a promise that does not hold fails the launch, before anything runs', async () => {
      const { status, reason, lines } = await build(
        'broken',
        [script('Never', 'echo it ran')],
        subnet('subnet-broken'),
      );
      equal(status, 'FAILED');
      match(
        reason,
        /the network profile 'broken' allows 198\.51\.100\.7:1, but i-[0-9a-f]+ cannot reach it: the connection is refused\. What to do: Check whether it answers this host/,
      );
      ok(!lines.includes('it ran'));
    });

    test('a profile without credentials has no identity for S3', async () => {
      const { status, reason } = await build(
        'nobody',
        [
          `schemaVersion: 1.0
phases:
  - name: build
    steps:
      - {name: Get, action: S3Download, inputs: [{source: 's3://the-bucket/in.txt', destination: /opt/in.txt}]}
`,
        ],
        {},
      );
      equal(status, 'FAILED');
      match(reason, /the instance profile has no credentials in config\.yaml/);
    });

    test('no secret of the profile is in the data directory', async () => {
      const { code } = await run(['grep', '-rqF', USER.secretAccessKey, suite.dataDirectory], { okCodes: 'any' });
      equal(code, 1);
      ok((await readFile(join(folder, 'credentials'), 'utf8')).includes(USER.secretAccessKey));
    });
  });
