/** Command documents of Systems Manager, schema 2.0 and 2.2, as parsed. Source: its user guide. */
import type { Position } from '../position.ts';

/** Types of parameters. Values of `Integer`, `Boolean` and `MapList` come from defaults alone, as on AWS. */
export const COMMAND_PARAMETER_TYPES = ['String', 'StringList', 'StringMap', 'Integer', 'Boolean', 'MapList'] as const;
/** A type of a parameter. */
type CommandParameterType = (typeof COMMAND_PARAMETER_TYPES)[number];

/** A value in a document: JSON. */
export type CommandValue = string | number | boolean | null | readonly CommandValue[] | { [key: string]: CommandValue };

/** A declared parameter. */
export interface CommandParameter {
  readonly name: string;
  readonly type: CommandParameterType;
  /** Required when undefined. */
  readonly defaultValue: CommandValue | undefined;
  readonly allowedValues: readonly string[] | undefined;
  /** RE2; found anywhere in the value unless it is anchored. */
  readonly allowedPattern: string | undefined;
  readonly minItems: number | undefined;
  readonly maxItems: number | undefined;
  readonly minChars: number | undefined;
  readonly maxChars: number | undefined;
  /** Its value reaches scripts as the variable `SSM_<name>`, and not as text of theirs. */
  readonly asVariable: boolean;
}

/** Plugins that run here. */
export const COMMAND_PLUGINS = ['aws:runShellScript', 'aws:runPowerShellScript'] as const;
/** A plugin that runs here. */
export type CommandPlugin = (typeof COMMAND_PLUGINS)[number];

/** A step. */
export interface CommandStep {
  readonly name: string;
  /** One of `COMMAND_PLUGINS` unless the step never runs on Linux. */
  readonly action: string;
  /** Pairs that must be equal; one of a pair may be the word `platformType`. */
  readonly preconditions: readonly (readonly [string, string])[];
  /** As written, references included. */
  readonly inputs: Readonly<Record<string, CommandValue>>;
  readonly position: Position;
}

/** A command document. */
export interface CommandDocument {
  readonly schemaVersion: '2.0' | '2.2';
  readonly description: string | undefined;
  readonly parameters: readonly CommandParameter[];
  readonly steps: readonly CommandStep[];
}

/** What a step's `inputs` may have, by plugin. */
export const COMMAND_INPUTS = [
  'runCommand',
  'workingDirectory',
  'timeoutSeconds',
  'onFailure',
  'onSuccess',
  'finallyStep',
  'id',
] as const;
