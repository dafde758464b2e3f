/**
 * The query protocols: names and values in, XML out. Source: Smithy, "AWS query protocol" and "EC2 query protocol". EC2
 * numbers its lists without `member`, capitalizes names, and has its own error codes.
 */
import type { NormalizedSchema } from '@smithy/core/schema';
import { type ApiError, type ErrorCode, serializationError } from '../../../resources/errors.ts';
import type { Structure } from '../../codec.ts';
import { members } from '../../model.ts';
import { ServiceError } from '../errors.ts';
import type { Protocol } from './protocol.ts';
import { element, elementsOf, escaped, nameTraits } from './xml.ts';

/** Parameters by name; a name occurs once. */
type Parameters = ReadonlyMap<string, string>;

/** Limits of one request, above what any operation needs. */
const MOST = { parameters: 10_000, depth: 16, entries: 1000 };

/** The name of a member in a request. */
type NameOf = (member: string, schema: NormalizedSchema) => string;

/** The differences between the two protocols. */
interface Dialect {
  readonly nameOf: NameOf;
  /** The part between the name of a list and the number of an entry. */
  readonly listInfix: (list: NormalizedSchema) => string;
  readonly codes: Partial<Record<ErrorCode, string>>;
  readonly statuses: Readonly<Record<string, number>>;
  readonly codeOfMissing: string;
  readonly codeOfNotTaken: string;
  readonly answer: (operation: string, result: string, requestId: string) => string;
  readonly refusal: (code: string, message: string, requestId: string, sender: boolean) => string;
}

/** The parameters of a request: from the body if it has one, otherwise from the query. */
function readParameters(query: string, body: Uint8Array): Parameters {
  const text = body.length > 0 ? Buffer.from(body).toString('utf8') : query;
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (/^x-amz-/i.test(name)) continue;
    // The signature has not been verified yet, so the number is limited.
    if (parameters.size >= MOST.parameters)
      throw serializationError(`The request has more than ${MOST.parameters} parameters.`);
    if (parameters.has(name)) {
      throw serializationError(`The parameter ${name.slice(0, 64)} is given twice.`);
    }
    parameters.set(name, value);
  }
  return parameters;
}

/** Parameters as a tree, by the segments of their names: `Filter.1.Value.2`. */
interface Node {
  value?: string;
  readonly children: Map<string, Node>;
  /** Whether a member of the model was read from this node. */
  used: boolean;
}

function treeOf(parameters: Parameters): Node {
  const root: Node = { children: new Map(), used: true };
  for (const [name, value] of parameters) {
    if (name === 'Action' || name === 'Version') continue;
    const segments = name.split('.', MOST.depth + 1);
    if (segments.length > MOST.depth) {
      throw serializationError(`The parameter ${name.slice(0, 64)} has more than ${MOST.depth} parts.`);
    }
    let node = root;
    for (const segment of segments) {
      let child = node.children.get(segment);
      if (child === undefined) node.children.set(segment, (child = { children: new Map(), used: false }));
      node = child;
    }
    node.value = value;
  }
  return root;
}

function fault(name: string, expected: string, value: string): ApiError {
  return serializationError(`Value (${value.slice(0, 64)}) for parameter ${name} is invalid. Expected ${expected}.`);
}

