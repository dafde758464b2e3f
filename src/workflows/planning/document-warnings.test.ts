import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProgressEvent } from '../../resources/progress.ts';
import { warnOfDocuments } from './document-warnings.ts';
import { sampleComponent } from '../../../test/harness/image-plan.ts';

const REBOOTS =
  'schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - {name: One, action: ExecuteBash, inputs: ' +
  '{commands: [reboot]}}\n';
const UPDATES = 'schemaVersion: 1.0\nphases:\n  - name: build\n    steps:\n      - {name: One, action: UpdateOS}\n';

function component(name: string, data: string, owner = '123456789012') {
  return sampleComponent({ arn: `arn:aws:imagebuilder:us-east-1:${owner}:component/${name}/1.0.0/1`, name, data });
}

test('probable mistakes are logged with positions; managed components are skipped, but count for the recipe', () => {
  const told: ProgressEvent[] = [];
  const components = [
    component('restart', REBOOTS),
    component('update-linux', UPDATES, 'aws'),
    component('again', UPDATES),
    component('theirs', REBOOTS, 'aws'),
  ];

  warnOfDocuments({ components, image: { osVersion: 'Debian 12' } }, (event) => told.push(event));

  assert.deepEqual(
    told.map(({ level, component: of }) => [level, of]),
    [
      ['warn', 'restart'],
      ['warn', 'again'],
    ],
  );
  assert.match(told[0]!.text, /^component restart, 5:62 restart-in-script: 'reboot' restarts the machine/);
  assert.match(
    told[1]!.text,
    /^component again, several-updates: 'again' updates the whole system, as 'update-linux' did/,
  );
});

test('an AWS version that is not available is logged with the one used in its place', () => {
  const told: ProgressEvent[] = [];
  const asked = 'arn:aws:imagebuilder:us-east-1:aws:component/update-linux/1.0.2/1';
  const components = [{ ...component('update-linux', UPDATES, 'aws'), namedAs: asked }];

  warnOfDocuments({ components, image: { osVersion: 'Debian 12' } }, (event) => told.push(event));

  assert.deepEqual(
    told.map(({ text }) => text),
    [
      `component ${asked}: this version is not here; ${asked.replace('1.0.2/1', '1.0.0/1')}, which comes with this ` +
        'server, is used',
    ],
  );
});
