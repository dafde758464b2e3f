/**
 * The JSON Schema of component documents. Every document that the validator accepts without a warning is valid. The
 * schema cannot check what depends on the whole document, such as references. Unknown keys are errors here, because
 * editors should mark them; the validator only warns.
 */
import { closedMap, DIALECT, forAction, SCALAR, SCHEMA_VERSION, type JsonSchema } from '../json-schema.ts';
import { ELEMENT_NAME } from '../reading.ts';
import { COMPARISONS, CONDITION_OPERATORS, STEP_DECISIONS } from './conditions.ts';
import {
  type CONSTANT_KEYS,
  DECLARED_NAME,
  MAX_PARAMETER_LENGTH,
  MAX_PARAMETERS,
  type PARAMETER_KEYS,
} from './declarations.ts';
import { FOR_KEYS, type LIST_KEYS, type LOOP_KEYS } from './loops.ts';
import { ACTION_MODULES, inputsAreOptional, type ActionModule, type InputSchema, type InputType } from './modules.ts';
import { type COMPONENT_KEYS, ON_FAILURE, RUNNABLE_PHASES, type STEP_KEYS } from './parse.ts';

/** A schema for each key of a register: a key without one does not compile. */
type Described<K extends readonly string[]> = Readonly<Record<K[number], JsonSchema>>;

/** A text with `{{ … }}`, whose value is only known when the step runs. */
const REFERENCE: JsonSchema = { type: 'string', pattern: '\\{\\{' };
const CONDITION: JsonSchema = { $ref: '#/definitions/condition' };
const NAME: JsonSchema = { ...SCALAR, description: 'Unique within its list.' };

/** The schema in `schemas/component.schema.json`. */
export function componentSchema(): JsonSchema {
  const properties: Described<typeof COMPONENT_KEYS> = {
    name: { ...SCALAR, description: 'For readers only; the component resource has its own name.' },
    description: SCALAR,
    schemaVersion: SCHEMA_VERSION,
    parameters: {
      type: 'array',
      maxItems: MAX_PARAMETERS,
      items: declaration(parameter()),
      description: 'What a recipe may set: "- MyName:" with type and default beneath it. Steps refer to {{ MyName }}.',
    },
    constants: {
      type: 'array',
      items: declaration(constant()),
      description: 'Values with a name: "- MyName:" with type and value beneath it.',
    },
    phases: {
      type: 'array',
      minItems: 1,
      items: phase(),
      contains: { type: 'object', required: ['name'], properties: { name: { enum: RUNNABLE_PHASES } } },
      description: `At least one of ${RUNNABLE_PHASES.join(', ')}.`,
    },
  };
  return {
    $schema: DIALECT,
    title: 'Component document of EC2 Image Builder (AWSTOE)',
    ...closedMap(properties, ['schemaVersion', 'phases']),
    definitions: { condition: condition(), step: step() },
  };
}

function declaration(inner: JsonSchema): JsonSchema {
  return {
    type: 'object',
    minProperties: 1,
    maxProperties: 1,
    propertyNames: { pattern: DECLARED_NAME.source },
    additionalProperties: inner,
  };
}

function parameter(): JsonSchema {
  const properties: Described<typeof PARAMETER_KEYS> = {
    type: { const: 'string' },
    default: {
      type: ['string', 'number', 'boolean'],
      maxLength: MAX_PARAMETER_LENGTH,
      description: 'Without it a recipe has to give a value.',
    },
    description: SCALAR,
    allowedValues: { type: 'array', items: SCALAR },
  };
  return closedMap(properties, ['type']);
}

function constant(): JsonSchema {
  const properties: Described<typeof CONSTANT_KEYS> = { type: { const: 'string' }, value: SCALAR, description: SCALAR };
  return closedMap(properties, ['type', 'value']);
}

function phase(): JsonSchema {
  return closedMap({ name: NAME, steps: { type: 'array', minItems: 1, items: { $ref: '#/definitions/step' } } }, [
    'name',
    'steps',
  ]);
}

function step(): JsonSchema {
  const modules = [...ACTION_MODULES.values()];
  const properties: Described<typeof STEP_KEYS> = {
    name: { type: 'string', pattern: ELEMENT_NAME.source, description: 'Unique within the phase.' },
    action: { enum: modules.map((module) => module.name), description: 'The action module that the step runs.' },
    timeoutSeconds: {
      type: 'integer',
      anyOf: [{ const: -1 }, { minimum: 1 }],
      default: 7200,
      description: 'Limit of one attempt, in seconds; -1 means no limit.',
    },
    onFailure: { enum: ON_FAILURE, default: 'Abort', description: 'What a failure means for the document.' },
    maxAttempts: { type: 'integer', minimum: 1, default: 1, description: 'Maximum number of attempts.' },
    inputs: { description: 'Inputs of the action module; their form depends on the action.' },
    loop: loop(),
    if: { ...CONDITION, description: 'Whether the step runs.' },
  };
  return {
    ...closedMap(properties, ['name', 'action']),
    allOf: modules.map((module) => forAction(module.name, moduleStep(module))),
  };
}

/** What the steps of a module need, in addition to common members. */
function moduleStep(module: ActionModule): JsonSchema {
  const only = module.platforms.length === 3 ? '' : ` On ${module.platforms.join(' and ')}.`;
  const outputs =
    module.outputs === undefined || module.outputs.length === 0 ? '' : ` Outputs: ${module.outputs.join(', ')}.`;
  const properties = { inputs: { ...moduleInputs(module), description: `Inputs of ${module.name}.${only}${outputs}` } };
  return { properties, ...(inputsAreOptional(module) ? {} : { required: ['inputs'] }) };
}

