/** Parses and validates a workflow document. Source: reference, `workflows.md` sections 2 to 4 and 8. */
import { FaultCollector } from '../faults.ts';
import { didYouMean } from '../nearest.ts';
import { entryOf, readNodes, shorten } from '../nodes.ts';
import type { DocumentNode, MapEntry, MapNode } from '../nodes.ts';
import type { Fault } from '../position.ts';
import {
  isNull,
  childPath,
  readBoolean,
  readChoice,
  readInteger,
  readList,
  readMap,
  readSchemaVersion,
  readText,
  requireEntry,
  UniqueNames,
  warnUnknownKeys,
} from '../reading.ts';
import { workflowActions } from './actions.ts';
import type { WorkflowAction } from './actions.ts';
import { readWorkflowCondition } from './conditions.ts';
import type {
  WorkflowDocument,
  WorkflowParameter,
  WorkflowParameterType,
  WorkflowStep,
  WorkflowType,
  WorkflowValue,
} from './document.ts';
import { isPath } from './references.ts';
import { ValueReader } from './values.ts';

/** A document that can run, or its faults. */
export interface ParsedWorkflow {
  /** Present if no fault is an error. */
  readonly document?: WorkflowDocument;
  /** Errors and warnings, in the order of the text. */
  readonly faults: readonly Fault[];
}

/** Limits of a document. */
export const MAX_STEPS = 15;
export const MAX_PARAMETERS = 25;
export const MAX_OUTPUTS = 25;
const MAX_PARAMETER_LENGTH = 1024;
const FALLBACK_TIMEOUT_SECONDS = 3600;
/** Keys of a document and of a step. */
export const WORKFLOW_KEYS = ['name', 'description', 'schemaVersion', 'parameters', 'steps', 'outputs'] as const;
export const WORKFLOW_STEP_KEYS = [
  'name',
  'action',
  'description',
  'inputs',
  'if',
  'onFailure',
  'rollbackEnabled',
  'rollbackEnabled.$',
  'timeoutSeconds',
  'waitSeconds',
] as const;
/** The form of a step's name: the API's pattern. */
export const STEP_NAME = /^[A-Za-z][A-Za-z0-9_-]{1,99}$/;
export const ON_FAILURE = ['Abort', 'Continue'] as const;
export const PARAMETER_TYPES: readonly WorkflowParameterType[] = ['string', 'integer', 'boolean', 'stringList'];
const AMI_DISTRIBUTION: readonly string[] = ['DistributeImage', 'ModifyImageAttributes', 'ApplyImageConfigurations'];

/** Parses a workflow document of a type and reports all of its faults at once. Never throws. */
export function parseWorkflowDocument(text: string, type: WorkflowType): ParsedWorkflow {
  const faults = new FaultCollector();
  const root = readNodes(text, faults);
  const document = root === undefined ? undefined : new WorkflowReader(type, faults).document(root);
  const sorted = faults.sorted();
  return document === undefined || faults.hasErrors() ? { faults: sorted } : { document, faults: sorted };
}

class WorkflowReader {
  readonly #faults: FaultCollector;
  readonly #type: WorkflowType;
  readonly #values: ValueReader;

  constructor(type: WorkflowType, faults: FaultCollector) {
    this.#type = type;
    this.#faults = faults;
    this.#values = new ValueReader(faults);
  }

  document(root: DocumentNode): WorkflowDocument | undefined {
    const faults = this.#faults;
    const map = readMap(root, '', 'A workflow document', faults);
    if (map === undefined) return undefined;
    warnUnknownKeys(map, WORKFLOW_KEYS, '', 'A workflow document', faults);
    const name = this.#optionalText(map, 'name', '');
    const description = this.#optionalText(map, 'description', '');
    readSchemaVersion(map, 'A workflow document', faults);
    const parameters = this.#parameterList(map);
    const steps = this.#stepList(map);
    this.#values.reachable = this.#values.steps.length;
    const outputs = this.#outputs(map);
    return {
      name,
      description,
      schemaVersion: '1.0',
      type: this.#type,
      parameters,
      steps,
      outputs,
    };
  }

