/** Events of the audit log: the record of each call. Source: CloudTrail User Guide, "CloudTrail record contents". */
import type { AuditEvent } from '../catalog/audit-log.ts';
import { newUuid } from '../platform/ids.ts';
import type { ApiError } from '../resources/errors.ts';
import { accountOfArn } from '../resources/arns.ts';
import { sourceName } from '../resources/import-source.ts';
import type { Identity } from './access/identities.ts';

/** The facts about a finished call. */
export interface Call {
  readonly requestId: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** `imagebuilder`, `ingot`, or a name in the register of services. */
  readonly service: string;
  /** `CreateComponent`, `GetCallerIdentity`, `LaunchInstance`; `UnknownOperation` for an unknown one. */
  name: string;
  /** `false` until the name is verified to be an operation: an unsigned request can contain anything. */
  named?: boolean;
  readOnly: boolean;
  readonly sourceIp: string;
  readonly userAgent: string | undefined;
  /** By which name and port the client reached the server. */
  readonly host: string;
  region?: string;
  identity?: Identity;
  /** The caller's input, which `maskSecrets` masks before it is written. */
  parameters?: object;
  answer?: object;
  resource?: string;
  error?: ApiError;
  /** The code that the client got, if a service uses another one than the error's. */
  errorCode?: string;
}

const HIDDEN = 'HIDDEN_DUE_TO_SECURITY_REASONS';
/** Members that may contain secrets, in lower case: documents, user data, environments, keys and tokens. */
const SECRET = new Set([
  'data',
  'dockerfiletemplatedata',
  'userdataoverride',
  'userdata',
  'env',
  'secretaccesskey',
  'sessiontoken',
  'webidentitytoken',
  'authorizationtoken',
  'externalid',
  'x-amz-security-token',
  'x-amz-signature',
]);
const LONGEST_TEXT = 1024;
/** Maximum size of a call's parameters and of its response, in characters of JSON, as in CloudTrail. */
const LONGEST_VALUE = 100_000;
/** Maximum depth of nested values. */
const DEEPEST = 64;

/** Makes the event of a call. */
export function auditEvent(call: Call): AuditEvent {
  const { identity, error, userAgent } = call;
  const resource = call.resource?.slice(0, 2048);
  const owner = resource === undefined ? undefined : accountOfArn(resource);
  return {
    eventVersion: '1.11',
    userIdentity: identity === undefined ? { type: 'Unknown' } : userIdentity(identity),
    eventTime: new Date(call.time).toISOString(),
    eventSource: call.service === 'ingot' ? 'ingot' : `${call.service}.amazonaws.com`,
    eventName: call.name.slice(0, 128),
    awsRegion: call.region ?? 'us-east-1',
    sourceIPAddress: call.sourceIp,
    userAgent: userAgent?.slice(0, LONGEST_TEXT),
    errorCode: call.errorCode ?? error?.code,
    errorMessage: error?.message.slice(0, LONGEST_TEXT),
    requestParameters: call.parameters === undefined ? null : kept(call.parameters),
    responseElements: call.answer === undefined || call.readOnly ? null : kept(call.answer),
    requestID: call.requestId,
    eventID: newUuid(),
    readOnly: call.readOnly,
    ...(resource === undefined || resource === '*'
      ? {}
      : { resources: [{ ARN: resource, accountId: owner === 'aws' ? undefined : owner }] }),
    eventType: 'AwsApiCall',
    managementEvent: true,
    recipientAccountId: identity?.principal.account,
    eventCategory: 'Management',
  };
}

function userIdentity({ principal, accessKeyId, userName, session }: Identity): Readonly<Record<string, unknown>> {
  const common = { principalId: principal.id, arn: principal.arn, accountId: principal.account, accessKeyId };
  if (session === undefined)
    return userName === undefined ? { type: 'Root', ...common } : { type: 'IAMUser', ...common, userName };
  return {
    type: 'AssumedRole',
    ...common,
    sessionContext: {
      sessionIssuer: {
        type: 'Role',
        principalId: session.role.id,
        arn: session.role.arn,
        accountId: session.role.account,
        userName: session.role.name,
      },
      attributes: { creationDate: new Date(session.issued).toISOString(), mfaAuthenticated: 'false' },
      sourceIdentity: session.sourceIdentity,
      ...(session.federatedProvider === undefined
        ? {}
        : { webIdFederationData: { federatedProvider: session.federatedProvider } }),
    },
  };
}

/** The value as it is logged. Every event must be written, whatever its values are. */
function kept(value: object): object {
  const masked = maskSecrets(value) as object;
  const { length } = JSON.stringify(masked);
  return length <= LONGEST_VALUE
    ? masked
    : { omitted: `${length} characters of JSON, more than the log keeps (${LONGEST_VALUE})` };
}

/**
 * Removes values that may be secret, by the names of members: values of parameters, and a command's arguments after its
 * program.
 */
export function maskSecrets(value: unknown, name = '', parent = '', depth = 0): unknown {
  // Top-level `Value` members (PutParameter) and those of parameters, but not of tags. A query writes nested members as
  // one name: `LaunchTemplateData.UserData`.
  if (
    SECRET.has(name.slice(name.lastIndexOf('.') + 1)) ||
    (name === 'value' && (parent === 'parameters' || depth === 1))
  )
    return HIDDEN;
  // A URL may be presigned or contain a password.
  if (name === 'source' && typeof value === 'string') return sourceName(value).slice(0, LONGEST_TEXT);
  if (typeof value === 'string') return value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}…` : value;
  if (typeof value === 'object' && value !== null && depth >= DEEPEST) return '…';
  if (Array.isArray(value)) {
    return name === 'argv'
      ? value.map((item, index) => (index === 0 ? (item as unknown) : HIDDEN))
      : value.map((item) => maskSecrets(item, '', name, depth + 1));
  }
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      maskSecrets(member, key.toLowerCase(), name === '' ? parent : name, depth + 1),
    ]),
  );
}