function readValue(node: Node, schema: NormalizedSchema, name: string, dialect: Dialect): unknown {
  if (schema.isStructSchema()) {
    const entries: [string, unknown][] = [];
    for (const [member, target] of members(schema)) {
      const at = dialect.nameOf(member, target);
      const child = node.children.get(at);
      if (child === undefined) continue;
      const value = readValue(child, target, name === '' ? at : `${name}.${at}`, dialect);
      if (value !== undefined) entries.push([member, value]);
    }
    return Object.fromEntries(entries);
  }
  if (schema.isListSchema()) return readList(node, schema, name, dialect);
  const { value } = node;
  if (value === undefined) return undefined;
  node.used = true;
  if (schema.isStringSchema()) return value;
  if (schema.isBooleanSchema()) {
    if (/^true$/i.test(value)) return true;
    if (/^false$/i.test(value)) return false;
    throw fault(name, 'true or false', value);
  }
  if (schema.isNumericSchema()) {
    const number = Number(value);
    if (value.trim() === '' || !Number.isFinite(number)) throw fault(name, 'a number', value);
    return number;
  }
  if (schema.isTimestampSchema()) {
    const date = new Date(value);
    if (Number.isNaN(date.getTime())) throw fault(name, 'a time such as 2026-01-31T12:00:00Z', value);
    return date;
  }
  if (schema.isBlobSchema()) return Buffer.from(value, 'base64');
  throw new TypeError(`the parameter ${name} has a schema that no query can carry`);
}

function readList(
  node: Node,
  schema: NormalizedSchema,
  name: string,
  dialect: Dialect,
): readonly unknown[] | undefined {
  // A name without a value is an empty list.
  if (node.value === '') {
    node.used = true;
    return [];
  }
  const infix = dialect.listInfix(schema);
  const list = infix === '' ? node : node.children.get(infix);
  const entries = [...(list?.children ?? [])].filter(([index]) => /^\d{1,9}$/.test(index));
  if (entries.length > MOST.entries) {
    throw serializationError(`${name} has ${entries.length} entries, at most ${MOST.entries} are allowed.`);
  }
  if (entries.length === 0) return undefined;
  const item = schema.getValueSchema();
  const prefix = infix === '' ? name : `${name}.${infix}`;
  return entries
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([index, child]) => readValue(child, item, `${prefix}.${index}`, dialect))
    .filter((value) => value !== undefined);
}