  /** The entry of an optional key, unless it has no value. */
  #given(map: MapNode, key: string, path: string): MapEntry | undefined {
    const entry = entryOf(map, key);
    if (entry === undefined || !isNull(entry.value)) return entry;
    this.#faults.add(
      'null-value',
      entry.keyPosition,
      childPath(path, key),
      `'${key}' has no value; it is read as absent.`,
    );
    return undefined;
  }

  #optionalText(map: MapNode, key: string, path: string, max = Number.POSITIVE_INFINITY): string | undefined {
    const entry = this.#given(map, key, path);
    if (entry === undefined) return undefined;
    const text = readText(entry.value, childPath(path, key), `'${key}'`, this.#faults);
    if (text !== undefined && text.length > max) {
      const message = `'${key}' has ${text.length} characters; at most ${max} are allowed.`;
      this.#faults.add('out-of-range', entry.value.position, childPath(path, key), message);
    }
    return text;
  }

  #items(map: MapNode, key: string, max: number): readonly DocumentNode[] {
    const entry = this.#given(map, key, '');
    const list = entry && readList(entry.value, key, `'${key}'`, this.#faults);
    if (entry !== undefined && list !== undefined && list.items.length > max) {
      this.#faults.add(
        'out-of-range',
        entry.keyPosition,
        key,
        `The document has ${list.items.length} ${key}; at most ${max} are allowed.`,
      );
    }
    return list?.items ?? [];
  }

  // ---- parameters and outputs

  #parameterList(map: MapNode): readonly WorkflowParameter[] {
    const names = new UniqueNames('The parameter', this.#faults);
    return this.#items(map, 'parameters', MAX_PARAMETERS)
      .map((item, index) => this.#parameter(item, names, `parameters[${index}]`))
      .filter((parameter) => parameter !== undefined);
  }

  #parameter(node: DocumentNode, names: UniqueNames, path: string): WorkflowParameter | undefined {
    const faults = this.#faults;
    const map = readMap(node, path, 'A parameter', faults);
    if (map === undefined) return undefined;
    warnUnknownKeys(map, ['name', 'type', 'default', 'description'], path, 'A parameter', faults);
    const entry = requireEntry(map, 'name', path, 'A parameter', faults);
    const name = entry && readText(entry.value, `${path}.name`, "'name'", faults);
    if (entry === undefined || name === undefined) return undefined;
    if (!/^[A-Za-z0-9_-]{1,128}$/.test(name)) {
      faults.add(
        'invalid-value',
        entry.value.position,
        `${path}.name`,
        `The name '${shorten(name)}' must have 1 to 128 letters, digits, - and _.`,
      );
    }
    names.add(name, entry.value.position, `${path}.name`);
    const typeEntry = this.#given(map, 'type', path);
    const type =
      (typeEntry && readChoice(typeEntry.value, `${path}.type`, "'type'", PARAMETER_TYPES, faults)) ?? 'string';
    this.#values.parameters.set(name, type === 'stringList' ? 'strings' : type);
    const given = this.#given(map, 'default', path);
    const defaultValue = given && this.#default(given.value, type, `${path}.default`);
    const description = this.#optionalText(map, 'description', path);
    return {
      name,
      type,
      defaultValue,
      description,
    };
  }

  #default(node: DocumentNode, type: WorkflowParameterType, path: string): WorkflowParameter['defaultValue'] {
    const what = "'default'";
    if (type === 'integer') return readInteger(node, path, what, this.#faults);
    if (type === 'boolean') return readBoolean(node, path, what, this.#faults);
    if (type === 'string') return this.#defaultText(node, path, what);
    const list = readList(node, path, what, this.#faults);
    return list?.items.map(
      (item, index) => this.#defaultText(item, `${path}[${index}]`, `Item ${index} of 'default'`) ?? '',
    );
  }

  #defaultText(node: DocumentNode, path: string, what: string): string | undefined {
    const text = readText(node, path, what, this.#faults);
    if (text !== undefined && text.length > MAX_PARAMETER_LENGTH) {
      this.#faults.add(
        'out-of-range',
        node.position,
        path,
        `${what} has ${text.length} characters; at most ${MAX_PARAMETER_LENGTH} are allowed.`,
      );
    }
    return text;
  }

  #outputs(map: MapNode): WorkflowDocument['outputs'] {
    const names = new UniqueNames('The output', this.#faults);
    const outputs: { name: string; value: WorkflowValue }[] = [];
    for (const [index, node] of this.#items(map, 'outputs', MAX_OUTPUTS).entries()) {
      const path = `outputs[${index}]`;
      const item = readMap(node, path, 'An output', this.#faults);
      if (item === undefined) continue;
      warnUnknownKeys(item, ['name', 'value', 'value.$'], path, 'An output', this.#faults);
      const entry = requireEntry(item, 'name', path, 'An output', this.#faults);
      const name = entry && readText(entry.value, `${path}.name`, "'name'", this.#faults);
      if (entry !== undefined && name !== undefined) names.add(name, entry.value.position, `${path}.name`);
      const value = entryOf(item, 'value.$') ?? requireEntry(item, 'value', path, 'An output', this.#faults);
      if (name === undefined || value === undefined) continue;
      outputs.push({
        name,
        value: this.#values.value(
          value.value,
          value.key.endsWith('.$'),
          { type: 'any' },
          `${path}.${value.key}`,
          "'value'",
        ),
      });
    }
    return outputs;
  }

  // ---- steps

  #stepList(map: MapNode): readonly WorkflowStep[] {
    const entry = requireEntry(map, 'steps', '', 'A workflow document', this.#faults);
    if (entry === undefined) return [];
    const items = this.#items(map, 'steps', MAX_STEPS);
    if (items.length === 0) {
      this.#faults.add(
        'out-of-range',
        entry.keyPosition,
        'steps',
        `A workflow has 1 to ${MAX_STEPS} steps, and this one has none.`,
      );
    }
    this.#values.steps = items.map((item) => ({
      name: textAt(item, 'name') ?? '',
      action: workflowActions[textAt(item, 'action') ?? ''],
    }));
    const names = new UniqueNames('The step', this.#faults);
    return items
      .map((item, index) => {
        this.#values.reachable = index;
        return this.#step(item, names, `steps[${index}]`);
      })
      .filter((step) => step !== undefined);
  }

  #step(node: DocumentNode, names: UniqueNames, path: string): WorkflowStep | undefined {
    const faults = this.#faults;
    const map = readMap(node, path, 'A step', faults);
    if (map === undefined) return undefined;
    warnUnknownKeys(map, WORKFLOW_STEP_KEYS, path, 'A step', faults);
    const name = this.#stepName(map, names, path);
    const action = this.#action(map, path);
    const known = action === undefined ? undefined : workflowActions[action];
    const description = this.#optionalText(map, 'description', path, 1024);
    const inputs = known === undefined ? {} : this.#inputs(map, known, path);
    const statement = this.#given(map, 'if', path);
    const condition = statement && readWorkflowCondition(statement.value, `${path}.if`, faults);
    if (statement !== undefined) this.#values.walk(statement.value, `${path}.if`);
    const choice = this.#given(map, 'onFailure', path);
    const onFailure =
      (choice && readChoice(choice.value, `${path}.onFailure`, "'onFailure'", ON_FAILURE, faults)) ?? 'Abort';
    const times = this.#times(map, known, path);
    const rollbackEnabled = this.#rollback(map, path);
    if (name === undefined || action === undefined) return undefined;
    return {
      name,
      action,
      description,
      inputs,
      if: condition,
      onFailure,
      rollbackEnabled,
      ...times,
      position: map.position,
    };
  }

  #stepName(map: MapNode, names: UniqueNames, path: string): string | undefined {
    const entry = requireEntry(map, 'name', path, 'A step', this.#faults);
    const name = entry && readText(entry.value, `${path}.name`, "'name'", this.#faults);
    if (entry === undefined || name === undefined) return undefined;
    if (!STEP_NAME.test(name)) {
      const message =
        `The step name '${shorten(name)}' must start with a letter and have 2 to 100 letters, digits, ` + '- and _.';
      this.#faults.add('invalid-value', entry.value.position, `${path}.name`, message);
    }
    names.add(name, entry.value.position, `${path}.name`);
    return name;
  }

  #action(map: MapNode, path: string): string | undefined {
    const entry = requireEntry(map, 'action', path, 'A step', this.#faults);
    const action = entry && readText(entry.value, `${path}.action`, "'action'", this.#faults);
    if (entry === undefined || action === undefined) return undefined;
    const position = entry.value.position;
    const known = workflowActions[action];
    if (known === undefined) {
      const message = `Unknown step action '${shorten(action)}'.${didYouMean(action, Object.keys(workflowActions))}`;
      this.#faults.add('unknown-action', position, `${path}.action`, message);
    } else if (!known.types.includes(this.#type)) {
      const message = `${action} does not exist in ${this.#type} workflows, only in ${known.types.join(' and ')}.`;
      this.#faults.add('action-not-allowed-in-type', position, `${path}.action`, message);
    }
    if (action === 'DistributeContainerImage') {
      const other = this.#values.steps.find((step) => AMI_DISTRIBUTION.includes(step.action?.name ?? ''));
      const message = `${action} cannot be used in one workflow with ${other?.action?.name ?? ''}.`;
      if (other !== undefined) this.#faults.add('conflicting-inputs', position, `${path}.action`, message);
    }
    return action;
  }

  #times(
    map: MapNode,
    action: WorkflowAction | undefined,
    path: string,
  ): { timeoutSeconds: number; waitSeconds: number } {
    const usual = action === undefined ? FALLBACK_TIMEOUT_SECONDS : action.defaultTimeoutMinutes * 60;
    const most = action === undefined ? 7 * 24 * 3600 : action.maxTimeoutMinutes * 60;
    const timeoutSeconds = this.#integer(map, 'timeoutSeconds', path, usual, 1, most);
    const waitSeconds = this.#integer(map, 'waitSeconds', path, 0, 0, timeoutSeconds - 1);
    return { timeoutSeconds, waitSeconds };
  }

  #integer(map: MapNode, key: string, path: string, usual: number, least: number, most: number): number {
    const entry = this.#given(map, key, path);
    const value = entry && readInteger(entry.value, `${path}.${key}`, `'${key}'`, this.#faults);
    if (entry === undefined || value === undefined) return usual;
    if (value < least || value > most) {
      this.#faults.add(
        'out-of-range',
        entry.value.position,
        `${path}.${key}`,
        `'${key}' must be ${least} to ${most} here, not ${value}.`,
      );
    }
    return value;
  }

  #rollback(map: MapNode, path: string): boolean | string {
    const dotted = entryOf(map, 'rollbackEnabled.$');
    const entry = dotted ?? this.#given(map, 'rollbackEnabled', path);
    if (entry === undefined) return true;
    const at = `${path}.${entry.key}`;
    const reference = dotted !== undefined || (entry.value.kind === 'scalar' && isPath(entry.value.text));
    if (!reference) return readBoolean(entry.value, at, "'rollbackEnabled'", this.#faults) ?? true;
    const value = this.#values.value(entry.value, true, { type: 'boolean' }, at, "'rollbackEnabled'");
    return typeof value === 'string' ? value : true;
  }

  // ---- inputs

  #inputs(map: MapNode, action: WorkflowAction, path: string): WorkflowStep['inputs'] {
    const entry = this.#given(map, 'inputs', path);
    const at = `${path}.inputs`;
    const given = entry && readMap(entry.value, at, "'inputs'", this.#faults);
    if (entry !== undefined && given === undefined) return {};
    const fallback: MapNode = { kind: 'map', position: map.position, entries: [] };
    return this.#values.fields(given ?? fallback, action.inputs, entry === undefined ? path : at, action.name);
  }
}

function textAt(node: DocumentNode, key: string): string | undefined {
  const value = node.kind === 'map' ? entryOf(node, key)?.value : undefined;
  return value?.kind === 'scalar' ? value.text : undefined;
}
