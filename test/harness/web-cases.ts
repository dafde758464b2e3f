/** WebDownload on an instance, from a server in it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { Instance } from '../../src/instances/instance.ts';
import { runText, type Ran } from './runner-cases.ts';

const SERVER = readFileSync(new URL('web-server.py', import.meta.url));
const CONTENT = 'the content\n';
const hash = (algorithm: string): string => createHash(algorithm).update(CONTENT).digest('hex');

/** Declares the tests. @param folder an absolute path in the instance that they may fill */
export function webCases(instance: () => Instance, folder: () => string): void {
  describe('WebDownload', () => {
    let plain = '';
    let secure = '';

    async function printed(script: string): Promise<string> {
      const chunks: Buffer[] = [];
      const ended = await instance().run({
        script,
        cwd: folder(),
        timeoutSeconds: 60,
        onOutput: (_, chunk) => chunks.push(chunk),
      });
      assert.equal(ended.exitCode, 0, Buffer.concat(chunks).toString());
      return Buffer.concat(chunks).toString().trimEnd();
    }

    async function download(inputs: string): Promise<Ran> {
      return runText(
        instance(),
        `
schemaVersion: 1.0
phases:
  - name: build
    steps:
      - {name: Step, action: WebDownload, inputs: ${inputs.replaceAll('PLAIN', plain).replaceAll('SECURE', secure)}}
`,
        { workingDirectory: folder() },
      );
    }

    before(async () => {
      await instance().put(`${folder()}/server.py`, SERVER);
      const ports = await printed(`
set -e
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 2 -keyout key.pem -out cert.pem 2>/dev/null
setsid python3 server.py . port port.secure >/dev/null 2>&1 </dev/null & echo $! > pid
for i in $(seq 200); do [ -e port.secure ] && break; sleep 0.1; done
cat port; echo; cat port.secure
`);
      const [one, two] = ports.split('\n');
      plain = `http://127.0.0.1:${one}`;
      secure = `https://localhost:${two}`;
    });
    after(() => printed('kill -KILL $(cat pid)'));

    const good: readonly [what: string, inputs: string, look: string, shows: string, destination: string][] = [
      [
        'makes folders and takes the name of the address',
        '[{source: "PLAIN/folder/a%20file.txt?x=1", destination: one/two/}]',
        'cat "one/two/a file.txt"; stat -c %a one/two/*',
        `${CONTENT}644`,
        'one/two/a file.txt',
      ],
      ['follows redirects', '[{source: PLAIN/moved.txt, destination: moved}]', 'cat moved', 'the content', 'moved'],
      [
        'tries again when the server is busy',
        '[{source: PLAIN/flaky.txt, destination: flaky}]',
        'cat flaky',
        'the content',
        'flaky',
      ],
      ['replaces', '[{source: PLAIN/a.txt, destination: moved}]', 'cat moved', 'the content', 'moved'],
      [
        'takes a certificate that nobody signed when told so',
        '[{source: SECURE/a.txt, destination: secure, ignoreCertificateErrors: true}]',
        'cat secure',
        'the content',
        'secure',
      ],
      ...['MD5', 'SHA1', 'SHA256', 'SHA512'].map(
        (algorithm) =>
          [
            `checks ${algorithm}`,
            `[{source: PLAIN/a.txt, destination: sum-${algorithm}, algorithm: ${algorithm}, checksum: ` +
              `"${hash(algorithm).toUpperCase()}"}]`,
            `cat sum-${algorithm}`,
            'the content',
            `sum-${algorithm}`,
          ] as [string, string, string, string, string],
      ),
      [
        'does not download what is there with its checksum',
        `[{source: PLAIN/none.txt, destination: sum-MD5, algorithm: MD5, checksum: ${hash('md5')}}]`,
        'cat sum-MD5',
        'the content',
        'sum-MD5',
      ],
    ];
    for (const [what, inputs, look, shows, destination] of good) {
      test(what, async () => {
        const { outcome } = await download(inputs);
        assert.equal(outcome.failure?.message, undefined);
        assert.equal(await printed(look), shows);
        assert.deepEqual(outcome.phases[0]?.steps[0]?.outputs, { destination: `${folder()}/${destination}` });
      });
    }

    const bad: readonly [what: string, inputs: string, message: RegExp][] = [
      [
        'another status than 200',
        '[{source: PLAIN/none.txt, destination: bad}]',
        /none\.txt: the server answered 404: no such page$/,
      ],
      ['a status of success too', '[{source: PLAIN/created.txt, destination: bad}]', /the server answered 201/],
      ['redirects without end', '[{source: PLAIN/around.txt, destination: bad}]', /Maximum \(10\) redirects followed/],
      [
        'a redirect to a file of the machine',
        '[{source: PLAIN/local.txt, destination: bad}]',
        /Protocol "file" (?:not supported or )?disabled/,
      ],
      ['a certificate that nobody signed', '[{source: SECURE/a.txt, destination: bad}]', /certificate/],
      [
        'another checksum',
        `[{source: PLAIN/a.txt, destination: bad, algorithm: SHA1, checksum: ${'0'.repeat(40)}}]`,
        /has another checksum than the one that is expected: [0-9a-f]{40} by sha1/,
      ],
      [
        'a checksum that is none',
        '[{source: PLAIN/a.txt, destination: bad, algorithm: SHA1, checksum: abc}]',
        /^checksum: expected 40 hexadecimal digits for SHA1/,
      ],
      [
        'more than there is room for',
        '[{source: PLAIN/huge.txt, destination: bad}]',
        /huge\.txt is larger than the \d+ MiB that there is room for/,
      ],
      [
        'what is there when overwrite is false',
        '[{source: PLAIN/a.txt, destination: moved, overwrite: false}]',
        /moved exists, and overwrite is false/,
      ],
      [
        'an address that is none',
        '[{source: "ftp://example.com/passwd", destination: bad}]',
        /^source: expected an address that begins with http/,
      ],
      [
        'a file where nothing is beside the document',
        '[{source: "file:///etc/passwd", destination: bad}]',
        /^source: file:\/\/\/etc\/passwd names a file beside the document, and here is none/,
      ],
      [
        'a folder without a name for the file',
        '[{source: "PLAIN/", destination: one/}]',
        /has no name for a file; write the file's name/,
      ],
    ];
    for (const [what, inputs, message] of bad) {
      test(`fails for ${what}`, async () => {
        const { outcome } = await download(inputs);
        assert.match(outcome.failure?.message ?? 'it did not fail', message);
        assert.equal(await printed('ls bad .ingot-download* 2>/dev/null || true'), '', 'nothing is left of it');
      });
    }
  });
}
