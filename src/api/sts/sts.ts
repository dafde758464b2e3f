/** STS on the same endpoint: `POST /` (or `GET /`), query protocol, XML answers. */
import { type ApiError, missingAuthenticationToken } from '../../resources/errors.ts';
import type { RequestContext } from '../context.ts';
import { errorXml, answerXml, readParameters, type Elements, type Parameters } from './query.ts';
import { stsCodeOf, StsError } from './errors.ts';
import { assumeRole, assumeRoleWithWebIdentity, getCallerIdentity } from './operations.ts';
import type { KeysOf } from './web-identity.ts';

/** A request to STS, and how it is judged. */
export interface StsRequest {
  readonly query: string;
  readonly body: Uint8Array;
  /** Who signed. @throws {ApiError} when nobody did, or wrongly */
  readonly context: () => Promise<RequestContext>;
  /** What is known without a signature. */
  readonly anonymous: Omit<RequestContext, 'identity' | 'account'>;
  readonly keysOf: KeysOf;
}

const SIGNED: Readonly<
  Record<string, (parameters: Parameters, context: RequestContext) => Elements | Promise<Elements>>
> = {
  GetCallerIdentity: (_parameters, context) => getCallerIdentity(context),
  AssumeRole: assumeRole,
};

/** The answer to a request. @throws {ApiError} to be told by `refusalXml` */
export async function answerSts({ query, body, context, anonymous, keysOf }: StsRequest): Promise<string> {
  const parameters = readParameters(query, body);
  const action = parameters.get('Action');
  const { call } = anonymous;
  Object.assign(call, {
    name: action?.slice(0, 64) ?? call.name,
    readOnly: action === 'GetCallerIdentity',
    parameters: Object.fromEntries(parameters),
    resource: parameters.get('RoleArn'),
  });
  const answered = (name: string, result: Elements): string => {
    call.answer = result;
    return answerXml(name, result, anonymous.requestId);
  };
  if (action === 'AssumeRoleWithWebIdentity')
    return answered(action, await assumeRoleWithWebIdentity(parameters, anonymous, keysOf));
  const signed = await context();
  if (action === undefined) throw missingAuthenticationToken();
  if (!Object.hasOwn(SIGNED, action))
    throw new StsError(
      'InvalidAction',
      `Could not find operation ${action.slice(0, 64)} for version ` +
        `${(parameters.get('Version') ?? '2011-06-15').slice(0, 32)}`,
    );
  return answered(action, await SIGNED[action]!(parameters, signed));
}

/** An error as STS tells it. */
export function refusalXml(error: ApiError, requestId: string): string {
  return errorXml(stsCodeOf(error), error.message, requestId, error.status < 500);
}
