/** The metadata service, as something in an instance finds it. Called by one test file for each driver. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import type { Instance } from '../../src/instances/instance.ts';
import type { InstanceMetadata } from '../../src/instances/services/metadata.ts';
import { run } from '../../src/platform/processes.ts';

/** What the instance is launched with. */
export const CASES_METADATA: InstanceMetadata = {
  account: '123456789012',
  region: 'eu-west-1',
  imageId: 'ami-0123456789abcdef0',
  instanceType: 't3.small',
  launched: '2026-01-02T03:04:05Z',
  tokens: 'required',
  role: {
    instanceProfileName: 'CasesProfile',
    roleName: 'CasesRole',
    credentials: { kind: 'keys', accessKeyId: 'AKIDOFCASES', secretAccessKey: 'secret', sessionToken: 'session' },
  },
};

const SCRIPT = `
ask() { curl -sS -m 10 "$@"; }
token=$(ask -X PUT http://169.254.169.254/latest/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 60')
get() { ask -H "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/$1"; echo; }
get meta-data/instance-id
get meta-data/local-ipv4
hostname -I
get meta-data/iam/security-credentials/
get meta-data/iam/security-credentials/CasesRole | tr -d '\\n'
echo
ask -o /dev/null -w '%{http_code}\\n' http://169.254.169.254/latest/meta-data/
ss -Htln | grep -c ':254 ' || true
mac=$(get meta-data/mac)
grep -l "$mac" /sys/class/net/*/address | wc -l
get "meta-data/network/interfaces/macs/$mac/local-ipv4s"
`;

/** Declares the tests. */
export function metadataCases(instance: () => Instance): void {
  test('asks its metadata service who it is, and gets the credentials of its role', async () => {
    let printed = '';
    await instance().run({
      script: SCRIPT,
      timeoutSeconds: 120,
      onOutput: (_, chunk) => {
        printed += chunk.toString();
      },
    });
    const [id, address, addresses, role, credentials, untold, listening, interfaces, itsAddress] = printed.split('\n');
    equal(id, instance().id, printed);
    match(addresses!, new RegExp(`(^| )${address!.replaceAll('.', '\\.')} `));
    equal(role, 'CasesRole');
    const { AccessKeyId, SecretAccessKey, Token } = JSON.parse(credentials!) as Record<string, string>;
    deepEqual([AccessKeyId, SecretAccessKey, Token], ['AKIDOFCASES', 'secret', 'session']);
    equal(untold, '401');
    equal(listening, '0', 'nothing of it is in the instance');
    equal(interfaces, '1', 'the interface that it tells of is there');
    equal(itsAddress, address);
  });

  test('no other process on the host reaches its metadata service', async () => {
    const { stdout } = await run(['ip', '-brief', 'address', 'show', 'dev', 'lo']);
    for (const [address] of stdout.matchAll(/198\.18\.\d+\.\d+/g)) {
      for (const where of [`http://${address}:254/`, 'http://169.254.169.254/']) {
        const { stdout: status } = await run(
          [
            'setpriv',
            '--reuid',
            '65534',
            '--clear-groups',
            'curl',
            '-s',
            '-m',
            '2',
            '-o',
            '/dev/null',
            '-w',
            '%{http_code}',
            '--noproxy',
            '*',
            '--interface',
            address,
            where,
          ],
          { okCodes: 'any' },
        );
        equal(status, '000', `${where} from ${address}`);
      }
    }
  });
}
