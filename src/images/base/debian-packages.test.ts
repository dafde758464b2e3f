import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProgressEvent } from '../../resources/progress.ts';
import { debianSources, explainFailure, mirrorsFromEnvironment, packageProgress } from './debian-packages.ts';

const mirrors = mirrorsFromEnvironment({});

test("mirrors: Debian's own unless the environment names others", () => {
  assert.deepEqual(mirrors, {
    main: 'http://deb.debian.org/debian',
    security: 'http://deb.debian.org/debian-security',
  });
  assert.deepEqual(
    mirrorsFromEnvironment({
      INGOT_DEBIAN_MIRROR: ' https://mirror.example/debian/ ',
      INGOT_DEBIAN_SECURITY_MIRROR: '',
    }),
    {
      main: 'https://mirror.example/debian',
      security: 'http://deb.debian.org/debian-security',
    },
  );
  assert.equal(
    debianSources('bookworm', mirrors),
    `deb http://deb.debian.org/debian bookworm main
deb http://deb.debian.org/debian bookworm-updates main
deb http://deb.debian.org/debian-security bookworm-security main
`,
  );
});

for (const [value, message] of [
  ['mirror.example/debian', /must be an http or https address/],
  ['file:///srv/debian', /must be an http or https address/],
  ['http://mirror.example/debian [trusted=yes]', /must be an http or https address/],
  ['http://mirror.example/\ndeb http://evil.example/', /must be an http or https address/],
  ['http://user:secret@mirror.example/debian', /must not contain a user or password/],
] as const) {
  test(`mirrors: rejected: ${JSON.stringify(value)}`, () => {
    assert.throws(
      () => mirrorsFromEnvironment({ INGOT_DEBIAN_MIRROR: value }),
      (error: Error) => message.test(error.message) && !error.message.includes('secret'),
    );
  });
}

test('progress: each package counts when it is downloaded, unpacked and set up, however the output is split', () => {
  const told: ProgressEvent[] = [];
  const progress = packageProgress((event) => told.push(event));
  const output = `I: running apt-get update...
Get:1 http://deb.debian.org/debian bookworm InRelease [151 kB]
0 upgraded, 1 newly installed, 0 to remove and 0 not upgraded.
Get:1 http://deb.debian.org/debian bookworm/main amd64 curl amd64 7.88 [316 kB]
Unpacking curl (7.88) ...
Setting up curl (7.88) ...
`;

  for (const character of output) progress.output(Buffer.from(character));

  assert.deepEqual(told, [
    { type: 'progress', text: 'fetching packages', done: 1, total: 3 },
    { type: 'progress', text: 'unpacking curl', done: 2, total: 3 },
    { type: 'progress', text: 'setting up curl', done: 3, total: 3 },
  ]);
  assert.match(progress.tail(), /Setting up curl/);
});

for (const { what, output, message } of [
  {
    what: 'a name that is not known',
    output:
      'Err:1 http://deb.debian.org/debian bookworm InRelease\nW: Failed to fetch ' +
      "http://deb.debian.org/debian/dists/bookworm/InRelease  Temporary failure resolving 'deb.debian.org'\nE: " +
      'apt-get update failed',
    message:
      /could not be fetched from deb\.debian\.org: Temporary failure resolving 'deb\.debian\.org'\. Check .*INGOT_DEBIAN_MIRROR/,
  },
  {
    what: 'a mirror without the release',
    output:
      'Err:2 http://m.example/debian bookworm Release\n  404  Not Found\nE: The repository ' +
      "'http://m.example/debian bookworm Release' does not have a Release file.",
    message: /http:\/\/m\.example\/debian bookworm Release does not exist/,
  },
  {
    what: 'a key that is not known',
    output:
      'W: GPG error: http://m.example bookworm InRelease: NO_PUBKEY 0E98404D386FA1D9\nE: The repository is not signed.',
    message: /not signed by a key that this host knows/,
  },
  {
    what: 'a full disk',
    output: 'dpkg: error processing archive: cannot copy: No space left on device',
    message: /^no space left on device: a base image takes 4 GiB.*gc frees/,
  },
  {
    what: 'anything else',
    output: 'I: running\nSetting up x\nE: setup failed: something odd',
    message: /^mmdebstrap failed: E: setup failed: something odd$/,
  },
]) {
  test(`explains: ${what}`, () => {
    const cause = new Error('mmdebstrap ended with exit code 25');
    const error = explainFailure(output, mirrors, cause);
    assert.match(error.message, message);
    assert.equal(error.cause, cause);
  });
}
