/**
 * AWS Secrets Manager and Parameter Store through the AWS SDK, with its credentials and retries. The SDK is loaded on
 * first use.
 */

/** The Region, endpoint and profile for AWS. */
export interface AwsSettings {
  readonly region: string;
  /** Endpoint to use in place of AWS's own. */
  readonly endpoint?: string;
  /** A profile of `~/.aws/config` (default: the SDK's credential chain). */
  readonly profile?: string;
  readonly signal?: AbortSignal;
}

/** Time limit of a request to AWS, in milliseconds. */
const REQUEST_MS = 10_000;

/**
 * The text of a secret; `undefined` if it does not exist.
 * @param secret.id name or ARN
 * @throws the SDK's error for any other failure
 */
export async function getSecretValue(
  settings: AwsSettings,
  secret: { readonly id: string; readonly stage?: string; readonly version?: string },
): Promise<string | undefined> {
  const { GetSecretValueCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
  const client = new SecretsManagerClient(clientOptions(settings));
  try {
    const command = new GetSecretValueCommand({
      SecretId: secret.id,
      VersionStage: secret.stage,
      VersionId: secret.version,
    });
    const answer = await client.send(command, sendOptions(settings));
    if (answer.SecretString === undefined)
      throw new Error(`the secret ${secret.id} is binary; only secrets with a SecretString can be used`);
    return answer.SecretString;
  } catch (error) {
    if ((error as Error).name === 'ResourceNotFoundException') return undefined;
    throw error;
  } finally {
    client.destroy();
  }
}

/**
 * The value of a parameter; `undefined` if it does not exist.
 * @param name with `:VERSION` for a certain version
 * @param secure whether a SecureString is decrypted; otherwise it is rejected
 * @throws the SDK's error for any other failure
 */
export async function getParameter(settings: AwsSettings, name: string, secure: boolean): Promise<string | undefined> {
  const { GetParameterCommand, SSMClient } = await import('@aws-sdk/client-ssm');
  const client = new SSMClient(clientOptions(settings));
  try {
    const { Parameter: parameter } = await client.send(
      new GetParameterCommand({ Name: name, WithDecryption: secure }),
      sendOptions(settings),
    );
    if (parameter?.Type === 'SecureString' && !secure)
      throw new Error(`the parameter ${name} is a SecureString: it is named by resolve:ssm-secure`);
    return parameter?.Value;
  } catch (error) {
    if (['ParameterNotFound', 'ParameterVersionNotFound'].includes((error as Error).name)) return undefined;
    throw error;
  } finally {
    client.destroy();
  }
}

/** Options of an SDK client. */
export function clientOptions({ region, endpoint, profile }: AwsSettings): {
  region: string;
  endpoint?: string;
  profile?: string;
  requestHandler: object;
} {
  return {
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(profile === undefined ? {} : { profile }),
    requestHandler: { connectionTimeout: REQUEST_MS, requestTimeout: REQUEST_MS, throwOnRequestTimeout: true },
  };
}

function sendOptions({ signal }: AwsSettings): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}
