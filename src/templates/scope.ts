/** What names mean while a template is evaluated. */
import type { Faults } from './faults.ts';
import type { CallNode, MapNode, Value } from './nodes.ts';

/** The values of `AWS::…`. */
export interface PseudoParameters {
  readonly region: string;
  readonly accountId: string;
  readonly partition: string;
  readonly stackName: string;
  /** `AWS::StackId`; made from the stack's name when absent. */
  readonly stackId?: string;
  /** `AWS::NotificationARNs` (default: none). */
  readonly notificationArns?: readonly string[];
}

/** What a template may ask of the world around it. Both answer at once: the caller has asked the server before. */
export interface Surroundings {
  /** The value of an export of another stack, for `Fn::ImportValue`. */
  readonly exportValue?: (name: string) => string | undefined;
  /** The value of a parameter of Systems Manager, by name, for `AWS::SSM::Parameter::Value<…>`. */
  readonly parameterValue?: (name: string) => string | undefined;
}

/** What a resource that exists answers to `Ref` and `Fn::GetAtt`. */
export interface ResourceAttributes {
  readonly ref: string;
  /** Attribute's name (`Arn`, `ImageId`) to its value. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** What a logical id means. */
export type Named =
  /** Made here. `attributes` ends with `.*` where any name with that beginning is one. */
  | { readonly kind: 'made'; readonly attributes: readonly string[] }
  /** Of another service: it has a name and nothing else. */
  | { readonly kind: 'foreign'; readonly type: string; readonly properties: MapNode | undefined }
  /** Left out, since its condition is false. */
  | { readonly kind: 'off'; readonly condition: string };

/** A top-level key to a second-level key to a value. */
export type Mapping = ReadonlyMap<string, ReadonlyMap<string, Value>>;

/** The value of a condition; `unknown` when it depends on a parameter without a value. */
export type Truth = boolean | 'unknown';

/** The result of a function; `undefined` for AWS::NoValue, and after a fault. */
export type CallEvaluator = (call: CallNode, path: string, scope: Scope, faults: Faults) => Value | undefined;

export interface Scope {
  readonly parameters: ReadonlyMap<string, Value>;
  /** Names of all declared parameters, those without a usable value included: they were complained about already. */
  readonly declared: ReadonlySet<string>;
  readonly pseudo: PseudoParameters;
  readonly surroundings: Surroundings;
  readonly resources: ReadonlyMap<string, Named>;
  /** Answers of resources that exist; a made resource without an entry is unknown yet. */
  readonly known: ReadonlyMap<string, ResourceAttributes>;
  readonly mappings: ReadonlyMap<string, Mapping>;
  /** The value of a declared condition, or `undefined` if none has that name. */
  readonly condition: (name: string) => Truth | undefined;
  /** Names of the declared conditions, for messages. */
  readonly conditionNames: readonly string[];
  /** Whether the template has `Transform: AWS::LanguageExtensions`. */
  readonly extensions: boolean;
  /** Functions that only the section at hand has. */
  readonly more?: ReadonlyMap<string, CallEvaluator>;
  /** Gets the logical id of each made resource that is named. */
  readonly trace?: Set<string>;
  /** Names of foreign resources so far. */
  readonly names: Map<string, ForeignName>;
  /** Values that loops may still make, and names of foreign resources that are being found. */
  readonly budget: { left: number; depth: number };
}

/** The name of a foreign resource, and what it is made of. */
interface ForeignName {
  /** `undefined` while it is being found. */
  readonly value: Value | undefined;
  readonly needs: ReadonlySet<string>;
}