/** The name of a parameter that no member of the model uses. */
function unusedIn(node: Node, name: string): string | undefined {
  if (node.value !== undefined && !node.used) return name;
  for (const [segment, child] of node.children) {
    const found = unusedIn(child, name === '' ? segment : `${name}.${segment}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function decode(schema: NormalizedSchema, parameters: Parameters, dialect: Dialect): Structure {
  const tree = treeOf(parameters);
  const input = readValue(tree, schema, '', dialect) as Structure;
  const unknown = unusedIn(tree, '');
  if (unknown !== undefined) throw notTaken(dialect, unknown);
  return input;
}

function notTaken({ codeOfNotTaken }: Dialect, name: string): ServiceError {
  return new ServiceError(
    codeOfNotTaken,
    `The parameter ${name.slice(0, 64)} is not supported by this version of Ingot.`,
  );
}

function protocolOf(dialect: Dialect): Protocol {
  const codeOf = (error: ApiError): string =>
    error instanceof ServiceError ? error.wireCode : (dialect.codes[error.code] ?? error.code);
  const xml = (body: string) => ({ type: 'text/xml', body: `${body}\n` });
  return {
    open({ query, body }) {
      const parameters = readParameters(query, body);
      return {
        operation: parameters.get('Action'),
        parameters: Object.fromEntries(parameters),
        decode: (input) => decode(input, parameters, dialect),
      };
    },
    answer: (operation, schema, output, requestId) =>
      xml(dialect.answer(operation, elementsOf(schema, output), requestId)),
    refusal(error, requestId) {
      const code = codeOf(error);
      const status = dialect.statuses[code] ?? error.status;
      return { ...xml(dialect.refusal(code, error.message, requestId, status < 500)), status };
    },
    codeOf,
    missing: (member) => new ServiceError(dialect.codeOfMissing, `The request must contain the parameter ${member}`),
    notTaken: (member) => notTaken(dialect, member),
    unknownOperation: (operation, names, title) =>
      new ServiceError(
        'InvalidAction',
        operation === undefined
          ? `The request must contain the parameter Action: one of ${names.join(', ')}.`
          : `The action ${operation.slice(0, 64)} is not valid for this web service: this version of Ingot has of ` +
              `${title}: ${names.join(', ')}.`,
      ),
  };
}

/**
 * The query protocol.
 * @param namespace XML namespace of responses
 */
export function awsQuery(namespace: string): Protocol {
  return protocolOf({
    nameOf: (member, schema) => nameTraits(schema).xmlName ?? member,
    listInfix: (list) => (nameTraits(list).xmlFlattened ? '' : (nameTraits(list.getValueSchema()).xmlName ?? 'member')),
    codes: {
      InvalidSignatureException: 'SignatureDoesNotMatch',
      UnrecognizedClientException: 'InvalidClientTokenId',
      MissingAuthenticationTokenException: 'MissingAuthenticationToken',
      IncompleteSignatureException: 'IncompleteSignature',
      ExpiredTokenException: 'ExpiredToken',
      AccessDeniedException: 'AccessDenied',
      ServiceException: 'InternalFailure',
      ServiceUnavailableException: 'ServiceUnavailable',
      TooManyRequestsException: 'Throttling',
      RequestEntityTooLargeException: 'RequestEntityTooLarge',
      SerializationException: 'ValidationError',
      UnknownOperationException: 'InvalidAction',
      InvalidParameterValueException: 'ValidationError',
    },
    statuses: {},
    codeOfMissing: 'ValidationError',
    codeOfNotTaken: 'ValidationError',
    answer: (operation, result, requestId) => {
      const body = element(`${operation}Result`, result) + element('ResponseMetadata', element('RequestId', requestId));
      return `<${operation}Response xmlns="${namespace}">${body}</${operation}Response>`;
    },
    refusal: (code, message, requestId, sender) => {
      const error =
        element('Type', sender ? 'Sender' : 'Receiver') + element('Code', code) + element('Message', escaped(message));
      const body = element('Error', error) + element('RequestId', requestId);
      return `<ErrorResponse xmlns="${namespace}">${body}</ErrorResponse>`;
    },
  });
}

const capitalized = (name: string): string => name[0]!.toUpperCase() + name.slice(1);

/** The EC2 query protocol. @param namespace XML namespace of responses */
export function ec2Query(namespace: string): Protocol {
  return protocolOf({
    nameOf: (member, schema) => {
      const { ec2QueryName, xmlName } = nameTraits(schema);
      return ec2QueryName ?? capitalized(xmlName ?? member);
    },
    listInfix: () => '',
    codes: {
      InvalidSignatureException: 'SignatureDoesNotMatch',
      UnrecognizedClientException: 'AuthFailure',
      MissingAuthenticationTokenException: 'MissingAuthenticationToken',
      IncompleteSignatureException: 'IncompleteSignature',
      ExpiredTokenException: 'RequestExpired',
      AccessDeniedException: 'UnauthorizedOperation',
      ServiceException: 'InternalError',
      ServiceUnavailableException: 'Unavailable',
      TooManyRequestsException: 'RequestLimitExceeded',
      RequestEntityTooLargeException: 'RequestEntityTooLarge',
      SerializationException: 'InvalidParameterValue',
      InvalidPaginationTokenException: 'InvalidNextToken',
      InvalidParameterValueException: 'InvalidParameterValue',
      InvalidParameterCombinationException: 'InvalidParameterCombination',
      IdempotentParameterMismatchException: 'IdempotentParameterMismatch',
      DryRunOperationException: 'DryRunOperation',
      UnknownOperationException: 'InvalidAction',
    },
    statuses: { AuthFailure: 401, RequestLimitExceeded: 503 },
    codeOfMissing: 'MissingParameter',
    codeOfNotTaken: 'UnknownParameter',
    answer: (operation, result, requestId) =>
      `<${operation}Response xmlns="${namespace}">${element('requestId', requestId)}${result}</${operation}Response>`,
    refusal: (code, message, requestId) => {
      const error = element('Code', code) + element('Message', escaped(message));
      return `<Response>${element('Errors', element('Error', error))}${element('RequestID', requestId)}</Response>`;
    },
  });
}
