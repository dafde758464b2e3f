import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseComponentDocument } from './parse.ts';
import { recipeHabits } from './recipe-habits.ts';

const DEBIAN = 'Debian GNU/Linux 12 (bookworm)';
const UPDATE = '{name: One, action: UpdateOS}';

function bash(command: string, more = ''): string {
  return `{name: One, action: ExecuteBash, ${more}inputs: {commands: [${JSON.stringify(command)}]}}`;
}

const CASES: readonly (readonly [
  title: string,
  steps: readonly string[],
  os: string | undefined,
  warnings: readonly RegExp[],
])[] = [
  [
    'two updates',
    [UPDATE, bash('apt-get -y dist-upgrade')],
    DEBIAN,
    [/^several-updates second: 'second' updates the whole system, as 'first' did/],
  ],
  ['three updates', [bash('yum update -y'), bash('dnf -y upgrade'), UPDATE], undefined, [/second/, /third/]],
  ['one update', [UPDATE, bash('apt-get update && apt-get -y install nginx')], DEBIAN, []],
  [
    'an update of some packages',
    [UPDATE, '{name: One, action: UpdateOS, inputs: {include: [nginx]}}', bash('yum -y update nginx')],
    undefined,
    [],
  ],
  [
    'yum on Debian',
    [bash('sudo yum -y install httpd')],
    DEBIAN,
    [
      /^other-package-manager first: Step 'One' of phase 'build' in 'first' uses yum; the parent image is Debian.*, which has apt-get\.$/,
    ],
  ],
  ['apt on Amazon Linux', [bash('apt-get -y install nginx')], 'Amazon Linux 2', [/uses apt-get; .* which has dnf/]],
  ['yum behind a look at the system', [bash('if command -v yum; then yum -y install httpd; fi')], DEBIAN, []],
  ['yum in a step with a condition', [bash('yum -y install httpd', 'if: {binaryExists: yum}, ')], DEBIAN, []],
  ['an unknown parent', [bash('yum -y install httpd')], undefined, []],
];

for (const [title, steps, os, warnings] of CASES) {
  test(title, () => {
    const components = steps.map((step, index) => {
      const { document, faults } = parseComponentDocument(
        `schemaVersion: 1.0\nphases: [{name: build, steps: [${step}]}]`,
      );
      assert.ok(document, JSON.stringify(faults));
      return { name: ['first', 'second', 'third'][index]!, document };
    });

    const found = recipeHabits(components, os).map(
      ({ code, component, message }) => `${code} ${component}: ${message}`,
    );

    assert.equal(found.length, warnings.length, found.join('\n'));
    for (const [index, warning] of warnings.entries()) assert.match(found[index]!, warning);
  });
}
