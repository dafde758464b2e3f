import { deepEqual, equal, notEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { PlannedComponent } from '../planning/planned-component.ts';
import { containerPlan } from './container-plan.ts';

const TEMPLATE = `FROM {{{ imagebuilder:parentImage }}}
RUN true
{{{ imagebuilder:environments }}}
{{{ imagebuilder:components }}}
`;
const component = { component: { name: 'page', data: 'd', parameters: {} }, document: {}, phases: ['build'] };
const planned = component as unknown as PlannedComponent;
const SETTINGS = { labels: {}, epoch: undefined, buildArguments: {}, secrets: [] };
const registry = { kind: 'registry', reference: 'debian:12' } as const;

const names = (template: string, parent: Parameters<typeof containerPlan>[1] = registry) =>
  containerPlan({ dockerfileTemplateData: template }, parent, [planned], '/tmp', SETTINGS).parts.map(
    (part) => `${part.kind} ${part.component.name}`,
  );

test('the parts are the parent, the Dockerfile, each component, and the instructions after them', () => {
  deepEqual(names(TEMPLATE), ['parent parent image', 'dockerfile Dockerfile', 'component page']);
  deepEqual(names(`${TEMPLATE}CMD ["x"]\n`).at(-1), 'dockerfile Dockerfile after the components');
});

test('scratch has no parent layer, and the Dockerfile says so', () => {
  const { parts } = containerPlan({ dockerfileTemplateData: TEMPLATE }, { kind: 'scratch' }, [], '/tmp', SETTINGS);
  equal(parts[0]!.component.data.startsWith('FROM scratch\n'), true);
});

test("another parent has another first layer; an image of one's own counts by its digest, not by its name", () => {
  const own = (digest: string) =>
    containerPlan(
      { dockerfileTemplateData: TEMPLATE },
      { kind: 'image', arn: 'arn:x', digest, mediaType: 'm', size: 1 },
      [],
      '/tmp',
      SETTINGS,
    ).parts[0]!.component.data;
  notEqual(own('sha256:a'), own('sha256:b'));
});

test('a build argument is part of what its Dockerfile makes; a label is not', () => {
  const second = (more: object) =>
    containerPlan({ dockerfileTemplateData: TEMPLATE }, registry, [], '/tmp', { ...SETTINGS, ...more }).parts[1]!
      .component.data;
  notEqual(second({ buildArguments: { A: '1' } }), second({}));
  notEqual(second({ buildArguments: { A: '1' } }), second({ buildArguments: { A: '2' } }));
  equal(second({ labels: { a: 'b' } }), second({}));
});
