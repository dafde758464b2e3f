/** `AWS::SSM::Parameter` in templates: the server stores them, for `ssm:` parents and other templates. */
import type { StoredParameter } from '../../catalog/parameters.ts';
import { signedJson, type Connection } from '../../platform/api-client.ts';
import { parameterArn } from '../../resources/store-arns.ts';
import type { RequestValue } from '../../templates/template.ts';
import { CommandFailed } from '../command.ts';
import type { DeployContext, Deployed } from './context.ts';

/** The values of all stored parameters in the connection's Region, by name. */
export async function keptParameters(connection: Connection): Promise<ReadonlyMap<string, string>> {
  const { parameters } = await signedJson<{ parameters: readonly StoredParameter[] }>(connection, {
    method: 'GET',
    path: '/ingot/parameters',
  });
  return new Map(parameters.map(({ name, value }) => [name, value]));
}

/** Stores a parameter, replacing the previous value. */
export async function deployParameter(
  context: DeployContext,
  request: Readonly<Record<string, RequestValue>>,
): Promise<Deployed> {
  const { connection, region, account, signal } = context;
  const { name, type, value, description } = request;
  if (type === 'SecureString')
    throw new CommandFailed(
      'a SecureString is a secret, and Ingot does not store it (CloudFormation cannot create one either)',
    );
  const before = (await keptParameters(connection)).get(String(name));
  await signedJson<StoredParameter>(connection, {
    method: 'POST',
    path: `/ingot/parameters/${encodeURIComponent(String(name))}`,
    body: { type, value, description },
    signal,
  });
  return {
    arn: parameterArn(String(name), { region, account }),
    what: before === undefined ? 'created' : before === value ? 'unchanged' : 'updated',
    answers: { ref: String(name), attributes: { Type: String(type), Value: String(value) } },
  };
}
