/** Plans and requests of templates in texts, for the tests of templates. */
import assert from 'node:assert/strict';
import {
  parseTemplate,
  planTemplate,
  resolveResource,
  TemplateError,
  type Surroundings,
} from '../../src/templates/template.ts';

const PSEUDO = { region: 'us-east-1', accountId: '123456789012', partition: 'aws', stackName: 'web' };

export function planOf(text: string, parameters: Record<string, string> = {}, surroundings: Surroundings = {}) {
  return planTemplate(parseTemplate(text), new Map(Object.entries(parameters)), PSEUDO, surroundings);
}

export function requestOf(
  text: string,
  parameters: Record<string, string> = {},
  id = 'R',
  surroundings: Surroundings = {},
) {
  const plan = planOf(text, parameters, surroundings);
  const known = new Map(
    plan.resources.map((resource) => [
      resource.logicalId,
      {
        ref: `arn:of/${resource.logicalId}`,
        attributes: { Arn: `arn:of/${resource.logicalId}`, Name: resource.logicalId.toLowerCase() },
      },
    ]),
  );
  return resolveResource(plan, plan.resources.find((resource) => resource.logicalId === id)!, known);
}

export function faultsOf(text: string, parameters: Record<string, string> = {}): string[] {
  try {
    planOf(text, parameters);
  } catch (error) {
    assert.ok(error instanceof TemplateError, String(error));
    return error.message.split('\n');
  }
  return [];
}

/** A component with this description, and further sections before it. */
export function describing(value: string, before = ''): string {
  return (
    `${before}Resources:\n  C: {Type: 'AWS::ImageBuilder::Component', Properties: {Name: ccc, Version: 1.0.0, ` +
    'Platform: Linux, Data: x}}\n' +
    '  R:\n    Type: AWS::ImageBuilder::Component\n    Properties:\n      Name: rrr\n      Version: 1.0.0\n      ' +
    `Platform: Linux\n      Data: x\n      Description: ${value}\n`
  );
}
