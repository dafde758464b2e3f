import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { splitTemplate } from '../../resources/dockerfile-template.ts';
import { DockerfileProgress } from './dockerfile-progress.ts';

const TEMPLATE = `FROM {{{ imagebuilder:parentImage }}} AS base
# a comment
RUN apt-get update && \\
    apt-get install -y nginx
RUN false
{{{ imagebuilder:environments }}}
{{{ imagebuilder:components }}}
CMD ["nginx"]
`;

for (const [printed, expected] of [
  [['STEP 1/3: FROM localhost/ingot:parent AS base'], 'line 1 of the Dockerfile template'],
  [['STEP 1/3: FROM localhost/ingot:parent AS base', 'STEP 2/3: RUN apt-get update &&     apt-get install'], 'line 3'],
  [['[1/2] STEP 3/3: RUN false', 'sh: no'], 'line 5 of the Dockerfile template (RUN false): it failed'],
  [['--> abc'], 'it failed'],
] as const) {
  test(`after ${printed.at(-1)} a failure is reported with ${expected}`, () => {
    const progress = new DockerfileProgress(splitTemplate(TEMPLATE, { workingDirectory: '/tmp' }).before);
    for (const line of printed) progress.take(line);
    equal(progress.explain('it failed').startsWith(expected.split(':')[0]!), true, progress.explain('it failed'));
  });
}
