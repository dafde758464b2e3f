/** The JSON Schema of workflow documents; `../component/json-schema.ts` describes its relation to the validator. */
import { closedMap, DIALECT, forAction, SCALAR, SCHEMA_VERSION, type JsonSchema } from '../json-schema.ts';
import { workflowActions, type WorkflowAction, type WorkflowInputSchema, type WorkflowValueType } from './actions.ts';
import { COMPARISONS, MAX_CHILDREN } from './conditions.ts';
import {
  MAX_OUTPUTS,
  MAX_PARAMETERS,
  MAX_STEPS,
  ON_FAILURE,
  PARAMETER_TYPES,
  STEP_NAME,
  type WORKFLOW_KEYS,
  type WORKFLOW_STEP_KEYS,
} from './parse.ts';

type Described<K extends readonly string[]> = Readonly<Record<K[number], JsonSchema>>;

/** A whole value as a path, or a text with `{{ $.path }}`. */
const REFERENCE: JsonSchema = { type: 'string', pattern: '^\\$\\.|\\{\\{' };
const PATH: JsonSchema = {
  anyOf: [
    { type: 'string', pattern: '^\\$\\.' },
    { type: 'array', items: { type: 'string', pattern: '^\\$\\.' } },
  ],
  description: 'A path, such as $.stepOutputs.Launch.instanceId.',
};
const CONDITION: JsonSchema = { $ref: '#/definitions/condition' };

/** The schema in `schemas/workflow.schema.json`. */
export function workflowSchema(): JsonSchema {
  const properties: Described<typeof WORKFLOW_KEYS> = {
    name: SCALAR,
    description: SCALAR,
    schemaVersion: SCHEMA_VERSION,
    parameters: {
      type: 'array',
      maxItems: MAX_PARAMETERS,
      items: closedMap(
        { name: SCALAR, type: { enum: PARAMETER_TYPES, default: 'string' }, default: {}, description: SCALAR },
        ['name'],
      ),
      description: 'What an image or a pipeline gives to the workflow. Steps refer to $.parameters.NAME.',
    },
    steps: { type: 'array', minItems: 1, maxItems: MAX_STEPS, items: { $ref: '#/definitions/step' } },
    outputs: {
      type: 'array',
      maxItems: MAX_OUTPUTS,
      items: closedMap({ name: SCALAR, value: {} }, ['name', 'value']),
      description: 'Values for later workflows of the image: $.workflowOutputs.NAME.',
    },
  };
  return {
    $schema: DIALECT,
    title: 'Workflow document of EC2 Image Builder',
    ...closedMap(properties, ['schemaVersion', 'steps']),
    definitions: { condition: condition(), step: step() },
  };
}

function step(): JsonSchema {
  const actions = Object.values(workflowActions);
  const seconds = { type: 'integer', minimum: 1 };
  const properties: Described<typeof WORKFLOW_STEP_KEYS> = {
    name: { type: 'string', pattern: STEP_NAME.source, description: 'Unique within the document.' },
    action: { enum: actions.map(({ name }) => name) },
    description: SCALAR,
    inputs: { type: 'object', description: 'What the action is given; "key.$" takes a path.' },
    if: { ...CONDITION, description: 'Whether the step runs.' },
    onFailure: { enum: ON_FAILURE, default: 'Abort' },
    rollbackEnabled: { anyOf: [{ type: 'boolean' }, REFERENCE], default: true },
    'rollbackEnabled.$': PATH,
    timeoutSeconds: seconds,
    waitSeconds: { type: 'integer', minimum: 0 },
  };
  return {
    ...closedMap(properties, ['name', 'action']),
    allOf: actions.map((action) => forAction(action.name, actionStep(action))),
  };
}

function actionStep({ name, types, inputs, outputs, maxTimeoutMinutes }: WorkflowAction): JsonSchema {
  const given = Object.keys(outputs).length === 0 ? '' : ` Outputs: ${Object.keys(outputs).join(', ')}.`;
  const map = { ...mapOf(inputs), description: `Inputs of ${name}, in workflows of type ${types.join(', ')}.${given}` };
  const optional = Object.values(inputs).every((input) => input.required !== true);
  return {
    properties: { inputs: map, timeoutSeconds: { maximum: maxTimeoutMinutes * 60 } },
    ...(optional ? {} : { required: ['inputs'] }),
  };
}

/** A map whose members may each be given as a path: `key.$`. */
function mapOf(members: Readonly<Record<string, WorkflowInputSchema>>): JsonSchema {
  const properties = Object.entries(members).flatMap(
    ([name, schema]) =>
      [
        [name, valueSchema(schema)],
        [`${name}.$`, PATH],
      ] as const,
  );
  const required = Object.entries(members).filter(([, schema]) => schema.required === true);
  const either = required.map(([name]) => ({ anyOf: [{ required: [name] }, { required: [`${name}.$`] }] }));
  return closedMap(Object.fromEntries(properties), [], either.length === 0 ? {} : { allOf: either });
}

const VALUES: Readonly<Record<WorkflowValueType, JsonSchema>> = {
  string: SCALAR,
  integer: { anyOf: [{ type: 'integer' }, REFERENCE] },
  boolean: { anyOf: [{ type: 'boolean' }, REFERENCE] },
  strings: { anyOf: [{ type: 'array', items: SCALAR }, REFERENCE] },
  object: { anyOf: [{ type: 'object' }, REFERENCE] },
  objects: { anyOf: [{ type: 'array', items: { type: 'object' } }, REFERENCE] },
  any: {},
};

function valueSchema(schema: WorkflowInputSchema): JsonSchema {
  if (schema.oneOf !== undefined) return { anyOf: [{ enum: schema.oneOf }, REFERENCE] };
  if (schema.fields === undefined) return VALUES[schema.type];
  const map = mapOf(schema.fields);
  return { anyOf: [schema.type === 'objects' ? { type: 'array', items: map } : map, REFERENCE] };
}

function condition(): JsonSchema {
  const operands = Object.fromEntries(COMPARISONS.map((name) => [name, SCALAR]));
  const children = { type: 'array', minItems: 1, maxItems: MAX_CHILDREN, items: CONDITION };
  return closedMap(
    {
      ...operands,
      and: children,
      or: children,
      not: { anyOf: [CONDITION, { type: 'array', minItems: 1, maxItems: 1, items: CONDITION }] },
      value: SCALAR,
    },
    [],
    {
      oneOf: [...COMPARISONS, 'and', 'or', 'not'].map((name) => ({ required: [name] })),
      dependencies: Object.fromEntries(COMPARISONS.map((name) => [name, ['value']])),
    },
  );
}
