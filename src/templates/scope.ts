/** The meaning of names while a template is evaluated. */
import type { Faults } from './faults.ts';
import type { CallNode, MapNode, Value } from './nodes.ts';

/** The values of `AWS::…`. */
export interface PseudoParameters {
  readonly region: string;
  readonly accountId: string;
  readonly partition: string;
  readonly stackName: string;
  /** `AWS::StackId` (default: derived from the stack's name). */
  readonly stackId?: string;
  /** `AWS::NotificationARNs` (default: none). */
  readonly notificationArns?: readonly string[];
}

/** Values from outside of a template. Both functions are synchronous: the caller has queried the server before. */
export interface Surroundings {
  /** The value of an export of another stack, for `Fn::ImportValue`. */
  readonly exportValue?: (name: string) => string | undefined;
  /** The value of a parameter of Systems Manager, by name, for `AWS::SSM::Parameter::Value<…>`. */
  readonly parameterValue?: (name: string) => string | undefined;
}

/** The values of `Ref` and `Fn::GetAtt` for an existing resource. */
export interface ResourceAttributes {
  readonly ref: string;
  /** From the attribute's name (`Arn`, `ImageId`) to its value. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** The resource of a logical id. */
export type Named =
  /** Created here. An entry of `attributes` that ends with `.*` means any name with that beginning. */
  | { readonly kind: 'made'; readonly attributes: readonly string[] }
  /** Of another service: it only has a name. */
  | { readonly kind: 'foreign'; readonly type: string; readonly properties: MapNode | undefined }
  /** Left out, because its condition is false. */
  | { readonly kind: 'off'; readonly condition: string };

/** A top-level key to a second-level key to a value. */
export type Mapping = ReadonlyMap<string, ReadonlyMap<string, Value>>;

/** The value of a condition; `unknown` if it depends on a parameter without a value. */
export type Truth = boolean | 'unknown';

/** The result of a function; `undefined` for AWS::NoValue, and after a fault. */
export type CallEvaluator = (call: CallNode, path: string, scope: Scope, faults: Faults) => Value | undefined;

export interface Scope {
  readonly parameters: ReadonlyMap<string, Value>;
  /** Names of all declared parameters, including those without a valid value, which were already reported. */
  readonly declared: ReadonlySet<string>;
  readonly pseudo: PseudoParameters;
  readonly surroundings: Surroundings;
  readonly resources: ReadonlyMap<string, Named>;
  /** Attributes of existing resources; a created resource without an entry is still unknown. */
  readonly known: ReadonlyMap<string, ResourceAttributes>;
  readonly mappings: ReadonlyMap<string, Mapping>;
  /** The value of a declared condition, or `undefined` for an undeclared one. */
  readonly condition: (name: string) => Truth | undefined;
  /** Names of the declared conditions, for messages. */
  readonly conditionNames: readonly string[];
  /** Whether the template has `Transform: AWS::LanguageExtensions`. */
  readonly extensions: boolean;
  /** Functions that only the current section has. */
  readonly more?: ReadonlyMap<string, CallEvaluator>;
  /** Collects the logical id of each created resource that is named. */
  readonly trace?: Set<string>;
  /** Names of foreign resources that were computed so far. */
  readonly names: Map<string, ForeignName>;
  /** Number of values that loops may still create, and depth of names of foreign resources. */
  readonly budget: { left: number; depth: number };
}

/** The name of a foreign resource, and the properties that it is made from. */
interface ForeignName {
  /** `undefined` while it is being computed. */
  readonly value: Value | undefined;
  readonly needs: ReadonlySet<string>;
}
