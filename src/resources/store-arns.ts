/** ARNs of Systems Manager parameters and Secrets Manager secrets. Source: AWS Service Authorization Reference. */

/** The parsed ARN of a parameter or a secret. */
export interface StoreArn {
  /** The ARN itself. */
  readonly arn: string;
  readonly partition: string;
  readonly service: 'ssm' | 'secretsmanager';
  readonly region: string;
  /** 12 digits; absent for public parameters. */
  readonly account?: string;
  /** The part after `parameter/` or `secret:`. */
  readonly name: string;
}

const FORM =
  /^arn:([a-z-]+):(?:(ssm):([a-z0-9-]+):(\d{12})?:parameter\/|(secretsmanager):([a-z0-9-]+):(\d{12}):secret:)([A-Za-z0-9/_+=.@-]+)/;

/** Parses the ARN at the beginning of a text; `undefined` if there is none. */
export function readStoreArn(text: string): StoreArn | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [arn, partition, ssm, ssmRegion, ssmAccount, secrets, secretsRegion, secretsAccount, name] = match;
  return {
    arn,
    partition: partition!,
    service: (ssm ?? secrets) as StoreArn['service'],
    region: (ssmRegion ?? secretsRegion)!,
    account: ssmAccount ?? secretsAccount,
    name: name!,
  };
}

/** Parses a text that is exactly such an ARN. */
export function parseStoreArn(text: string): StoreArn | undefined {
  const found = readStoreArn(text);
  return found?.arn === text ? found : undefined;
}

/** The ARN of a parameter of an account and Region; a leading slash of its name is not repeated. */
export function parameterArn(
  name: string,
  { region, account }: { readonly region: string; readonly account: string },
): string {
  return `arn:aws:ssm:${region}:${account}:parameter/${name.replace(/^\//, '')}`;
}
