import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dockerfileFault, isRegistryImage } from './dockerfile-template.ts';

const FROM = 'FROM {{{ imagebuilder:parentImage }}}\n';
const CASES: readonly (readonly [template: string, components: boolean, fault: RegExp | undefined])[] = [
  [FROM, false, undefined],
  [`${FROM}{{{imagebuilder:environments}}}\n{{{ imagebuilder:components }}}`, true, undefined],
  ['FROM debian', false, /must contain \{\{\{ imagebuilder:parentImage/],
  ['FROM {{ imagebuilder:parentImage }}', false, /parentImage/],
  [FROM, true, /with components/],
  [`${FROM}{{{ imagebuilder:components }}}{{{ imagebuilder:environments }}}`, true, /must come before/],
];
for (const [template, components, fault] of CASES) {
  test(`template ${JSON.stringify(template)}${components ? ' with components' : ''}`, () => {
    if (fault === undefined) assert.equal(dockerfileFault(template, components), undefined);
    else assert.match(dockerfileFault(template, components) ?? '', fault);
  });
}

test('names of images in registries', () => {
  for (const name of [
    'debian',
    'debian:12',
    'library/debian',
    'public.ecr.aws/amazonlinux/amazonlinux:latest',
    'localhost:5000/web',
    `debian@sha256:${'a'.repeat(64)}`,
    '123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1.0',
  ])
    assert.ok(isRegistryImage(name), name);
  for (const name of [
    '',
    'Debian',
    'debian:',
    'debian@sha256:1',
    'https://debian',
    'arn:aws:imagebuilder:us-east-1:aws:image/debian-12-x86/x.x.x',
    '/debian',
    'ssm:/a/b',
    'ami-0123456789abcdef0',
  ])
    assert.ok(!isRegistryImage(name), name);
});