function moduleInputs(module: ActionModule): JsonSchema {
  if (module.shape === 'condition') return { allOf: [CONDITION] };
  const inputs = Object.entries(module.inputs);
  const required = inputs.filter(([, input]) => input.required === true).map(([name]) => name);
  const needs = inputs.flatMap(([name, { needs: other }]) => (other === undefined ? [] : [[name, [other]] as const]));
  const map = closedMap(Object.fromEntries(inputs.map(([name, input]) => [name, inputSchema(input)])), required, {
    ...(needs.length === 0 ? {} : { dependencies: Object.fromEntries(needs) }),
    ...(module.exactlyOneOf === undefined ? {} : { oneOf: module.exactlyOneOf.map((name) => ({ required: [name] })) }),
  });
  return module.shape === 'map' ? map : { type: 'array', minItems: 1, items: map };
}

const INPUTS: Readonly<Record<InputType, JsonSchema>> = {
  text: SCALAR,
  boolean: { anyOf: [{ type: 'boolean' }, { enum: ['yes', 'no', 'on', 'off'] }, REFERENCE] },
  integer: { anyOf: [{ type: 'integer', minimum: 0 }, REFERENCE] },
  mode: {
    anyOf: [{ type: 'integer', minimum: 0 }, { type: 'string', pattern: '^(0o)?[0-7]{1,5}$' }, REFERENCE],
    description: 'Octal permissions, such as "0644".',
  },
  texts: { type: 'array', items: SCALAR },
  textMap: { type: 'object', additionalProperties: SCALAR },
  scalarOrTexts: { anyOf: [SCALAR, { type: 'array', items: SCALAR }] },
  parameters: {
    type: 'array',
    items: { type: 'object', required: ['name', 'value'], properties: { name: SCALAR, value: SCALAR } },
  },
};

function inputSchema(input: InputSchema): JsonSchema {
  const platform = input.notOn === undefined ? {} : { description: `Not on ${input.notOn}.` };
  if (input.oneOf !== undefined && input.ignoreCase !== true)
    return { anyOf: [{ enum: input.oneOf }, REFERENCE], ...platform };
  if (input.oneOf !== undefined) {
    const insensitive = input.oneOf.map((word) =>
      word.replace(/[a-z]/gi, (letter) => `[${letter.toUpperCase()}${letter.toLowerCase()}]`),
    );
    return {
      anyOf: [{ enum: input.oneOf }, { type: 'string', pattern: `^(${insensitive.join('|')})$` }, REFERENCE],
      ...platform,
    };
  }
  if (input.type === 'texts' && input.required === true) return { ...INPUTS.texts, minItems: 1 };
  if (input.type === 'text' && input.required === true) return { ...SCALAR, minLength: 1 };
  return { ...INPUTS[input.type], ...platform };
}

function loop(): JsonSchema {
  const bound: JsonSchema = { anyOf: [{ type: 'integer' }, REFERENCE] };
  const bounds: Described<typeof FOR_KEYS> = {
    start: bound,
    end: bound,
    updateBy: { anyOf: [{ type: 'integer', not: { const: 0 } }, REFERENCE] },
  };
  const list: Described<typeof LIST_KEYS> = {
    list: { ...SCALAR, minLength: 1 },
    delimiter: { type: 'string', default: ',' },
  };
  const properties: Described<typeof LOOP_KEYS> = {
    name: {
      ...SCALAR,
      pattern: `^$|${ELEMENT_NAME.source}`,
      description:
        'What {{ NAME.value }} and {{ NAME.index }} call the loop, beside {{ loop.value }} and {{ loop.index }}.',
    },
    for: closedMap(bounds, FOR_KEYS, { description: 'Integers from start to end, both among them.' }),
    forEach: {
      anyOf: [{ type: 'array', minItems: 1, items: SCALAR }, closedMap(list, ['list'])],
      description: 'A list of texts, or a text with a delimiter.',
    },
  };
  return closedMap(properties, [], {
    oneOf: [{ required: ['for'] }, { required: ['forEach'] }],
    description: 'Runs the module once for each value.',
  });
}

function condition(): JsonSchema {
  const comparisons = Object.entries(COMPARISONS);
  const operators = Object.fromEntries(
    comparisons.map(([name, { kind }]) => [
      name,
      kind === 'number' ? { anyOf: [{ type: 'number' }, { type: 'string' }] } : SCALAR,
    ]),
  );
  const decision = { enum: STEP_DECISIONS, description: 'What happens to the step; only in an if.' };
  const map = closedMap(
    {
      ...operators,
      and: { type: 'array', minItems: 1, items: CONDITION },
      or: { type: 'array', minItems: 1, items: CONDITION },
      not: CONDITION,
      value: { ...SCALAR, description: 'What is compared.' },
      path: { ...SCALAR, description: 'The file whose hash is compared.' },
      then: decision,
      else: decision,
    },
    [],
    {
      oneOf: CONDITION_OPERATORS.map((name) => ({ required: [name] })),
      dependencies: Object.fromEntries(
        comparisons.flatMap(([name, { operand }]) => (operand === 'none' ? [] : [[name, [operand]]])),
      ),
    },
  );
  return { anyOf: [map, { type: 'array', minItems: 1, maxItems: 1, items: map }] };
}
